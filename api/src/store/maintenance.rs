//! Maintenance windows.

use std::time::Duration;

use diesel::prelude::*;
use jiff::tz::TimeZone;
use server_scout_wire::Timestamp;

use super::alert_rules::{ReachColumns, reach, reach_columns, reach_is_shown};
use super::schema::{maintenance_window, server, server_group};
use super::{Scope, StoreError, groups, servers};
use crate::alerting::maintenance::{Schedule, Weekly, Window};
use crate::id::{Group, Id, MaintenanceWindow, Organisation, Server};

/// A maintenance window as people say it.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRow {
    /// Its id.
    pub id: Id<MaintenanceWindow>,
    /// What it is called.
    pub name: String,
    /// For which servers, and when.
    pub window: Window,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = maintenance_window)]
struct Stored {
    id: Id<MaintenanceWindow>,
    name: String,
    group_id: Option<Id<Group>>,
    tag: Option<String>,
    server_id: Option<Id<Server>>,
    from_at: Option<i64>,
    to_at: Option<i64>,
    days: Option<i32>,
    minute: Option<i32>,
    length: Option<i64>,
    zone: Option<String>,
    until_at: Option<i64>,
    created_at: i64,
    created_by: String,
}

/// The windows that the scope shows, the newest first: those for all or for a tag, and those for groups
/// and servers that it shows.
pub fn list(connection: &mut SqliteConnection, scope: Scope) -> Result<Vec<WindowRow>, StoreError> {
    let groups = groups::shown(scope).select(server_group::id.nullable());
    let servers = servers::shown(scope).select(server::id.nullable());
    let in_group = maintenance_window::group_id
        .is_null()
        .or(maintenance_window::group_id.eq_any(groups));
    let at_server = maintenance_window::server_id
        .is_null()
        .or(maintenance_window::server_id.eq_any(servers));
    let stored: Vec<Stored> = maintenance_window::table
        .filter(maintenance_window::organisation_id.eq(scope.organisation()))
        .filter(in_group.assume_not_null())
        .filter(at_server.assume_not_null())
        .order((
            maintenance_window::created_at.desc(),
            maintenance_window::id,
        ))
        .select(Stored::as_select())
        .load(connection)?;
    Ok(stored.into_iter().filter_map(Stored::row).collect())
}

/// One window.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<MaintenanceWindow>,
) -> Result<WindowRow, StoreError> {
    let mut windows = list(connection, scope)?.into_iter();
    windows.find(|row| row.id == id).ok_or(StoreError::NotFound)
}

/// How many windows the organisation has, whoever asks: for its limit.
pub fn count(connection: &mut SqliteConnection, scope: Scope) -> Result<usize, StoreError> {
    let count: i64 = maintenance_window::table
        .filter(maintenance_window::organisation_id.eq(scope.organisation()))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Makes a window. What its reach names must be there.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    (name, window, by): (&str, &Window, &str),
    now: Timestamp,
) -> Result<WindowRow, StoreError> {
    reach_is_shown(connection, scope, &window.reach)?;
    let id: Id<MaintenanceWindow> = Id::random();
    let (group, tag, server): ReachColumns = reach_columns(&window.reach);
    diesel::insert_into(maintenance_window::table)
        .values((
            maintenance_window::id.eq(id),
            maintenance_window::organisation_id.eq(scope.organisation()),
            maintenance_window::name.eq(name),
            maintenance_window::group_id.eq(group),
            maintenance_window::tag.eq(tag),
            maintenance_window::server_id.eq(server),
            times(&window.schedule),
            maintenance_window::created_at.eq(now.as_millis()),
            maintenance_window::created_by.eq(by),
        ))
        .execute(connection)?;
    get(connection, scope, id)
}

/// Ends a window at `now`: one that is once stays for the record, another one goes.
pub fn end(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<MaintenanceWindow>,
    now: Timestamp,
) -> Result<WindowRow, StoreError> {
    let row = get(connection, scope, id)?;
    let ours = maintenance_window::table
        .filter(maintenance_window::organisation_id.eq(scope.organisation()))
        .filter(maintenance_window::id.eq(id));
    let Schedule::Once { from, to } = row.window.schedule else {
        return Err(StoreError::Conflict);
    };
    if now < to {
        let from = from.min(now);
        diesel::update(ours)
            .set((
                maintenance_window::from_at.eq(Some(from.as_millis())),
                maintenance_window::to_at.eq(Some(now.as_millis())),
            ))
            .execute(connection)?;
    }
    get(connection, scope, id)
}

/// Deletes a window.
pub fn delete(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<MaintenanceWindow>,
) -> Result<(), StoreError> {
    get(connection, scope, id)?;
    let ours = maintenance_window::table
        .filter(maintenance_window::organisation_id.eq(scope.organisation()))
        .filter(maintenance_window::id.eq(id));
    diesel::delete(ours).execute(connection)?;
    Ok(())
}

/// Removes windows that were over before `before`.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    let over = maintenance_window::to_at
        .lt(before.as_millis())
        .or(maintenance_window::until_at.lt(before.as_millis()));
    diesel::delete(maintenance_window::table.filter(over)).execute(connection)?;
    Ok(())
}

/// Every window of an organisation, for the engine.
pub(super) fn all_of(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
) -> Result<Vec<Window>, StoreError> {
    let stored: Vec<Stored> = maintenance_window::table
        .filter(maintenance_window::organisation_id.eq(organisation))
        .order(maintenance_window::id)
        .select(Stored::as_select())
        .load(connection)?;
    let rows = stored.into_iter().filter_map(Stored::row);
    Ok(rows.map(|row| row.window).collect())
}

#[derive(Insertable)]
#[diesel(table_name = maintenance_window)]
struct Times {
    from_at: Option<i64>,
    to_at: Option<i64>,
    days: Option<i32>,
    minute: Option<i32>,
    length: Option<i64>,
    zone: Option<String>,
    until_at: Option<i64>,
}

fn times(schedule: &Schedule) -> Times {
    match schedule {
        Schedule::Once { from, to } => Times {
            from_at: Some(from.as_millis()),
            to_at: Some(to.as_millis()),
            days: None,
            minute: None,
            length: None,
            zone: None,
            until_at: None,
        },
        Schedule::Weekly(weekly) => {
            let days = weekly.days.iter().zip(0..);
            let days = days.fold(0, |bits, (on, day)| bits | (i32::from(*on) << day));
            Times {
                from_at: None,
                to_at: None,
                days: Some(days),
                minute: Some(i32::from(weekly.minute)),
                length: i64::try_from(weekly.length.as_secs()).ok(),
                zone: weekly.zone.iana_name().map(str::to_owned),
                until_at: weekly.until.map(Timestamp::as_millis),
            }
        }
    }
}

impl Stored {
    fn row(self) -> Option<WindowRow> {
        let time = Timestamp::from_millis;
        let schedule = match (self.from_at, self.to_at, self.days) {
            (Some(from), Some(to), _) => Schedule::Once {
                from: time(from),
                to: time(to),
            },
            (_, _, Some(days)) => Schedule::Weekly(Weekly {
                days: std::array::from_fn(|day| days & (1 << day) != 0),
                minute: u16::try_from(self.minute?).ok()?,
                length: Duration::from_secs(u64::try_from(self.length?).ok()?),
                zone: TimeZone::get(&self.zone?).ok()?,
                until: self.until_at.map(time),
            }),
            _ => return None,
        };
        Some(WindowRow {
            id: self.id,
            name: self.name,
            window: Window {
                reach: reach((self.group_id, self.tag, self.server_id))?,
                schedule,
            },
            created_at: time(self.created_at),
            created_by: self.created_by,
        })
    }
}
