//! A person's own second factors: setting them up and taking them away.

use poem::web::{Data, Query};
use poem::{IntoResponse as _, Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{
    FactorRow, Frame, RecoveryCodesView, SecondFactorView, TotpSetupView,
};
use server_scout_wire::Timestamp;

use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::super::{App, credentials};
use super::login::{sentence, with_session};
use super::second_step::{asked, passkey_answer};
use super::{Declared, Routes, again, frame, html};
use crate::domain::ServiceError;
use crate::domain::second_factor::{Changed, OwnTotp, RecoveryCodes};
use crate::store::passkeys::PasskeyRow;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let (session, fresh) = (Access::Session, Access::Fresh);
    route
        .at("/account/second-factor", pages.get(session, show))
        .at("/account/second-factor/remove", pages.post(fresh, remove))
        .at(
            "/account/second-factor/recovery-codes",
            pages.post(fresh, renew_recovery_codes),
        )
        .at(
            "/account/second-factor/totp/begin",
            pages.post(fresh, begin_totp),
        )
        .at(
            "/account/second-factor/totp",
            pages
                .get(fresh, show_totp)
                .post(pages.guard(fresh, confirm_totp)),
        )
        .at(
            "/account/second-factor/totp/picture",
            pages.get(fresh, picture),
        )
        .at(
            "/account/second-factor/passkeys",
            pages.post(fresh, add_passkey),
        )
        .at(
            "/account/second-factor/passkeys/question",
            pages.post(session, ask),
        )
        .at(
            "/account/second-factor/passkeys/rename",
            pages.post(fresh, rename),
        )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Added,
    Removed,
    Renamed,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ShowQuery>,
) -> poem::Result<Response> {
    let mut view = view(app, &visitor).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().second_factor(&view))?)
}

#[handler]
async fn begin_totp(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let begun = app.services().begin_totp(&visitor.person).await;
    begun.map_err(Failure::from)?;
    Ok(see_other("/account/second-factor/totp"))
}

#[handler]
async fn show_totp(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    totp_page(app, &visitor, None).await
}

#[handler]
async fn picture(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let setup = app.services().totp_setup(&visitor.person).await;
    let setup = setup.map_err(Failure::from)?;
    let setup = setup.ok_or_else(Failure::not_found)?;
    let picture = setup.picture().map_err(Failure::from)?;
    Ok(picture.with_content_type("image/svg+xml").into_response())
}

#[handler]
async fn confirm_totp(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let code = fields.take("code");
    match app.services().confirm_totp(&visitor.person, &code).await {
        Ok(changed) => Ok(changed_page(app, &visitor, &changed)?),
        Err(error @ ServiceError::Invalid { .. }) => totp_page(app, &visitor, Some(error)).await,
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
async fn ask(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let question = app.services().question_for_passkey(&visitor.person).await;
    Ok(asked(&question.map_err(Failure::from)?))
}

#[handler]
async fn add_passkey(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let (name, answer) = (fields.take("name"), passkey_answer(&mut fields));
    let added = app.services().add_passkey(&visitor.person, &name, &answer);
    match added.await {
        Ok(changed) => Ok(changed_page(app, &visitor, &changed)?),
        Err(error) => refused(app, &visitor, error).await,
    }
}

#[handler]
async fn rename(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let id = fields.take("passkey");
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let name = fields.take("new_name");
    let renamed = app.services().rename_passkey(&visitor.person, id, &name);
    match renamed.await {
        Ok(()) => Ok(see_other("/account/second-factor?done=renamed")),
        Err(error) => refused(app, &visitor, error).await,
    }
}

#[handler]
async fn remove(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let factor = fields.take("factor");
    match app.services().remove_factor(&visitor.person, &factor).await {
        Ok(logged_in) => {
            let next = see_other("/account/second-factor?done=removed");
            Ok(with_session(next, &logged_in))
        }
        Err(error) => refused(app, &visitor, error).await,
    }
}

#[handler]
async fn renew_recovery_codes(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let codes = app.services().renew_recovery_codes(&visitor.person).await;
    let codes = codes.map_err(Failure::from)?;
    Ok(codes_page(app, frame(&visitor), &codes)?)
}

/// After a change: the recovery codes, if there are new ones, and the session's new id.
fn changed_page(app: &App, visitor: &Visitor, changed: &Changed) -> Result<Response, Failure> {
    let session = &changed.logged_in.session;
    let response = match &changed.recovery_codes {
        Some(codes) => {
            let csrf_token = credentials::csrf_token(session.expose());
            codes_page(app, with_token(visitor, csrf_token), codes)?
        }
        None => see_other("/account/second-factor?done=added"),
    };
    Ok(with_session(response, &changed.logged_in))
}

/// The frame of a page for the session's new id.
fn with_token(visitor: &Visitor, csrf_token: String) -> Frame {
    Frame {
        csrf_token,
        ..frame(visitor)
    }
}

fn codes_page(app: &App, frame: Frame, codes: &RecoveryCodes) -> Result<Response, Failure> {
    html(app.pages().recovery_codes(&RecoveryCodesView {
        frame,
        codes: codes.expose(),
    }))
}

async fn totp_page(
    app: &App,
    visitor: &Visitor,
    refused: Option<ServiceError>,
) -> poem::Result<Response> {
    let setup = app.services().totp_setup(&visitor.person).await;
    let Some(setup) = setup.map_err(Failure::from)? else {
        return Ok(see_other("/account/second-factor"));
    };
    let mut response = html(app.pages().totp_setup(&TotpSetupView {
        frame: frame(visitor),
        seed: setup.seed.to_string(),
        error: refused.as_ref().map(sentence),
    }))?;
    if let Some(error) = refused {
        Failure::from(error).decorate(&mut response);
    }
    Ok(response)
}

/// The page with the reason why something was not done.
async fn refused(app: &App, visitor: &Visitor, error: ServiceError) -> poem::Result<Response> {
    match error {
        ServiceError::Invalid { .. }
        | ServiceError::Conflict { .. }
        | ServiceError::LastSecondFactor
        | ServiceError::WrongSecondFactor => {
            let mut view = view(app, visitor).await?;
            view.error = Some(sentence(&error));
            Ok(again(app.pages().second_factor(&view), error)?)
        }
        other => Err(Failure::from(other).into()),
    }
}

async fn view(app: &App, visitor: &Visitor) -> Result<SecondFactorView, Failure> {
    let own = app.services().own_factors(&visitor.person).await?;
    let now = app.services().clock().now();
    Ok(SecondFactorView {
        frame: frame(visitor),
        totp: own.totp.map(|totp| totp_row(totp, now)),
        passkeys: own
            .passkeys
            .iter()
            .map(|row| passkey_row(row, now))
            .collect(),
        passkeys_work: app.services().passkeys_work(),
        recovery_codes_left: u32::try_from(own.recovery_codes_left).unwrap_or_default(),
        required_by: own.required_by,
        locked: visitor.person.identity.lacks_factor,
        notice: None,
        error: None,
    })
}

fn totp_row(totp: OwnTotp, now: Timestamp) -> FactorRow {
    let id = totp.id.to_string();
    row(id, "", (totp.created_at, totp.used_at), now)
}

fn passkey_row(passkey: &PasskeyRow, now: Timestamp) -> FactorRow {
    let times = (passkey.created_at, passkey.used_at);
    row(passkey.id.to_string(), &passkey.name, times, now)
}

fn row(
    id: String,
    name: &str,
    (since, used): (Timestamp, Option<Timestamp>),
    now: Timestamp,
) -> FactorRow {
    FactorRow {
        id,
        name: name.to_owned(),
        since: since.to_string(),
        since_seconds_ago: now.since(since).as_secs(),
        used: used.map(|used| used.to_string()),
        used_seconds_ago: used.map_or(0, |used| now.since(used).as_secs()),
    }
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Added => "The second factor is set up. All your other sessions have ended.",
            Self::Removed => "The second factor is removed. All your other sessions have ended.",
            Self::Renamed => "The passkey has its new name.",
        }
    }
}
