//! Alert rules, incidents and maintenance windows of an export.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::export::{Record, time};
use super::schema::{incident, incident_event};
use super::{Scope, StoreError, alert_rules, incidents, maintenance};
use crate::alerting::maintenance::Schedule;
use crate::alerting::{Labels, Reach};
use crate::id::{Id, Incident};

/// Records of a list that is short, after one of them.
fn some(mut records: Vec<Record>, after: i64, limit: i64) -> Vec<Record> {
    records.retain(|(id, _)| *id > after);
    records.sort_by_key(|(id, _)| *id);
    records.truncate(usize::try_from(limit).unwrap_or_default());
    records
}

pub(super) fn rules(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let rows = alert_rules::list(connection, scope)?.into_iter();
    let record = |row: alert_rules::RuleRow| {
        let (said, terms) = (&row.said, &row.said.terms);
        let (label, pattern) = match &terms.labels {
            Labels::Any => (None, None),
            Labels::One(label) => (Some(label.as_str()), None),
            Labels::Pattern(pattern) => (None, Some(pattern.as_str())),
        };
        let record = json!({
            "kind": "alert-rule",
            "id": row.id.to_string(),
            "name": said.name,
            "enabled": said.enabled,
            "rule_kind": said.kind,
            "scope": reach(&said.reach),
            "metric": terms.measure.as_str(),
            "label": label,
            "label_pattern": pattern,
            "comparison": terms.comparison.as_str(),
            "warning": terms.warning,
            "critical": terms.critical,
            "recovery": terms.recovery,
            "sustain_seconds": terms.sustain.as_secs(),
            "share_percent": terms.share,
            "cooldown_seconds": terms.cooldown.as_secs(),
            "reminder_seconds": terms.remind_every.map(|every| every.as_secs()),
            "reminder_limit": terms.remind_limit,
            "channels": said.channels.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "created_at": row.created_at.to_string(),
        });
        (row.id.as_i64(), record)
    };
    Ok(some(rows.map(record).collect(), after, limit))
}

pub(super) fn incidents(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let ids: Vec<Id<Incident>> = incident::table
        .filter(incident::organisation_id.eq(scope.organisation()))
        .filter(incident::id.gt(after))
        .order(incident::id)
        .limit(limit)
        .select(incident::id)
        .load(connection)?;
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        // One of a server that was deleted is about to go.
        let row = match incidents::get(connection, scope, id) {
            Ok(row) => row,
            Err(StoreError::NotFound) => {
                records.push((
                    id.as_i64(),
                    json!({ "kind": "incident", "id": id.to_string() }),
                ));
                continue;
            }
            Err(error) => return Err(error),
        };
        let record = json!({
            "kind": "incident",
            "id": id.to_string(),
            "rule": row.rule.to_string(),
            "rule_name": row.rule_name,
            "rule_kind": row.kind,
            "metric": row.measure,
            "comparison": row.comparison,
            "server": row.server.to_string(),
            "label": Some(&row.label).filter(|label| !label.is_empty()),
            "severity": row.severity().as_str(),
            "worst_severity": row.worst_severity().as_str(),
            "threshold": row.threshold,
            "value": row.value,
            "worst": row.worst,
            "opened_at": row.opened_at().to_string(),
            "ended_at": row.ended_at().map(|at| at.to_string()),
            "noticed_at": row.noticed_at().to_string(),
            "end_reason": row.end_reason,
            "flaps": row.flaps,
            "acknowledged_at": row.acknowledged_at().map(|at| at.to_string()),
            "acknowledged_by": row.acknowledged_by,
            "note": row.note,
            "snoozed_until": row.snoozed_until().map(|at| at.to_string()),
        });
        records.push((id.as_i64(), record));
    }
    Ok(records)
}

pub(super) fn events(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    type Row = (
        i64,
        Id<Incident>,
        i64,
        String,
        String,
        Option<f64>,
        String,
        String,
    );
    let rows: Vec<Row> = incident_event::table
        .filter(incident_event::organisation_id.eq(scope.organisation()))
        .filter(incident_event::id.gt(after))
        .order(incident_event::id)
        .limit(limit)
        .select((
            incident_event::id,
            incident_event::incident_id,
            incident_event::at,
            incident_event::kind,
            incident_event::severity,
            incident_event::value,
            incident_event::person,
            incident_event::note,
        ))
        .load(connection)?;
    let record = |(id, incident, at, kind, severity, value, person, note): Row| {
        let record = json!({
            "kind": "incident-event",
            "incident": incident.to_string(),
            "at": time(at),
            "event": kind,
            "severity": severity,
            "value": value,
            "person": person,
            "note": note,
        });
        (id, record)
    };
    Ok(rows.into_iter().map(record).collect())
}

pub(super) fn windows(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let rows = maintenance::list(connection, scope)?.into_iter();
    let record = |row: maintenance::WindowRow| {
        let schedule = match &row.window.schedule {
            Schedule::Once { from, to } => {
                json!({ "from": from.to_string(), "to": to.to_string() })
            }
            Schedule::Weekly(weekly) => json!({
                "days_from_monday": weekly.days,
                "minute": weekly.minute,
                "seconds": weekly.length.as_secs(),
                "time_zone": weekly.zone.iana_name(),
                "until": weekly.until.map(|until| until.to_string()),
            }),
        };
        let record = json!({
            "kind": "maintenance-window",
            "id": row.id.to_string(),
            "name": row.name,
            "scope": reach(&row.window.reach),
            "schedule": schedule,
            "created_at": row.created_at.to_string(),
            "created_by": row.created_by,
        });
        (row.id.as_i64(), record)
    };
    Ok(some(rows.map(record).collect(), after, limit))
}

fn reach(reach: &Reach) -> Value {
    match reach {
        Reach::Organisation => json!({}),
        Reach::Group(group) => json!({ "group": group.to_string() }),
        Reach::Tag(tag) => json!({ "tag": tag.to_string() }),
        Reach::Server(server) => json!({ "server": server.to_string() }),
    }
}
