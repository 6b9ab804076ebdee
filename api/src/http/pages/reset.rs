//! Another password for those who forgot theirs.

use poem::web::{Data, Path};
use poem::{Request, Response, handler};
use server_scout_ui::views::{ForgotPasswordView, MessageView, ResetPasswordView};

use super::super::guard::{Access, Fields};
use super::super::problem::Failure;
use super::super::{App, client};
use super::first_owner::unreferred;
use super::login::sentence;
use super::{Declared, Routes, again, html};
use crate::domain::ServiceError;
use crate::domain::accounts::Password;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let public = Access::Public;
    route
        .at(
            "/forgot-password",
            pages
                .get(public, ask)
                .post(pages.guard(public, request_link)),
        )
        .at(
            "/reset/:token",
            pages.get(public, look).post(pages.guard(public, reset)),
        )
}

#[handler]
fn ask(Data(app): Data<&App>) -> poem::Result<Response> {
    let view = ForgotPasswordView {
        mails: app.services().has_mail(),
        ..ForgotPasswordView::default()
    };
    Ok(html(app.pages().forgot_password(&view))?)
}

/// The same answer whether there is such an account.
#[handler]
fn request_link(
    Data(app): Data<&App>,
    request: &Request,
    mut fields: Fields,
) -> poem::Result<Response> {
    let email = fields.take("email");
    let asked = app.services().request_reset(&email, client::of(request));
    let mut view = ForgotPasswordView {
        mails: app.services().has_mail(),
        ..ForgotPasswordView::default()
    };
    match asked {
        Ok(()) => {
            view.sent = true;
            Ok(html(app.pages().forgot_password(&view))?)
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::TooManyAttempts { .. })) => {
            view.email = email;
            view.error = Some(sentence(&error));
            Ok(again(app.pages().forgot_password(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// Looks only; mail scanners and previews may follow a link.
#[handler]
async fn look(Data(app): Data<&App>, Path(token): Path<String>) -> poem::Result<Response> {
    let email = app.services().look_at_reset(&token).await;
    let view = ResetPasswordView {
        email: email.map_err(Failure::from)?,
        password_min: Password::MIN,
        error: None,
    };
    Ok(unreferred(html(app.pages().reset_password(&view))?))
}

#[handler]
async fn reset(
    Data(app): Data<&App>,
    request: &Request,
    Path(token): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let (services, password) = (app.services(), fields.take("password"));
    match services
        .reset_password(&token, password, client::of(request))
        .await
    {
        Ok(()) => {
            let view = MessageView {
                status: 200,
                title: "Your password is changed".to_owned(),
                detail: "All your sessions have ended. Log in with the new password.".to_owned(),
            };
            Ok(unreferred(html(app.pages().message(&view))?))
        }
        Err(error @ ServiceError::Invalid { .. }) => {
            let email = services.look_at_reset(&token).await;
            let view = ResetPasswordView {
                email: email.map_err(Failure::from)?,
                password_min: Password::MIN,
                error: Some(sentence(&error)),
            };
            Ok(unreferred(again(app.pages().reset_password(&view), error)?))
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}
