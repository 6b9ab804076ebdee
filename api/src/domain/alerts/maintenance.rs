//! Maintenance windows.

use std::time::Duration;

use jiff::tz::TimeZone;
use server_scout_wire::Timestamp;

use super::rules::may_reach;
use crate::alerting::Reach;
use crate::alerting::maintenance::{Schedule, Weekly, Window};
use crate::domain::acting::Acting;
use crate::domain::audit::{Action, Object};
use crate::domain::names::Name;
use crate::domain::{ServiceError, Services};
use crate::id::{Id, MaintenanceWindow};
use crate::store::maintenance::{self, WindowRow};
use crate::store::{Scope, StoreError};

/// A window to make.
#[derive(Clone, Debug)]
pub struct NewWindow {
    /// What it is called.
    pub name: String,
    /// For which servers.
    pub reach: Reach,
    /// When.
    pub schedule: SaidSchedule,
}

/// When a window is open, as somebody says it.
#[derive(Clone, Debug)]
pub enum SaidSchedule {
    /// From now on for so many minutes.
    Now(u64),
    /// Once.
    Once(Timestamp, Timestamp),
    /// Every week.
    Weekly {
        /// Words of days: `mon` to `sun`.
        days: Vec<String>,
        /// `HH:MM` as clocks there show.
        start: String,
        /// For how many minutes.
        minutes: u64,
        /// The name of the time zone, such as `Europe/Berlin`.
        zone: String,
        /// Not after then.
        until: Option<Timestamp>,
    },
}

impl Services {
    /// The windows that the scope shows, the newest first.
    pub async fn maintenance_windows(&self, scope: Scope) -> Result<Vec<WindowRow>, ServiceError> {
        Ok(self
            .store()
            .read(move |c| maintenance::list(c, scope))
            .await?)
    }

    /// One window.
    pub async fn maintenance_window(
        &self,
        scope: Scope,
        id: Id<MaintenanceWindow>,
    ) -> Result<WindowRow, ServiceError> {
        let found = self.store().read(move |c| maintenance::get(c, scope, id));
        Ok(found.await?)
    }

    /// Makes a window. It counts at once.
    pub async fn add_maintenance_window(
        &self,
        acting: &Acting,
        new: NewWindow,
    ) -> Result<WindowRow, ServiceError> {
        let name = Name::parse("name", &new.name)?;
        may_reach(acting.scope, &new.reach)?;
        let (scope, now) = (acting.scope, self.clock().now());
        let window = Window {
            reach: new.reach,
            schedule: schedule(new.schedule, now)?,
        };
        let (audit, acting) = (self.audit(), acting.clone());
        let row = self
            .store()
            .write(move |c| {
                if maintenance::count(c, scope)? >= MAX_WINDOWS {
                    return Ok(None);
                }
                let by = acting.by.who.name().to_owned();
                let row = maintenance::create(c, scope, (name.as_str(), &window, &by), now)?;
                let object = Object::maintenance_window(row.id, &row.name);
                let detail = words(&row.window.schedule);
                audit.record(c, now, &acting, Action::MaintenanceAdded, &object, &detail)?;
                Ok(Some(row))
            })
            .await?;
        let row = row.ok_or_else(|| {
            let reason = format!("is one too many: an organisation may have {MAX_WINDOWS} windows");
            ServiceError::invalid("name", reason)
        })?;
        self.refresh_alerts(scope).await?;
        Ok(row)
    }

    /// Ends a window now.
    pub async fn end_maintenance_window(
        &self,
        acting: &Acting,
        id: Id<MaintenanceWindow>,
    ) -> Result<WindowRow, ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let row = self.maintenance_window(scope, id).await?;
        may_reach(scope, &row.window.reach)?;
        let (audit, acting) = (self.audit(), acting.clone());
        let row = self
            .store()
            .write(move |c| {
                let row = maintenance::end(c, scope, id, now)?;
                let object = Object::maintenance_window(id, &row.name);
                audit.record(c, now, &acting, Action::MaintenanceEnded, &object, "")?;
                Ok(row)
            })
            .await
            .map_err(|error| match error {
                StoreError::Conflict => ServiceError::Conflict {
                    member: "maintenance window",
                    reason: "comes again every week; delete it instead",
                },
                other => other.into(),
            })?;
        self.refresh_alerts(scope).await?;
        Ok(row)
    }

    /// Deletes a window.
    pub async fn delete_maintenance_window(
        &self,
        acting: &Acting,
        id: Id<MaintenanceWindow>,
    ) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let row = self.maintenance_window(scope, id).await?;
        may_reach(scope, &row.window.reach)?;
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let object = Object::maintenance_window(id, &row.name);
                maintenance::delete(c, scope, id)?;
                audit.record(c, now, &acting, Action::MaintenanceDeleted, &object, "")
            })
            .await?;
        self.refresh_alerts(scope).await
    }
}

fn schedule(said: SaidSchedule, now: Timestamp) -> Result<Schedule, ServiceError> {
    match said {
        SaidSchedule::Now(minutes) => {
            let length = length(minutes, LONGEST_MINUTES)?;
            let (from, to) = (now, now.after(length));
            Ok(Schedule::Once { from, to })
        }
        SaidSchedule::Once(from, to) => {
            if to <= from || to <= now {
                let reason = "must be in the future and after the beginning";
                return Err(ServiceError::invalid("to", reason));
            }
            let longest = Duration::from_secs(LONGEST_MINUTES * 60);
            if to.since(from) > longest {
                let reason = "must be at most 30 days after the beginning";
                return Err(ServiceError::invalid("to", reason));
            }
            Ok(Schedule::Once { from, to })
        }
        SaidSchedule::Weekly {
            days,
            start,
            minutes,
            zone,
            until,
        } => {
            let zone = TimeZone::get(zone.trim()).map_err(|_| {
                let reason = "must be the name of a time zone, such as Europe/Berlin";
                ServiceError::invalid("time_zone", reason)
            })?;
            // What has no name could not be stored.
            if zone.iana_name().is_none() {
                let reason = "must be the name of a time zone, such as Europe/Berlin";
                return Err(ServiceError::invalid("time_zone", reason));
            }
            if until.is_some_and(|until| until <= now) {
                return Err(ServiceError::invalid("until", "must be in the future"));
            }
            Ok(Schedule::Weekly(Weekly {
                days: read_days(&days)?,
                minute: read_minute(&start)?,
                length: length(minutes, 24 * 60)?,
                zone,
                until,
            }))
        }
    }
}

fn length(minutes: u64, most: u64) -> Result<Duration, ServiceError> {
    if (1..=most).contains(&minutes) {
        return Ok(Duration::from_secs(minutes * 60));
    }
    Err(ServiceError::invalid(
        "minutes",
        format!("must be 1 to {most}"),
    ))
}

fn read_days(words: &[String]) -> Result<[bool; 7], ServiceError> {
    let mut days = [false; 7];
    for word in words {
        let place = DAYS.iter().position(|day| day == word);
        let day = place.and_then(|place| days.get_mut(place));
        *day.ok_or_else(|| ServiceError::invalid("days", EXPECTED_DAYS))? = true;
    }
    if days.contains(&true) {
        Ok(days)
    } else {
        Err(ServiceError::invalid("days", EXPECTED_DAYS))
    }
}

fn read_minute(text: &str) -> Result<u16, ServiceError> {
    let parts = text
        .split_once(':')
        .filter(|(h, m)| h.len() == 2 && m.len() == 2);
    let numbers = parts.and_then(|(h, m)| Some((h.parse::<u16>().ok()?, m.parse::<u16>().ok()?)));
    match numbers {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok(hour * 60 + minute),
        _ => Err(ServiceError::invalid(
            "start",
            "must be HH:MM, 00:00 to 23:59",
        )),
    }
}

/// When it is open, for the audit log.
fn words(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Once { from, to } => format!("{from} to {to}"),
        Schedule::Weekly(weekly) => {
            let days = DAYS.iter().zip(weekly.days).filter(|(_, on)| *on);
            let days: Vec<&str> = days.map(|(day, _)| *day).collect();
            format!(
                "{} at {:02}:{:02} {} for {} min",
                days.join(" "),
                weekly.minute / 60,
                weekly.minute % 60,
                weekly.zone.iana_name().unwrap_or_default(),
                weekly.length.as_secs() / 60
            )
        }
    }
}

/// The words of days, Monday first.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EXPECTED_DAYS: &str = "must be some of mon, tue, wed, thu, fri, sat and sun";
/// Windows of an organisation.
const MAX_WINDOWS: usize = 200;
const LONGEST_MINUTES: u64 = 30 * 24 * 60;
