//! Taking a server's metrics along, for people.

use std::time::Duration;

use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde::Deserialize;
use server_scout_wire::Timestamp;

use super::super::App;
use super::super::guard::{Access, Visitor};
use super::super::metrics_export;
use super::super::problem::Failure;
use super::super::spreadsheet::Format;
use super::servers::found;
use super::{Declared, Routes};
use crate::domain::metrics_export::{ExportOf, ExportQuestion, Fineness};
use crate::timeseries::Window;
use crate::timeseries::roll_up::Resolution;

const DAY: Duration = Duration::from_hours(24);

pub(super) fn routes(pages: &Declared<'_>, route: Routes) -> Routes {
    let session = Access::Session;
    route.at("/servers/:id/export", pages.get(session, export))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    format: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    resolution: String,
}

#[handler]
async fn export(
    Data(app): Data<&App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> poem::Result<Response> {
    let server = found(app, &visitor, &id).await?;
    let question = ExportQuestion {
        servers: ExportOf::One(server.row.id),
        metrics: Vec::new(),
        window: asked.window(app.services().clock().now())?,
        fineness: asked.fineness()?,
    };
    let format = asked.format()?;
    Ok(metrics_export::export(app, &visitor.person, question, format).await?)
}

impl Asked {
    /// Whole days, the last one included; today unless said otherwise.
    fn window(&self, now: Timestamp) -> Result<Window, Failure> {
        let today = now.to_string();
        let today = today.get(.."2026-01-31".len()).unwrap_or_default();
        let day = |member: &str, text: &str| -> Result<Timestamp, Failure> {
            let text = if text.is_empty() { today } else { text };
            let midnight = format!("{text}T00:00:00Z").parse();
            midnight.map_err(|_| Failure::invalid(member, "must be a day, such as 2026-01-31"))
        };
        let (from, to) = (day("from", &self.from)?, day("to", &self.to)?.after(DAY));
        Window::new(from, to, 1).map_err(|error| Failure::bad_request(error.to_string()))
    }

    fn fineness(&self) -> Result<Fineness, Failure> {
        match self.resolution.as_str() {
            "" => Ok(Fineness::Finest),
            "raw" => Ok(Fineness::Samples),
            "minute" => Ok(Fineness::RollUps(Resolution::Minute)),
            "quarter-hour" => Ok(Fineness::RollUps(Resolution::QuarterHour)),
            "hour" => Ok(Fineness::RollUps(Resolution::Hour)),
            _ => {
                let reason = "must be raw, minute, quarter-hour or hour";
                Err(Failure::invalid("resolution", reason))
            }
        }
    }

    fn format(&self) -> Result<Format, Failure> {
        match self.format.as_str() {
            "csv" => Ok(Format::Csv),
            "ndjson" => Ok(Format::JsonLines),
            _ => Err(Failure::invalid("format", "must be csv or ndjson")),
        }
    }
}
