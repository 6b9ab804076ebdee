//! Incidents: their history, what people did, and what follows from the engine.

mod changes;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use server_scout_wire::Timestamp;

pub use self::changes::{Restored, apply, end_of_server, restore};
use super::schema::{incident, incident_event, server};
use super::{Scope, StoreError, servers};
use crate::alerting::Severity;
use crate::id::{AlertRule, Id, Incident, Server};

/// An incident, with the name that its server has now.
#[derive(Clone, Debug, PartialEq, Queryable)]
pub struct IncidentRow {
    /// Its id.
    pub id: Id<Incident>,
    /// The rule.
    pub rule: Id<AlertRule>,
    /// The rule's name when it was opened.
    pub rule_name: String,
    /// The word of the rule's kind.
    pub kind: String,
    /// The word of the measure.
    pub measure: String,
    /// `above` or `below`.
    pub comparison: String,
    /// The server.
    pub server: Id<Server>,
    /// The server's name.
    pub server_name: String,
    /// The value's label; empty where the measure has none.
    pub label: String,
    severity: String,
    worst_severity: String,
    /// The threshold that was breached.
    pub threshold: f64,
    /// The value when it was opened.
    pub value: f64,
    /// The value that was furthest beyond, as of its last change.
    pub worst: f64,
    opened_at: i64,
    ended_at: Option<i64>,
    noticed_at: i64,
    /// Why it is over.
    pub end_reason: Option<String>,
    /// How often it had come back soon after its end.
    pub flaps: i32,
    acknowledged_at: Option<i64>,
    /// Who has it in hand; empty when nobody has.
    pub acknowledged_by: String,
    /// What they said.
    pub note: String,
    snoozed_until: Option<i64>,
}

/// Something that happened to an incident.
#[derive(Clone, Debug, PartialEq, Queryable)]
pub struct EventRow {
    at: i64,
    /// What: `opened`, `escalated`, `eased`, `reminded`, `resolved`, `acknowledged`, `released`, `snoozed`
    /// or `noted`.
    pub kind: String,
    /// How much the incident mattered from then on.
    pub severity: String,
    /// The value, where one led to it.
    pub value: Option<f64>,
    /// Who did it; empty for the dashboard.
    pub person: String,
    /// What they said, or why it is over.
    pub note: String,
}

/// Which incidents to list; what is none is not asked.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Open ones, or such that are over.
    pub open: Option<bool>,
    /// Of this severity at its worst.
    pub severity: Option<Severity>,
    /// Of this server.
    pub server: Option<Id<Server>>,
    /// Of this rule.
    pub rule: Option<Id<AlertRule>>,
    /// Noticed at that time or later.
    pub from: Option<Timestamp>,
    /// Noticed before that time.
    pub to: Option<Timestamp>,
    /// Those that come after this one in the list.
    pub after: Option<(Timestamp, Id<Incident>)>,
}

/// What a person does about an incident.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Takes it in hand.
    Acknowledge,
    /// Lets it go again.
    Release,
    /// Wants to hear nothing until then.
    Snooze(Timestamp),
    /// Says something.
    Note,
}

impl IncidentRow {
    /// How much it matters, or mattered at its end.
    #[must_use]
    pub fn severity(&self) -> Severity {
        Severity::from_word(&self.severity).unwrap_or(Severity::Critical)
    }

    /// How much it mattered at its worst.
    #[must_use]
    pub fn worst_severity(&self) -> Severity {
        Severity::from_word(&self.worst_severity).unwrap_or(Severity::Critical)
    }

    /// When it began, by the clock of the samples.
    #[must_use]
    pub fn opened_at(&self) -> Timestamp {
        Timestamp::from_millis(self.opened_at)
    }

    /// When it ended, by the clock of the samples.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at.map(Timestamp::from_millis)
    }

    /// When the dashboard noticed it.
    #[must_use]
    pub fn noticed_at(&self) -> Timestamp {
        Timestamp::from_millis(self.noticed_at)
    }

    /// Since when somebody has it in hand.
    #[must_use]
    pub fn acknowledged_at(&self) -> Option<Timestamp> {
        self.acknowledged_at.map(Timestamp::from_millis)
    }

    /// Until when nobody wants to hear of it.
    #[must_use]
    pub fn snoozed_until(&self) -> Option<Timestamp> {
        self.snoozed_until.map(Timestamp::from_millis)
    }
}

impl EventRow {
    /// When.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }
}

/// The incidents of the servers that the scope shows, the newest first, at most `limit`.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<IncidentRow>, StoreError> {
    let mut query = servers::shown(scope)
        .inner_join(incident::table.on(incident::server_id.eq(server::id)))
        .filter(incident::organisation_id.eq(scope.organisation()))
        .order((incident::noticed_at.desc(), incident::id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .into_boxed();
    if let Some(open) = filter.open {
        query = query.filter(incident::ended_at.is_null().eq(open.into_sql::<Bool>()));
    }
    if let Some(severity) = filter.severity {
        query = query.filter(incident::worst_severity.eq(severity.as_str()));
    }
    if let Some(server) = filter.server {
        query = query.filter(incident::server_id.eq(server));
    }
    if let Some(rule) = filter.rule {
        query = query.filter(incident::rule_id.eq(rule));
    }
    if let Some(from) = filter.from {
        query = query.filter(incident::noticed_at.ge(from.as_millis()));
    }
    if let Some(to) = filter.to {
        query = query.filter(incident::noticed_at.lt(to.as_millis()));
    }
    if let Some((at, id)) = filter.after {
        let same = incident::noticed_at
            .eq(at.as_millis())
            .and(incident::id.lt(id));
        query = query.filter(incident::noticed_at.lt(at.as_millis()).or(same));
    }
    Ok(query.load(connection)?)
}

/// One incident.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Incident>,
) -> Result<IncidentRow, StoreError> {
    Ok(servers::shown(scope)
        .inner_join(incident::table.on(incident::server_id.eq(server::id)))
        .filter(incident::organisation_id.eq(scope.organisation()))
        .filter(incident::id.eq(id))
        .select(COLUMNS)
        .first(connection)?)
}

/// How many are open at the servers that the scope shows.
pub fn count_open(connection: &mut SqliteConnection, scope: Scope) -> Result<i64, StoreError> {
    Ok(servers::shown(scope)
        .inner_join(incident::table.on(incident::server_id.eq(server::id)))
        .filter(incident::organisation_id.eq(scope.organisation()))
        .filter(incident::ended_at.is_null())
        .count()
        .get_result(connection)?)
}

/// What happened to an incident, in order.
pub fn events(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Incident>,
) -> Result<Vec<EventRow>, StoreError> {
    get(connection, scope, id)?;
    Ok(incident_event::table
        .filter(incident_event::organisation_id.eq(scope.organisation()))
        .filter(incident_event::incident_id.eq(id))
        .order(incident_event::id)
        .select((
            incident_event::at,
            incident_event::kind,
            incident_event::severity,
            incident_event::value,
            incident_event::person,
            incident_event::note,
        ))
        .load(connection)?)
}

/// Does what a person does about an open incident. Conflict when it is over, or much was done already.
pub fn act(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Incident>,
    (deed, person, note): (&Deed, &str, &str),
    now: Timestamp,
) -> Result<IncidentRow, StoreError> {
    let row = get(connection, scope, id)?;
    let before: i64 = incident_event::table
        .filter(incident_event::incident_id.eq(id))
        .count()
        .get_result(connection)?;
    let noted = *deed == Deed::Note;
    if (row.ended_at.is_some() && !noted) || before >= MAX_EVENTS {
        return Err(StoreError::Conflict);
    }
    let this = incident::table
        .filter(incident::organisation_id.eq(scope.organisation()))
        .filter(incident::id.eq(id));
    let kind = match deed {
        Deed::Acknowledge => {
            diesel::update(this)
                .set((
                    incident::acknowledged_at.eq(Some(now.as_millis())),
                    incident::acknowledged_by.eq(person),
                    incident::note.eq(note),
                ))
                .execute(connection)?;
            "acknowledged"
        }
        Deed::Release => {
            diesel::update(this)
                .set((
                    incident::acknowledged_at.eq(None::<i64>),
                    incident::acknowledged_by.eq(""),
                    incident::snoozed_until.eq(None::<i64>),
                ))
                .execute(connection)?;
            "released"
        }
        Deed::Snooze(until) => {
            diesel::update(this)
                .set(incident::snoozed_until.eq(Some(until.as_millis())))
                .execute(connection)?;
            "snoozed"
        }
        Deed::Note => "noted",
    };
    let event = NewEvent {
        organisation_id: scope.organisation(),
        incident_id: id,
        at: now.as_millis(),
        kind,
        severity: row.severity().as_str(),
        value: None,
        person,
        note,
    };
    event.add(connection)?;
    get(connection, scope, id)
}

/// Removes incidents that ended before `before`, at most `limit`. Whether there may be more.
pub fn remove_ended(
    connection: &mut SqliteConnection,
    scope: Scope,
    before: Timestamp,
    limit: i64,
) -> Result<bool, StoreError> {
    let some: Vec<Id<Incident>> = incident::table
        .filter(incident::organisation_id.eq(scope.organisation()))
        .filter(incident::closed_at.lt(before.as_millis()))
        .limit(limit)
        .select(incident::id)
        .load(connection)?;
    diesel::delete(incident::table.filter(incident::id.eq_any(&some))).execute(connection)?;
    Ok(i64::try_from(some.len()).unwrap_or(limit) >= limit)
}

#[derive(Insertable)]
#[diesel(table_name = incident_event)]
struct NewEvent<'a> {
    organisation_id: Id<crate::id::Organisation>,
    incident_id: Id<Incident>,
    at: i64,
    kind: &'a str,
    severity: &'a str,
    value: Option<f64>,
    person: &'a str,
    note: &'a str,
}

impl NewEvent<'_> {
    fn add(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        diesel::insert_into(incident_event::table)
            .values(self)
            .execute(connection)?;
        Ok(())
    }
}

/// Events that are kept of one incident; what comes after changes it and is not told of.
const MAX_EVENTS: i64 = 500;

type Columns = (
    incident::id,
    incident::rule_id,
    incident::rule_name,
    incident::kind,
    incident::measure,
    incident::comparison,
    incident::server_id,
    server::name,
    incident::label,
    incident::severity,
    incident::worst_severity,
    incident::threshold,
    incident::value,
    incident::worst,
    incident::opened_at,
    incident::ended_at,
    incident::noticed_at,
    incident::end_reason,
    incident::flaps,
    incident::acknowledged_at,
    incident::acknowledged_by,
    incident::note,
    incident::snoozed_until,
);
const COLUMNS: Columns = (
    incident::id,
    incident::rule_id,
    incident::rule_name,
    incident::kind,
    incident::measure,
    incident::comparison,
    incident::server_id,
    server::name,
    incident::label,
    incident::severity,
    incident::worst_severity,
    incident::threshold,
    incident::value,
    incident::worst,
    incident::opened_at,
    incident::ended_at,
    incident::noticed_at,
    incident::end_reason,
    incident::flaps,
    incident::acknowledged_at,
    incident::acknowledged_by,
    incident::note,
    incident::snoozed_until,
);
