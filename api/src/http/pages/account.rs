//! A person's own account: the sessions and the password.

use poem::web::{Data, Query};
use poem::{Request, Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{AccountView, SessionRow};
use server_scout_wire::Timestamp;

use super::super::guard::{Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::super::{App, client, credentials};
use super::login::{sentence, with_session};
use super::{again, frame, html};
use crate::domain::ServiceError;
use crate::domain::accounts::{Password, PasswordChange};
use crate::domain::sessions::OwnSession;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    PasswordChanged,
    SessionEnded,
    OthersEnded,
}

#[handler]
pub(super) async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<AccountQuery>,
) -> poem::Result<Response> {
    let mut view = view(app, &visitor).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().account(&view))?)
}

#[handler]
pub(super) async fn change_password(
    Data(app): Data<&App>,
    request: &Request,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let change = PasswordChange {
        present: fields.take("present_password"),
        new: fields.take("password"),
        device: credentials::device(request),
        revoke_tokens: fields.take("revoke_tokens") == "on",
        client: client::of(request),
    };
    match app
        .services()
        .change_password(&visitor.person, change)
        .await
    {
        Ok(session) => {
            let next = see_other("/account?done=password-changed");
            Ok(with_session(next, &session))
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::TooManyAttempts { .. })) => {
            let mut view = view(app, &visitor).await?;
            view.error = Some(sentence(&error));
            Ok(again(app.pages().account(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
pub(super) async fn end_session(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let id = fields.take("session");
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let ended = app.services().end_own_session(&visitor.person, id).await;
    ended.map_err(Failure::from)?;
    Ok(see_other("/account?done=session-ended"))
}

#[handler]
pub(super) async fn end_others(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let ended = app.services().end_other_sessions(&visitor.person).await;
    ended.map_err(Failure::from)?;
    Ok(see_other("/account?done=others-ended"))
}

async fn view(app: &App, visitor: &Visitor) -> Result<AccountView, Failure> {
    let sessions = app.services().own_sessions(&visitor.person).await?;
    let now = app.services().clock().now();
    Ok(AccountView {
        frame: frame(visitor),
        role: visitor.person.identity.role.to_string(),
        sessions: sessions.iter().map(|session| row(session, now)).collect(),
        has_factor: app.services().own_factors(&visitor.person).await?.any(),
        password_min: Password::MIN,
        notice: None,
        error: None,
    })
}

fn row(session: &OwnSession, now: Timestamp) -> SessionRow {
    let row = &session.row;
    SessionRow {
        id: row.id.to_string(),
        since: row.created_at.to_string(),
        since_seconds_ago: now.since(row.created_at).as_secs(),
        last_used: row.seen_at.to_string(),
        last_used_seconds_ago: now.since(row.seen_at).as_secs(),
        address: row.address.clone(),
        user_agent: row.user_agent.clone(),
        current: session.current,
    }
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::PasswordChanged => "The password is changed. All your other sessions have ended.",
            Self::SessionEnded => "The session has ended.",
            Self::OthersEnded => "All your other sessions have ended.",
        }
    }
}
