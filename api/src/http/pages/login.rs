//! Login and logout.

use poem::http::header;
use poem::web::Data;
use poem::{Request, Response, handler};
use server_scout_ui::views::LoginView;

use super::super::guard::{Fields, Visitor, see_other, session_of};
use super::super::problem::Failure;
use super::super::{App, client, credentials};
use super::html;
use crate::domain::ServiceError;
use crate::domain::accounts::{LoggedIn, LoginAttempt};
use crate::domain::principal::Means;
use crate::domain::second_factor::Login;
use crate::secret::SecretHash;

#[handler]
pub(super) fn show(Data(app): Data<&App>, request: &Request) -> poem::Result<Response> {
    if session_of(request).is_some() {
        return Ok(see_other("/servers"));
    }
    page(app, String::new(), None)
}

/// The login page, also after a passkey was refused.
pub(super) fn page(
    app: &App,
    email: String,
    refused: Option<ServiceError>,
) -> poem::Result<Response> {
    let mut response = html(app.pages().login(&LoginView {
        email,
        passkeys: app.services().passkeys_work(),
        error: refused.as_ref().map(sentence),
    }))?;
    if let Some(error) = refused {
        Failure::from(error).decorate(&mut response);
    }
    Ok(response)
}

#[handler]
pub(super) async fn log_in(
    Data(app): Data<&App>,
    request: &Request,
    mut fields: Fields,
) -> poem::Result<Response> {
    let before = session_of(request).and_then(|person| session_hash(person.means));
    let attempt = LoginAttempt {
        email: fields.take("email"),
        password: fields.take("password"),
        device: credentials::device(request),
        before,
        client: client::of(request),
    };
    let email = attempt.email.clone();
    match app.services().log_in(attempt).await {
        Ok(Login::Done(logged_in)) => Ok(with_session(see_other("/servers"), &logged_in)),
        Ok(Login::SecondStep(step)) => {
            let mut response = see_other("/login/second-factor");
            let headers = response.headers_mut();
            headers.append(header::SET_COOKIE, credentials::step_cookie(&step));
            Ok(response)
        }
        Err(error @ (ServiceError::WrongLogin | ServiceError::TooManyAttempts { .. })) => {
            page(app, email, Some(error))
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
pub(super) async fn log_out(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let ended = app.services().log_out(&visitor.person).await;
    ended.map_err(Failure::from)?;
    let mut response = see_other("/login");
    response
        .headers_mut()
        .insert(header::SET_COOKIE, credentials::no_session_cookie());
    Ok(response)
}

pub(super) fn with_session(mut response: Response, logged_in: &LoggedIn) -> Response {
    let headers = response.headers_mut();
    headers.append(
        header::SET_COOKIE,
        credentials::session_cookie(&logged_in.session),
    );
    headers.append(
        header::SET_COOKIE,
        credentials::device_cookie(&logged_in.device),
    );
    response
}

/// An error's words as a sentence on a page.
pub(super) fn sentence(error: &ServiceError) -> String {
    let text = match error {
        ServiceError::Invalid { member, reason } => {
            format!("{} {reason}", member.replace('_', " "))
        }
        other => other.to_string(),
    };
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

pub(super) fn session_hash(means: Means) -> Option<SecretHash> {
    match means {
        Means::Session(hash) => Some(hash),
        Means::Token(_) => None,
    }
}
