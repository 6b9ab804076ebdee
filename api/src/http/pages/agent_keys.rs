//! A server's agent keys, and enrolment codes.

use poem::web::{Data, Path};
use poem::{Response, handler};
use server_scout_ui::views::{AgentKeyMadeView, AgentKeyRow, AgentKeysView, EnrolmentView};
use server_scout_wire::Timestamp;

use super::super::App;
use super::super::guard::{Access, Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::super::routes::{Declared, Routes};
use super::login::sentence;
use super::{again, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::domain::acting::Acting;
use crate::domain::agent_keys::{AgentKeyOverview, has_expired_successor};
use crate::domain::enrolments::{EnrolmentFor, MadeEnrolment};
use crate::domain::servers::ServerOverview;
use crate::id::{self, Id};
use crate::secret::Secret;
use crate::store::agent_keys::KeyState;

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    route
        .at("/servers/enrol", pages.post(Access::Fresh, enrol_new))
        .at("/servers/:id/keys", pages.get(Access::Session, show))
        .at("/servers/:id/keys/add", pages.post(Access::Fresh, add))
        .at(
            "/servers/:id/keys/rotate",
            pages.post(Access::Fresh, rotate),
        )
        .at(
            "/servers/:id/keys/revoke",
            pages.post(Access::Fresh, revoke),
        )
        .at("/servers/:id/keys/enrol", pages.post(Access::Fresh, enrol))
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let server = visible(app, &visitor, &id).await?;
    Ok(html(
        app.pages()
            .agent_keys(&view(app, &visitor, &server, None).await?),
    )?)
}

#[handler]
async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let (server, acting) = administered(app, &visitor, &id).await?;
    let made = app.services().add_agent_key(&acting, server.row.id).await;
    shown_once(app, &visitor, &server, made).await
}

#[handler]
async fn rotate(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let (server, acting) = administered(app, &visitor, &id).await?;
    let made = app
        .services()
        .rotate_agent_keys(&acting, server.row.id)
        .await;
    shown_once(app, &visitor, &server, made).await
}

#[handler]
async fn revoke(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let id = visible(app, &visitor, &id).await?.row.id;
    let key = fields.take("key");
    let key = key.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let known = app.services().agent_key(scope, id, key).await;
    known.map_err(Failure::from)?;
    let acting = visitor.person.acting_fresh(Right::Administer);
    let acting = acting.map_err(Failure::from)?;
    let revoked = app.services().revoke_agent_key(&acting, id, key).await;
    revoked.map_err(Failure::from)?;
    Ok(see_other(&format!("/servers/{id}/keys")))
}

#[handler]
async fn enrol(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let (server, acting) = administered(app, &visitor, &id).await?;
    let for_what = EnrolmentFor::Server(server.row.id);
    match app.services().add_enrolment(&acting, for_what).await {
        Ok(made) => code_page(app, &visitor, Some(&server), &made),
        Err(error) => refused(app, &visitor, &server, error).await,
    }
}

#[handler]
async fn enrol_new(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    let acting = visitor.person.acting_fresh(Right::Write);
    let acting = acting.map_err(Failure::from)?;
    let made = app
        .services()
        .add_enrolment(&acting, EnrolmentFor::New(None))
        .await
        .map_err(Failure::from)?;
    code_page(app, &visitor, None, &made)
}

/// The object first, then the right: what is foreign does not exist, whoever asks.
async fn visible(app: &App, visitor: &Visitor, id: &str) -> Result<ServerOverview, Failure> {
    let id: Id<id::Server> = id.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read)?;
    Ok(app.services().server(scope, id).await?)
}

async fn administered(
    app: &App,
    visitor: &Visitor,
    id: &str,
) -> Result<(ServerOverview, Acting), Failure> {
    let server = visible(app, visitor, id).await?;
    let acting = visitor.person.acting_fresh(Right::Administer)?;
    Ok((server, acting))
}

async fn shown_once(
    app: &App,
    visitor: &Visitor,
    server: &ServerOverview,
    made: Result<(AgentKeyOverview, Secret), ServiceError>,
) -> poem::Result<Response> {
    match made {
        Ok((key, secret)) => {
            let view = AgentKeyMadeView {
                frame: frame(visitor),
                id: server.row.id.to_string(),
                name: server.row.name.clone(),
                agent_key: secret.expose().to_owned(),
                successor_until: key.row.unseen_until().map(|until| until.to_string()),
            };
            Ok(html(app.pages().agent_key_made(&view))?)
        }
        Err(error) => refused(app, visitor, server, error).await,
    }
}

/// The list again, with the reason.
async fn refused(
    app: &App,
    visitor: &Visitor,
    server: &ServerOverview,
    error: ServiceError,
) -> poem::Result<Response> {
    if !matches!(error, ServiceError::Conflict { .. }) {
        return Err(Failure::from(error).into());
    }
    let view = view(app, visitor, server, Some(sentence(&error))).await?;
    Ok(again(app.pages().agent_keys(&view), error)?)
}

fn code_page(
    app: &App,
    visitor: &Visitor,
    server: Option<&ServerOverview>,
    made: &MadeEnrolment,
) -> poem::Result<Response> {
    let trust = app.agents_trust();
    let view = EnrolmentView {
        frame: frame(visitor),
        id: server.map(|server| server.row.id.to_string()),
        name: server.map(|server| server.row.name.clone()),
        code: made.shown(trust.as_ref().map(|trust| trust.sha256.as_str())),
        expires_at: made.expires_at.to_string(),
        url: app.config().public_url.as_str().to_owned(),
        pinned: trust.is_some(),
    };
    Ok(html(app.pages().enrolment(&view))?)
}

async fn view(
    app: &App,
    visitor: &Visitor,
    server: &ServerOverview,
    error: Option<String>,
) -> Result<AgentKeysView, Failure> {
    let id = server.row.id;
    let scope = visitor.person.scope(Right::Read)?;
    let keys = app.services().agent_keys(scope, id).await?;
    let now = app.services().clock().now();
    let until = keys.iter().find_map(|key| key.row.unseen_until());
    Ok(AgentKeysView {
        frame: frame(visitor),
        id: id.to_string(),
        name: server.row.name.clone(),
        keys: keys.iter().rev().map(|key| row(key, now)).collect(),
        successor_until: until.map(|until| until.to_string()),
        successor_expired: has_expired_successor(&keys),
        may_change: visitor.person.may(Right::Administer),
        error,
    })
}

fn row(key: &AgentKeyOverview, now: Timestamp) -> AgentKeyRow {
    let created = key.row.created_at();
    let last = key.last_use.as_ref();
    AgentKeyRow {
        id: key.row.id.to_string(),
        ending: key.row.ending.clone(),
        state: words(key.row.state()).to_owned(),
        good: key.row.revoked_at().is_none(),
        since: created.to_string(),
        since_seconds_ago: now.since(created).as_secs(),
        last_used: last.map(|last| last.at.to_string()),
        last_used_seconds_ago: last.map_or(0, |last| now.since(last.at).as_secs()),
        address: last.map(|last| last.from.clone()).unwrap_or_default(),
        agent_version: last
            .map(|last| last.agent_version.clone())
            .unwrap_or_default(),
    }
}

fn words(state: KeyState) -> &'static str {
    match state {
        KeyState::Good => "good",
        KeyState::Leaving => "good until its successor is used",
        KeyState::Replaced => "replaced",
        KeyState::Revoked => "revoked",
        KeyState::Successor => "successor, not used yet",
        KeyState::Unseen => "expired, never used",
    }
}
