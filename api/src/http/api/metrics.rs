//! The history of metrics.

use std::time::Duration;

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use server_scout_wire::Metric;

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::counted::Counted;
use super::schema::{MetricsHistory, Time};
use super::servers::server_id;
use crate::access::Right;
use crate::domain::Services;
use crate::timeseries::Window;

pub(super) struct MetricsApi(pub(super) App);

/// Metrics of one question.
const MAX_NAMES: usize = 64;
const DEFAULT_POINTS: u32 = 300;
const DEFAULT_RANGE: Duration = Duration::from_hours(1);

#[OpenApi]
impl MetricsApi {
    /// Ask for the history of a server
    ///
    /// Each step is at least as long as two intervals between reports, and there are never more
    /// steps than `points`. Counters come as their growth per second. Gaps are null.
    #[oai(
        path = "/servers/:id/metrics",
        method = "get",
        operation_id = "get_metrics"
    )]
    async fn get_metrics(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
        /// Names of metrics, separated by commas.
        names: Query<String>,
        /// The beginning; an hour before the end unless said otherwise.
        from: Query<Option<Time>>,
        /// The end; now unless said otherwise.
        to: Query<Option<Time>>,
        /// The most points of a series, 1 to 2000; 300 unless said otherwise.
        points: Query<Option<u32>>,
    ) -> Result<Counted<MetricsHistory>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let id = server_id(&id.0)?;
        let services = self.0.services();
        services.server(scope, id).await?;
        let metrics = metrics(&names.0)?;
        let window = window(services, from.0, to.0, points.0)?;
        let place = self.0.charting(&person.0).await?;
        let history = services.history(scope, id, metrics, window).await?;
        Ok(Counted::new(history.into(), place))
    }
}

/// The range and points that are asked for; an hour until now unless said otherwise.
pub(super) fn window(
    services: &Services,
    from: Option<Time>,
    to: Option<Time>,
    points: Option<u32>,
) -> Result<Window, Failure> {
    let to = to.map_or_else(|| services.clock().now(), |time| time.0);
    let from = from.map_or_else(|| to.before(DEFAULT_RANGE), |time| time.0);
    let points = points.unwrap_or(DEFAULT_POINTS) as usize;
    Window::new(from, to, points).map_err(|error| Failure::bad_request(error.to_string()))
}

/// Metrics by their names, separated by commas.
pub(super) fn metrics(names: &str) -> Result<Vec<Metric>, Failure> {
    let names: Vec<&str> = names.split(',').collect();
    if names.len() > MAX_NAMES {
        return Err(Failure::invalid(
            "names",
            &format!("must be at most {MAX_NAMES} metrics"),
        ));
    }
    names
        .into_iter()
        .map(|name| {
            Metric::from_name(name.trim()).ok_or_else(|| {
                Failure::invalid("names", "must be names of metrics, separated by commas")
            })
        })
        .collect()
}
