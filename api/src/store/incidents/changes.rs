//! What follows from the engine, stored with what is to be told of it; and what it starts from.

use std::collections::HashMap;

use diesel::prelude::*;
use server_scout_wire::{Label, Timestamp};

use super::{MAX_EVENTS, NewEvent};
use crate::alerting::{
    Change, End, Ended, Firing, Instance, Measure, Notice, Outcome, Place, Severity, What,
};
use crate::id::{AlertRule, Id, Incident, Organisation, Server};
use crate::store::alert_notices::{self, About, Tells};
use crate::store::schema::{alert_rule, incident, incident_event, server};
use crate::store::{Scope, StoreError, alert_rules, alert_states};

/// Stores a change and the notice of it. Moot when what it is about is gone.
pub fn apply(connection: &mut SqliteConnection, change: &Change) -> Result<Outcome, StoreError> {
    match change.what {
        What::Open { flaps, boot } => {
            if !open(connection, change, flaps)? {
                return Ok(Outcome::Moot);
            }
            if let Some(boot) = boot {
                let (organisation, server) = (change.organisation, change.server);
                alert_states::keep_boot(connection, organisation, server, boot)?;
            }
        }
        _ => {
            if !go_on(connection, change)? {
                return Ok(Outcome::Moot);
            }
        }
    }
    note(connection, change)?;
    tell(connection, change)?;
    Ok(Outcome::Stored)
}

fn open(connection: &mut SqliteConnection, change: &Change, flaps: u8) -> Result<bool, StoreError> {
    let there = server::table
        .filter(server::id.eq(change.server))
        .filter(server::organisation_id.eq(change.organisation))
        .filter(server::deleted_at.is_null())
        .filter(server::paused_at.is_null());
    let there: bool = diesel::select(diesel::dsl::exists(there)).get_result(connection)?;
    let rule = alert_rules::firing(connection, change.organisation, change.place.rule)?;
    let Some(rule) = rule.filter(|_| there) else {
        return Ok(false);
    };
    let terms = &rule.said.terms;
    let threshold = terms.threshold(change.severity);
    let threshold = threshold.or(terms.critical).or(terms.warning);
    diesel::insert_into(incident::table)
        .values((
            (
                incident::id.eq(change.incident),
                incident::organisation_id.eq(change.organisation),
                incident::rule_id.eq(rule.id),
                incident::rule_name.eq(&rule.said.name),
                incident::kind.eq(&rule.said.kind),
                incident::measure.eq(terms.measure.as_str()),
                incident::comparison.eq(terms.comparison.as_str()),
                incident::server_id.eq(change.server),
                incident::label.eq(label(change)),
            ),
            (
                incident::severity.eq(change.severity.as_str()),
                incident::worst_severity.eq(change.severity.as_str()),
                incident::threshold.eq(threshold.unwrap_or_default()),
                incident::value.eq(change.value.unwrap_or(change.worst)),
                incident::worst.eq(change.worst),
                incident::opened_at.eq(change.at.as_millis()),
                incident::noticed_at.eq(change.now.as_millis()),
                incident::flaps.eq(i32::from(flaps)),
                incident::told_at.eq(change.now.as_millis()),
            ),
        ))
        .execute(connection)?;
    Ok(true)
}

fn go_on(connection: &mut SqliteConnection, change: &Change) -> Result<bool, StoreError> {
    let this = incident::table
        .filter(incident::organisation_id.eq(change.organisation))
        .filter(incident::id.eq(change.incident))
        .filter(incident::ended_at.is_null());
    let severity = change.severity.as_str();
    let (now, worst) = (change.now.as_millis(), incident::worst.eq(change.worst));
    let changed = match change.what {
        What::Open { .. } => 0,
        What::Escalate => {
            let worst_severity = incident::worst_severity.eq(severity);
            let told = incident::told_at.eq(now);
            diesel::update(this)
                .set((incident::severity.eq(severity), worst_severity, worst, told))
                .execute(connection)?
        }
        What::Ease => diesel::update(this)
            .set((incident::severity.eq(severity), worst))
            .execute(connection)?,
        What::Remind(reminders) => {
            let reminders = i32::try_from(reminders).unwrap_or(i32::MAX);
            diesel::update(this)
                .set((
                    incident::reminders.eq(reminders),
                    incident::told_at.eq(now),
                    worst,
                ))
                .execute(connection)?
        }
        What::End(end) => diesel::update(this)
            .set((
                incident::ended_at.eq(Some(change.at.as_millis())),
                incident::closed_at.eq(Some(now)),
                incident::end_reason.eq(Some(end.as_str())),
                worst,
            ))
            .execute(connection)?,
    };
    Ok(changed == 1)
}

/// Adds to the timeline, as long as that is not endless. The end has its place always.
fn note(connection: &mut SqliteConnection, change: &Change) -> Result<(), StoreError> {
    let (kind, note) = match change.what {
        What::Open { .. } => ("opened", ""),
        What::Escalate => ("escalated", ""),
        What::Ease => ("eased", ""),
        What::Remind(_) => ("reminded", ""),
        What::End(end) => ("resolved", end.as_str()),
    };
    let before: i64 = incident_event::table
        .filter(incident_event::incident_id.eq(change.incident))
        .count()
        .get_result(connection)?;
    if before >= MAX_EVENTS && !matches!(change.what, What::End(_)) {
        return Ok(());
    }
    let event = NewEvent {
        organisation_id: change.organisation,
        incident_id: change.incident,
        at: change.at.as_millis(),
        kind,
        severity: change.severity.as_str(),
        value: change.value,
        person: "",
        note,
    };
    event.add(connection)
}

/// Writes what channels are to be told.
fn tell(connection: &mut SqliteConnection, change: &Change) -> Result<(), StoreError> {
    type Row = (String, String, String, String, f64, i64, i32);
    let Some(notice) = change.notice else {
        return Ok(());
    };
    let (rule_name, kind, measure, comparison, threshold, opened_at, flaps): Row = incident::table
        .filter(incident::id.eq(change.incident))
        .select((
            incident::rule_name,
            incident::kind,
            incident::measure,
            incident::comparison,
            incident::threshold,
            incident::opened_at,
            incident::flaps,
        ))
        .first(connection)?;
    let server_name: String = server::table
        .filter(server::id.eq(change.server))
        .select(server::name)
        .first(connection)?;
    let channels: Option<String> = alert_rule::table
        .filter(alert_rule::id.eq(change.place.rule))
        .select(alert_rule::channels)
        .first(connection)
        .optional()?;
    let unit = Measure::from_word(&measure).map_or("", Measure::unit);
    let tells = Tells {
        server: change.server.to_string(),
        server_name,
        rule_name,
        kind,
        unit: unit.to_owned(),
        measure,
        label: change.place.label.as_ref().map(ToString::to_string),
        comparison,
        threshold,
        value: change.value,
        worst: change.worst,
        opened_at: Timestamp::from_millis(opened_at).to_string(),
        end_reason: match change.what {
            What::End(end) => Some(end.as_str().to_owned()),
            _ => None,
        },
        flaps: u8::try_from(flaps).unwrap_or(u8::MAX),
    };
    let about = About {
        organisation: change.organisation,
        incident: change.incident,
        rule: change.place.rule,
        severity: change.severity,
        at: change.at,
        channels: channels.as_deref().unwrap_or("[]"),
    };
    alert_notices::add(connection, &about, notice, &tells)
}

/// A rule at a value of a server whose incident is open, or ended lately.
pub type Restored = (Id<Organisation>, Id<Server>, Place, Instance);

/// Open incidents, and what ended after `since`, of every organisation: what the engine starts from.
pub fn restore(
    connection: &mut SqliteConnection,
    since: Timestamp,
) -> Result<Vec<Restored>, StoreError> {
    type Row = (
        (Id<Organisation>, Id<Server>, Id<AlertRule>, String),
        (Id<Incident>, String, f64, i64, i32),
        (Option<i64>, Option<i64>, i32, Option<i64>, Option<String>),
    );
    type Known = (Id<Organisation>, Option<Firing>, Option<Ended>, u8);
    let kept = incident::ended_at
        .is_null()
        .or(incident::closed_at.ge(since.as_millis()));
    let rows: Vec<Row> = incident::table
        .filter(kept.assume_not_null())
        .order((incident::noticed_at, incident::id))
        .select((
            (
                incident::organisation_id,
                incident::server_id,
                incident::rule_id,
                incident::label,
            ),
            (
                incident::id,
                incident::severity,
                incident::worst,
                incident::told_at,
                incident::reminders,
            ),
            (
                incident::acknowledged_at,
                incident::snoozed_until,
                incident::flaps,
                incident::ended_at,
                incident::end_reason,
            ),
        ))
        .load(connection)?;
    let mut known: HashMap<(Id<Server>, Place), Known> = HashMap::new();
    for ((organisation, server, rule, label), (id, severity, worst, told_at, reminders), rest) in
        rows
    {
        let (acknowledged, snoozed, flaps, ended_at, reason) = rest;
        let place = Place::new(rule, Label::new(&label).ok());
        let flaps = u8::try_from(flaps).unwrap_or(u8::MAX);
        let entry = known
            .entry((server, place))
            .or_insert((organisation, None, None, 0));
        if let Some(at) = ended_at {
            // What ended for another reason than its value counts for nothing.
            let by_value = [End::Good, End::Gone].map(End::as_str);
            let by_value = by_value.iter().any(|word| reason.as_deref() == Some(word));
            let at = Timestamp::from_millis(at);
            entry.2 = by_value.then_some(Ended { at, flaps });
            continue;
        }
        entry.1 = Some(Firing {
            incident: id,
            severity: Severity::from_word(&severity).unwrap_or(Severity::Critical),
            worst,
            told_at: Timestamp::from_millis(told_at),
            reminders: u32::try_from(reminders).unwrap_or_default(),
            acknowledged: acknowledged.is_some(),
            snoozed_until: snoozed.map(Timestamp::from_millis),
        });
        entry.3 = flaps;
    }
    let known = known.into_iter();
    Ok(known
        .map(|((server, place), (organisation, firing, ended, flaps))| {
            (
                organisation,
                server,
                place,
                Instance::restored(firing, ended, flaps),
            )
        })
        .collect())
}

/// Ends what is open at a server that is being deleted, and has it told: soon nothing is left of it.
pub fn end_of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    now: Timestamp,
) -> Result<(), StoreError> {
    type Row = (Id<Incident>, Id<AlertRule>, String, String, f64);
    let open: Vec<Row> = incident::table
        .filter(incident::organisation_id.eq(scope.organisation()))
        .filter(incident::server_id.eq(server))
        .filter(incident::ended_at.is_null())
        .select((
            incident::id,
            incident::rule_id,
            incident::label,
            incident::severity,
            incident::worst,
        ))
        .load(connection)?;
    for (id, rule, label, severity, worst) in open {
        let change = Change {
            organisation: scope.organisation(),
            server,
            place: Place::new(rule, Label::new(&label).ok()),
            incident: id,
            what: What::End(End::ServerDeleted),
            severity: Severity::from_word(&severity).unwrap_or(Severity::Critical),
            at: now,
            now,
            value: None,
            worst,
            notice: Some(Notice::alone(now)),
        };
        apply(connection, &change)?;
    }
    Ok(())
}

fn label(change: &Change) -> &str {
    change.place.label.as_ref().map_or("", Label::as_str)
}
