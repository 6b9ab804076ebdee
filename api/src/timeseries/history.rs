//! A range of reports, aggregated to at most the asked number of points.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::time::Duration;

use server_scout_wire::{Kind, Metric, Timestamp};

use super::rate::rate;
use crate::store::reports::LoggedReport;
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
    pub const MAX_DAYS: u64 = 400;

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

/// Cells of one answer, all series together. When there are many series, steps become longer.
const MAX_CELLS: usize = 200_000;

/// Aggregates reports, one after the other in order of time, to the window's steps.
///
/// A step is never shorter than two intervals between reports, so that the small unevenness of an
/// agent's clock does not look like gaps. A gauge that is read less often than a step is long keeps
/// its value until the next reading is overdue. Reports before the window only serve the first
/// rates and values.
pub struct Aggregator<'a, S> {
    names: &'a HashMap<i64, SeriesKey, S>,
    window: Window,
    step: u64,
    rows: BTreeMap<i64, Row>,
}

impl<'a, S: BuildHasher> Aggregator<'a, S> {
    /// Begins an answer about `metrics` of a server whose reports come every `interval`.
    #[must_use]
    pub fn new(
        window: Window,
        interval: Option<Duration>,
        names: &'a HashMap<i64, SeriesKey, S>,
        metrics: &[Metric],
    ) -> Self {
        let asked = names
            .iter()
            .filter(|(_, key)| metrics.contains(&key.metric));
        let asked: Vec<i64> = asked.map(|(id, _)| *id).collect();
        let points = window.points.min(MAX_CELLS / asked.len().max(1)).max(1);
        let step = step(window, points, interval.unwrap_or(DEFAULT_INTERVAL));
        let steps = millis(window.to.since(window.from)).div_ceil(step);
        let steps = usize::try_from(steps).unwrap_or(1);
        let rows = asked.into_iter().map(|id| (id, Row::new(steps))).collect();
        Self {
            names,
            window,
            step,
            rows,
        }
    }

    /// Takes in a report.
    pub fn add(&mut self, report: &LoggedReport) {
        let place = (report.at >= self.window.from)
            .then(|| millis(report.at.since(self.window.from)) / self.step)
            .and_then(|place| usize::try_from(place).ok());
        for (id, value) in &report.samples {
            let Some(row) = self.rows.get_mut(id) else {
                continue;
            };
            let Some(key) = self.names.get(id) else {
                continue;
            };
            let before = row.read(report.at, *value);
            let described = key.metric.describe();
            let shown = match described.kind {
                Kind::Gauge => Some(*value),
                Kind::Counter => before
                    .and_then(|before| rate(before, (report.at, *value), described.tier.max_gap())),
            };
            let cell = place.and_then(|place| row.cells.get_mut(place));
            if let (Some(shown), Some(cell)) = (shown, cell) {
                cell.add(shown);
            }
        }
    }

    /// The answer.
    #[must_use]
    pub fn finish(self) -> History {
        let mut series: Vec<HistorySeries> = Vec::new();
        for (id, row) in self.rows {
            let Some(key) = self.names.get(&id) else {
                continue;
            };
            if row.cells.iter().any(Cell::known) {
                let held = row.held(self.step);
                series.push(shown(key, &row.cells, &held));
            }
        }
        series.sort_by(|a, b| (a.key.metric, &a.key.label).cmp(&(b.key.metric, &b.key.label)));
        History {
            from: self.window.from,
            to: self.window.to,
            step: Duration::from_millis(self.step),
            series,
        }
    }
}

/// The usual time between two moments that are in order, in either direction: the median, so that
/// gaps do not count.
#[must_use]
pub fn interval(moments: &[Timestamp]) -> Option<Duration> {
    let between = moments
        .array_windows()
        .map(|[a, b]| a.since(*b).max(b.since(*a)));
    median(between.filter(|between| !between.is_zero()).collect())
}

fn median(mut durations: Vec<Duration>) -> Option<Duration> {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied()
}

/// The length of a step in milliseconds.
fn step(window: Window, points: usize, interval: Duration) -> u64 {
    let length = millis(window.to.since(window.from));
    let asked = length.div_ceil(points as u64);
    let shortest = millis(interval).saturating_mul(2).min(length);
    asked.max(shortest).max(1)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn shown(key: &SeriesKey, cells: &[Cell], held: &[Option<f64>]) -> HistorySeries {
    let all = |of: fn(&Cell) -> Option<f64>| {
        cells
            .iter()
            .zip(held)
            .map(|(cell, held)| of(cell).or(*held))
            .collect()
    };
    HistorySeries {
        key: key.clone(),
        average: all(Cell::average),
        min: all(|cell| cell.known().then_some(cell.min)),
        max: all(|cell| cell.known().then_some(cell.max)),
        count: cells.iter().map(|cell| cell.count).collect(),
    }
}

/// One series while it is aggregated.
struct Row {
    cells: Vec<Cell>,
    readings: Vec<Timestamp>,
    last: Option<(Timestamp, f64)>,
}

impl Row {
    fn new(steps: usize) -> Self {
        Self {
            cells: vec![Cell::default(); steps],
            readings: Vec::new(),
            last: None,
        }
    }

    /// Notes a reading and gives the one before.
    fn read(&mut self, at: Timestamp, value: f64) -> Option<(Timestamp, f64)> {
        self.readings.push(at);
        self.last.replace((at, value))
    }

    /// For each step without a reading the value before it, as long as no reading is overdue.
    fn held(&self, step: u64) -> Vec<Option<f64>> {
        let interval = interval(&self.readings).unwrap_or_default();
        if millis(interval) <= step {
            return vec![None; self.cells.len()];
        }
        let mut known: Option<(u64, f64)> = None;
        let steps_of_patience = (millis(interval) * 2).div_ceil(step);
        let cells = self.cells.iter().zip(0_u64..).map(|(cell, place)| {
            if let Some(value) = cell.average() {
                known = Some((place, value));
                return None;
            }
            let (at, value) = known?;
            (place - at < steps_of_patience).then_some(value)
        });
        cells.collect()
    }
}

#[derive(Clone, Debug, Default)]
struct Cell {
    count: u32,
    sum: f64,
    min: f64,
    max: f64,
}

impl Cell {
    fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
        self.count = self.count.saturating_add(1);
    }

    fn known(&self) -> bool {
        self.count > 0
    }

    /// Kept between the extremes, which rounding of the sum could leave.
    fn average(&self) -> Option<f64> {
        self.known()
            .then(|| (self.sum / f64::from(self.count)).clamp(self.min, self.max))
    }
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
