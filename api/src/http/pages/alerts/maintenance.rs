//! Maintenance windows.

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{Choice, MaintenanceRow, MaintenanceTyped, MaintenanceView};
use server_scout_wire::Timestamp;

use super::super::super::App;
use super::super::super::guard::{Fields, Visitor, see_other};
use super::super::super::problem::Failure;
use super::super::audit::readable;
use super::super::login::sentence;
use super::super::{again, frame, html};
use super::places::{self, Places};
use super::words;
use crate::access::Right;
use crate::alerting::maintenance::Schedule;
use crate::domain::ServiceError;
use crate::domain::alerts::{DAYS, NewWindow, SaidSchedule};
use crate::store::maintenance::WindowRow;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowsQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Added,
    Ended,
    Deleted,
}

/// What somebody sent beside the scope.
struct Typed {
    schedule: String,
    days: Vec<String>,
    fields: MaintenanceTyped,
}

#[handler]
pub(super) async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(query): Query<WindowsQuery>,
) -> poem::Result<Response> {
    let mut view = view(app, &visitor, "", &[]).await?;
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().maintenance(&view))?)
}

#[handler]
pub(super) async fn add(
    Data(app): Data<&App>,
    visitor: Visitor,
    mut fields: Fields,
) -> poem::Result<Response> {
    let scope = fields.take("scope");
    let reach = places::read(&scope)?;
    let read = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let seen = app.services().see_reach(read, &reach).await;
    seen.map_err(Failure::from)?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let typed = Typed::sent(&mut fields);
    let added = match typed.read() {
        Ok(schedule) => {
            let name = typed.fields.name.clone();
            let new = NewWindow {
                name,
                reach,
                schedule,
            };
            app.services().add_maintenance_window(&acting, new).await
        }
        Err(error) => Err(error),
    };
    match added {
        Ok(_) => Ok(see_other("/alerts/maintenance?done=added")),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = MaintenanceView {
                typed: typed.fields,
                error: Some(sentence(&error)),
                ..view(app, &visitor, &scope, &typed.days).await?
            };
            Ok(again(app.pages().maintenance(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

#[handler]
pub(super) async fn end(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let window = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let ended = app.services().end_maintenance_window(&acting, window.id);
    ended.await.map_err(Failure::from)?;
    Ok(see_other("/alerts/maintenance?done=ended"))
}

#[handler]
pub(super) async fn delete(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> poem::Result<Response> {
    let window = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let deleted = app.services().delete_maintenance_window(&acting, window.id);
    deleted.await.map_err(Failure::from)?;
    Ok(see_other("/alerts/maintenance?done=deleted"))
}

async fn found(app: &App, visitor: &Visitor, id: &str) -> Result<WindowRow, Failure> {
    let id = id.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read)?;
    Ok(app.services().maintenance_window(scope, id).await?)
}

async fn view(
    app: &App,
    visitor: &Visitor,
    chosen: &str,
    days: &[String],
) -> Result<MaintenanceView, Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    let windows = app.services().maintenance_windows(scope).await?;
    let places = Places::seen(app, visitor).await?;
    let now = app.services().clock().now();
    let day = |(word, name): (&str, &str)| Choice {
        id: word.to_owned(),
        name: name.to_owned(),
        chosen: days.iter().any(|day| day == word),
    };
    Ok(MaintenanceView {
        frame: frame(visitor),
        windows: { windows.iter() }
            .map(|window| row(window, &places, now))
            .collect(),
        scopes: places.choices(chosen),
        days: DAYS.into_iter().zip(DAY_NAMES).map(day).collect(),
        typed: MaintenanceTyped::default(),
        may_change: visitor.person.may(Right::Write),
        notice: None,
        error: None,
    })
}

fn row(row: &WindowRow, places: &Places, now: Timestamp) -> MaintenanceRow {
    let schedule = &row.window.schedule;
    let open = schedule.is_open(now);
    let next = schedule.next(now).filter(|_| !open);
    MaintenanceRow {
        id: row.id.to_string(),
        name: row.name.clone(),
        scope: places.words(&row.window.reach),
        when: when(schedule),
        next: next.map(|(from, _)| minute(from)).unwrap_or_default(),
        open,
        can_end: matches!(schedule, Schedule::Once { .. }) && !schedule.is_over(now),
        by: row.created_by.clone(),
    }
}

fn when(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Once { from, to } => format!("{} to {}", minute(*from), minute(*to)),
        Schedule::Weekly(weekly) => {
            let days = DAY_NAMES.iter().zip(weekly.days).filter(|(_, on)| *on);
            let days: Vec<&str> = days.map(|(day, _)| *day).collect();
            let (hour, minute) = (weekly.minute / 60, weekly.minute % 60);
            let zone = weekly.zone.iana_name().unwrap_or_default();
            let until = weekly
                .until
                .map(|until| format!(", until {}", readable(until)));
            format!(
                "{} at {hour:02}:{minute:02} {zone} for {}{}",
                days.join(", "),
                words::span(weekly.length),
                until.unwrap_or_default()
            )
        }
    }
}

/// `2026-01-31 12:00 UTC`.
fn minute(at: Timestamp) -> String {
    let second = readable(at);
    let minute: String = second.chars().take("2026-01-31 12:00".len()).collect();
    format!("{minute} UTC")
}

impl Typed {
    fn sent(fields: &mut Fields) -> Self {
        Self {
            schedule: fields.take("schedule"),
            days: fields.take_ticked("day-"),
            fields: MaintenanceTyped {
                name: fields.take("name"),
                minutes: fields.take("minutes"),
                from: fields.take("from"),
                to: fields.take("to"),
                start: fields.take("start"),
                time_zone: fields.take("time_zone"),
            },
        }
    }

    fn read(&self) -> Result<SaidSchedule, ServiceError> {
        let fields = &self.fields;
        match self.schedule.as_str() {
            "now" => Ok(SaidSchedule::Now(minutes(&fields.minutes)?)),
            "once" => Ok(SaidSchedule::Once(
                moment("from", &fields.from)?,
                moment("to", &fields.to)?,
            )),
            "weekly" => Ok(SaidSchedule::Weekly {
                days: self.days.clone(),
                start: fields.start.clone(),
                minutes: minutes(&fields.minutes)?,
                zone: fields.time_zone.clone(),
                until: None,
            }),
            _ => Err(ServiceError::invalid(
                "schedule",
                "must be now, once or weekly",
            )),
        }
    }
}

fn minutes(text: &str) -> Result<u64, ServiceError> {
    let expected = |_| ServiceError::invalid("minutes", "must be a number");
    text.trim().parse().map_err(expected)
}

/// A time to the minute as browsers send it, UTC.
fn moment(member: &'static str, text: &str) -> Result<Timestamp, ServiceError> {
    let expected = |_| ServiceError::invalid(member, "must be a time such as 2026-01-31T12:00");
    format!("{}:00Z", text.trim()).parse().map_err(expected)
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Added => "The window is made.",
            Self::Ended => "The window is over.",
            Self::Deleted => "The window is deleted.",
        }
    }
}

const DAY_NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
