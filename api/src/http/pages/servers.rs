//! The list of servers, one server, and adding one.

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::format;
use server_scout_ui::views::{
    NewServerView, ServerAddedView, ServerRow, ServerView, ServersView, Status as Badge, ValueRow,
};
use server_scout_wire::{Metric, Timestamp};

use super::super::App;
use super::super::guard::{Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::domain::servers::ServerOverview;
use crate::domain::status::Status;
use crate::id::{Id, Server};

const PAGE: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    after: Option<String>,
}

#[handler]
pub(super) async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ListQuery>,
) -> poem::Result<Response> {
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let page = app
        .services()
        .servers(scope, query.after, PAGE)
        .await
        .map_err(Failure::from)?;
    let now = app.services().clock().now();
    let view = ServersView {
        frame: frame(&visitor),
        servers: page.servers.iter().map(|server| row(server, now)).collect(),
        next_after: page.next,
        may_add: visitor.person.may(Right::Write),
    };
    Ok(html(app.pages().servers(&view))?)
}

#[handler]
pub(super) async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let server = app
        .services()
        .server(scope, server_id(&id)?)
        .await
        .map_err(Failure::from)?;
    let view = ServerView {
        frame: frame(&visitor),
        server: row(&server, app.services().clock().now()),
        facts: facts(&server),
        values: server.newest.values.iter().map(value).collect(),
        dropped_series: server.newest.dropped,
        may_change: visitor.person.may(Right::Write),
    };
    Ok(html(app.pages().server(&view))?)
}

#[handler]
#[expect(
    clippy::needless_pass_by_value,
    reason = "extractors are handed over whole"
)]
pub(super) fn new(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    visitor.person.scope(Right::Write).map_err(Failure::from)?;
    let view = NewServerView {
        frame: frame(&visitor),
        ..NewServerView::default()
    };
    Ok(html(app.pages().new_server(&view))?)
}

#[handler]
pub(super) async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let name = fields.take("name");
    match app.services().add_server(&acting, &name).await {
        Ok((server, key)) => {
            let trust = app.0.agents_trust.as_ref();
            let view = ServerAddedView {
                frame: frame(&visitor),
                id: server.row.id.to_string(),
                name: server.row.name,
                agent_key: key.expose().to_owned(),
                url: app.config().public_url.as_str().to_owned(),
                ca_pem: trust.map(|trust| trust.pem.clone()),
                ca_sha256: trust.map(|trust| trust.sha256.clone()),
            };
            Ok(html(app.pages().server_added(&view))?)
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = NewServerView {
                frame: frame(&visitor),
                name,
                error: Some(sentence(&error)),
            };
            let mut response = html(app.pages().new_server(&view))?;
            Failure::from(error).decorate(&mut response);
            Ok(response)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
pub(super) async fn pause(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    set_paused(app, &visitor, &id, true).await
}

#[handler]
pub(super) async fn resume(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    set_paused(app, &visitor, &id, false).await
}

/// The object first, then the right: what is foreign does not exist, whoever asks.
async fn set_paused(
    app: &App,
    visitor: &Visitor,
    id: &str,
    paused: bool,
) -> poem::Result<Response> {
    let id = server_id(id)?;
    let read = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    app.services()
        .server(read, id)
        .await
        .map_err(Failure::from)?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let change = app
        .services()
        .change_server(&acting, id, None, Some(paused));
    change.await.map_err(Failure::from)?;
    Ok(see_other(&format!("/servers/{id}")))
}

fn server_id(text: &str) -> Result<Id<Server>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

fn row(server: &ServerOverview, now: Timestamp) -> ServerRow {
    let newest = &server.newest;
    let last_seen = newest.signs.last_seen;
    ServerRow {
        id: server.row.id.to_string(),
        name: server.row.name.clone(),
        status: badge(server.status),
        last_seen: last_seen.map(|at| at.to_string()),
        last_seen_seconds_ago: last_seen.map(|at| now.since(at).as_secs()),
        cpu_usage: newest.value(Metric::CpuUsage),
        memory_usage: newest.value(Metric::MemoryUsage),
        disk_usage: newest.value(Metric::DiskUsage),
        load1: newest.value(Metric::Load1),
    }
}

fn badge(status: Status) -> Badge {
    match status {
        Status::ClockWrong => Badge::ClockWrong,
        Status::Late => Badge::Late,
        Status::Offline => Badge::Offline,
        Status::Online => Badge::Online,
        Status::Paused => Badge::Paused,
        Status::Waiting => Badge::Waiting,
    }
}

fn value(shown: &crate::domain::live::ShownValue) -> ValueRow {
    ValueRow {
        metric: shown.metric.name().to_owned(),
        meaning: shown.metric.describe().meaning.to_owned(),
        label: shown.label.as_ref().map(ToString::to_string),
        value: shown.value,
        unit: shown.metric.shown_unit().to_owned(),
    }
}

/// What the host is, and two values that people look for beside it.
fn facts(server: &ServerOverview) -> Vec<(String, String)> {
    let known = server.row.host_facts();
    let told = FACTS
        .iter()
        .filter_map(|(name, title)| Some((*title, known.get(*name)?.clone())));
    let read = |metric: Metric, title, unit| {
        let value = server.newest.value(metric)?;
        Some((title, format::value(value, unit)))
    };
    let memory = read(Metric::MemoryTotalBytes, "Memory", "bytes");
    let up = read(Metric::UptimeSeconds, "Up", "seconds");
    told.chain(memory)
        .chain(up)
        .map(|(title, text)| (title.to_owned(), text))
        .collect()
}

const FACTS: [(&str, &str); 17] = [
    ("hostname", "Host name"),
    ("operating_system", "Operating system"),
    ("kernel", "Kernel"),
    ("architecture", "Architecture"),
    ("cpu_model", "CPU"),
    ("cores", "Logical CPUs"),
    ("virtualisation", "Virtualisation"),
    ("time_zone", "Time zone"),
    ("system_state", "Services"),
    ("failed_units", "Failed units"),
    ("agent_version", "Agent"),
    ("sandbox_user", "Agent runs as"),
    ("sandbox_capabilities", "Agent's capabilities"),
    ("sandbox_new_privileges", "Agent's new privileges"),
    ("sandbox_system_calls", "Agent's system calls"),
    ("sandbox_file_system", "Agent's file system"),
    ("sandbox_memory", "Agent's memory"),
];
