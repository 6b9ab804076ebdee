//! Proving again who one is, before a weighty change.

use poem::web::{Data, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;
use server_scout_ui::views::ConfirmView;

use super::super::guard::{Access, Fields, OwnPath, Visitor, see_other};
use super::super::problem::Failure;
use super::super::{App, credentials};
use super::login::{sentence, with_session};
use super::second_step::{asked, passkey_answer};
use super::{Declared, Routes, again, frame, html};
use crate::domain::ServiceError;
use crate::domain::accounts::LoggedIn;
use crate::domain::second_factor::SecondProof;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let session = Access::Session;
    route
        .at(
            "/confirm",
            pages.get(session, show).post(pages.guard(session, confirm)),
        )
        .at("/confirm/code", pages.post(session, confirm_by_code))
        .at("/confirm/passkey", pages.post(session, confirm_by_passkey))
        .at("/confirm/passkey/question", pages.post(session, ask))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmQuery {
    next: Option<String>,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ConfirmQuery>,
) -> poem::Result<Response> {
    let next = own_path(query.next.as_deref());
    let view = view(app, &visitor, &next, None).await?;
    Ok(html(app.pages().confirm(&view))?)
}

#[handler]
async fn confirm(
    Data(app): Data<&App>,
    request: &Request,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let next = own_path(Some(&fields.take("next")));
    let password = fields.take("password");
    let device = credentials::device(request);
    let proof = app
        .services()
        .prove_by_password(&visitor.person, password, device);
    proved(app, &visitor, &next, proof.await).await
}

#[handler]
async fn confirm_by_code(
    Data(app): Data<&App>,
    request: &Request,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let proof = SecondProof::Code(fields.take("code"));
    confirm_by_factor(app, request, &visitor, &mut fields, proof).await
}

#[handler]
async fn confirm_by_passkey(
    Data(app): Data<&App>,
    request: &Request,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let proof = SecondProof::Passkey(passkey_answer(&mut fields));
    confirm_by_factor(app, request, &visitor, &mut fields, proof).await
}

#[handler]
async fn ask(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let question = app.services().question_to_confirm(&visitor.person).await;
    Ok(asked(&question.map_err(Failure::from)?))
}

async fn confirm_by_factor(
    app: &App,
    request: &Request,
    visitor: &Visitor,
    fields: &mut Fields,
    proof: SecondProof,
) -> poem::Result<Response> {
    let next = own_path(Some(&fields.take("next")));
    let device = credentials::device(request);
    let services = app.services();
    let proof = services.prove_by_factor(&visitor.person, proof, device);
    proved(app, visitor, &next, proof.await).await
}

async fn proved(
    app: &App,
    visitor: &Visitor,
    next: &OwnPath,
    proof: Result<LoggedIn, ServiceError>,
) -> poem::Result<Response> {
    match proof {
        Ok(session) => Ok(with_session(see_other(next.as_str()), &session)),
        Err(
            error @ (ServiceError::Invalid { .. }
            | ServiceError::TooManyAttempts { .. }
            | ServiceError::WrongSecondFactor),
        ) => {
            let view = view(app, visitor, next, Some(sentence(&error))).await?;
            Ok(again(app.pages().confirm(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// Where to go afterwards; what is no path of ours leads to the account.
fn own_path(text: Option<&str>) -> OwnPath {
    text.and_then(OwnPath::parse).unwrap_or_default()
}

async fn view(
    app: &App,
    visitor: &Visitor,
    next: &OwnPath,
    error: Option<String>,
) -> Result<ConfirmView, Failure> {
    let own = app.services().own_factors(&visitor.person).await?;
    Ok(ConfirmView {
        frame: frame(visitor),
        next: next.as_str().to_owned(),
        totp: own.totp.is_some(),
        passkeys: !own.passkeys.is_empty(),
        error,
    })
}
