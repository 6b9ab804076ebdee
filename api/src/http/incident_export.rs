//! The history of incidents as a file.

use std::borrow::Cow;

use poem::Response;
use serde::Serialize;

use super::paged_export::{Pages, Record, download};
use super::problem::Failure;
use super::spreadsheet::{Format, plain};
use crate::access::Right;
use crate::domain::alerts::{IncidentQuery, IncidentView};
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
    let incidents = Incidents {
        services: services.clone(),
        person: person.clone(),
        filter: Some(filter),
    };
    Ok(download(incidents, format))
}

struct Incidents {
    services: Services,
    person: PersonPrincipal,
    /// Where to go on; none at the end.
    filter: Option<Filter>,
}

impl Pages for Incidents {
    type Record = Line;
    const NAME: &'static str = "incidents";

    /// Whoever loses the right meanwhile reads no further.
    async fn next(&mut self) -> Result<Option<Vec<Line>>, ServiceError> {
        let Some(filter) = self.filter.take() else {
            return Ok(None);
        };
        let person = self.services.ask_again(self.person.means).await?;
        let scope = person
            .ok_or(ServiceError::Unauthenticated)?
            .scope(Right::Read)?;
        let query = IncidentQuery {
            filter: filter.clone(),
            limit: Some(AT_A_TIME),
        };
        let (page, next) = self.services.incidents(scope, query).await?;
        self.filter = next.map(|after| Filter {
            after: Some(after),
            ..filter
        });
        Ok(Some(page.into_iter().map(Line::from).collect()))
    }
}

/// An incident as it is exported.
#[derive(Serialize)]
struct Line {
    id: String,
    server: String,
    rule: String,
    metric: String,
    label: String,
    severity: &'static str,
    state: &'static str,
    threshold: f64,
    value: f64,
    worst: f64,
    opened_at: String,
    ended_at: Option<String>,
    end_reason: Option<String>,
    acknowledged_by: String,
    note: String,
}

impl From<IncidentView> for Line {
    fn from(view: IncidentView) -> Self {
        let state = view.state();
        let row = view.row;
        Self {
            id: row.id.to_string(),
            severity: row.worst_severity().as_str(),
            state,
            threshold: row.threshold,
            value: row.value,
            worst: row.worst,
            opened_at: row.opened_at().to_string(),
            ended_at: row.ended_at().map(|at| at.to_string()),
            server: row.server_name,
            rule: row.rule_name,
            metric: row.measure,
            label: row.label,
            end_reason: row.end_reason,
            acknowledged_by: row.acknowledged_by,
            note: row.note,
        }
    }
}

impl Record for Line {
    const NAMES: &'static [&'static str] = &[
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

    fn cells(&self) -> Vec<Cow<'_, str>> {
        vec![
            self.id.as_str().into(),
            plain(&self.server),
            plain(&self.rule),
            plain(&self.metric),
            plain(&self.label),
            self.severity.into(),
            self.state.into(),
            self.threshold.to_string().into(),
            self.value.to_string().into(),
            self.worst.to_string().into(),
            self.opened_at.as_str().into(),
            self.ended_at.as_deref().unwrap_or_default().into(),
            self.end_reason.as_deref().unwrap_or_default().into(),
            plain(&self.acknowledged_by),
            plain(&self.note),
        ]
    }
}
