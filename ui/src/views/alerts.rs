//! Alerts: incidents, rules and maintenance windows.

use serde::Serialize;

use super::{Choice, Frame};

/// An incident, in words.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IncidentRow {
    /// The opaque id.
    pub id: String,
    /// The server's id.
    pub server: String,
    /// The server's name.
    pub server_name: String,
    /// The rule's name when it was opened.
    pub rule: String,
    /// Which mount, device or unit; empty where there is none to tell.
    pub label: String,
    /// `critical` or `warning`.
    pub severity: String,
    /// `firing`, `recovering`, `unknown` or `resolved`.
    pub state: String,
    /// The value that was furthest beyond, with its unit; empty where something is so or not.
    pub value: String,
    /// The threshold: `above 90.0 %`; empty likewise.
    pub threshold: String,
    /// When it was opened, RFC 3339.
    pub since: String,
    /// When it was opened, as people read it.
    pub since_words: String,
    /// For how long it is or was open.
    pub lasted: String,
    /// Who has it in hand; empty when nobody has.
    pub acknowledged_by: String,
    /// What they said.
    pub note: String,
    /// Until when nobody is told of it; empty when people are.
    pub snoozed_until: String,
}

/// Incidents: the open ones, and those that are over.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AlertsView {
    /// What every page shows.
    pub frame: Frame,
    /// Those that are open, the newest first.
    pub open: Vec<IncidentRow>,
    /// Whether there are more open ones than are shown.
    pub more_open: bool,
    /// Those that are over, the newest first.
    pub history: Vec<IncidentRow>,
    /// Which of the history are asked for.
    pub filter: IncidentFilter,
    /// The cursor to go on from, when there are more.
    pub next_after: Option<String>,
    /// Whether the viewer may act on incidents.
    pub may_act: bool,
    /// Whether nothing is sent, as the process that is to does not run, and the viewer is to know.
    pub unsent: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why the filter cannot be used.
    pub error: Option<String>,
}

/// Which incidents are asked for, as it was typed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IncidentFilter {
    /// The severities to choose.
    pub severities: Vec<Choice>,
    /// The servers to choose.
    pub servers: Vec<Choice>,
    /// The chosen severity.
    pub severity: String,
    /// The chosen server's id.
    pub server: String,
    /// The first day, `2026-01-31`.
    pub from: String,
    /// The last day.
    pub to: String,
}

/// Something that happened to an incident.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IncidentEventRow {
    /// When, RFC 3339.
    pub at: String,
    /// When, as people read it.
    pub when: String,
    /// What: `opened`, `acknowledged`.
    pub what: String,
    /// How much it mattered from then on.
    pub severity: String,
    /// The value that led to it, with its unit; empty where none did.
    pub value: String,
    /// Who did it; empty for the dashboard.
    pub person: String,
    /// What they said, or why it is over.
    pub note: String,
}

/// One incident with all that happened.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IncidentView {
    /// What every page shows.
    pub frame: Frame,
    /// The incident.
    pub incident: IncidentRow,
    /// What happened, in order.
    pub events: Vec<IncidentEventRow>,
    /// Whether it is open.
    pub open: bool,
    /// Whether the viewer may act on it.
    pub may_act: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why something was not done.
    pub error: Option<String>,
}

/// A rule, in words.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AlertRuleRow {
    /// The opaque id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// For which servers.
    pub scope: String,
    /// When it is worth an incident.
    pub condition: String,
    /// `critical`, `warning`, or both.
    pub severity: String,
    /// The names of the narrower rules that stand in its place somewhere.
    pub replaced_by: Vec<String>,
    /// The names of the channels that it tells; none stands for all of them.
    pub channels: Vec<String>,
}

/// The alert rules.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AlertRulesView {
    /// What every page shows.
    pub frame: Frame,
    /// The rules, by name.
    pub rules: Vec<AlertRuleRow>,
    /// The kinds of which one can be made.
    pub kinds: Vec<Choice>,
    /// Whether the viewer may change them.
    pub may_change: bool,
    /// What was just done.
    pub notice: Option<String>,
}

/// The form of a rule, new or not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AlertRuleView {
    /// What every page shows.
    pub frame: Frame,
    /// The rule's id; none for a new one.
    pub id: Option<String>,
    /// The word of its kind.
    pub kind: String,
    /// Its kind for people.
    pub kind_words: String,
    /// Which fields the kind has.
    pub asks: AlertRuleAsks,
    /// Its name.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The servers, groups and tags to choose.
    pub scopes: Vec<Choice>,
    /// The metrics to choose.
    pub metrics: Vec<Choice>,
    /// `above` and `below`.
    pub comparisons: Vec<Choice>,
    /// `warning` and `critical`.
    pub severities: Vec<Choice>,
    /// The channels to choose; none chosen stands for all of them.
    pub channels: Vec<Choice>,
    /// Whether none of them is told anything yet, as all of their addresses were asked and have not agreed.
    pub all_wait: bool,
    /// The other fields, as they were typed.
    pub typed: AlertRuleTyped,
    /// What it would have done, when that was asked.
    pub preview: Option<AlertPreview>,
    /// Why it was refused.
    pub error: Option<String>,
}

/// Which fields a kind of rule has.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a form has each of the fields or lacks it"
)]
pub struct AlertRuleAsks {
    /// A metric and a comparison.
    pub metric: bool,
    /// Labels.
    pub label: bool,
    /// Thresholds; a severity alone without.
    pub thresholds: bool,
    /// A sustain time and a share.
    pub sustain: bool,
    /// A cooldown.
    pub cooldown: bool,
}

/// Fields of a rule, as they were typed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AlertRuleTyped {
    /// The unit of the thresholds.
    pub unit: String,
    /// The one label.
    pub label: String,
    /// A pattern of labels.
    pub label_pattern: String,
    /// From where on it is a warning.
    pub warning: String,
    /// From where on it is critical.
    pub critical: String,
    /// From where on it is good again.
    pub recovery: String,
    /// For how many seconds it must breach.
    pub sustain: String,
    /// Percent of the samples that must breach.
    pub share: String,
    /// For how many seconds after an incident none is opened.
    pub cooldown: String,
    /// After how many seconds people are reminded.
    pub remind_every: String,
    /// How often at most.
    pub remind_limit: String,
}

/// What a rule would have done over the last 24 hours.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AlertPreview {
    /// Whether anything can be said.
    pub known: bool,
    /// How many incidents there would have been, and at how many servers was looked.
    pub summary: String,
    /// The first of them.
    pub incidents: Vec<IncidentRow>,
}

/// A maintenance window, in words.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MaintenanceRow {
    /// The opaque id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// For which servers.
    pub scope: String,
    /// When it is open.
    pub when: String,
    /// When it opens next; empty when it is open or over.
    pub next: String,
    /// Whether it is open now.
    pub open: bool,
    /// Whether it can be ended: it is open or to come, and comes once.
    pub can_end: bool,
    /// Who made it.
    pub by: String,
}

/// The maintenance windows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MaintenanceView {
    /// What every page shows.
    pub frame: Frame,
    /// The windows, the newest first.
    pub windows: Vec<MaintenanceRow>,
    /// The servers, groups and tags to choose.
    pub scopes: Vec<Choice>,
    /// The days of the week to choose.
    pub days: Vec<Choice>,
    /// What was typed before, when it was refused.
    pub typed: MaintenanceTyped,
    /// Whether the viewer may change them.
    pub may_change: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why a window was refused.
    pub error: Option<String>,
}

/// Fields of a maintenance window, as they were typed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MaintenanceTyped {
    /// What it is called.
    pub name: String,
    /// For how many minutes.
    pub minutes: String,
    /// Once: from then on, UTC.
    pub from: String,
    /// Once: until then, UTC.
    pub to: String,
    /// Weekly: the time of the day.
    pub start: String,
    /// Weekly: the time zone.
    pub time_zone: String,
}

/// A rule at a server.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServerRuleRow {
    /// Its name.
    pub name: String,
    /// When it is worth an incident.
    pub condition: String,
    /// The names of the narrower rules that stand in its place here.
    pub replaced_by: Vec<String>,
    /// Where it is not simply well: `firing`, `unknown: /srv`.
    pub states: Vec<String>,
}
