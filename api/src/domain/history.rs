//! What a chart asks for.

use server_scout_wire::Metric;

use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::{Scope, reports, series, servers};
use crate::timeseries::{History, MAX_GAP, Window, aggregate};

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
            .read(move |c| {
                servers::get(c, scope, server)?;
                let names = series::of_server(c, scope, server)?;
                // A counter's first rate needs the reading before.
                let from = window.from().before(MAX_GAP);
                let logged = reports::range(c, scope, server, from, window.to())?;
                Ok(aggregate(&logged, &names, &metrics, window))
            })
            .await?)
    }
}
