//! What a chart asks for.

use std::collections::HashMap;

use diesel::Connection as _;
use server_scout_wire::Metric;

use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::history::{Source, usual_interval};
use crate::store::series::SeriesKey;
use crate::store::{Scope, StoreError, series, servers};
use crate::timeseries::{Grid, History, Row, Shown, Window};

impl Services {
    /// The history of some metrics of one server.
    pub async fn history(
        &self,
        scope: Scope,
        server: Id<Server>,
        metrics: Vec<Metric>,
        window: Window,
    ) -> Result<History, ServiceError> {
        let heads = self.store().heads();
        let age = self.clock().now().since(window.from());
        let finest = self.retention_of(scope).await?.finest(age);
        Ok(self
            .store()
            .read_long(move |c| {
                // Before the transaction: what is folded meanwhile is known there.
                let positions = heads.of(server);
                c.transaction(|c| {
                    servers::get(c, scope, server)?;
                    let names: HashMap<i64, SeriesKey> = series::of_server(c, scope, server)?;
                    let asked = names.iter();
                    let asked = asked.filter(|(_, key)| metrics.contains(&key.metric));
                    let asked: Vec<i64> = asked.map(|(id, _)| *id).collect();
                    let to = window.to().as_millis();
                    let interval = usual_interval(c, scope, server, &positions, to)?;
                    let grid = Grid::new(window, interval, asked.len(), finest);
                    let mut source = Source::open(c, scope, server, &positions, &grid, &asked)?;
                    let rows = asked.iter().filter_map(|id| {
                        let what = Shown::of(names.get(id)?.metric);
                        Some((*id, Row::new(grid, what)))
                    });
                    let mut rows: Vec<(i64, Row)> = rows.collect();
                    source.read(c, &grid, &mut rows)?;
                    let shown = rows
                        .into_iter()
                        .filter_map(|(id, row)| row.finish(names.get(&id)?.clone()));
                    Ok::<_, StoreError>(grid.answer(shown.collect()))
                })
            })
            .await?)
    }
}
