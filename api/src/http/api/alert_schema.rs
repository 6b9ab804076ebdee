//! The shapes of alert rules and of the scope that maintenance windows have, too.

use poem_openapi::Object;
use server_scout_wire::{Label, Tag};

use super::super::problem::Failure;
use super::channels::channel_id;
use super::schema::Time;
use super::servers::{group_id, server_id};
use crate::alerting::{Kind, Labels, Reach, Severity};
use crate::domain::alerts::{Preview, PreviewIncident, RuleAtServer, RuleChange, RuleView};
use crate::store::alert_rules::RuleRow;

/// For which servers something is: at most one member is there, and without any it is for all.
#[derive(Clone, Debug, Default, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(super) struct AlertScope {
    /// For the servers of this group, by its id.
    group: Option<String>,
    /// For the servers with this tag.
    tag: Option<String>,
    /// For this server, by its id.
    server: Option<String>,
}

/// What an alert rule says. Thresholds are in the unit of the metric.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct NewAlertRule {
    /// Its name: 1 to 64 characters, unique in the organisation.
    #[oai(validator(max_length = 256))]
    name: String,
    /// Whether it is switched on; it is unless said otherwise.
    enabled: Option<bool>,
    /// `threshold`, `offline` (seconds without a report), `rebooted`, `service-failed`,
    /// `service-not-running`, `disk-full` (hours until it is), `mount-read-only`,
    /// `clock-not-synchronised`, `agent-unprotected`, `agent-old` or `key-unused` (days).
    #[oai(validator(max_length = 32))]
    kind: String,
    /// For which servers; all unless said otherwise. Of rules about the same metric and direction the one
    /// with the narrower scope replaces the wider at the servers that both are for: server before group
    /// and tag before organisation, then one label before a pattern before any.
    scope: Option<AlertScope>,
    /// Of a threshold: a metric's name, or `mount_usage`, the percentage of each file system in use.
    #[oai(validator(max_length = 64))]
    metric: Option<String>,
    /// The one label that is looked at: a mount, device, interface, sensor, unit or container.
    #[oai(validator(max_length = 128))]
    label: Option<String>,
    /// A pattern of labels that are looked at: `*` stands for any text, `?` for one character. Without
    /// label and pattern each is looked at for itself.
    #[oai(validator(max_length = 128))]
    label_pattern: Option<String>,
    /// Of a threshold: `above` or `below`; above unless said otherwise.
    #[oai(validator(max_length = 8))]
    comparison: Option<String>,
    /// From where on it is a warning.
    warning: Option<f64>,
    /// From where on it is critical: further beyond than the warning.
    critical: Option<f64>,
    /// From where on it is good again: not beyond the first threshold, which it is unless said otherwise.
    recovery: Option<f64>,
    /// Of the kinds without a threshold: `warning` or `critical`; a warning unless said otherwise.
    #[oai(validator(max_length = 16))]
    severity: Option<String>,
    /// For how many seconds it must breach, and be good again; 0 to 86400. Thresholds: 120 unless said
    /// otherwise.
    sustain_seconds: Option<u64>,
    /// Percent of the samples of that time that must breach, 1 to 100; all unless said otherwise.
    share_percent: Option<u8>,
    /// For how many seconds after an incident's end none is opened; 0 to 86400, 0 unless said otherwise.
    cooldown_seconds: Option<u64>,
    /// After how many seconds people are reminded, 60 to 604800; never unless said otherwise.
    reminder_seconds: Option<u64>,
    /// How often people are reminded at most, 0 to 100; 6 unless said otherwise.
    reminder_limit: Option<u32>,
    /// The ids of the channels that are told; all of them, also those that are made later, unless said
    /// otherwise.
    #[oai(validator(max_items = 50))]
    channels: Option<Vec<String>>,
}

/// The name of a rule.
#[derive(Clone, Debug, Object)]
pub(super) struct AlertRuleName {
    /// Its opaque id.
    id: String,
    /// Its name.
    name: String,
}

/// An alert rule.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct AlertRule {
    /// Its opaque id.
    id: String,
    /// Its name.
    name: String,
    /// Whether it is switched on.
    enabled: bool,
    /// Its kind.
    kind: String,
    /// For which servers.
    scope: AlertScope,
    /// What is compared: a metric's name, or a word for what follows from several.
    metric: String,
    /// The unit of the thresholds.
    unit: String,
    /// The one label that is looked at.
    label: Option<String>,
    /// A pattern of labels that are looked at.
    label_pattern: Option<String>,
    /// `above` or `below`.
    comparison: String,
    /// From where on it is a warning.
    warning: Option<f64>,
    /// From where on it is critical.
    critical: Option<f64>,
    /// From where on it is good again.
    recovery: Option<f64>,
    /// Of the kinds without a threshold: how much it matters.
    severity: Option<String>,
    /// For how many seconds it must breach, and be good again.
    sustain_seconds: u64,
    /// Percent of the samples of that time that must breach.
    share_percent: u8,
    /// For how many seconds after an incident's end none is opened.
    cooldown_seconds: u64,
    /// After how many seconds people are reminded.
    reminder_seconds: Option<u64>,
    /// How often people are reminded at most.
    reminder_limit: u32,
    /// The ids of the channels that are told; none stands for all of them.
    channels: Vec<String>,
    /// When it was made.
    created_at: Time,
    /// The narrower rules that replace it at some servers or labels.
    replaced_by: Vec<AlertRuleName>,
}

/// The alert rules, by name.
#[derive(Clone, Debug, Object)]
pub(super) struct AlertRuleList {
    /// All of them.
    pub(super) items: Vec<AlertRule>,
}

/// How a rule stands at a value.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct AlertState {
    /// The value's label.
    label: Option<String>,
    /// `pending`, `firing`, `recovering`, or `unknown` without data.
    state: String,
}

/// An alert rule at a server.
#[derive(Clone, Debug, Object)]
pub(super) struct ServerRule {
    /// The rule.
    rule: AlertRuleName,
    /// The narrower rules that replace it here, for all labels or for some.
    replaced_by: Vec<AlertRuleName>,
    /// Where it is not simply `ok`.
    states: Vec<AlertState>,
}

/// The alert rules of a server.
#[derive(Clone, Debug, Object)]
pub(super) struct ServerRuleList {
    /// All of them.
    pub(super) items: Vec<ServerRule>,
}

/// What a rule would have done.
#[derive(Clone, Debug, Object)]
pub(super) struct AlertRulePreview {
    /// From when on was looked.
    from: Time,
    /// Until when.
    to: Time,
    /// At how many servers.
    servers: u64,
    /// How many more the rule is for.
    more_servers: u64,
    /// Whether anything can be said: what is not stored over time has no preview.
    known: bool,
    /// How many incidents there would have been.
    count: u64,
    /// The first hundred, by their beginning.
    incidents: Vec<PreviewedIncident>,
}

/// An incident that would have been.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct PreviewedIncident {
    /// The server's id.
    server: String,
    /// The server's name.
    server_name: String,
    /// The value's label.
    label: Option<String>,
    /// Its severity at its worst.
    severity: String,
    /// When it would have been opened, to the minute.
    opened_at: Time,
    /// When it would have ended; absent when it would be open now.
    ended_at: Option<Time>,
    /// The value that was furthest beyond.
    worst: f64,
}

impl NewAlertRule {
    /// What was said; what is no id names nothing.
    pub(super) fn read(self) -> Result<RuleChange, Failure> {
        let reach = self.scope.unwrap_or_default().read()?;
        Ok(RuleChange {
            name: self.name,
            enabled: self.enabled.unwrap_or(true),
            kind: self.kind,
            reach,
            metric: self.metric,
            label: self.label,
            label_pattern: self.label_pattern,
            comparison: self.comparison,
            warning: self.warning,
            critical: self.critical,
            recovery: self.recovery,
            severity: self.severity,
            sustain: self.sustain_seconds,
            share: self.share_percent,
            cooldown: self.cooldown_seconds,
            remind_every: self.reminder_seconds,
            remind_limit: self.reminder_limit,
            channels: { self.channels.iter().flatten() }
                .map(|id| channel_id(id))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl AlertScope {
    pub(super) fn read(self) -> Result<Reach, Failure> {
        match (self.group, self.tag, self.server) {
            (None, None, None) => Ok(Reach::Organisation),
            (Some(group), None, None) => Ok(Reach::Group(group_id(&group)?)),
            (None, Some(tag), None) => {
                let tag = Tag::new(&tag);
                tag.map(Reach::Tag)
                    .map_err(|why| Failure::invalid("scope", &why.to_string()))
            }
            (None, None, Some(server)) => Ok(Reach::Server(server_id(&server)?)),
            _ => Err(Failure::invalid(
                "scope",
                "must name one of group, tag and server, or none",
            )),
        }
    }
}

impl From<&Reach> for AlertScope {
    fn from(reach: &Reach) -> Self {
        let nobody = Self::default();
        match reach {
            Reach::Organisation => nobody,
            Reach::Group(group) => Self {
                group: Some(group.to_string()),
                ..nobody
            },
            Reach::Tag(tag) => Self {
                tag: Some(tag.to_string()),
                ..nobody
            },
            Reach::Server(server) => Self {
                server: Some(server.to_string()),
                ..nobody
            },
        }
    }
}

impl From<&RuleView> for AlertRule {
    fn from(view: &RuleView) -> Self {
        let RuleRow {
            id,
            created_at,
            said,
        } = &view.row;
        let terms = &said.terms;
        let (label, label_pattern) = match &terms.labels {
            Labels::Any => (None, None),
            Labels::One(label) => (Some(label.to_string()), None),
            Labels::Pattern(pattern) => (None, Some(pattern.as_str().to_owned())),
        };
        let flag = Kind::from_word(&said.kind).is_some_and(|kind| kind.form().flag.is_some());
        let severity = if terms.critical.is_some() {
            Severity::Critical
        } else {
            Severity::Warning
        };
        Self {
            id: id.to_string(),
            name: said.name.clone(),
            enabled: said.enabled,
            kind: said.kind.clone(),
            scope: (&said.reach).into(),
            metric: terms.measure.as_str().to_owned(),
            unit: terms.measure.unit().to_owned(),
            label,
            label_pattern,
            comparison: terms.comparison.as_str().to_owned(),
            warning: terms.warning.filter(|_| !flag),
            critical: terms.critical.filter(|_| !flag),
            recovery: terms.recovery,
            severity: flag.then(|| severity.as_str().to_owned()),
            sustain_seconds: terms.sustain.as_secs(),
            share_percent: terms.share,
            cooldown_seconds: terms.cooldown.as_secs(),
            reminder_seconds: terms.remind_every.map(|every| every.as_secs()),
            reminder_limit: terms.remind_limit,
            channels: said.channels.iter().map(ToString::to_string).collect(),
            created_at: Time(*created_at),
            replaced_by: view.replaced_by.iter().map(AlertRuleName::from).collect(),
        }
    }
}

impl From<&(crate::id::Id<crate::id::AlertRule>, String)> for AlertRuleName {
    fn from((id, name): &(crate::id::Id<crate::id::AlertRule>, String)) -> Self {
        Self {
            id: id.to_string(),
            name: name.clone(),
        }
    }
}

impl From<&RuleAtServer> for ServerRule {
    fn from(rule: &RuleAtServer) -> Self {
        let standing = rule.standing.iter();
        let states = standing.map(|(label, condition)| AlertState {
            label: label.as_ref().map(Label::to_string),
            state: condition.as_str().to_owned(),
        });
        Self {
            rule: AlertRuleName {
                id: rule.row.id.to_string(),
                name: rule.row.said.name.clone(),
            },
            replaced_by: rule.replaced_by.iter().map(AlertRuleName::from).collect(),
            states: states.collect(),
        }
    }
}

impl From<&Preview> for AlertRulePreview {
    fn from(preview: &Preview) -> Self {
        Self {
            from: Time(preview.from),
            to: Time(preview.to),
            servers: preview.servers as u64,
            more_servers: preview.more_servers as u64,
            known: !preview.unknown,
            count: preview.count as u64,
            incidents: preview
                .incidents
                .iter()
                .map(PreviewedIncident::from)
                .collect(),
        }
    }
}

impl From<&PreviewIncident> for PreviewedIncident {
    fn from(incident: &PreviewIncident) -> Self {
        Self {
            server: incident.server.to_string(),
            server_name: incident.server_name.clone(),
            label: incident.label.as_ref().map(Label::to_string),
            severity: incident.past.severity.as_str().to_owned(),
            opened_at: Time(incident.past.opened_at),
            ended_at: incident.past.ended_at.map(Time),
            worst: incident.past.worst,
        }
    }
}
