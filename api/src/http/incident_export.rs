//! The history of incidents as a file: CSV (RFC 4180) or newline-delimited JSON.

use bytes::Bytes;
use futures_util::stream::{BoxStream, unfold};
use poem::{Body, Response};
use serde::Serialize;

use super::problem::Failure;
use super::spreadsheet::{self, Format, plain};
use crate::access::Right;
use crate::domain::alerts::{IncidentPage, IncidentQuery, IncidentView};
use crate::domain::principal::PersonPrincipal;
use crate::domain::{ServiceError, Services};
use crate::store::incidents::Filter;

/// Incidents that are read at a time.
const AT_A_TIME: usize = 200;

/// Every incident that the filter lets through, the newest first, written as it is read.
pub(super) async fn export(
    services: &Services,
    person: &PersonPrincipal,
    filter: Filter,
    format: Format,
) -> Result<Response, Failure> {
    services.note_incident_export(person).await?;
    let pages = Pages {
        services: services.clone(),
        person: person.clone(),
        filter: Some(filter),
        head: format == Format::Csv,
        format,
    };
    let stream: BoxStream<'static, Result<Bytes, std::io::Error>> =
        Box::pin(unfold(pages, |mut pages| async move {
            let part = pages.next().await?;
            Some((part, pages))
        }));
    Ok(format.download("incidents", Body::from_bytes_stream(stream)))
}

struct Pages {
    services: Services,
    person: PersonPrincipal,
    /// Where to go on; none at the end.
    filter: Option<Filter>,
    head: bool,
    format: Format,
}

impl Pages {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let filter = self.filter.take()?;
        let (page, next) = match self.read(filter.clone()).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!("an export of incidents broke off: {error}");
                return Some(Err(std::io::Error::other("the export broke off")));
            }
        };
        self.filter = next.map(|after| Filter {
            after: Some(after),
            ..filter
        });
        let head = std::mem::take(&mut self.head);
        Some(match self.format {
            Format::Csv => csv(&page, head),
            Format::JsonLines => json_lines(&page),
        })
    }

    /// Whoever loses the right meanwhile reads no further.
    async fn read(&self, filter: Filter) -> Result<IncidentPage, ServiceError> {
        let person = self.services.ask_again(self.person.means).await?;
        let person = person.ok_or(ServiceError::Unauthenticated)?;
        let query = IncidentQuery {
            filter,
            limit: Some(AT_A_TIME),
        };
        self.services
            .incidents(person.scope(Right::Read)?, query)
            .await
    }
}

/// An incident as it is exported.
#[derive(Serialize)]
struct Line<'a> {
    id: String,
    server: &'a str,
    rule: &'a str,
    metric: &'a str,
    label: &'a str,
    severity: &'a str,
    state: &'a str,
    threshold: f64,
    value: f64,
    worst: f64,
    opened_at: String,
    ended_at: Option<String>,
    end_reason: Option<&'a str>,
    acknowledged_by: &'a str,
    note: &'a str,
}

impl<'a> Line<'a> {
    fn of(view: &'a IncidentView) -> Self {
        let row = &view.row;
        Self {
            id: row.id.to_string(),
            server: &row.server_name,
            rule: &row.rule_name,
            metric: &row.measure,
            label: &row.label,
            severity: row.worst_severity().as_str(),
            state: view.state(),
            threshold: row.threshold,
            value: row.value,
            worst: row.worst,
            opened_at: row.opened_at().to_string(),
            ended_at: row.ended_at().map(|at| at.to_string()),
            end_reason: row.end_reason.as_deref(),
            acknowledged_by: &row.acknowledged_by,
            note: &row.note,
        }
    }

    fn cells(&self) -> [String; NAMES.len()] {
        [
            self.id.clone(),
            plain(self.server).into_owned(),
            plain(self.rule).into_owned(),
            plain(self.metric).into_owned(),
            plain(self.label).into_owned(),
            self.severity.to_owned(),
            self.state.to_owned(),
            self.threshold.to_string(),
            self.value.to_string(),
            self.worst.to_string(),
            self.opened_at.clone(),
            self.ended_at.clone().unwrap_or_default(),
            self.end_reason.unwrap_or_default().to_owned(),
            plain(self.acknowledged_by).into_owned(),
            plain(self.note).into_owned(),
        ]
    }
}

const NAMES: [&str; 15] = [
    "id",
    "server",
    "rule",
    "metric",
    "label",
    "severity",
    "state",
    "threshold",
    "value",
    "worst",
    "opened_at",
    "ended_at",
    "end_reason",
    "acknowledged_by",
    "note",
];

fn csv(page: &[IncidentView], head: bool) -> Result<Bytes, std::io::Error> {
    let mut writer = spreadsheet::writer();
    if head {
        writer.write_record(NAMES)?;
    }
    for view in page {
        writer.write_record(Line::of(view).cells())?;
    }
    spreadsheet::bytes(writer)
}

fn json_lines(page: &[IncidentView]) -> Result<Bytes, std::io::Error> {
    let mut bytes = Vec::new();
    for view in page {
        serde_json::to_writer(&mut bytes, &Line::of(view))?;
        bytes.push(b'\n');
    }
    Ok(bytes.into())
}
