//! Reading what a chart asks for: from the log, the segments and the roll-ups.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use diesel::prelude::*;

use super::heads::Position;
use super::segments::{self, Info, StoredChunk};
use super::stretches::{GAP, Stock, Stretch, plan};
use super::{Scope, StoreError, folding, reports, roll_ups};
use crate::id::{Id, Server};
use crate::timeseries::roll_up::{Bucket, Buckets};
use crate::timeseries::segment::{period_of, unpack};
use crate::timeseries::summary::Summaries;
use crate::timeseries::{Grid, Row, interval};

/// Series whose chunks are in memory at a time.
const SERIES_AT_A_TIME: usize = 16;
/// Times in milliseconds and values.
pub(super) type TimedValues = Vec<(i64, f64)>;
/// Reports that tell how often a server reports.
const MOMENTS: usize = 50;

/// How often a server reports, judged by its last reports before a moment.
pub fn usual_interval(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    positions: &[Position],
    before: i64,
) -> Result<Option<Duration>, StoreError> {
    let logged = positions.iter().map(|position| position.at);
    let mut moments: Vec<i64> = logged.filter(|at| *at < before).collect();
    if moments.len() < MOMENTS
        && let Some(info) = segments::newest(connection, scope, server, before)?
    {
        let (times, _) = segments::times(connection, &info)?;
        moments.extend(times.into_iter().filter(|at| *at < before));
    }
    moments.sort_unstable();
    moments.dedup();
    let old = moments.len().saturating_sub(MOMENTS);
    Ok(interval(moments.get(old..).unwrap_or_default()))
}

/// What there is of a server in a range, to be read series by series.
pub struct Source {
    scope: Scope,
    infos: Vec<Info>,
    times: HashMap<i64, Rc<Vec<i64>>>,
    /// The samples of the log, by series.
    logged: HashMap<i64, TimedValues>,
    summaries: HashMap<i64, Summaries>,
    plan: Vec<Stretch>,
    chunks: Vec<StoredChunk>,
}

impl Source {
    /// Looks what there is for the steps of an answer. `positions` were asked for before the
    /// transaction of `connection` began.
    pub fn open(
        connection: &mut SqliteConnection,
        scope: Scope,
        server: Id<Server>,
        positions: &[Position],
        grid: &Grid,
        asked: &[i64],
    ) -> Result<Self, StoreError> {
        let range = grid.from() - GAP..grid.to();
        let mut source = Self::open_range(connection, scope, server, positions, &range, asked)?;
        let mark = folding::mark(connection, server)?;
        let unfolded = positions.iter().filter(|position| position.id > mark);
        let mut times: Vec<i64> = unfolded.map(|position| position.at).collect();
        times.sort_unstable();
        let raw = unrolled(&source.infos, &times);
        let summarised = source.infos.iter().filter(|info| {
            let within = info.first_at >= grid.from() && info.last_at < grid.to();
            within && !info.merged && grid.resolution().is_some()
        });
        let summarised: Vec<i64> = summarised.map(|info| info.id).collect();
        source.summaries = segments::summaries(connection, scope, &summarised, asked)?;
        let stock = Stock {
            infos: &source.infos,
            logged: &times,
            raw: &raw,
        };
        source.plan = plan(grid, &stock, |segment| {
            source.summaries.contains_key(&segment)
        });
        Ok(source)
    }

    /// Looks what samples there are in a range.
    pub(super) fn open_range(
        connection: &mut SqliteConnection,
        scope: Scope,
        server: Id<Server>,
        positions: &[Position],
        range: &Range<i64>,
        asked: &[i64],
    ) -> Result<Self, StoreError> {
        let (first, last) = (period_of(range.start), period_of(range.end));
        let infos = segments::of_periods(connection, scope, server, first - 1..=last)?;
        let mark = folding::mark(connection, server)?;
        let unfolded = positions.iter().filter(|position| position.id > mark);
        let within = unfolded.filter(|position| range.contains(&position.at));
        let places: Vec<i64> = within.map(|position| position.id).collect();
        let mut logged: HashMap<i64, TimedValues> =
            asked.iter().map(|id| (*id, Vec::new())).collect();
        for row in reports::at(connection, scope, server, &places, mark)? {
            for (id, value) in row.samples {
                if let Some(samples) = logged.get_mut(&id) {
                    samples.push((row.at, value));
                }
            }
        }
        Ok(Self {
            scope,
            infos,
            times: HashMap::new(),
            logged,
            summaries: HashMap::new(),
            plan: Vec::new(),
            chunks: Vec::new(),
        })
    }

    /// Reads some series, each into its row.
    pub fn read(
        &mut self,
        connection: &mut SqliteConnection,
        grid: &Grid,
        rows: &mut [(i64, Row)],
    ) -> Result<(), StoreError> {
        let plan = std::mem::take(&mut self.plan);
        let ranges: Vec<&Range<i64>> = plan.iter().filter_map(Stretch::samples).collect();
        let needed = self.infos.iter().filter(|info| {
            let mut ranges = ranges.iter();
            ranges.any(|range| info.first_at < range.end && info.last_at >= range.start)
        });
        let needed: Vec<i64> = needed.map(|info| info.id).collect();
        for rows in rows.chunks_mut(SERIES_AT_A_TIME) {
            let series: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
            self.chunks = segments::chunks(connection, self.scope, &needed, &series)?;
            for (id, row) in rows {
                self.follow(connection, &plan, grid, *id, row)?;
            }
        }
        self.plan = plan;
        Ok(())
    }

    /// The samples of some series in a range, as they were reported.
    pub(super) fn raw(
        &mut self,
        connection: &mut SqliteConnection,
        series: &[i64],
        range: &Range<i64>,
    ) -> Result<Vec<(i64, TimedValues)>, StoreError> {
        let within = |info: &&Info| info.first_at < range.end && info.last_at >= range.start;
        let needed = self.infos.iter().filter(within).map(|info| info.id);
        let needed: Vec<i64> = needed.collect();
        let mut found = Vec::with_capacity(series.len());
        for series in series.chunks(SERIES_AT_A_TIME) {
            self.chunks = segments::chunks(connection, self.scope, &needed, series)?;
            for id in series {
                found.push((*id, self.samples(connection, *id, range)?));
            }
        }
        Ok(found)
    }

    /// Reads a series stretch by stretch.
    fn follow(
        &mut self,
        connection: &mut SqliteConnection,
        plan: &[Stretch],
        grid: &Grid,
        series: i64,
        row: &mut Row,
    ) -> Result<(), StoreError> {
        let range = grid.from()..grid.to();
        let rolled_up = plan.iter().any(|one| matches!(one, Stretch::RolledUp(_)));
        let buckets = match grid.resolution().filter(|_| rolled_up) {
            Some(finest) => roll_ups::buckets(connection, self.scope, series, finest, &range)?,
            None => Buckets::new(),
        };
        for stretch in plan {
            match stretch {
                Stretch::RolledUp(range) => row.add_buckets(between(&buckets, range)),
                Stretch::Before(range) if row.is_counter() => {
                    let before = self.samples(connection, series, range)?;
                    row.begin_after(before.last().copied());
                }
                Stretch::Before(_) => {}
                Stretch::Samples(range) => row.add(&self.samples(connection, series, range)?),
                Stretch::Summary(segment) => self.add_summary(*segment, series, row),
            }
        }
        Ok(())
    }

    fn add_summary(&self, segment: i64, series: i64, row: &mut Row) {
        match self.summaries.get(&segment).map(|all| all.of(series)) {
            Some(Ok(Some(summary))) => row.add_summary(&summary),
            Some(Err(_)) => segments::damaged(segment),
            _ => {}
        }
    }

    /// The samples of a series in a range, in order of time.
    fn samples(
        &mut self,
        connection: &mut SqliteConnection,
        series: i64,
        range: &Range<i64>,
    ) -> Result<TimedValues, StoreError> {
        let mut samples = TimedValues::new();
        for info in &self.infos {
            if info.first_at >= range.end || info.last_at < range.start {
                continue;
            }
            let ours = |chunk: &&StoredChunk| chunk.segment == info.id && chunk.series == series;
            let Some(chunk) = self.chunks.iter().find(ours) else {
                continue;
            };
            let times = if let Some(times) = self.times.get(&info.id) {
                Rc::clone(times)
            } else {
                let times = Rc::new(segments::times(connection, info)?.0);
                self.times.insert(info.id, Rc::clone(&times));
                times
            };
            let Ok((places, values)) = unpack(&chunk.samples, info.reports()) else {
                segments::damaged(info.id);
                continue;
            };
            let found = places.iter().zip(values);
            let found = found.filter_map(|(place, v)| Some((*times.get(*place as usize)?, v)));
            samples.extend(found.filter(|(at, _)| range.contains(at)));
        }
        let logged = self.logged.get(&series).into_iter().flatten();
        samples.extend(logged.filter(|(at, _)| range.contains(at)));
        if !samples.is_sorted_by_key(|(at, _)| *at) {
            samples.sort_by_key(|(at, _)| *at);
        }
        Ok(samples)
    }
}

/// The half-days that are not rolled up as they are.
fn unrolled(infos: &[Info], logged: &[i64]) -> BTreeSet<i64> {
    let mut unrolled: BTreeSet<i64> = logged.iter().copied().map(period_of).collect();
    let infos = infos.iter().filter(|info| !info.rolled);
    unrolled.extend(infos.map(|info| info.period));
    // The first rates of a half-day hang on the end of the one before.
    let after: Vec<i64> = unrolled.iter().map(|period| period + 1).collect();
    unrolled.extend(after);
    unrolled
}

fn between<'a>(buckets: &'a Buckets, range: &Range<i64>) -> &'a [(i64, Bucket)] {
    let begin = buckets.partition_point(|(at, _)| *at < range.start);
    let end = buckets.partition_point(|(at, _)| *at < range.end);
    buckets.get(begin..end).unwrap_or_default()
}
