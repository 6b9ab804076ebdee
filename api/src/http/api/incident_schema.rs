//! The shapes of incidents.

use poem_openapi::Object;

use super::schema::Time;
use crate::domain::alerts::IncidentView;
use crate::store::incidents::EventRow;

/// An incident.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Incident {
    /// Its opaque id.
    id: String,
    /// The rule's id. The rule may have been deleted.
    rule: String,
    /// The rule's name when it was opened.
    rule_name: String,
    /// The rule's kind.
    kind: String,
    /// What was compared.
    metric: String,
    /// `above` or `below`.
    comparison: String,
    /// The server's id.
    server: String,
    /// The server's name.
    server_name: String,
    /// The value's label.
    label: Option<String>,
    /// `warning` or `critical`, as of now or of its end.
    severity: String,
    /// The same at its worst.
    worst_severity: String,
    /// `firing`, `recovering`, `unknown` without data, or `resolved`.
    state: String,
    /// The threshold that was breached.
    threshold: f64,
    /// The value when it was opened.
    value: f64,
    /// The value that was furthest beyond, as of its last change.
    worst: f64,
    /// When it was opened, by the clock of the samples.
    opened_at: Time,
    /// When it ended, by the clock of the samples.
    ended_at: Option<Time>,
    /// When the dashboard noticed it.
    noticed_at: Time,
    /// `good`, `gone`, `paused`, `rule-changed` or `server-deleted`.
    end_reason: Option<String>,
    /// How often it had come back within an hour of its end. Each time it must be good for twice as long.
    flaps: u32,
    /// Since when somebody has it in hand.
    acknowledged_at: Option<Time>,
    /// Who has it in hand.
    acknowledged_by: Option<String>,
    /// What they said.
    note: Option<String>,
    /// Until when nobody is told of it.
    snoozed_until: Option<Time>,
}

/// Something that happened to an incident.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct IncidentEvent {
    /// When.
    at: Time,
    /// `opened`, `escalated`, `eased`, `reminded`, `resolved`, `acknowledged`, `released`, `snoozed` or
    /// `noted`.
    kind: String,
    /// How much the incident mattered from then on.
    severity: String,
    /// The value that led to it.
    value: Option<f64>,
    /// Who did it.
    person: Option<String>,
    /// What they said, or why it is over.
    note: Option<String>,
}

impl From<&IncidentView> for Incident {
    fn from(view: &IncidentView) -> Self {
        let row = &view.row;
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            id: row.id.to_string(),
            rule: row.rule.to_string(),
            rule_name: row.rule_name.clone(),
            kind: row.kind.clone(),
            metric: row.measure.clone(),
            comparison: row.comparison.clone(),
            server: row.server.to_string(),
            server_name: row.server_name.clone(),
            label: text(&row.label),
            severity: row.severity().as_str().to_owned(),
            worst_severity: row.worst_severity().as_str().to_owned(),
            state: view.state().to_owned(),
            threshold: row.threshold,
            value: row.value,
            worst: row.worst,
            opened_at: Time(row.opened_at()),
            ended_at: row.ended_at().map(Time),
            noticed_at: Time(row.noticed_at()),
            end_reason: row.end_reason.clone(),
            flaps: u32::try_from(row.flaps).unwrap_or_default(),
            acknowledged_at: row.acknowledged_at().map(Time),
            acknowledged_by: text(&row.acknowledged_by),
            note: text(&row.note),
            snoozed_until: row.snoozed_until().map(Time),
        }
    }
}

impl From<&EventRow> for IncidentEvent {
    fn from(event: &EventRow) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            at: Time(event.at()),
            kind: event.kind.clone(),
            severity: event.severity.clone(),
            value: event.value,
            person: text(&event.person),
            note: text(&event.note),
        }
    }
}
