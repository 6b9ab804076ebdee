//! A range of samples, aggregated to at most the asked number of points.

use std::ops::Range;
use std::time::Duration;

use server_scout_wire::Timestamp;

use super::Shown;
use super::roll_up::{Bucket, Buckets, Resolution, Samples, shown};
use super::summary::Summary;
use crate::store::series::SeriesKey;

/// What a chart asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    from: Timestamp,
    to: Timestamp,
    points: usize,
}

/// Why a window cannot be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WindowError {
    /// It ends before it begins.
    #[error("`from` must be before `to`")]
    Empty,
    /// Too many points, or none.
    #[error("`points` must be 1 to {}", Window::MAX_POINTS)]
    Points,
    /// It is longer than anything is kept.
    #[error("the range must not be longer than {} days", Window::MAX_DAYS)]
    TooLong,
}

impl Window {
    /// The most points of one series in an answer.
    pub const MAX_POINTS: usize = 2000;
    /// The longest range.
    pub const MAX_DAYS: u64 = 800;

    /// Checks the bounds.
    pub fn new(from: Timestamp, to: Timestamp, points: usize) -> Result<Self, WindowError> {
        if from >= to {
            return Err(WindowError::Empty);
        }
        if to.since(from) > Duration::from_secs(Self::MAX_DAYS * 24 * 60 * 60) {
            return Err(WindowError::TooLong);
        }
        if !(1..=Self::MAX_POINTS).contains(&points) {
            return Err(WindowError::Points);
        }
        Ok(Self { from, to, points })
    }

    /// Where it begins.
    #[must_use]
    pub fn from(self) -> Timestamp {
        self.from
    }

    /// Where it ends.
    #[must_use]
    pub fn to(self) -> Timestamp {
        self.to
    }
}

/// The answer to a window: every series has a value, or a gap, for each of the same steps.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The beginning of the first step.
    pub from: Timestamp,
    /// The end of the last step.
    pub to: Timestamp,
    /// The length of a step.
    pub step: Duration,
    /// The series, by metric and label.
    pub series: Vec<HistorySeries>,
}

impl History {
    /// How many steps there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        let length = millis(self.to.since(self.from));
        count(ceil(length, millis(self.step).max(1)))
    }
}

/// One series of an answer. Counters are shown as their growth per second.
#[derive(Clone, Debug, PartialEq)]
pub struct HistorySeries {
    /// Which series.
    pub key: SeriesKey,
    /// The mean of each step; none where nothing is known.
    pub average: Vec<Option<f64>>,
    /// The smallest value of each step.
    pub min: Vec<Option<f64>>,
    /// The largest value of each step.
    pub max: Vec<Option<f64>>,
    /// How many samples each step has.
    pub count: Vec<u32>,
}

/// The steps of an answer.
///
/// A step is never shorter than two intervals between reports, so that the small unevenness of an
/// agent's clock does not look like gaps, nor shorter than the finest that is kept of the range.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grid {
    from: i64,
    to: i64,
    step: i64,
    steps: usize,
    resolution: Option<Resolution>,
}

impl Grid {
    /// The steps of an answer about so many series of a server whose reports come every `interval`.
    /// `finest` is what is kept of the whole range; the samples themselves when there is none.
    #[must_use]
    pub fn new(
        window: Window,
        interval: Option<Duration>,
        series: usize,
        finest: Option<Resolution>,
    ) -> Self {
        let (from, to) = (window.from.as_millis(), window.to.as_millis());
        let points = window.points.min(MAX_CELLS / series.max(1)).max(1);
        let interval = millis(interval.unwrap_or(DEFAULT_INTERVAL));
        let shortest = interval.saturating_mul(2).min(to - from);
        let asked = ceil((to - from).max(1), whole(points));
        let step = asked
            .max(shortest)
            .max(finest.map_or(1, Resolution::millis));
        let coarsest = Resolution::ALL.into_iter().rev();
        let resolution = { coarsest }
            .find(|resolution| resolution.millis() <= step)
            .filter(|_| to - from > EXACT || finest.is_some());
        let Some(unit) = resolution.map(Resolution::millis) else {
            let steps = count(ceil(to - from, step));
            return Self {
                from,
                to,
                step,
                steps,
                resolution,
            };
        };
        // Roll-ups begin at whole minutes, so the steps do.
        let from = from.div_euclid(unit) * unit;
        let mut step = ceil(step, unit) * unit;
        while ceil(to - from, step) > whole(points) {
            step += unit;
        }
        let steps = ceil(to - from, step);
        Self {
            from,
            to: from + steps * step,
            step,
            steps: count(steps),
            resolution,
        }
    }

    /// A step for each bucket of a resolution that begins in a range, or holds its beginning.
    #[must_use]
    pub fn of_buckets(resolution: Resolution, range: &Range<i64>) -> Self {
        let unit = resolution.millis();
        let from = range.start.div_euclid(unit) * unit;
        let steps = ceil(range.end.saturating_sub(from), unit).max(0);
        Self {
            from,
            to: from + steps * unit,
            step: unit,
            steps: count(steps),
            resolution: Some(resolution),
        }
    }

    /// How many steps there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The beginning of the first step, in milliseconds.
    #[must_use]
    pub fn from(&self) -> i64 {
        self.from
    }

    /// The end of the last step, in milliseconds.
    #[must_use]
    pub fn to(&self) -> i64 {
        self.to
    }

    /// The coarsest resolution that is not coarser than a step; none for the samples themselves, which
    /// short ranges are answered from.
    #[must_use]
    pub fn resolution(&self) -> Option<Resolution> {
        self.resolution
    }

    /// An answer of these series.
    #[must_use]
    pub fn answer(&self, mut series: Vec<HistorySeries>) -> History {
        series.sort_by(|a, b| (a.key.metric, &a.key.label).cmp(&(b.key.metric, &b.key.label)));
        History {
            from: Timestamp::from_millis(self.from),
            to: Timestamp::from_millis(self.to),
            step: Duration::from_millis(self.step.unsigned_abs()),
            series,
        }
    }

    fn place(&self, at: i64) -> Option<usize> {
        let within = at >= self.from && at < self.to;
        within.then(|| count((at - self.from) / self.step))
    }
}

/// Cells of one answer, all series together. When there are many series, steps become longer.
const MAX_CELLS: usize = 200_000;

/// One series while it is aggregated: samples and roll-ups are taken in in order of time.
///
/// A gauge that is read less often than a step is long keeps its value until the next reading is
/// overdue. Samples before the first step only serve the first rates.
pub struct Row {
    grid: Grid,
    what: Shown,
    cells: Vec<Bucket>,
    readings: Vec<i64>,
    last: Option<(i64, f64)>,
}

impl Row {
    /// A row without samples.
    #[must_use]
    pub fn new(grid: Grid, what: Shown) -> Self {
        Self {
            grid,
            what,
            cells: vec![Bucket::default(); grid.steps],
            readings: Vec::new(),
            last: None,
        }
    }

    /// Takes in samples, which are no older than those before.
    pub fn add(&mut self, samples: &Samples) {
        for (at, value) in shown(self.what, self.last, samples) {
            self.put(at, &Bucket::of(value));
        }
        let room = self.most_readings().saturating_sub(self.readings.len());
        self.readings
            .extend(samples.iter().take(room).map(|(at, _)| *at));
        self.last = samples.last().copied().or(self.last);
    }

    /// Whether it shows rates.
    #[must_use]
    pub fn is_counter(&self) -> bool {
        matches!(self.what, Shown::Rates(_))
    }

    /// Takes in the last reading before the samples that follow, for the first rate of them.
    pub fn begin_after(&mut self, reading: Option<(i64, f64)>) {
        self.last = reading;
    }

    /// Takes in roll-ups.
    pub fn add_buckets(&mut self, buckets: &[(i64, Bucket)]) {
        for (at, bucket) in buckets {
            if self.put(*at, bucket) && self.readings.len() < self.most_readings() {
                self.readings.push(*at);
            }
        }
    }

    /// With more readings than that, the usual time between two of them is shorter than a step, and
    /// nothing has to be held.
    fn most_readings(&self) -> usize {
        2 * self.grid.steps + 1
    }

    /// The steps of which something is known.
    #[must_use]
    pub fn into_buckets(self) -> Buckets {
        let step = self.grid.step;
        let begins = (0_i64..).map(|place| self.grid.from + place * step);
        let cells = begins.zip(self.cells);
        cells.filter(|(_, cell)| cell.is_known()).collect()
    }

    /// Whether it lies within the answer.
    fn put(&mut self, at: i64, bucket: &Bucket) -> bool {
        let cell = self.grid.place(at);
        let cell = cell.and_then(|place| self.cells.get_mut(place));
        if let Some(cell) = cell {
            cell.merge(bucket);
            return true;
        }
        false
    }

    /// Takes in the summary of samples that are newer than those before.
    pub fn add_summary(&mut self, summary: &Summary) {
        let Some([first, last]) = summary.edges else {
            self.add_buckets(&summary.minutes);
            return;
        };
        // The rate from the reading before, which its own rates cannot hold.
        for (at, rate) in shown(self.what, self.last, &[first]) {
            self.put(at, &Bucket::of(rate));
        }
        self.add_buckets(&summary.minutes);
        self.last = Some(last);
    }

    /// What a chart shows of it; none when nothing is known.
    #[must_use]
    pub fn finish(self, key: SeriesKey) -> Option<HistorySeries> {
        if !self.cells.iter().any(Bucket::is_known) {
            return None;
        }
        let held = self.held();
        let all = |of: fn(&Bucket) -> Option<f64>| {
            let cells = self.cells.iter().zip(&held);
            cells.map(|(cell, held)| of(cell).or(*held)).collect()
        };
        Some(HistorySeries {
            key,
            average: all(Bucket::average),
            min: all(|cell| cell.is_known().then_some(cell.min)),
            max: all(|cell| cell.is_known().then_some(cell.max)),
            count: self.cells.iter().map(|cell| cell.count).collect(),
        })
    }

    /// For each step without a reading the value before it, as long as no reading is overdue.
    fn held(&self) -> Vec<Option<f64>> {
        let nothing = vec![None; self.cells.len()];
        let is_dense = self.readings.len() >= self.most_readings();
        if is_dense || self.cells.iter().all(Bucket::is_known) {
            return nothing;
        }
        let between = self.readings.array_windows().map(|[a, b]| b - a);
        let interval = median(between.filter(|between| *between > 0).collect()).unwrap_or(0);
        if interval <= self.grid.step {
            return nothing;
        }
        let patience = count(ceil(interval * 2, self.grid.step));
        let mut known: Option<(usize, f64)> = None;
        let cells = self.cells.iter().enumerate().map(|(place, cell)| {
            if let Some(value) = cell.average() {
                known = Some((place, value));
                return None;
            }
            let (at, value) = known?;
            (place - at < patience).then_some(value)
        });
        cells.collect()
    }
}

/// The usual time between moments that are in order: the median, so that gaps do not count.
#[must_use]
pub fn interval(moments: &[i64]) -> Option<Duration> {
    let between = moments.array_windows().map(|[a, b]| (b - a).abs());
    let usual = median(between.filter(|between| *between != 0).collect())?;
    Some(Duration::from_millis(usual.unsigned_abs()))
}

fn median(mut numbers: Vec<i64>) -> Option<i64> {
    if numbers.is_empty() {
        return None;
    }
    let middle = numbers.len() / 2;
    Some(*numbers.select_nth_unstable(middle).1)
}

fn ceil(number: i64, unit: i64) -> i64 {
    number.div_euclid(unit) + i64::from(number.rem_euclid(unit) > 0)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Ranges up to two hours are answered from the samples as long as those are kept: it costs little, and
/// the steps need not begin at whole minutes.
const EXACT: i64 = 2 * 60 * 60 * 1000;
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
