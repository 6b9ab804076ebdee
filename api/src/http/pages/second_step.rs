//! The second step of a login, and logging in with a passkey alone.

use poem::http::header;
use poem::web::{Data, Json};
use poem::{IntoResponse as _, Request, Response, handler};
use server_scout_ui::views::SecondStepView;

use super::super::guard::{Access, Fields, see_other, session_of};
use super::super::problem::Failure;
use super::super::{App, client, credentials};
use super::login::{self, sentence, session_hash, with_session};
use super::{Declared, Routes, html};
use crate::domain::ServiceError;
use crate::domain::second_factor::{Arrival, PasskeyAnswer, Question, SecondProof};

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let public = Access::Public;
    route
        .at("/login/passkey", pages.post(public, log_in_by_passkey))
        .at("/login/passkey/question", pages.post(public, ask_stranger))
        .at(
            "/login/second-factor",
            pages
                .get(public, show)
                .post(pages.guard(public, finish_by_code)),
        )
        .at(
            "/login/second-factor/passkey",
            pages.post(public, finish_by_passkey),
        )
        .at(
            "/login/second-factor/passkey/question",
            pages.post(public, ask),
        )
}

#[handler]
async fn show(Data(app): Data<&App>, request: &Request) -> poem::Result<Response> {
    let step = credentials::login_step(request);
    page(app, step.as_deref(), None).await
}

#[handler]
async fn finish_by_code(
    Data(app): Data<&App>,
    request: &Request,
    mut fields: Fields,
) -> poem::Result<Response> {
    let recovery_code = fields.take("recovery_code");
    let proof = if recovery_code.is_empty() {
        SecondProof::Code(fields.take("code"))
    } else {
        SecondProof::RecoveryCode(recovery_code)
    };
    finish(app, request, proof).await
}

#[handler]
async fn finish_by_passkey(
    Data(app): Data<&App>,
    request: &Request,
    mut fields: Fields,
) -> poem::Result<Response> {
    let proof = SecondProof::Passkey(passkey_answer(&mut fields));
    finish(app, request, proof).await
}

#[handler]
async fn ask(Data(app): Data<&App>, request: &Request) -> poem::Result<Response> {
    let step = credentials::login_step(request);
    let question = app.services().question_for_login(step.as_deref()).await;
    Ok(asked(&question.map_err(Failure::from)?))
}

#[handler]
async fn ask_stranger(Data(app): Data<&App>, request: &Request) -> poem::Result<Response> {
    let client = client::of(request);
    let question = app.services().question_for_stranger(&client).await;
    Ok(asked(&question.map_err(Failure::from)?))
}

#[handler]
async fn log_in_by_passkey(
    Data(app): Data<&App>,
    request: &Request,
    mut fields: Fields,
) -> poem::Result<Response> {
    let answer = passkey_answer(&mut fields);
    let entered = app.services().log_in_by_passkey(answer, arrival(request));
    match entered.await {
        Ok(logged_in) => Ok(with_session(see_other("/servers"), &logged_in)),
        Err(error @ (ServiceError::WrongSecondFactor | ServiceError::TooManyAttempts { .. })) => {
            login::page(app, String::new(), Some(error))
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

async fn finish(app: &App, request: &Request, proof: SecondProof) -> poem::Result<Response> {
    let step = credentials::login_step(request);
    let finished = app
        .services()
        .finish_login(step.as_deref(), proof, arrival(request));
    match finished.await {
        Ok(logged_in) => {
            let mut response = with_session(see_other("/servers"), &logged_in);
            let headers = response.headers_mut();
            headers.append(header::SET_COOKIE, credentials::no_step_cookie());
            Ok(response)
        }
        Err(ServiceError::LoginOver) => Ok(over()),
        Err(error @ (ServiceError::WrongSecondFactor | ServiceError::TooManyAttempts { .. })) => {
            page(app, step.as_deref(), Some(error)).await
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

async fn page(
    app: &App,
    step: Option<&str>,
    refused: Option<ServiceError>,
) -> poem::Result<Response> {
    let pending = match app.services().pending_login(step).await {
        Ok(pending) => pending,
        Err(ServiceError::LoginOver) => return Ok(over()),
        Err(error) => return Err(Failure::from(error).into()),
    };
    let mut response = html(app.pages().second_step(&SecondStepView {
        email: pending.email,
        totp: pending.totp,
        passkeys: pending.passkeys,
        recovery_codes: pending.recovery_codes,
        error: refused.as_ref().map(sentence),
    }))?;
    if let Some(error) = refused {
        Failure::from(error).decorate(&mut response);
    }
    Ok(response)
}

/// Back to the beginning, without the cookie of a step that is none any more.
fn over() -> Response {
    let mut response = see_other("/login");
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, credentials::no_step_cookie());
    response
}

fn arrival(request: &Request) -> Arrival {
    Arrival {
        device: credentials::device(request),
        before: session_of(request).and_then(|person| session_hash(person.means)),
        client: client::of(request),
    }
}

/// What the script put into the form.
pub(super) fn passkey_answer(fields: &mut Fields) -> PasskeyAnswer {
    PasskeyAnswer {
        question: fields.take("question"),
        credential: fields.take("credential"),
    }
}

/// The question, for the script.
pub(super) fn asked(question: &Question) -> Response {
    Json(serde_json::json!({
        "question": question.name.expose(),
        "options": question.options,
    }))
    .into_response()
}
