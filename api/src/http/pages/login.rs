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
use crate::secret::SecretHash;

#[handler]
pub(super) fn show(Data(app): Data<&App>, request: &Request) -> poem::Result<Response> {
    if session_of(request).is_some() {
        return Ok(see_other("/servers"));
    }
    Ok(html(app.pages().login(&LoginView::default()))?)
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
        Ok(logged_in) => Ok(with_session(see_other("/servers"), &logged_in)),
        Err(error @ (ServiceError::WrongLogin | ServiceError::TooManyAttempts { .. })) => {
            let error_text = Some(sentence(&error));
            let mut response = html(app.pages().login(&LoginView {
                email,
                error: error_text,
            }))?;
            Failure::from(error).decorate(&mut response);
            Ok(response)
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
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn session_hash(means: Means) -> Option<SecretHash> {
    match means {
        Means::Session(hash) => Some(hash),
        Means::Token(_) => None,
    }
}
