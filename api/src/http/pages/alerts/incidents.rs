//! Incidents: the open ones, the history, one with its timeline, and what people do about it.

use std::time::Duration;

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{self, AlertsView, Choice, IncidentFilter};
use server_scout_wire::Timestamp;

use super::super::super::App;
use super::super::super::guard::{Fields, Visitor, see_other};
use super::super::super::incident_cursor::{read_cursor, write_cursor};
use super::super::super::incident_export;
use super::super::super::problem::Failure;
use super::super::super::spreadsheet::Format;
use super::super::audit::{DAY, day};
use super::super::login::sentence;
use super::super::{again, frame, html};
use super::places::Places;
use super::words;
use crate::access::Right;
use crate::alerting::Severity;
use crate::domain::ServiceError;
use crate::domain::alerts::{IncidentQuery, Timeline};
use crate::id::{Id, Incident, Server};
use crate::store::incidents::{Deed, Filter};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsQuery {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    server: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    after: Option<String>,
    done: Option<Done>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IncidentPageQuery {
    done: Option<Done>,
}

/// What was just done here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Done {
    Acknowledged,
    Released,
    Snoozed,
    Noted,
}

#[handler]
pub(super) async fn list(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(asked): Query<AlertsQuery>,
) -> poem::Result<Response> {
    let scope = visitor.person.scope(Right::Read).map_err(Failure::from)?;
    let services = app.services();
    seen(app, &visitor, &asked).await?;
    let (mut filter, error) = match asked.days() {
        Ok((from, to)) => (asked.filter(from, to)?, None),
        Err(words) => (asked.filter(None, None)?, Some(words)),
    };
    filter.open = Some(false);
    filter.after = asked.after.as_deref().map(read_cursor).transpose()?;
    let history = IncidentQuery {
        filter,
        limit: Some(HISTORY),
    };
    let open = IncidentQuery {
        filter: Filter {
            open: Some(true),
            ..Filter::default()
        },
        limit: Some(OPEN),
    };
    let (open, more_open) = { services.incidents(scope, open).await }.map_err(Failure::from)?;
    let (history, next) = { services.incidents(scope, history).await }.map_err(Failure::from)?;
    let now = services.clock().now();
    let places = Places::seen(app, &visitor).await?;
    let severity = |severity: Severity| Choice {
        id: severity.as_str().to_owned(),
        name: severity.as_str().to_owned(),
        chosen: severity.as_str() == asked.severity,
    };
    let view = AlertsView {
        frame: frame(&visitor),
        open: open.iter().map(|one| words::incident(one, now)).collect(),
        more_open: more_open.is_some(),
        history: { history.iter() }
            .map(|one| words::incident(one, now))
            .collect(),
        filter: IncidentFilter {
            severities: [Severity::Critical, Severity::Warning]
                .map(severity)
                .to_vec(),
            servers: places.servers(&asked.server),
            severity: asked.severity,
            server: asked.server,
            from: asked.from,
            to: asked.to,
        },
        next_after: next.map(write_cursor),
        unsent: super::unsent(app, &visitor).await,
        may_act: visitor.person.may(Right::Write),
        notice: asked.done.map(|done| done.words().to_owned()),
        error,
    };
    Ok(html(app.pages().alerts(&view))?)
}

#[handler]
pub(super) async fn csv(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(asked): Query<AlertsQuery>,
) -> poem::Result<Response> {
    export(app, &visitor, &asked, Format::Csv).await
}

#[handler]
pub(super) async fn json_lines(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(asked): Query<AlertsQuery>,
) -> poem::Result<Response> {
    export(app, &visitor, &asked, Format::JsonLines).await
}

async fn export(
    app: &App,
    visitor: &Visitor,
    asked: &AlertsQuery,
    format: Format,
) -> poem::Result<Response> {
    seen(app, visitor, asked).await?;
    let (from, to) = asked.days().map_err(Failure::bad_request)?;
    let filter = asked.filter(from, to)?;
    Ok(incident_export::export(app.services(), &visitor.person, filter, format).await?)
}

#[handler]
pub(super) async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(query): Query<IncidentPageQuery>,
) -> poem::Result<Response> {
    let timeline = found(app, &visitor, &id).await?;
    let mut view = view(app, &visitor, &timeline);
    view.notice = query.done.map(|done| done.words().to_owned());
    Ok(html(app.pages().incident(&view))?)
}

#[handler]
pub(super) async fn act(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    mut fields: Fields,
) -> poem::Result<Response> {
    let timeline = found(app, &visitor, &id).await?;
    let acting = visitor.person.acting(Right::Write).map_err(Failure::from)?;
    let services = app.services();
    let (deed, done) = deed(&mut fields, services.clock().now())?;
    let (back, note) = (fields.take("back"), fields.take("note"));
    let id = timeline.incident.row.id;
    match services.act_on_incident(&acting, id, deed, &note).await {
        Ok(_) if back == "list" => Ok(see_other(&format!("/alerts?done={done}"))),
        Ok(_) => Ok(see_other(&format!("/alerts/incidents/{id}?done={done}"))),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict { .. })) => {
            let view = views::IncidentView {
                error: Some(sentence(&error)),
                ..view(app, &visitor, &timeline)
            };
            Ok(again(app.pages().incident(&view), error)?)
        }
        Err(error) => Err(Failure::from(error).into()),
    }
}

/// What is done, and the word for what was done.
fn deed(fields: &mut Fields, now: Timestamp) -> Result<(Deed, &'static str), Failure> {
    match fields.take("action").as_str() {
        "acknowledge" => Ok((Deed::Acknowledge, "acknowledged")),
        "release" => Ok((Deed::Release, "released")),
        "note" => Ok((Deed::Note, "noted")),
        "snooze" => {
            let hours = fields.take("hours").parse().ok();
            let hours: u16 =
                hours.ok_or_else(|| Failure::invalid("hours", "must be a number of hours"))?;
            let until = now.after(Duration::from_hours(hours.into()));
            Ok((Deed::Snooze(until), "snoozed"))
        }
        _ => Err(Failure::invalid("action", "is none")),
    }
}

/// The server first: what is foreign does not exist.
async fn seen(app: &App, visitor: &Visitor, asked: &AlertsQuery) -> Result<(), Failure> {
    let scope = visitor.person.scope(Right::Read)?;
    if let Some(server) = asked.server()? {
        app.services().server(scope, server).await?;
    }
    Ok(())
}

async fn found(app: &App, visitor: &Visitor, id: &str) -> Result<Timeline, Failure> {
    let id: Id<Incident> = id.parse().map_err(|_| Failure::not_found())?;
    let scope = visitor.person.scope(Right::Read)?;
    Ok(app.services().incident(scope, id).await?)
}

fn view(app: &App, visitor: &Visitor, timeline: &Timeline) -> views::IncidentView {
    let row = &timeline.incident.row;
    let event = |event| words::event(event, &row.kind, &row.measure);
    views::IncidentView {
        frame: frame(visitor),
        incident: words::incident(&timeline.incident, app.services().clock().now()),
        events: timeline.events.iter().map(event).collect(),
        open: row.ended_at().is_none(),
        may_act: visitor.person.may(Right::Write),
        notice: None,
        error: None,
    }
}

impl AlertsQuery {
    fn server(&self) -> Result<Option<Id<Server>>, Failure> {
        let asked = Some(&self.server).filter(|id| !id.is_empty());
        let id = asked.map(|id| id.parse());
        id.transpose().map_err(|_| Failure::not_found())
    }

    /// From the first day to the end of the last one, or what is wrong with them.
    fn days(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), String> {
        let to = day(&self.to)?.map(|midnight| midnight.after(DAY));
        Ok((day(&self.from)?, to))
    }

    fn filter(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Filter, Failure> {
        let severity = Some(&self.severity).filter(|word| !word.is_empty());
        let severity = severity.map(|word| {
            let expected = || Failure::invalid("severity", "must be warning or critical");
            Severity::from_word(word).ok_or_else(expected)
        });
        Ok(Filter {
            severity: severity.transpose()?,
            server: self.server()?,
            from,
            to,
            ..Filter::default()
        })
    }
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Self::Acknowledged => "Acknowledged. No reminders come any more.",
            Self::Released => "Released. Nobody has it in hand.",
            Self::Snoozed => "Snoozed.",
            Self::Noted => "The note is in the timeline.",
        }
    }
}

/// Open incidents that are shown; the newest of more.
const OPEN: usize = 200;
/// Incidents of a page of the history.
const HISTORY: usize = 50;
