//! Maintenance windows.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::alert_schema::AlertScope;
use super::auth::PersonAuth;
use super::schema::Time;
use super::servers::Gone;
use crate::access::Right;
use crate::alerting::maintenance::Schedule;
use crate::domain::alerts::{DAYS, NewWindow, SaidSchedule};
use crate::id::{self, Id};
use crate::store::maintenance::WindowRow;

pub(super) struct MaintenanceApi(pub(super) App);

/// A maintenance window to make: from now on for some minutes, once from one time to another, or weekly.
/// Just what belongs to one of the three is there.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct NewMaintenanceWindow {
    /// What it is called: 1 to 64 characters.
    #[oai(validator(max_length = 256))]
    name: String,
    /// For which servers; all unless said otherwise.
    scope: Option<AlertScope>,
    /// From now on, or every week, for so many minutes: 1 to 43200, weekly to 1440.
    minutes: Option<u64>,
    /// Once: from then on.
    from: Option<Time>,
    /// Once: until then, at most 30 days later.
    to: Option<Time>,
    /// Weekly: on these days, `mon` to `sun`.
    #[oai(validator(max_items = 7))]
    days: Option<Vec<String>>,
    /// Weekly: the time at which it begins there, `HH:MM`.
    #[oai(validator(max_length = 8))]
    start: Option<String>,
    /// Weekly: the time zone, such as `Europe/Berlin`.
    #[oai(validator(max_length = 64))]
    time_zone: Option<String>,
    /// Weekly: not after then.
    until: Option<Time>,
}

/// A maintenance window.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct MaintenanceWindow {
    /// Its opaque id.
    id: String,
    /// What it is called.
    name: String,
    /// For which servers.
    scope: AlertScope,
    /// Whether it is open now.
    open: bool,
    /// When it is open, or opens next; absent when it is over.
    next_from: Option<Time>,
    /// When that ends.
    next_to: Option<Time>,
    /// Once: from then on.
    from: Option<Time>,
    /// Once: until then.
    to: Option<Time>,
    /// Weekly: on these days.
    days: Option<Vec<String>>,
    /// Weekly: the time at which it begins.
    start: Option<String>,
    /// Weekly: for how many minutes.
    minutes: Option<u64>,
    /// Weekly: the time zone.
    time_zone: Option<String>,
    /// Weekly: not after then.
    until: Option<Time>,
    /// When it was made.
    created_at: Time,
    /// Who made it.
    created_by: String,
}

/// The maintenance windows, the newest first.
#[derive(Clone, Debug, Object)]
pub(super) struct MaintenanceWindowList {
    /// All of them; there are at most 200. Those that are over stay for 30 days.
    items: Vec<MaintenanceWindow>,
}

#[derive(ApiResponse)]
enum AddedWindowResponse {
    /// The window was made.
    #[oai(status = 201)]
    Added(Json<MaintenanceWindow>),
}

#[OpenApi]
impl MaintenanceApi {
    /// List maintenance windows
    #[oai(
        path = "/maintenance-windows",
        method = "get",
        operation_id = "list_maintenance_windows"
    )]
    async fn list_maintenance_windows(
        &self,
        person: PersonAuth,
    ) -> Result<Json<MaintenanceWindowList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let rows = self.0.services().maintenance_windows(scope).await?;
        Ok(Json(MaintenanceWindowList {
            items: rows.iter().map(|row| self.shown(row)).collect(),
        }))
    }

    /// Make a maintenance window
    ///
    /// While it is open no incident is opened at its servers, and nobody is reminded of one. What still is
    /// wrong when it closes is one then. A script that deploys says `minutes` alone, and ends the window
    /// when it is done.
    #[oai(
        path = "/maintenance-windows",
        method = "post",
        operation_id = "add_maintenance_window"
    )]
    async fn add_maintenance_window(
        &self,
        person: PersonAuth,
        new: Json<NewMaintenanceWindow>,
    ) -> Result<AddedWindowResponse, Failure> {
        let new = new.0.read()?;
        let services = self.0.services();
        services
            .see_reach(person.0.scope(Right::Read)?, &new.reach)
            .await?;
        let acting = person.0.acting(Right::Write)?;
        let row = services.add_maintenance_window(&acting, new).await?;
        Ok(AddedWindowResponse::Added(Json(self.shown(&row))))
    }

    /// End a maintenance window
    ///
    /// Now. One that comes again every week is deleted instead.
    #[oai(
        path = "/maintenance-windows/:id/end",
        method = "post",
        operation_id = "end_maintenance_window"
    )]
    async fn end_maintenance_window(
        &self,
        person: PersonAuth,
        /// The window's id.
        id: Path<String>,
    ) -> Result<Json<MaintenanceWindow>, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        let row = self
            .0
            .services()
            .end_maintenance_window(&acting, id)
            .await?;
        Ok(Json(self.shown(&row)))
    }

    /// Delete a maintenance window
    #[oai(
        path = "/maintenance-windows/:id",
        method = "delete",
        operation_id = "delete_maintenance_window"
    )]
    async fn delete_maintenance_window(
        &self,
        person: PersonAuth,
        /// The window's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        self.0
            .services()
            .delete_maintenance_window(&acting, id)
            .await?;
        Ok(Gone::Gone)
    }
}

impl MaintenanceApi {
    /// The object first, then the right.
    async fn visible(
        &self,
        person: &PersonAuth,
        id: &str,
    ) -> Result<Id<id::MaintenanceWindow>, Failure> {
        let id = id.parse().map_err(|_| Failure::not_found())?;
        let scope = person.0.scope(Right::Read)?;
        self.0.services().maintenance_window(scope, id).await?;
        Ok(id)
    }

    fn shown(&self, row: &WindowRow) -> MaintenanceWindow {
        let now = self.0.services().clock().now();
        let schedule = &row.window.schedule;
        let next = schedule.next(now);
        let mut shown = MaintenanceWindow {
            id: row.id.to_string(),
            name: row.name.clone(),
            scope: (&row.window.reach).into(),
            open: schedule.is_open(now),
            next_from: next.map(|(from, _)| Time(from)),
            next_to: next.map(|(_, to)| Time(to)),
            from: None,
            to: None,
            days: None,
            start: None,
            minutes: None,
            time_zone: None,
            until: None,
            created_at: Time(row.created_at),
            created_by: row.created_by.clone(),
        };
        match schedule {
            Schedule::Once { from, to } => {
                (shown.from, shown.to) = (Some(Time(*from)), Some(Time(*to)));
            }
            Schedule::Weekly(weekly) => {
                let days = DAYS.iter().zip(weekly.days).filter(|(_, on)| *on);
                shown.days = Some(days.map(|(day, _)| (*day).to_owned()).collect());
                let (hour, minute) = (weekly.minute / 60, weekly.minute % 60);
                shown.start = Some(format!("{hour:02}:{minute:02}"));
                shown.minutes = Some(weekly.length.as_secs() / 60);
                shown.time_zone = weekly.zone.iana_name().map(str::to_owned);
                shown.until = weekly.until.map(Time);
            }
        }
        shown
    }
}

impl NewMaintenanceWindow {
    fn read(self) -> Result<NewWindow, Failure> {
        let reach = self.scope.unwrap_or_default().read()?;
        let weekly = self.days.is_some() || self.start.is_some() || self.time_zone.is_some();
        let missing = |member| Failure::invalid(member, "must be there for a weekly window");
        let schedule = match (self.minutes, self.from, self.to) {
            (minutes, None, None) if weekly => SaidSchedule::Weekly {
                days: self.days.ok_or_else(|| missing("days"))?,
                start: self.start.ok_or_else(|| missing("start"))?,
                minutes: minutes.ok_or_else(|| missing("minutes"))?,
                zone: self.time_zone.ok_or_else(|| missing("time_zone"))?,
                until: self.until.map(|time| time.0),
            },
            (Some(minutes), None, None) if self.until.is_none() => SaidSchedule::Now(minutes),
            (None, Some(from), Some(to)) if !weekly && self.until.is_none() => {
                SaidSchedule::Once(from.0, to.0)
            }
            _ => {
                return Err(Failure::invalid(
                    "minutes",
                    "must stand alone, or from with to, or days with start, minutes and time_zone",
                ));
            }
        };
        Ok(NewWindow {
            name: self.name,
            reach,
            schedule,
        })
    }
}
