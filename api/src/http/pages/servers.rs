//! The list of servers, one server, and adding one.

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::format;
use server_scout_ui::views::{
    Choice, GroupLink, NewServerView, ServerAddedView, ServerRow, ServerView, ServersFilter,
    ServersView, Status as Badge, TagView, ValueRow,
};
use server_scout_wire::{LabelName, Metric, Protection, Tag, Timestamp};

use super::super::App;
use super::super::guard::{Fields, Visitor, see_other};
use super::super::problem::Failure;
use super::login::sentence;
use super::{again, alerts, frame, html};
use crate::access::Right;
use crate::domain::ServiceError;
use crate::domain::agent_keys::has_expired_successor;
use crate::domain::enrolments::EnrolmentFor;
use crate::domain::groups::GroupOverview;
use crate::domain::servers::{ServerChange, ServerOverview, ServerQuery};
use crate::domain::status::Status;
use crate::id::{Group, Id, Server};
use crate::store::groups::GroupRow;

/// How the boxes of groups are called, before the group's id.
pub(super) const GROUP_FIELD: &str = "group-";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    after: Option<String>,
    #[serde(default)]
    search: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    protection: String,
}

impl ListQuery {
    /// The question; what a form sends empty is not asked.
    fn read(&self) -> Result<ServerQuery, Failure> {
        let asked = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let group = asked(&self.group).map(|id| id.parse());
        let status = asked(&self.status).map(|word| {
            let unknown = || Failure::invalid("status", "is none that a server can have");
            Status::from_word(&word).ok_or_else(unknown)
        });
        let protection = asked(&self.protection).map(|word| {
            let unknown = || Failure::invalid("protection", "is none that an agent can have");
            Protection::from_word(&word).ok_or_else(unknown)
        });
        Ok(ServerQuery {
            group: group.transpose().map_err(|_| Failure::not_found())?,
            tag: asked(&self.tag),
            status: status.transpose()?,
            protection: protection.transpose()?,
            search: asked(&self.search),
            after: self.after.clone(),
            limit: None,
        })
    }
}

#[handler]
pub(super) async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<ListQuery>,
) -> poem::Result<Response> {
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let services = app.services();
    let page = services.servers(scope, query.read()?);
    let page = page.await.map_err(Failure::from)?;
    let groups = services.groups(scope).await.map_err(Failure::from)?;
    let now = services.clock().now();
    let view = ServersView {
        frame: frame(&visitor),
        servers: page.servers.iter().map(|server| row(server, now)).collect(),
        filter: ServersFilter {
            search: query.search,
            tag: query.tag,
            group: query.group,
            status: query.status,
            protection: query.protection,
            groups: groups.iter().map(|group| link(&group.row)).collect(),
            tags: services.tags(scope).await.map_err(Failure::from)?,
        },
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
    let keys = app.services().agent_keys(scope, server.row.id).await;
    let keys = keys.map_err(Failure::from)?;
    let (incidents, rules) = alerts::of_server(app, scope, server.row.id).await?;
    let view = ServerView {
        frame: frame(&visitor),
        server: row(&server, app.services().clock().now()),
        facts: facts(&server),
        description: server.row.description.clone(),
        groups: server.groups.iter().map(link).collect(),
        values: server.newest.values.iter().map(value).collect(),
        dropped_series: server.newest.dropped,
        may_change: visitor.person.may(Right::Write),
        successor_expired: has_expired_successor(&keys),
        incidents,
        rules,
    };
    Ok(html(app.pages().server(&view))?)
}

#[handler]
pub(super) async fn new(Data(app): Data<&App>, visitor: Visitor) -> poem::Result<Response> {
    visitor.person.scope(Right::Write).map_err(Failure::from)?;
    let view = new_view(app, &visitor, &[]).await?;
    Ok(html(app.pages().new_server(&view))?)
}

/// The form with the groups that there are to choose; the only one of a limited member is chosen.
async fn new_view(
    app: &App,
    visitor: &Visitor,
    chosen: &[String],
) -> Result<NewServerView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let groups = app.services().groups(scope).await?;
    let only = scope.is_limited() && groups.len() == 1;
    let choice = |group: &GroupOverview| {
        let id = group.row.id.to_string();
        Choice {
            chosen: only || chosen.contains(&id),
            name: group.row.name.clone(),
            id,
        }
    };
    Ok(NewServerView {
        frame: frame(visitor),
        groups: groups.iter().map(choice).collect(),
        must_choose: scope.is_limited(),
        ..NewServerView::default()
    })
}

#[handler]
pub(super) async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let acting = visitor.person.acting_fresh(Right::Write);
    let acting = acting.map_err(Failure::from)?;
    let name = fields.take("name");
    let chosen = fields.take_ticked(GROUP_FIELD);
    let groups = group_ids(&chosen)?;
    let added = app.services().add_server_to(&acting, &name, groups);
    match added.await {
        Ok((server, key)) => {
            // Who adds a server gets its key, and so a code for one.
            let for_it = EnrolmentFor::Server(server.row.id);
            let enrolment = app.services().add_enrolment(&acting, for_it).await;
            let enrolment = enrolment.map_err(Failure::from)?;
            let trust = app.agents_trust();
            let view = ServerAddedView {
                frame: frame(&visitor),
                id: server.row.id.to_string(),
                name: server.row.name,
                agent_key: key.expose().to_owned(),
                code: enrolment.shown(trust.as_ref().map(|trust| trust.sha256.as_str())),
                expires_at: enrolment.expires_at.to_string(),
                url: app.config().public_url.as_str().to_owned(),
                ca_pem: trust.as_ref().map(|trust| trust.pem.clone()),
                ca_sha256: trust.as_ref().map(|trust| trust.sha256.clone()),
            };
            Ok(html(app.pages().server_added(&view))?)
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = NewServerView {
                name,
                error: Some(sentence(&error)),
                ..new_view(app, &visitor, &chosen).await?
            };
            Ok(again(app.pages().new_server(&view), error)?)
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
    let id = found(app, visitor, id).await?.row.id;
    let change = ServerChange {
        paused: Some(paused),
        ..ServerChange::default()
    };
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let change = app.services().change_server(&acting, id, change);
    change.await.map_err(Failure::from)?;
    Ok(see_other(&format!("/servers/{id}")))
}

/// The server of that id, if the visitor may look at it.
pub(super) async fn found(
    app: &App,
    visitor: &Visitor,
    id: &str,
) -> Result<ServerOverview, Failure> {
    let read = visitor.person.scope(Right::Read)?;
    Ok(app.services().server(read, server_id(id)?).await?)
}

pub(super) fn group_ids(texts: &[String]) -> Result<Vec<Id<Group>>, Failure> {
    let id = |text: &String| text.parse().map_err(|_| Failure::not_found());
    texts.iter().map(id).collect()
}

pub(super) fn link(group: &GroupRow) -> GroupLink {
    GroupLink {
        id: group.id.to_string(),
        name: group.name.clone(),
    }
}

fn tags(server: &ServerOverview) -> Vec<TagView> {
    let view = |of_agent| {
        move |tag: &Tag| TagView {
            tag: tag.to_string(),
            of_agent,
        }
    };
    let tags = &server.tags;
    let of_people = tags.of_people.iter().map(view(false));
    of_people
        .chain(tags.of_agent.iter().map(view(true)))
        .collect()
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
        tags: tags(server),
        status: badge(server.status),
        unprotected: server.row.protection() == Protection::Unprotected,
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
    let described = shown.metric.describe();
    ValueRow {
        metric: shown.metric.name().to_owned(),
        meaning: described.meaning.to_owned(),
        by: described
            .label
            .map(LabelName::as_str)
            .unwrap_or_default()
            .to_owned(),
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

const FACTS: [(&str, &str); 18] = [
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
    ("sandbox_landlock", "Agent's Landlock"),
    ("sandbox_memory", "Agent's memory"),
];
