//! The history of many servers at once: each by itself, all as one, or the first of a ranking.
//!
//! A big question is read in small portions that take turns with those of others, so nobody waits for
//! the whole of it; it is given up when its portions together take too long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::{Connection as _, SqliteConnection};
use server_scout_wire::Metric;

use super::selection::{Selected, Selection};
use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::store::history::Source;
use crate::store::series::{self, SeriesKey};
use crate::store::{Heads, Scope, StoreError, servers};
use crate::timeseries::roll_up::Resolution;
use crate::timeseries::{
    Combine, Combined, CombinedSeries, Grid, HistorySeries, Ranking, Row, Shown, Window,
};

/// A question about many servers.
#[derive(Clone, Debug)]
pub struct FleetQuestion {
    /// Which servers.
    pub servers: Selection,
    /// Which metrics.
    pub metrics: Vec<Metric>,
    /// Of when, and in how many points.
    pub window: Window,
    /// In what form.
    pub wanted: Wanted,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// All servers as one.
    Combined(Combine),
    /// Each server by itself.
    Each,
    /// So many servers, the first of a ranking by the first metric, each by itself.
    Top(usize, Ranking),
}

/// The answer: every series has a value, or a gap, for each of the same steps.
#[derive(Clone, Debug)]
pub struct FleetHistory {
    /// The steps.
    pub grid: Grid,
    /// How many servers were asked.
    pub asked: usize,
    /// Each server by itself, by name or in the order of the ranking.
    pub servers: Vec<ServerHistory>,
    /// All servers as one.
    pub combined: Vec<CombinedSeries>,
}

/// What one server has to say.
#[derive(Clone, Debug)]
pub struct ServerHistory {
    /// Which.
    pub server: Selected,
    /// What it was ranked by.
    pub rank: Option<f64>,
    /// Its series, by metric and label.
    pub series: Vec<HistorySeries>,
}

/// What is asked of each server.
#[derive(Clone)]
struct Ask {
    scope: Scope,
    heads: Arc<Heads>,
    metrics: Arc<[Metric]>,
    grid: Grid,
}

impl Services {
    /// The history of some metrics of many servers.
    pub async fn fleet_history(
        &self,
        scope: Scope,
        question: FleetQuestion,
    ) -> Result<FleetHistory, ServiceError> {
        let most = match question.wanted {
            Wanted::Each => MOST_EACH,
            Wanted::Combined(_) | Wanted::Top(..) => MOST,
        };
        let selected = self.selected(scope, question.servers.clone(), most).await?;
        let asked = selected.len();
        let begun = Instant::now();
        let mut answer = match question.wanted {
            Wanted::Each => self.each(scope, &question, selected, begun).await?,
            Wanted::Combined(combine) => {
                let grid = self.fleet_grid(scope, &question, question.metrics.len());
                let grid = grid.await?;
                let ask = self.ask(scope, &question.metrics, grid);
                let take = |combined: &mut Combined, _: &Selected, one: HistorySeries| {
                    combined.add(&one);
                };
                let combined = Combined::new(&grid);
                let combined = self.ask_all(ask, selected, begun, combined, take).await?;
                let combined = combined.finish(combine).ok_or_else(too_many_series)?;
                FleetHistory {
                    grid,
                    asked: 0,
                    servers: Vec::new(),
                    combined,
                }
            }
            Wanted::Top(count, ranking) => {
                let ranked = self.rank(scope, &question, selected, ranking, begun);
                let mut ranked = ranked.await?;
                ranked.truncate(count);
                let first = ranked.iter().map(|(server, _)| server.clone()).collect();
                let mut answer = self.each(scope, &question, first, begun).await?;
                for (server, rank) in ranked {
                    let mut all = answer.servers.iter_mut();
                    if let Some(found) = all.find(|found| found.server.id == server.id) {
                        found.rank = Some(rank);
                    }
                }
                answer
            }
        };
        answer.asked = asked;
        Ok(answer)
    }

    /// Each of these servers by itself, in their order.
    async fn each(
        &self,
        scope: Scope,
        question: &FleetQuestion,
        selected: Vec<Selected>,
        begun: Instant,
    ) -> Result<FleetHistory, ServiceError> {
        let (metrics, ids) = (question.metrics.clone(), selected.clone());
        let count = self.store().read_portion(move |c| {
            let mut count = 0;
            for server in ids {
                count += series::of_metrics(c, scope, server.id, &metrics)?.len();
            }
            Ok(count)
        });
        let count = count.await?;
        if count > MOST_SERIES {
            return Err(too_many_series());
        }
        let grid = self.fleet_grid(scope, question, count).await?;
        let ask = self.ask(scope, &question.metrics, grid);
        let empty = selected.iter().map(|server| ServerHistory {
            server: server.clone(),
            rank: None,
            series: Vec::new(),
        });
        let empty: Vec<ServerHistory> = empty.collect();
        let take = |all: &mut Vec<ServerHistory>, server: &Selected, one: HistorySeries| {
            if let Some(found) = all.iter_mut().find(|found| found.server.id == server.id) {
                found.series.push(one);
            }
        };
        let servers = self.ask_all(ask, selected, begun, empty, take).await?;
        Ok(FleetHistory {
            grid,
            asked: 0,
            servers,
            combined: Vec::new(),
        })
    }

    /// The servers that have a value of the first metric, with it, in the order of the ranking.
    async fn rank(
        &self,
        scope: Scope,
        question: &FleetQuestion,
        selected: Vec<Selected>,
        ranking: Ranking,
        begun: Instant,
    ) -> Result<Vec<(Selected, f64)>, ServiceError> {
        let first: Vec<Metric> = question.metrics.iter().take(1).copied().collect();
        let grid = self.fleet_grid(scope, question, first.len()).await?;
        let ask = self.ask(scope, &first, grid);
        let take = move |ranked: &mut Vec<(Selected, f64)>, server: &Selected, one| {
            let Some(rank) = ranking.of(&one) else {
                return;
            };
            match ranked.last_mut() {
                // Of several labels the one that ranks first counts.
                Some((last, known)) if last.id == server.id => *known = ranking.first(*known, rank),
                _ => ranked.push((server.clone(), rank)),
            }
        };
        let ranked = self.ask_all(ask, selected, begun, Vec::new(), take);
        let mut ranked = ranked.await?;
        // Equals stay in the order of their names.
        ranked.sort_by(|(_, a), (_, b)| ranking.compare(*a, *b));
        Ok(ranked)
    }

    fn ask(&self, scope: Scope, metrics: &[Metric], grid: Grid) -> Ask {
        Ask {
            scope,
            heads: self.store().heads(),
            metrics: metrics.into(),
            grid,
        }
    }

    /// Steps of at least a minute, which roll-ups have and in which nearly every agent reports.
    async fn fleet_grid(
        &self,
        scope: Scope,
        question: &FleetQuestion,
        series: usize,
    ) -> Result<Grid, ServiceError> {
        let age = self.clock().now().since(question.window.from());
        let finest = self.retention_of(scope).await?.finest(age);
        let finest = finest.unwrap_or(Resolution::Minute);
        Ok(Grid::new(question.window, None, series, Some(finest)))
    }

    /// Asks server after server, and gives each series to `take`. Who is gone meanwhile is left out.
    async fn ask_all<T: Send + 'static>(
        &self,
        ask: Ask,
        selected: Vec<Selected>,
        begun: Instant,
        mut into: T,
        take: impl FnMut(&mut T, &Selected, HistorySeries) + Send + 'static,
    ) -> Result<T, ServiceError> {
        let selected: Arc<[Selected]> = selected.into();
        let mut take = take;
        let mut next = 0;
        while next < selected.len() {
            if begun.elapsed() > LONGEST {
                return Err(too_long());
            }
            let (ask, selected) = (ask.clone(), Arc::clone(&selected));
            let portion = self.store().read_portion(move |c| {
                let begun = Instant::now();
                for server in selected.get(next..).unwrap_or_default() {
                    match ask.one(c, server.id, |one| take(&mut into, server, one)) {
                        Ok(()) | Err(StoreError::NotFound) => next += 1,
                        Err(error) => return Err(error),
                    }
                    if begun.elapsed() > PORTION {
                        break;
                    }
                }
                Ok((into, take, next))
            });
            (into, take, next) = portion.await?;
        }
        Ok(into)
    }
}

impl Ask {
    /// Asks one server, some series at a time.
    fn one(
        &self,
        connection: &mut SqliteConnection,
        server: Id<Server>,
        mut take: impl FnMut(HistorySeries),
    ) -> Result<(), StoreError> {
        // Before the transaction: what is folded meanwhile is known there.
        let positions = self.heads.of(server);
        let (scope, grid) = (self.scope, &self.grid);
        connection.transaction(|c| {
            servers::get(c, scope, server)?;
            let names = series::of_metrics(c, scope, server, &self.metrics)?;
            if names.is_empty() {
                return Ok(());
            }
            let ids: Vec<i64> = names.iter().map(|(id, _)| *id).collect();
            let mut source = Source::open(c, scope, server, &positions, grid, &ids)?;
            for some in names.chunks(AT_A_TIME) {
                let row = |(id, key): &(i64, SeriesKey)| {
                    let what = Shown::of(key.metric);
                    (*id, Row::new(*grid, what))
                };
                let mut rows: Vec<(i64, Row)> = some.iter().map(row).collect();
                source.read(c, grid, &mut rows)?;
                for ((_, row), (_, key)) in rows.into_iter().zip(some) {
                    if let Some(shown) = row.finish(key.clone()) {
                        take(shown);
                    }
                }
            }
            Ok(())
        })
    }
}

fn too_many_series() -> ServiceError {
    let reason = "have too many series for one answer: ask for fewer servers, metrics or points";
    ServiceError::invalid("names", reason)
}

fn too_long() -> ServiceError {
    let reason = format!(
        "select so much that reading it took more than {} s: ask for fewer servers or metrics, or a shorter range",
        LONGEST.as_secs()
    );
    ServiceError::invalid("servers", reason)
}

/// Servers of a question about each.
const MOST_EACH: usize = 200;
/// Servers of a question about all as one, or about the first of them.
const MOST: usize = 5000;
/// Series of an answer about each.
const MOST_SERIES: usize = 4000;
/// Series that are in memory at a time.
const AT_A_TIME: usize = 16;
/// After so long the next portion waits for its turn.
const PORTION: Duration = Duration::from_millis(50);
/// After so long a question is given up.
const LONGEST: Duration = Duration::from_secs(20);
