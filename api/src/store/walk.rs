//! All that a server has in a range, samples or roll-ups, read stretch by stretch.
//!
//! A stretch is a while and some series, read in one transaction. Folding and merging move samples from
//! one place of the store to another, but never out of their stretch. So whatever goes on between
//! two stretches, nothing is read twice and nothing is left out.

use std::ops::Range;

use diesel::prelude::*;

use super::heads::Position;
use super::history::Source;
use super::{Scope, StoreError, folding, roll_ups, segments};
use crate::id::{Id, Server};
use crate::timeseries::roll_up::{Buckets, Resolution};
use crate::timeseries::segment::{PERIOD_MILLIS, begin_of, period_of};
use crate::timeseries::{Grid, Row, Shown};

/// Samples of a stretch, about: what is in memory at a time is a few times its 16 bytes each.
const SAMPLES: i64 = 50_000;
/// Series of a stretch.
const SERIES: i64 = 64;
/// No while is shorter.
const SHORTEST: i64 = 60_000;

/// A walk over one server.
#[derive(Clone, Debug)]
pub struct Walk {
    server: Id<Server>,
    series: Vec<(i64, Shown)>,
    resolution: Option<Resolution>,
    to: i64,
    /// The while that is read.
    now: Range<i64>,
    /// How many series of it were read.
    done: usize,
    at_a_time: usize,
    /// Samples and series of a stretch, about.
    most: (i64, i64),
}

/// What a series has in a stretch.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Samples as they were reported, by time in milliseconds.
    Samples(Vec<(i64, f64)>),
    /// Roll-ups; of counters they are of their growth per second.
    Buckets(Buckets),
}

/// Series ids and their values. Series without any are left out.
pub type Stretch = Vec<(i64, Values)>;

impl Walk {
    /// A walk over some series of a server; samples when there is no resolution. `range` is in
    /// milliseconds.
    #[must_use]
    pub fn new(
        server: Id<Server>,
        series: Vec<(i64, Shown)>,
        resolution: Option<Resolution>,
        range: &Range<i64>,
    ) -> Self {
        // The roll-ups that hold the beginning and the end are there as a whole.
        let unit = resolution.map_or(1, Resolution::millis);
        let from = range.start.div_euclid(unit) * unit;
        let to = range.end.saturating_add(unit - 1).div_euclid(unit) * unit;
        Self {
            server,
            series,
            resolution,
            to,
            now: from..from,
            done: 0,
            at_a_time: 1,
            most: (SAMPLES, SERIES),
        }
    }

    /// The same with stretches of so many samples and series.
    #[cfg(test)]
    pub(super) fn in_stretches_of(self, samples: i64, series: i64) -> Self {
        Self {
            most: (samples, series),
            ..self
        }
    }

    /// The next stretch; none at the end. To be read in a transaction, and `positions` asked for before
    /// it begins.
    pub fn next(
        &mut self,
        connection: &mut SqliteConnection,
        scope: Scope,
        positions: &[Position],
    ) -> Result<Option<Stretch>, StoreError> {
        let is_over = self.now.is_empty() || self.done >= self.series.len();
        if is_over && !self.go_on(connection, scope, positions)? {
            return Ok(None);
        }
        let some = self.series.iter().skip(self.done).take(self.at_a_time);
        let some: Vec<(i64, Shown)> = some.copied().collect();
        self.done += some.len();
        let found = match self.resolution {
            None => self.samples(connection, scope, positions, &some)?,
            Some(resolution) => self.buckets(connection, scope, positions, resolution, &some)?,
        };
        Ok(Some(found))
    }

    /// Goes to the next while that has anything. False when there is none.
    fn go_on(
        &mut self,
        connection: &mut SqliteConnection,
        scope: Scope,
        positions: &[Position],
    ) -> Result<bool, StoreError> {
        let since = self.now.end;
        if since >= self.to || self.series.is_empty() {
            return Ok(false);
        }
        let Some(next) = self.next_moment(connection, scope, positions, since)? else {
            return Ok(false);
        };
        if next >= self.to {
            return Ok(false);
        }
        let (end, reports) = if let Some(resolution) = self.resolution {
            let span = resolution.span_millis();
            (next.div_euclid(span) * span + span, 1)
        } else {
            let period = period_of(next);
            let reports = self.reports_of(connection, scope, positions, period)?;
            let length = shorter(reports, self.most.0);
            let within = next - begin_of(period).as_millis();
            let end = next - within.rem_euclid(length) + length;
            (end, reports.saturating_mul(length) / PERIOD_MILLIS)
        };
        self.now = next..end.min(self.to);
        self.done = 0;
        let (samples, series) = self.most;
        let some = (samples / reports.max(1)).clamp(1, series);
        self.at_a_time = usize::try_from(some).unwrap_or(1);
        Ok(true)
    }

    /// From when on there is anything, at `since` or after it; no later than the first of it.
    fn next_moment(
        &self,
        connection: &mut SqliteConnection,
        scope: Scope,
        positions: &[Position],
        since: i64,
    ) -> Result<Option<i64>, StoreError> {
        let mark = folding::mark(connection, self.server)?;
        let unfolded = positions.iter().filter(|position| position.id > mark);
        let logged = unfolded.map(|position| position.at);
        let logged = logged.filter(|at| *at >= since).min();
        let folded = segments::first_period(connection, scope, self.server, since)?;
        let folded = folded.map(|period| begin_of(period).as_millis());
        let rolled = match self.resolution {
            None => None,
            Some(resolution) => {
                roll_ups::first_span(connection, scope, self.server, resolution, since)?
            }
        };
        let first = [logged, folded, rolled].into_iter().flatten().min();
        Ok(first.map(|first| first.max(since)))
    }

    /// How many reports a half-day has.
    fn reports_of(
        &self,
        connection: &mut SqliteConnection,
        scope: Scope,
        positions: &[Position],
        period: i64,
    ) -> Result<i64, StoreError> {
        let infos = segments::of_periods(connection, scope, self.server, period..=period)?;
        let logged = positions.iter().map(|position| position.at);
        let logged = logged.filter(|at| period_of(*at) == period).count();
        let folded: i64 = infos.iter().map(|info| info.reports).sum();
        Ok(folded.saturating_add(i64::try_from(logged).unwrap_or(i64::MAX)))
    }

    fn samples(
        &self,
        connection: &mut SqliteConnection,
        scope: Scope,
        positions: &[Position],
        series: &[(i64, Shown)],
    ) -> Result<Stretch, StoreError> {
        let ids: Vec<i64> = series.iter().map(|(id, _)| *id).collect();
        let (server, now) = (self.server, &self.now);
        let mut source = Source::open_range(connection, scope, server, positions, now, &ids)?;
        let found = source.raw(connection, &ids, now)?.into_iter();
        let found = found.filter(|(_, samples)| !samples.is_empty());
        Ok(found
            .map(|(id, samples)| (id, Values::Samples(samples)))
            .collect())
    }

    fn buckets(
        &self,
        connection: &mut SqliteConnection,
        scope: Scope,
        positions: &[Position],
        resolution: Resolution,
        series: &[(i64, Shown)],
    ) -> Result<Stretch, StoreError> {
        let ids: Vec<i64> = series.iter().map(|(id, _)| *id).collect();
        let grid = Grid::of_buckets(resolution, &self.now);
        let mut source = Source::open(connection, scope, self.server, positions, &grid, &ids)?;
        let rows = series.iter();
        let mut rows: Vec<(i64, Row)> = rows
            .map(|(id, what)| (*id, Row::new(grid, *what)))
            .collect();
        source.read(connection, &grid, &mut rows)?;
        let found = rows.into_iter().map(|(id, row)| (id, row.into_buckets()));
        let found = found.filter(|(_, buckets)| !buckets.is_empty());
        Ok(found
            .map(|(id, buckets)| (id, Values::Buckets(buckets)))
            .collect())
    }
}

/// A half-day, or a part of it where it has so many reports that a series of it is too much at a time.
fn shorter(reports: i64, most: i64) -> i64 {
    let mut length = PERIOD_MILLIS;
    while reports.saturating_mul(length) / PERIOD_MILLIS > most && length / 2 >= SHORTEST {
        length /= 2;
    }
    length
}
