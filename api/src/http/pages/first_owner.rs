//! The page behind the first-owner link.

use poem::http::{HeaderValue, header};
use poem::web::{Data, Path};
use poem::{Request, Response, handler};
use server_scout_ui::views::FirstOwnerView;

use super::super::guard::{Fields, see_other};
use super::super::problem::Failure;
use super::super::{App, client};
use super::login::{sentence, with_session};
use super::{again, html};
use crate::domain::ServiceError;
use crate::domain::accounts::Password;
use crate::domain::first_owner::FirstOwner;

/// Looks only; mail scanners and previews may follow a link.
#[handler]
pub(super) async fn show(
    Data(app): Data<&App>,
    Path(token): Path<String>,
) -> poem::Result<Response> {
    let organisation = app
        .services()
        .look_at_first_owner_link(&token)
        .await
        .map_err(Failure::from)?;
    let view = FirstOwnerView {
        organisation,
        password_min: Password::MIN,
        ..FirstOwnerView::default()
    };
    Ok(unreferred(html(app.pages().first_owner(&view))?))
}

#[handler]
pub(super) async fn create(
    Data(app): Data<&App>,
    request: &Request,
    Path(token): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let form = FirstOwner {
        email: fields.take("email"),
        password: fields.take("password"),
        organisation: fields.take("organisation"),
    };
    let (email, organisation) = (form.email.clone(), form.organisation.clone());
    match app
        .services()
        .create_first_owner(&token, form, client::of(request))
        .await
    {
        Ok(session) => Ok(unreferred(with_session(see_other("/servers"), &session))),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = FirstOwnerView {
                email,
                organisation,
                password_min: Password::MIN,
                error: Some(sentence(&error)),
            };
            Ok(unreferred(again(app.pages().first_owner(&view), error)?))
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// The address of this page is a secret.
pub(super) fn unreferred(mut response: Response) -> Response {
    let never = HeaderValue::from_static("no-referrer");
    response
        .headers_mut()
        .insert(header::REFERRER_POLICY, never);
    response
}
