//! What a chart asks for.

use std::time::Duration;

use server_scout_wire::Metric;

use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::{Scope, reports, series, servers};
use crate::timeseries::{Aggregator, History, Window, interval};

impl Services {
    /// The history of some metrics of one server.
    pub async fn history(
        &self,
        scope: Scope,
        server: Id<Server>,
        metrics: Vec<Metric>,
        window: Window,
    ) -> Result<History, ServiceError> {
        Ok(self
            .store()
            .read_long(move |c| {
                servers::get(c, scope, server)?;
                let names = series::of_server(c, scope, server)?;
                let moments = reports::newest_moments(c, scope, server, window.to(), MOMENTS)?;
                let mut answer = Aggregator::new(window, interval(&moments), &names, &metrics);
                // A counter's first rate needs the reading before.
                let gaps = metrics
                    .iter()
                    .map(|metric| metric.describe().tier.max_gap());
                let from = window
                    .from()
                    .before(gaps.max().unwrap_or_default().min(LOOK_BACK));
                reports::each(c, scope, server, from..window.to(), |report| {
                    answer.add(&report);
                })?;
                Ok(answer.finish())
            })
            .await?)
    }
}

/// Reports that tell how often a server reports.
const MOMENTS: i64 = 50;
/// The longest time before a window that is read for its first rates and values.
const LOOK_BACK: Duration = Duration::from_hours(1);
