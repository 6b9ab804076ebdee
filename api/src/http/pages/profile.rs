//! A person's own profile, and the link that confirms another address.

use poem::web::{Data, Path, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{ConfirmEmailView, MessageView, ProfileView};

use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::super::{App, client};
use super::first_owner::unreferred;
use super::login::sentence;
use super::{Declared, Routes, again, frame, html};
use crate::domain::ServiceError;
use crate::domain::profile::EmailChange;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let (public, session) = (Access::Public, Access::Session);
    route
        .at(
            "/account/profile",
            pages.get(session, show).post(pages.guard(session, rename)),
        )
        .at("/account/email", pages.post(Access::Fresh, change_email))
        .at(
            "/email/:token",
            pages.get(public, look).post(pages.guard(public, confirm)),
        )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Saved,
    EmailChanged,
    EmailMailed,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ProfileQuery>,
) -> poem::Result<Response> {
    let mut view = view(app, &visitor).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().profile(&view))?)
}

#[handler]
async fn rename(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let name = fields.take("name");
    match app.services().change_own_name(&visitor.person, &name).await {
        Ok(()) => Ok(see_other("/account/profile?done=saved")),
        Err(error) => {
            let mut view = view(app, &visitor).await?;
            view.name = name;
            refused(app, view, error)
        }
    }
}

#[handler]
async fn change_email(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let email = fields.take("email");
    let services = app.services();
    match services.change_own_email(&visitor.person, &email).await {
        Ok(EmailChange::Done) => Ok(see_other("/account/profile?done=email-changed")),
        Ok(EmailChange::Mailed) => Ok(see_other("/account/profile?done=email-mailed")),
        Err(error) => {
            let mut view = view(app, &visitor).await?;
            view.email = email;
            refused(app, view, error)
        }
    }
}

/// Looks only; mail scanners and previews may follow a link.
#[handler]
async fn look(Data(app): Data<&App>, Path(token): Path<String>) -> poem::Result<Response> {
    let email = app.services().look_at_email_link(&token).await;
    let view = ConfirmEmailView {
        email: email.map_err(Failure::from)?,
    };
    Ok(unreferred(html(app.pages().confirm_email(&view))?))
}

#[handler]
async fn confirm(
    Data(app): Data<&App>,
    request: &Request,
    Path(token): Path<String>,
) -> poem::Result<Response> {
    let confirmed = app.services().confirm_email(&token, client::of(request));
    confirmed.await.map_err(Failure::from)?;
    let view = MessageView {
        status: 200,
        title: "Your address is confirmed".to_owned(),
        detail: "From now on you log in with it.".to_owned(),
    };
    Ok(unreferred(html(app.pages().message(&view))?))
}

fn refused(app: &App, mut view: ProfileView, error: ServiceError) -> poem::Result<Response> {
    if !matches!(
        error,
        ServiceError::Conflict { .. }
            | ServiceError::Invalid { .. }
            | ServiceError::TooManyAttempts { .. }
    ) {
        return Err(Failure::from(error).into());
    }
    view.error = Some(sentence(&error));
    Ok(again(app.pages().profile(&view), error)?)
}

async fn view(app: &App, visitor: &Visitor) -> Result<ProfileView, Failure> {
    Ok(ProfileView {
        frame: frame(visitor),
        name: app.services().own_name(&visitor.person).await?,
        email: String::new(),
        mails: app.services().has_mail(),
        notice: None,
        error: None,
    })
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Saved => "Saved.",
            Self::EmailChanged => "From now on you log in with the new address.",
            Self::EmailMailed => {
                "A link is on its way to the new address. It counts once you opened it."
            }
        }
    }
}
