//! Reading what a chart asks for: from the log, the segments and the roll-ups.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use diesel::prelude::*;

use super::heads::Position;
use super::segments::{self, Info, StoredChunk};
use super::{Scope, StoreError, folding, reports, roll_ups};
use crate::id::{Id, Server};
use crate::timeseries::roll_up::{Buckets, Resolution};
use crate::timeseries::segment::{begin_of, period_of, unpack};
use crate::timeseries::{Grid, LONGEST_GAP, Row, interval};

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
    logged: HashMap<i64, Vec<(i64, f64)>>,
    /// The half-days that are not rolled up as they are.
    raw: BTreeSet<i64>,
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
        Self::open_range(connection, scope, server, positions, &range, asked)
    }

    /// Looks what there is in a range.
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
        let within = positions.iter().filter(|position| position.id > mark);
        let mut raw: BTreeSet<i64> = within.clone().map(|one| period_of(one.at)).collect();
        raw.extend(
            infos
                .iter()
                .filter(|info| !info.rolled)
                .map(|info| info.period),
        );
        // The first rates of a half-day hang on the end of the one before.
        let after: Vec<i64> = raw.iter().map(|period| period + 1).collect();
        raw.extend(after);
        let within = within.filter(|position| range.contains(&position.at));
        let places: Vec<i64> = within.map(|position| position.id).collect();
        let mut logged: HashMap<i64, Vec<(i64, f64)>> =
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
            raw,
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
        let needed = self.infos.iter().filter(|info| {
            let raw = grid.resolution().is_none() || self.needs_samples(info.period);
            raw && info.first_at < grid.to() && info.last_at >= grid.from() - GAP
        });
        let needed: Vec<i64> = needed.map(|info| info.id).collect();
        for rows in rows.chunks_mut(SERIES_AT_A_TIME) {
            let series: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
            self.chunks = segments::chunks(connection, self.scope, &needed, &series)?;
            for (id, row) in rows {
                match grid.resolution() {
                    None => {
                        row.add(&self.samples(connection, *id, grid.from() - GAP..grid.to())?);
                    }
                    Some(resolution) => self.mixed(connection, grid, resolution, *id, row)?,
                }
            }
        }
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
                found.push((*id, self.samples(connection, *id, range.clone())?));
            }
        }
        Ok(found)
    }

    /// Whether samples of a half-day are needed for the answer: its own, or its end for the next.
    fn needs_samples(&self, period: i64) -> bool {
        self.raw.contains(&period) || self.raw.contains(&(period + 1))
    }

    /// Roll-ups, and samples of the half-days without.
    fn mixed(
        &mut self,
        connection: &mut SqliteConnection,
        grid: &Grid,
        resolution: Resolution,
        series: i64,
        row: &mut Row,
    ) -> Result<(), StoreError> {
        let range = grid.from()..grid.to();
        let buckets = roll_ups::buckets(connection, self.scope, series, resolution, &range)?;
        let first = period_of(range.start);
        let last = period_of(range.end.saturating_sub(1));
        let raw: Vec<i64> = self.raw.range(first..=last).copied().collect();
        let mut at = range.start;
        let mut previous_raw = false;
        for period in raw {
            let (begin, end) = (
                begin_of(period).as_millis(),
                begin_of(period + 1).as_millis(),
            );
            let (begin, end) = (begin.max(range.start), end.min(range.end));
            row.add_buckets(between(&buckets, at..begin));
            let follows_samples = at == begin && begin > range.start && previous_raw;
            if !follows_samples && row.is_counter() {
                let before = self.samples(connection, series, begin - GAP..begin)?;
                row.begin_after(before.last().copied());
            }
            row.add(&self.samples(connection, series, begin..end)?);
            at = end;
            previous_raw = true;
        }
        row.add_buckets(between(&buckets, at..range.end));
        Ok(())
    }

    /// The samples of a series in a range, in order of time.
    fn samples(
        &mut self,
        connection: &mut SqliteConnection,
        series: i64,
        range: Range<i64>,
    ) -> Result<Vec<(i64, f64)>, StoreError> {
        let mut samples: Vec<(i64, f64)> = Vec::new();
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

fn between(buckets: &Buckets, range: Range<i64>) -> &[(i64, crate::timeseries::roll_up::Bucket)] {
    let begin = buckets.partition_point(|(at, _)| *at < range.start);
    let end = buckets.partition_point(|(at, _)| *at < range.end);
    buckets.get(begin..end).unwrap_or_default()
}

/// A counter's first rate needs the reading before.
const GAP: i64 = LONGEST_GAP.as_secs().cast_signed() * 1000;
