//! The audit log as a file: CSV (RFC 4180) for spreadsheets, newline-delimited JSON for programs.

use std::borrow::Cow;

use bytes::Bytes;
use futures_util::stream::{BoxStream, unfold};
use poem::{Body, Response};
use serde::Serialize;

use super::problem::Failure;
use super::spreadsheet::{self, Format, plain};
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
    let pages = Pages {
        services: services.clone(),
        person: person.clone(),
        query: Some(query),
        head: format == Format::Csv,
        format,
    };
    let stream: BoxStream<'static, Result<Bytes, std::io::Error>> =
        Box::pin(unfold(pages, |mut pages| async move {
            let part = pages.next().await?;
            Some((part, pages))
        }));
    Ok(format.download("audit", Body::from_bytes_stream(stream)))
}

struct Pages {
    services: Services,
    person: PersonPrincipal,
    /// Where to go on; none at the end.
    query: Option<EventQuery>,
    head: bool,
    format: Format,
}

impl Pages {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let query = self.query.take()?;
        let page = match self
            .services
            .audit_events(&self.person, query.clone(), AT_A_TIME)
            .await
        {
            Ok(page) => page,
            // The answer has begun; breaking it off is how the reader learns that it is not whole.
            Err(error) => return Some(Err(broken_off(&error))),
        };
        self.query = page.next.map(|next| EventQuery {
            before: Some(next),
            ..query
        });
        let head = std::mem::take(&mut self.head);
        Some(match self.format {
            Format::Csv => csv(&page.events, head),
            Format::JsonLines => json_lines(&page.events),
        })
    }
}

/// An event as it is exported.
#[derive(Serialize)]
struct Line<'a> {
    number: i64,
    at: String,
    actor_kind: &'a str,
    actor: &'a str,
    action: &'a str,
    object_kind: &'a str,
    object_id: &'a str,
    object: &'a str,
    detail: &'a str,
    address: &'a str,
    user_agent: &'a str,
}

impl<'a> Line<'a> {
    fn of(event: &'a Event) -> Self {
        let row = &event.row;
        Self {
            number: event.number,
            at: event.at.to_string(),
            actor_kind: &row.actor_kind,
            actor: &row.actor_name,
            action: &row.action,
            object_kind: &row.object_kind,
            object_id: &row.object_id,
            object: &row.object_name,
            detail: &row.detail,
            address: &row.address,
            user_agent: &row.user_agent,
        }
    }

    fn cells(&self) -> [Cow<'_, str>; 11] {
        [
            self.number.to_string().into(),
            self.at.as_str().into(),
            plain(self.actor_kind),
            plain(self.actor),
            plain(self.action),
            plain(self.object_kind),
            plain(self.object_id),
            plain(self.object),
            plain(self.detail),
            plain(self.address),
            plain(self.user_agent),
        ]
    }
}

const NAMES: [&str; 11] = [
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

fn csv(events: &[Event], head: bool) -> Result<Bytes, std::io::Error> {
    let mut writer = spreadsheet::writer();
    if head {
        writer.write_record(NAMES)?;
    }
    for event in events {
        let line = Line::of(event);
        writer.write_record(line.cells().iter().map(|cell| cell.as_bytes()))?;
    }
    spreadsheet::bytes(writer)
}

fn json_lines(events: &[Event]) -> Result<Bytes, std::io::Error> {
    let mut bytes = Vec::new();
    for event in events {
        serde_json::to_writer(&mut bytes, &Line::of(event))?;
        bytes.push(b'\n');
    }
    Ok(bytes.into())
}

fn broken_off(error: &ServiceError) -> std::io::Error {
    tracing::warn!("an export of the audit log broke off: {error}");
    std::io::Error::other("the export broke off")
}
