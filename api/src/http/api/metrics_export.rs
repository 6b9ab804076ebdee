//! Metrics of a range as a file.

use poem_openapi::param::{Path, Query};
use poem_openapi::{Enum, OpenApi};

use super::super::App;
use super::super::metrics_export::export;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::download::{Download, ExportFormat};
use super::fleet::selection;
use super::metrics::{metrics, window};
use super::schema::Time;
use super::servers::server_id;
use crate::access::Right;
use crate::domain::metrics_export::{ExportOf, ExportQuestion, Fineness};
use crate::timeseries::roll_up::Resolution;

pub(super) struct MetricsExportApi(pub(super) App);

/// How finely metrics are exported.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "kebab-case")]
pub(super) enum ExportResolution {
    /// The samples themselves. Counters come as they count.
    Raw,
    /// Average, extremes and count of each minute. Counters come as their growth per second.
    Minute,
    /// The same of fifteen minutes.
    QuarterHour,
    /// The same of an hour.
    Hour,
}

#[OpenApi]
impl MetricsExportApi {
    /// Export the metrics of a server
    ///
    /// A line for each sample or roll-up: series by series, each in order of time, half-day by half-day
    /// or longer. A file that broke off is no whole answer. The export is an audit event.
    #[oai(
        path = "/servers/:id/metrics/export",
        method = "get",
        operation_id = "export_metrics"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation"
    )]
    async fn export_metrics(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
        /// CSV or newline-delimited JSON.
        format: Query<ExportFormat>,
        /// Names of metrics, separated by commas; all unless said otherwise.
        names: Query<Option<String>>,
        /// The beginning; an hour before the end unless said otherwise.
        from: Query<Option<Time>>,
        /// The end; now unless said otherwise.
        to: Query<Option<Time>>,
        /// How finely; as finely as the whole range is kept unless said otherwise.
        resolution: Query<Option<ExportResolution>>,
    ) -> Result<Download, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let id = server_id(&id.0)?;
        let services = self.0.services();
        services.server(scope, id).await?;
        let question = ExportQuestion {
            servers: ExportOf::One(id),
            metrics: names.0.map_or(Ok(Vec::new()), |names| metrics(&names))?,
            window: window(services, from.0, to.0, None)?,
            fineness: fineness(resolution.0),
        };
        let file = export(&self.0, &person.0, question, format.0.into());
        Ok(Download(file.await?))
    }

    /// Export the metrics of many servers
    ///
    /// Server by server, by name, at most 5000; otherwise as for one.
    #[oai(
        path = "/metrics/export",
        method = "get",
        operation_id = "export_metrics_of_servers"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation"
    )]
    async fn export_metrics_of_servers(
        &self,
        person: PersonAuth,
        /// CSV or newline-delimited JSON.
        format: Query<ExportFormat>,
        /// Names of metrics, separated by commas; all unless said otherwise.
        names: Query<Option<String>>,
        /// The beginning; an hour before the end unless said otherwise.
        from: Query<Option<Time>>,
        /// The end; now unless said otherwise.
        to: Query<Option<Time>>,
        /// How finely; as finely as the whole range is kept unless said otherwise.
        resolution: Query<Option<ExportResolution>>,
        /// Only these servers: ids, separated by commas, at most 200. Not with a filter.
        servers: Query<Option<String>>,
        /// Only servers in this group, by its id.
        group: Query<Option<String>>,
        /// Only servers with this tag, whoever set it.
        tag: Query<Option<String>>,
        /// Only servers in this condition, as in the list of servers.
        status: Query<Option<String>>,
        /// Only servers whose agent says this of its sandbox, as in the list of servers.
        protection: Query<Option<String>>,
        /// Only servers with this in their name, in capitals or not.
        search: Query<Option<String>>,
    ) -> Result<Download, Failure> {
        person.0.scope(Right::Read)?;
        let selection = selection(
            servers.0.as_deref(),
            group.0.as_deref(),
            tag.0,
            status.0.as_deref(),
            protection.0.as_deref(),
            search.0,
        )?;
        let question = ExportQuestion {
            servers: ExportOf::Many(selection),
            metrics: names.0.map_or(Ok(Vec::new()), |names| metrics(&names))?,
            window: window(self.0.services(), from.0, to.0, None)?,
            fineness: fineness(resolution.0),
        };
        let file = export(&self.0, &person.0, question, format.0.into());
        Ok(Download(file.await?))
    }
}

fn fineness(resolution: Option<ExportResolution>) -> Fineness {
    match resolution {
        None => Fineness::Finest,
        Some(ExportResolution::Raw) => Fineness::Samples,
        Some(ExportResolution::Minute) => Fineness::RollUps(Resolution::Minute),
        Some(ExportResolution::QuarterHour) => Fineness::RollUps(Resolution::QuarterHour),
        Some(ExportResolution::Hour) => Fineness::RollUps(Resolution::Hour),
    }
}
