//! The dead man's switch: one heartbeat of each organisation, and when alerts were last evaluated.

use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{alert_evaluation, heartbeat, organisation};
use super::{Scope, StoreError};
use crate::id::{Heartbeat, Id, Organisation};
use crate::sealing::Place;

/// A heartbeat as people see it.
#[derive(Clone, Debug, Eq, PartialEq, Queryable, Selectable)]
#[diesel(table_name = heartbeat)]
pub struct HeartbeatRow {
    /// Its id: another one with each address.
    pub id: Id<Heartbeat>,
    /// A host and the last four characters of the address.
    pub shown: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Minutes from one to the next, 1 to 1440.
    pub every_minutes: i32,
    created_at: i64,
    due_at: i64,
    arrived_at: Option<i64>,
    tried_at: Option<i64>,
    /// The status of the last answer.
    pub status: Option<i32>,
    /// What went wrong the last time.
    pub problem: Option<String>,
    /// How long the last try took, milliseconds.
    pub took: Option<i32>,
}

/// What people say of a heartbeat beside its address.
#[derive(Clone, Copy, Debug)]
pub struct SaidHeartbeat {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Minutes from one to the next, 1 to 1440.
    pub every_minutes: i32,
}

/// A heartbeat that is due, with all that is needed for it.
#[derive(Clone, Debug)]
pub struct DueHeartbeat {
    /// Its id.
    pub id: Id<Heartbeat>,
    /// Whose.
    pub organisation: Id<Organisation>,
    /// What that organisation is called.
    pub organisation_name: String,
    /// The sealed address.
    pub sealed: Vec<u8>,
    /// `GET` or `POST`.
    pub method: String,
    /// From one to the next.
    pub every: Duration,
    /// Since when it is due.
    pub due_at: Timestamp,
}

/// What became of a try.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Since when it was due.
    pub due_at: Timestamp,
    /// When the next one is due.
    pub next_at: Timestamp,
    /// Whether it arrived.
    pub arrived: bool,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub problem: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl HeartbeatRow {
    /// When it was set up.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_at)
    }

    /// When the next one is due.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        Timestamp::from_millis(self.due_at)
    }

    /// When one last arrived.
    #[must_use]
    pub fn arrived_at(&self) -> Option<Timestamp> {
        self.arrived_at.map(Timestamp::from_millis)
    }

    /// When it was last tried.
    #[must_use]
    pub fn tried_at(&self) -> Option<Timestamp> {
        self.tried_at.map(Timestamp::from_millis)
    }
}

/// The place of a heartbeat's sealed address.
#[must_use]
pub fn address_place(id: Id<Heartbeat>) -> Place {
    Place::new("heartbeat", "sealed_address", id)
}

/// The organisation's heartbeat.
pub fn get(connection: &mut SqliteConnection, scope: Scope) -> Result<HeartbeatRow, StoreError> {
    Ok(ours(scope)
        .select(HeartbeatRow::as_select())
        .first(connection)?)
}

/// Sets a heartbeat up in the place of the one before; `seal` seals its address for the place that it is
/// given. The first is due at once.
pub fn set(
    connection: &mut SqliteConnection,
    scope: Scope,
    shown: &str,
    said: SaidHeartbeat,
    seal: impl FnOnce(&Place) -> Result<Vec<u8>, StoreError>,
    now: Timestamp,
) -> Result<HeartbeatRow, StoreError> {
    let id: Id<Heartbeat> = Id::random();
    let sealed = seal(&address_place(id))?;
    diesel::delete(ours(scope)).execute(connection)?;
    diesel::insert_into(heartbeat::table)
        .values((
            heartbeat::id.eq(id),
            heartbeat::organisation_id.eq(scope.organisation()),
            heartbeat::sealed_address.eq(sealed),
            heartbeat::shown.eq(shown),
            heartbeat::method.eq(said.method),
            heartbeat::every_minutes.eq(said.every_minutes),
            heartbeat::created_at.eq(now.as_millis()),
            heartbeat::due_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    get(connection, scope)
}

/// Changes how a heartbeat is sent. The next is due at once.
pub fn change(
    connection: &mut SqliteConnection,
    scope: Scope,
    said: SaidHeartbeat,
    now: Timestamp,
) -> Result<HeartbeatRow, StoreError> {
    diesel::update(ours(scope))
        .set((
            heartbeat::method.eq(said.method),
            heartbeat::every_minutes.eq(said.every_minutes),
            heartbeat::due_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    get(connection, scope)
}

/// Removes the organisation's heartbeat.
pub fn remove(connection: &mut SqliteConnection, scope: Scope) -> Result<(), StoreError> {
    match diesel::delete(ours(scope)).execute(connection)? {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

/// Heartbeats that are due, without those of organisations that have one under way, the longest due first and
/// at most `limit`.
/// None while alerts are not evaluated: then it is the silence that tells.
pub fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
    busy: &[Id<Organisation>],
    limit: usize,
) -> Result<Vec<DueHeartbeat>, StoreError> {
    type Row = (
        (Id<Heartbeat>, Id<Organisation>, String, Vec<u8>),
        (String, i32, i64),
    );
    if !is_evaluated(connection, now)? {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = heartbeat::table
        .inner_join(organisation::table)
        .filter(heartbeat::due_at.le(now.as_millis()))
        .filter(heartbeat::organisation_id.ne_all(busy))
        .filter(organisation::deleted_at.is_null())
        .order(heartbeat::due_at)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select((
            (
                heartbeat::id,
                heartbeat::organisation_id,
                organisation::name,
                heartbeat::sealed_address,
            ),
            (
                heartbeat::method,
                heartbeat::every_minutes,
                heartbeat::due_at,
            ),
        ))
        .load(connection)?;
    let found = |((id, organisation, organisation_name, sealed), (method, every, due_at)): Row| {
        DueHeartbeat {
            id,
            organisation,
            organisation_name,
            sealed,
            method,
            every: Duration::from_mins(u64::try_from(every).unwrap_or(1)),
            due_at: Timestamp::from_millis(due_at),
        }
    };
    Ok(rows.into_iter().map(found).collect())
}

/// Keeps what became of a try. One that was replaced meanwhile is told nothing.
pub fn note(
    connection: &mut SqliteConnection,
    id: Id<Heartbeat>,
    beat: &Beat,
    now: Timestamp,
) -> Result<(), StoreError> {
    let this = heartbeat::table.filter(heartbeat::id.eq(id));
    let took = i32::try_from(beat.took.as_millis()).unwrap_or(i32::MAX);
    diesel::update(this)
        .set((
            heartbeat::tried_at.eq(now.as_millis()),
            heartbeat::status.eq(beat.status.map(i32::from)),
            heartbeat::problem.eq(&beat.problem),
            heartbeat::took.eq(took),
        ))
        .execute(connection)?;
    // Unless somebody changed it meanwhile, and waits for the next one.
    diesel::update(this.filter(heartbeat::due_at.eq(beat.due_at.as_millis())))
        .set(heartbeat::due_at.eq(beat.next_at.as_millis()))
        .execute(connection)?;
    if beat.arrived {
        diesel::update(this)
            .set(heartbeat::arrived_at.eq(now.as_millis()))
            .execute(connection)?;
    }
    Ok(())
}

/// Keeps that all alert rules were evaluated just now.
pub fn evaluated(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(alert_evaluation::table)
        .set(alert_evaluation::at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(())
}

fn is_evaluated(connection: &mut SqliteConnection, now: Timestamp) -> Result<bool, StoreError> {
    let at: i64 = alert_evaluation::table
        .select(alert_evaluation::at)
        .first(connection)?;
    // A time to come is of a clock that was wrong.
    let lately = now.before(LATELY).as_millis()..=now.after(LATELY).as_millis();
    Ok(lately.contains(&at))
}

/// Seals the address of every heartbeat anew, each as `again` says. Returns how many there are.
pub(super) fn seal_again(
    connection: &mut SqliteConnection,
    again: &mut impl FnMut(&Place, &[u8]) -> Result<Vec<u8>, StoreError>,
) -> Result<usize, StoreError> {
    let all: Vec<(Id<Heartbeat>, Vec<u8>)> = heartbeat::table
        .select((heartbeat::id, heartbeat::sealed_address))
        .load(connection)?;
    for (id, sealed) in &all {
        let fresh = again(&address_place(*id), sealed)?;
        diesel::update(heartbeat::table.filter(heartbeat::id.eq(id)))
            .set(heartbeat::sealed_address.eq(fresh))
            .execute(connection)?;
    }
    Ok(all.len())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn ours(scope: Scope) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    heartbeat::table.filter(heartbeat::organisation_id.eq(organisation))
}

/// Evaluations that are older are none; the dashboard says every 15 seconds that it evaluates.
const LATELY: Duration = Duration::from_mins(1);
