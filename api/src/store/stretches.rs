//! Which stretches of an answer are read from what: roll-ups where a half-day is rolled up as it is, the
//! summaries of segments that nothing else falls into, and the samples themselves for the rest.

use std::collections::BTreeSet;
use std::ops::Range;

use super::segments::Info;
use crate::timeseries::segment::{begin_of, period_of};
use crate::timeseries::{Grid, LONGEST_GAP};

/// A stretch of an answer, its ranges in milliseconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Stretch {
    /// Roll-ups.
    RolledUp(Range<i64>),
    /// The last sample of a range alone, for the first rate of what follows.
    Before(Range<i64>),
    /// Samples.
    Samples(Range<i64>),
    /// The summary of a segment.
    Summary(i64),
}

impl Stretch {
    /// Where it needs samples.
    pub(super) fn samples(&self) -> Option<&Range<i64>> {
        match self {
            Self::Before(range) | Self::Samples(range) => Some(range),
            Self::RolledUp(_) | Self::Summary(_) => None,
        }
    }
}

/// What there is to read from.
pub(super) struct Stock<'a> {
    pub(super) infos: &'a [Info],
    /// The times of the reports of the log, in order.
    pub(super) logged: &'a [i64],
    /// The half-days that are not rolled up as they are.
    pub(super) raw: &'a BTreeSet<i64>,
}

/// The stretches of an answer, in order of time. `summarised` are the segments with a summary.
pub(super) fn plan(
    grid: &Grid,
    stock: &Stock<'_>,
    summarised: impl Fn(i64) -> bool,
) -> Vec<Stretch> {
    let range = grid.from()..grid.to();
    if grid.resolution().is_none() {
        return vec![Stretch::Samples(range.start - GAP..range.end)];
    }
    let mut apart = stock.apart();
    apart.retain(|info| summarised(info.id));
    let mut plan = Vec::new();
    let mut at = range.start;
    let mut follows_samples = false;
    let last = period_of(range.end.saturating_sub(1));
    for period in stock.raw.range(period_of(range.start)..=last) {
        let begin = begin_of(*period).as_millis().max(range.start);
        let end = begin_of(period + 1).as_millis().min(range.end);
        if at < begin {
            plan.push(Stretch::RolledUp(at..begin));
        }
        if at < begin || !follows_samples {
            plan.push(Stretch::Before(begin - GAP..begin));
        }
        stock.unrolled(begin..end, &apart, &mut plan);
        at = end;
        follows_samples = true;
    }
    if at < range.end {
        plan.push(Stretch::RolledUp(at..range.end));
    }
    plan
}

impl Stock<'_> {
    /// Adds what is to be read of a range without roll-ups.
    fn unrolled(&self, range: Range<i64>, apart: &[Info], plan: &mut Vec<Stretch>) {
        let mut at = range.start;
        let whole = |info: &&Info| info.first_at >= range.start && info.last_at < range.end;
        for info in apart.iter().filter(whole) {
            self.samples(at..info.first_at, plan);
            plan.push(Stretch::Summary(info.id));
            at = info.last_at + 1;
        }
        self.samples(at..range.end, plan);
    }

    fn samples(&self, range: Range<i64>, plan: &mut Vec<Stretch>) {
        let mut infos = self.infos.iter();
        let folded = infos.any(|info| info.first_at < range.end && info.last_at >= range.start);
        if folded || self.is_logged(&range) {
            plan.push(Stretch::Samples(range));
        }
    }

    /// The segments that nothing else falls into, in order of time.
    fn apart(&self) -> Vec<Info> {
        let mut infos: Vec<Info> = self.infos.to_vec();
        infos.sort_by_key(|info| info.first_at);
        let next = infos.iter().skip(1).map(|info| info.first_at);
        let next: Vec<i64> = next.chain([i64::MAX]).collect();
        let mut newest = i64::MIN;
        let apart = infos.iter().zip(next).filter(|(info, next)| {
            let before = newest;
            newest = newest.max(info.last_at);
            before < info.first_at
                && info.last_at < *next
                && !self.is_logged(&(info.first_at..info.last_at + 1))
        });
        apart.map(|(info, _)| *info).collect()
    }

    fn is_logged(&self, range: &Range<i64>) -> bool {
        let first = self.logged.partition_point(|at| *at < range.start);
        self.logged.get(first).is_some_and(|at| *at < range.end)
    }
}

/// A counter's first rate needs the reading before.
pub(super) const GAP: i64 = LONGEST_GAP.as_secs().cast_signed() * 1000;

#[cfg(test)]
mod tests {
    use server_scout_wire::Timestamp;

    use super::*;
    use crate::timeseries::Window;
    use crate::timeseries::segment::PERIOD_MILLIS;

    const HOUR: i64 = 3_600_000;
    const START: i64 = 41_000 * PERIOD_MILLIS;

    fn info(id: i64, first: i64, last: i64) -> Info {
        Info {
            id,
            period: period_of(START),
            merged: false,
            rolled: false,
            reports: 9,
            first_at: START + first,
            last_at: START + last,
        }
    }

    /// The plan of the six hours from the start.
    fn plan_of(infos: &[Info], logged: &[i64]) -> Vec<Stretch> {
        let at = |millis| Timestamp::from_millis(START + millis);
        let window = Window::new(at(0), at(6 * HOUR), 300);
        let window = window.unwrap_or_else(|error| panic!("{error}"));
        let logged: Vec<i64> = logged.iter().map(|at| START + at).collect();
        let stock = Stock {
            infos,
            logged: &logged,
            raw: &BTreeSet::from([period_of(START)]),
        };
        let grid = Grid::new(window, None, 1, None);
        let mut plan = plan(&grid, &stock, |_| true);
        assert_eq!(plan.remove(0), Stretch::Before(START - GAP..START));
        plan
    }

    #[test]
    fn segments_that_nothing_falls_into_are_read_by_their_summary() {
        let infos = [info(1, 0, HOUR), info(2, HOUR + 1, 2 * HOUR)];
        let end = START + 6 * HOUR;
        assert_eq!(
            plan_of(&infos, &[2 * HOUR + 5]),
            [
                Stretch::Summary(1),
                Stretch::Summary(2),
                Stretch::Samples(START + 2 * HOUR + 1..end),
            ]
        );
    }

    #[test]
    fn what_overlaps_is_read_sample_by_sample() {
        let infos = [
            info(1, 0, HOUR),
            info(2, HOUR, 2 * HOUR),
            info(3, 3 * HOUR, 4 * HOUR),
        ];
        let end = START + 6 * HOUR;
        let apart = START + 3 * HOUR;
        assert_eq!(
            plan_of(&infos, &[]),
            [Stretch::Samples(START..apart), Stretch::Summary(3)]
        );
        assert_eq!(
            plan_of(&infos, &[3 * HOUR + 5]),
            [Stretch::Samples(START..end)]
        );
    }

    #[test]
    fn a_long_segment_is_not_hidden_by_short_ones_within_it() {
        let infos = [
            info(1, 0, 3 * HOUR),
            info(2, 10, 20),
            info(3, HOUR, 2 * HOUR),
        ];
        assert_eq!(
            plan_of(&infos, &[]),
            [Stretch::Samples(START..START + 6 * HOUR)]
        );
    }
}
