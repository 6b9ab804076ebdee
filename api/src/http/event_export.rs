//! The audit log as a file.

use std::borrow::Cow;

use poem::Response;
use serde::Serialize;

use super::paged_export::{Pages, Record, download};
use super::problem::Failure;
use super::spreadsheet::{Format, plain};
use crate::domain::audit::{Event, EventQuery};
use crate::domain::principal::PersonPrincipal;
use crate::domain::{ServiceError, Services};

/// Events that are read at a time.
const AT_A_TIME: usize = 500;

/// Every event that the query lets through, newest first, written as it is read.
pub(super) async fn export(
    services: &Services,
    person: &PersonPrincipal,
    query: EventQuery,
    format: Format,
) -> Result<Response, Failure> {
    services.note_audit_export(person).await?;
    let events = Events {
        services: services.clone(),
        person: person.clone(),
        query: Some(query),
    };
    Ok(download(events, format))
}

struct Events {
    services: Services,
    person: PersonPrincipal,
    /// Where to go on; none at the end.
    query: Option<EventQuery>,
}

impl Pages for Events {
    type Record = Line;
    const NAME: &'static str = "audit";

    async fn next(&mut self) -> Result<Option<Vec<Line>>, ServiceError> {
        let Some(query) = self.query.take() else {
            return Ok(None);
        };
        let page = self
            .services
            .audit_events(&self.person, query.clone(), AT_A_TIME)
            .await?;
        self.query = page.next.map(|next| EventQuery {
            before: Some(next),
            ..query
        });
        Ok(Some(page.events.into_iter().map(Line::from).collect()))
    }
}

/// An event as it is exported.
#[derive(Serialize)]
struct Line {
    number: i64,
    at: String,
    actor_kind: String,
    actor: String,
    action: String,
    object_kind: String,
    object_id: String,
    object: String,
    detail: String,
    address: String,
    user_agent: String,
}

impl From<Event> for Line {
    fn from(event: Event) -> Self {
        let row = event.row;
        Self {
            number: event.number,
            at: event.at.to_string(),
            actor_kind: row.actor_kind,
            actor: row.actor_name,
            action: row.action,
            object_kind: row.object_kind,
            object_id: row.object_id,
            object: row.object_name,
            detail: row.detail,
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

impl Record for Line {
    const NAMES: &'static [&'static str] = &[
        "number",
        "at",
        "actor_kind",
        "actor",
        "action",
        "object_kind",
        "object_id",
        "object",
        "detail",
        "address",
        "user_agent",
    ];

    fn cells(&self) -> Vec<Cow<'_, str>> {
        vec![
            self.number.to_string().into(),
            self.at.as_str().into(),
            plain(&self.actor_kind),
            plain(&self.actor),
            plain(&self.action),
            plain(&self.object_kind),
            plain(&self.object_id),
            plain(&self.object),
            plain(&self.detail),
            plain(&self.address),
            plain(&self.user_agent),
        ]
    }
}
