//! The audit log as a page and as files.

use std::time::Duration;

use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_ui::views::{AuditFilter, AuditRow, AuditView, Section, Settings};
use server_scout_wire::Timestamp;

use super::super::App;
use super::super::event_export;
use super::super::guard::{Access, Visitor};
use super::super::problem::Failure;
use super::super::spreadsheet::Format;
use super::{Declared, Routes, frame, html};
use crate::access::Right;
use crate::domain::audit::{Event, EventQuery};

const PAGE: usize = 100;
pub(super) const DAY: Duration = Duration::from_hours(24);

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let session = Access::Session;
    route
        .at("/settings/audit", pages.get(session, show))
        .at("/settings/audit.csv", pages.get(session, csv))
        .at("/settings/audit.json", pages.get(session, json_lines))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    #[serde(default)]
    action: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    before: Option<i64>,
}

#[handler]
async fn show(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(asked): Query<AuditQuery>,
) -> poem::Result<Response> {
    let (query, error) = match asked.read() {
        Ok(query) => (query, None),
        Err(words) => (EventQuery::default(), Some(words)),
    };
    let page = app.services().audit_events(&visitor.person, query, PAGE);
    let page = page.await.map_err(Failure::from)?;
    let view = AuditView {
        frame: frame(&visitor),
        settings: Settings::at(Section::Audit, visitor.person.may(Right::Administer)),
        events: page.events.iter().map(row).collect(),
        filter: AuditFilter {
            action: asked.action,
            from: asked.from,
            to: asked.to,
        },
        everybody: visitor.person.may(Right::Administer),
        next_before: page.next.map(|number| number.to_string()),
        error,
    };
    Ok(html(app.pages().audit(&view))?)
}

#[handler]
async fn csv(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(asked): Query<AuditQuery>,
) -> poem::Result<Response> {
    export(app, &visitor, &asked, Format::Csv).await
}

#[handler]
async fn json_lines(
    Data(app): Data<&App>,
    visitor: Visitor,
    Query(asked): Query<AuditQuery>,
) -> poem::Result<Response> {
    export(app, &visitor, &asked, Format::JsonLines).await
}

async fn export(
    app: &App,
    visitor: &Visitor,
    asked: &AuditQuery,
    format: Format,
) -> poem::Result<Response> {
    let query = asked.read().map_err(Failure::bad_request)?;
    Ok(event_export::export(app.services(), &visitor.person, query, format).await?)
}

impl AuditQuery {
    /// The question, or what is wrong with it.
    fn read(&self) -> Result<EventQuery, String> {
        Ok(EventQuery {
            person: None,
            action: Some(self.action.trim().to_owned()).filter(|action| !action.is_empty()),
            from: day(&self.from)?,
            // The last day is meant as a whole.
            to: day(&self.to)?.map(|midnight| midnight.after(DAY)),
            before: self.before,
        })
    }
}

/// The midnight that a day begins with, UTC; none for an empty text.
pub(super) fn day(text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let midnight = format!("{text}T00:00:00Z").parse();
    midnight
        .map(Some)
        .map_err(|_| "A day is written as 2026-01-31.".to_owned())
}

/// `2026-01-31 12:00:00`.
pub(super) fn readable(at: Timestamp) -> String {
    let text = at.to_string().replace('T', " ");
    text.chars().take("2026-01-31 12:00:00".len()).collect()
}

fn row(event: &Event) -> AuditRow {
    let row = &event.row;
    let actor = match row.actor_kind.as_str() {
        "person" => row.actor_name.clone(),
        kind if row.actor_name.is_empty() => kind.to_owned(),
        kind => format!("{kind} of {}", row.actor_name),
    };
    let name = [&row.object_name, &row.object_id]
        .into_iter()
        .find(|name| !name.is_empty());
    let object = name.map(|name| format!("{} {name}", row.object_kind));
    let origin = [row.address.as_str(), row.user_agent.as_str()];
    AuditRow {
        number: event.number.to_string(),
        at: event.at.to_string(),
        when: readable(event.at),
        actor,
        action: row.action.clone(),
        object: object.unwrap_or_default(),
        detail: row.detail.clone(),
        origin: origin.join(" ").trim().to_owned(),
    }
}
