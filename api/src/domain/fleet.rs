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
use crate::timeseries::room::{Census, Choice, share};
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
    /// How many of their series were left out, because an answer has no room for them.
    pub left_out: usize,
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
    choice: Arc<Choice>,
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
                self.combined(scope, &question, selected, combine, begun)
                    .await?
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

    /// All of these servers as one.
    async fn combined(
        &self,
        scope: Scope,
        question: &FleetQuestion,
        selected: Vec<Selected>,
        combine: Combine,
        begun: Instant,
    ) -> Result<FleetHistory, ServiceError> {
        let count = |census: &mut Census, names: Vec<SeriesKey>| {
            for key in names {
                census.add(key);
            }
        };
        let census = self.names_of_all(scope, question, &selected, begun, Census::default(), count);
        let asked = census.await?.most_common(MOST_COMBINED);
        let grid = self.fleet_grid(scope, question, asked.len()).await?;
        let ask = self.ask(scope, &question.metrics, grid, Choice::These(asked));
        let take = |combined: &mut Combined, _: &Selected, one| combined.add(&one);
        let combined = Combined::new(&grid);
        let (combined, left_out) = self.ask_all(ask, selected, begun, combined, take).await?;
        Ok(FleetHistory {
            grid,
            asked: 0,
            left_out,
            servers: Vec::new(),
            combined: combined.finish(combine),
        })
    }

    /// Each of these servers by itself, in their order.
    async fn each(
        &self,
        scope: Scope,
        question: &FleetQuestion,
        selected: Vec<Selected>,
        begun: Instant,
    ) -> Result<FleetHistory, ServiceError> {
        let count = |counts: &mut Vec<usize>, names: Vec<SeriesKey>| {
            let of_metrics = names.chunk_by(|a, b| a.metric == b.metric);
            counts.extend(of_metrics.map(<[SeriesKey]>::len));
        };
        let counts = self.names_of_all(scope, question, &selected, begun, Vec::new(), count);
        let counts = counts.await?;
        let most = share(counts.clone(), MOST_SERIES).ok_or_else(too_many_series)?;
        let series = counts.into_iter().map(|count| count.min(most)).sum();
        let grid = self.fleet_grid(scope, question, series).await?;
        let ask = self.ask(scope, &question.metrics, grid, Choice::First(most));
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
        let (servers, left_out) = self.ask_all(ask, selected, begun, empty, take).await?;
        Ok(FleetHistory {
            grid,
            asked: 0,
            left_out,
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
        let ask = self.ask(scope, &first, grid, Choice::All);
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
        let (mut ranked, _) = ranked.await?;
        // Equals stay in the order of their names.
        ranked.sort_by(|(_, a), (_, b)| ranking.compare(*a, *b));
        Ok(ranked)
    }

    fn ask(&self, scope: Scope, metrics: &[Metric], grid: Grid, choice: Choice) -> Ask {
        Ask {
            scope,
            heads: self.store().heads(),
            metrics: metrics.into(),
            choice: Arc::new(choice),
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

    /// The names of what is asked for, server after server, each by metric and label.
    async fn names_of_all<T: Send + 'static>(
        &self,
        scope: Scope,
        question: &FleetQuestion,
        selected: &[Selected],
        begun: Instant,
        into: T,
        take: impl Fn(&mut T, Vec<SeriesKey>) + Send + 'static,
    ) -> Result<T, ServiceError> {
        let metrics = question.metrics.clone();
        let visit = move |c: &mut SqliteConnection, into: &mut T, server: &Selected| {
            let names = series::of_metrics(c, scope, server.id, &metrics)?;
            take(into, names.into_iter().map(|(_, key)| key).collect());
            Ok(())
        };
        self.in_portions(selected.into(), begun, into, visit).await
    }

    /// Asks server after server, and gives each series to `take`; tells how many were left out. Who is
    /// gone meanwhile is left out.
    async fn ask_all<T: Send + 'static>(
        &self,
        ask: Ask,
        selected: Vec<Selected>,
        begun: Instant,
        into: T,
        mut take: impl FnMut(&mut T, &Selected, HistorySeries) + Send + 'static,
    ) -> Result<(T, usize), ServiceError> {
        let visit = move |c: &mut SqliteConnection, all: &mut (T, usize), server: &Selected| {
            let (into, left_out) = all;
            match ask.one(c, server.id, |one| take(into, server, one)) {
                Ok(surplus) => *left_out += surplus,
                Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
            Ok(())
        };
        self.in_portions(selected.into(), begun, (into, 0), visit)
            .await
    }

    /// Visits server after server, in portions.
    async fn in_portions<T: Send + 'static>(
        &self,
        selected: Arc<[Selected]>,
        begun: Instant,
        mut into: T,
        mut visit: impl FnMut(&mut SqliteConnection, &mut T, &Selected) -> Result<(), StoreError>
        + Send
        + 'static,
    ) -> Result<T, ServiceError> {
        let mut next = 0;
        while next < selected.len() {
            if begun.elapsed() > LONGEST {
                return Err(too_long());
            }
            let selected = Arc::clone(&selected);
            let portion = self.store().read_portion(move |c| {
                let begun = Instant::now();
                for server in selected.get(next..).unwrap_or_default() {
                    visit(c, &mut into, server)?;
                    next += 1;
                    if begun.elapsed() > PORTION {
                        break;
                    }
                }
                Ok((into, visit, next))
            });
            (into, visit, next) = portion.await?;
        }
        Ok(into)
    }
}

impl Ask {
    /// Asks one server, some series at a time; tells how many were left out.
    fn one(
        &self,
        connection: &mut SqliteConnection,
        server: Id<Server>,
        mut take: impl FnMut(HistorySeries),
    ) -> Result<usize, StoreError> {
        // Before the transaction: what is folded meanwhile is known there.
        let positions = self.heads.of(server);
        let (scope, grid) = (self.scope, &self.grid);
        connection.transaction(|c| {
            servers::get(c, scope, server)?;
            let mut names = series::of_metrics(c, scope, server, &self.metrics)?;
            let left_out = self.choice.choose(&mut names);
            if names.is_empty() {
                return Ok(left_out);
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
            Ok(left_out)
        })
    }
}

fn too_many_series() -> ServiceError {
    let reason = format!(
        "are too many for so many servers: one answer about each has {MOST_SERIES} series, ask for fewer servers or metrics"
    );
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
/// Series of an answer about all as one: those of the largest server, as the default ceiling has it.
const MOST_COMBINED: usize = 1000;
/// Series that are in memory at a time.
const AT_A_TIME: usize = 16;
/// After so long the next portion waits for its turn.
const PORTION: Duration = Duration::from_millis(50);
/// After so long a question is given up.
const LONGEST: Duration = Duration::from_secs(20);
