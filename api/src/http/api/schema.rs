//! The shapes of requests and answers.

use poem_openapi::Object;
use server_scout_wire::{Answer, Metric, Problem, Tag};

pub use super::types::{Steps, Time};

use crate::domain::live::ShownValue;
use crate::domain::servers::ServerOverview;
use crate::domain::sessions::OwnSession;
use crate::store::groups::GroupRow;
use crate::timeseries::{History, HistorySeries};

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Object)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
pub struct ProblemDocument {
    /// The problem's type: a short name that never changes, such as `clock-skew`.
    #[oai(rename = "type")]
    pub kind: String,
    /// What this type of problem means.
    pub title: String,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What happened this time, and what was expected.
    pub detail: Option<String>,
    /// The member of the request that caused it.
    pub member: Option<String>,
    /// The dashboard's clock, where clocks disagree.
    pub dashboard_time: Option<Time>,
}

/// What became of the reports.
#[derive(Clone, Debug, Object)]
pub struct ReportsAnswer {
    /// Reports that are now durable.
    pub accepted: u64,
    /// Reports that were durable before.
    pub duplicate: u64,
    /// Reports older than the retention; nothing is stored of them.
    pub too_old: u64,
    /// The first reports that were refused, at most ten.
    pub refused: Vec<RefusedItem>,
    /// How many were refused in all; left out when there is none.
    #[oai(skip_serializing_if_is_none)]
    pub refused_count: Option<u64>,
}

/// One report of a batch that was refused.
#[derive(Clone, Debug, Object)]
#[oai(rename = "RefusedReport")]
pub struct RefusedItem {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// Why.
    pub problem: ProblemDocument,
}

/// A server to add.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewServer {
    /// Its name: 1 to 64 characters, unique in the organisation.
    #[oai(validator(max_length = 256))]
    pub name: String,
    /// The ids of groups to put it into. A member who is limited to some groups must name one of
    /// theirs, unless there is only one.
    #[oai(validator(max_items = 200))]
    pub groups: Option<Vec<String>>,
}

/// What to change of a server; what is absent stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ServerChange {
    /// Another name.
    #[oai(validator(max_length = 256))]
    pub name: Option<String>,
    /// Another description: at most 500 characters, line breaks among them; empty for none.
    #[oai(validator(max_length = 2048))]
    pub description: Option<String>,
    /// Whether it is paused: its reports are stored, and raise no alert.
    pub paused: Option<bool>,
    /// All tags that people set: at most 16 of 1 to 32 lower-case letters a to z, digits, `-`, `_`, `.`
    /// and `:`, the first a letter or digit. Those of the agent stay.
    #[oai(validator(max_items = 16))]
    pub tags: Option<Vec<String>>,
}

/// A server that was added, with its agent key.
#[derive(Clone, Debug, Object)]
pub struct AddedServer {
    /// The server.
    pub server: Server,
    /// The agent key. It is shown here and never again.
    pub agent_key: String,
}

/// A server.
#[derive(Clone, Debug, Object)]
pub struct Server {
    /// Its opaque id.
    pub id: String,
    /// The name that people gave it.
    pub name: String,
    /// What people say about it; empty when nobody said anything.
    pub description: String,
    /// The tags that people set.
    pub tags: Vec<String>,
    /// The tags of the agent's configuration.
    pub agent_tags: Vec<String>,
    /// The groups that it is in, as far as the one who asks may see them.
    pub groups: Vec<GroupName>,
    /// `online`, `late`, `offline`, `paused`, `waiting` or `clock-wrong`.
    pub status: String,
    /// Whether its agent runs in its sandbox, as the metric `agent_confined`: `protected`,
    /// `unprotected`, or `unsaid` where it does not say.
    pub protection: String,
    /// When it was added.
    pub created_at: Time,
    /// When its last report arrived.
    #[oai(skip_serializing_if_is_none)]
    pub last_seen: Option<Time>,
    /// The values that every report has, as of its newest report.
    #[oai(skip_serializing_if_is_none)]
    pub newest: Option<NewestSummary>,
}

/// A group by id and name.
#[derive(Clone, Debug, Object)]
pub struct GroupName {
    /// Its opaque id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// The values that every report has.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct NewestSummary {
    /// When the newest values were read, by the host's clock.
    pub timestamp: Time,
    /// CPU in use, percent.
    pub cpu_usage: Option<f64>,
    /// Memory in use, percent.
    pub memory_usage: Option<f64>,
    /// Root file system in use, percent.
    pub disk_usage: Option<f64>,
    /// Load average over one minute.
    pub load1: Option<f64>,
}

/// A server with all its newest values.
#[derive(Clone, Debug, Object)]
pub struct ServerDetails {
    /// The server.
    pub server: Server,
    /// What its agent says of the host: operating system, kernel, and the like.
    pub host: std::collections::BTreeMap<String, String>,
    /// The newest values. Counters come as their growth per second.
    pub values: Vec<NewestValue>,
    /// Values that were dropped since the dashboard's start because there are too many series.
    pub dropped_values: u64,
}

/// One newest value.
#[derive(Clone, Debug, Object)]
pub struct NewestValue {
    /// The metric's name.
    pub metric: String,
    /// Which interface, device or mount, where the metric has one.
    #[oai(skip_serializing_if_is_none)]
    pub label: Option<String>,
    /// `percent`, `bytes`, `seconds`, `count`, `bytes_per_second` and the like.
    pub unit: String,
    /// The value.
    pub value: f64,
}

/// Servers, by name.
#[derive(Clone, Debug, Object)]
pub struct ServerList {
    /// The servers of this page.
    pub items: Vec<Server>,
    /// Where to go on, when there are more.
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// A browser that the person is logged in with.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Session {
    /// Its opaque id, drawn for this alone.
    pub id: String,
    /// When it began.
    pub created_at: Time,
    /// When it was last used, to the minute.
    pub last_used: Time,
    /// The address that it was opened from.
    pub address: Option<String>,
    /// What the browser says it is, at most 160 characters.
    pub user_agent: Option<String>,
    /// Whether it is the session that asks.
    pub current: bool,
}

/// The person's own sessions.
#[derive(Clone, Debug, Object)]
pub struct SessionList {
    /// The sessions, the one used last first.
    pub items: Vec<Session>,
}

/// The history of a server: every series has a value, or null, for each of the same steps.
#[derive(Clone, Debug, Object)]
pub struct MetricsHistory {
    /// The beginning of the first step.
    pub from: Time,
    /// The end of the last step.
    pub to: Time,
    /// The length of a step in seconds.
    pub step_seconds: f64,
    /// The series, by metric and label.
    pub series: Vec<Series>,
}

/// One series. Counters come as their growth per second.
#[derive(Clone, Debug, Object)]
pub struct Series {
    /// The metric's name.
    pub metric: String,
    /// Which interface, device or mount, where the metric has one.
    #[oai(skip_serializing_if_is_none)]
    pub label: Option<String>,
    /// The unit of the values.
    pub unit: String,
    /// The mean of each step; null where nothing is known.
    pub average: Steps,
    /// The smallest value of each step.
    pub min: Steps,
    /// The largest value of each step.
    pub max: Steps,
    /// How many samples each step has.
    pub count: Vec<u32>,
}

impl From<Problem> for ProblemDocument {
    fn from(problem: Problem) -> Self {
        Self {
            kind: problem.r#type,
            title: problem.title,
            status: problem.status,
            detail: problem.detail,
            member: problem.member,
            dashboard_time: problem.dashboard_time.map(Time),
        }
    }
}

impl From<Answer> for ReportsAnswer {
    fn from(answer: Answer) -> Self {
        let refused = answer.refused.into_iter();
        Self {
            accepted: answer.accepted,
            duplicate: answer.duplicate,
            too_old: answer.too_old,
            refused: refused
                .map(|item| RefusedItem {
                    index: item.index,
                    problem: item.problem.into(),
                })
                .collect(),
            refused_count: (answer.refused_count > 0).then_some(answer.refused_count),
        }
    }
}

impl From<&ServerOverview> for Server {
    fn from(server: &ServerOverview) -> Self {
        let newest = &server.newest;
        Self {
            id: server.row.id.to_string(),
            name: server.row.name.clone(),
            description: server.row.description.clone(),
            tags: words(&server.tags.of_people),
            agent_tags: words(&server.tags.of_agent),
            groups: server.groups.iter().map(GroupName::from).collect(),
            status: server.status.as_str().to_owned(),
            protection: server.row.protection().as_str().to_owned(),
            created_at: Time(server.row.created_at()),
            last_seen: newest.signs.last_seen.map(Time),
            newest: newest.timestamp.map(|timestamp| NewestSummary {
                timestamp: Time(timestamp),
                cpu_usage: newest.value(Metric::CpuUsage),
                memory_usage: newest.value(Metric::MemoryUsage),
                disk_usage: newest.value(Metric::DiskUsage),
                load1: newest.value(Metric::Load1),
            }),
        }
    }
}

impl From<&GroupRow> for GroupName {
    fn from(group: &GroupRow) -> Self {
        Self {
            id: group.id.to_string(),
            name: group.name.clone(),
        }
    }
}

fn words(tags: &[Tag]) -> Vec<String> {
    tags.iter().map(ToString::to_string).collect()
}

impl From<&ServerOverview> for ServerDetails {
    fn from(server: &ServerOverview) -> Self {
        Self {
            server: server.into(),
            host: server.row.host_facts(),
            values: server.newest.values.iter().map(NewestValue::from).collect(),
            dropped_values: server.newest.dropped,
        }
    }
}

impl From<&ShownValue> for NewestValue {
    fn from(shown: &ShownValue) -> Self {
        Self {
            metric: shown.metric.name().to_owned(),
            label: shown.label.as_ref().map(ToString::to_string),
            unit: shown.metric.shown_unit().to_owned(),
            value: shown.value,
        }
    }
}

impl From<&OwnSession> for Session {
    fn from(session: &OwnSession) -> Self {
        let row = &session.row;
        let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Self {
            id: row.id.to_string(),
            created_at: Time(row.created_at),
            last_used: Time(row.seen_at),
            address: known(&row.address),
            user_agent: known(&row.user_agent),
            current: session.current,
        }
    }
}

impl From<History> for MetricsHistory {
    fn from(history: History) -> Self {
        Self {
            from: Time(history.from),
            to: Time(history.to),
            step_seconds: history.step.as_secs_f64(),
            series: history.series.into_iter().map(Series::from).collect(),
        }
    }
}

impl From<HistorySeries> for Series {
    fn from(series: HistorySeries) -> Self {
        Self {
            metric: series.key.metric.name().to_owned(),
            label: series.key.label.map(|label| label.to_string()),
            unit: series.key.metric.shown_unit().to_owned(),
            average: Steps(series.average),
            min: Steps(series.min),
            max: Steps(series.max),
            count: series.count,
        }
    }
}
