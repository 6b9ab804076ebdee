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

/// Aggregates reports, which must be in order of time, to the window's steps.
///
/// A step is never shorter than two intervals between reports, so that the small unevenness of an
/// agent's clock does not look like gaps. Reports before the window only serve the first rates.
#[must_use]
pub fn aggregate<S: BuildHasher>(
    reports: &[LoggedReport],
    names: &HashMap<i64, SeriesKey, S>,
    metrics: &[Metric],
    window: Window,
) -> History {
    let step = step(reports, window);
    let steps =
        usize::try_from(window.to.since(window.from).as_millis().div_ceil(step)).unwrap_or(1);
    let mut cells: BTreeMap<(Metric, &str), (&SeriesKey, Vec<Cell>)> = BTreeMap::new();
    let mut before: HashMap<i64, (Timestamp, f64)> = HashMap::new();

    for report in reports {
        let place = report.at.since(window.from).as_millis() / step;
        let place = usize::try_from(place)
            .ok()
            .filter(|_| report.at >= window.from);
        for (id, value) in &report.samples {
            let Some(key) = names.get(id).filter(|key| metrics.contains(&key.metric)) else {
                continue;
            };
            let shown = match key.metric.describe().kind {
                Kind::Gauge => Some(*value),
                Kind::Counter => before
                    .insert(*id, (report.at, *value))
                    .and_then(|earlier| rate(earlier, (report.at, *value))),
            };
            let (Some(shown), Some(place)) = (shown, place) else {
                continue;
            };
            let label = key.label.as_ref().map_or("", |label| label.as_str());
            let (_, row) = cells
                .entry((key.metric, label))
                .or_insert_with(|| (key, vec![Cell::default(); steps]));
            if let Some(cell) = row.get_mut(place) {
                cell.add(shown);
            }
        }
    }

    History {
        from: window.from,
        to: window.to,
        step: Duration::from_millis(u64::try_from(step).unwrap_or(u64::MAX)),
        series: cells
            .into_values()
            .map(|(key, row)| series(key, &row))
            .collect(),
    }
}

/// The length of a step in milliseconds.
fn step(reports: &[LoggedReport], window: Window) -> u128 {
    let length = window.to.since(window.from).as_millis();
    let asked = length.div_ceil(window.points as u128);
    let shortest = (2 * interval(reports)).min(length);
    asked.max(shortest).max(1)
}

/// The usual time between two reports in milliseconds: the median, so that gaps do not count.
fn interval(reports: &[LoggedReport]) -> u128 {
    let mut between: Vec<u128> = reports
        .array_windows()
        .map(|[a, b]| b.at.since(a.at).as_millis())
        .filter(|millis| *millis > 0)
        .collect();
    between.sort_unstable();
    between
        .get(between.len() / 2)
        .copied()
        .unwrap_or(DEFAULT_INTERVAL_MILLIS)
}

fn series(key: &SeriesKey, row: &[Cell]) -> HistorySeries {
    HistorySeries {
        key: key.clone(),
        average: row.iter().map(Cell::average).collect(),
        min: row
            .iter()
            .map(|cell| cell.known().then_some(cell.min))
            .collect(),
        max: row
            .iter()
            .map(|cell| cell.known().then_some(cell.max))
            .collect(),
        count: row.iter().map(|cell| cell.count).collect(),
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

const DEFAULT_INTERVAL_MILLIS: u128 = 5000;

#[cfg(test)]
mod tests;
