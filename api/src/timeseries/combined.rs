//! Series of many servers as one: for each step what they come to together.

use std::collections::HashMap;

use super::roll_up::Bucket;
use super::{Grid, HistorySeries};
use crate::store::series::SeriesKey;

/// What the values of many servers become in each step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Combine {
    /// Their mean.
    Average,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their sum.
    Sum,
}

/// Series of many servers while they are combined. A server counts with its mean of each step. How many
/// series there are is bounded by who asks, as [`Grid::new`] takes their number.
#[derive(Debug)]
pub struct Combined {
    steps: usize,
    series: HashMap<SeriesKey, Vec<Bucket>>,
}

/// One metric and label of many servers.
#[derive(Clone, Debug, PartialEq)]
pub struct CombinedSeries {
    /// Which metric and label.
    pub key: SeriesKey,
    /// What the servers come to in each step; none where none has a value.
    pub values: Vec<Option<f64>>,
    /// How many servers have a value in each step.
    pub servers: Vec<u32>,
}

impl Combined {
    /// Nothing yet.
    #[must_use]
    pub fn new(grid: &Grid) -> Self {
        Self {
            steps: grid.steps(),
            series: HashMap::new(),
        }
    }

    /// Takes in a series of one more server, which has the same steps.
    pub fn add(&mut self, series: &HistorySeries) {
        let cells = self.series.entry(series.key.clone());
        let cells = cells.or_insert_with(|| vec![Bucket::default(); self.steps]);
        for (cell, value) in cells.iter_mut().zip(&series.average) {
            if let Some(value) = value {
                cell.merge(&Bucket::of(*value));
            }
        }
    }

    /// What was combined, by metric and label.
    #[must_use]
    pub fn finish(self, combine: Combine) -> Vec<CombinedSeries> {
        let value = |cell: &Bucket| match combine {
            Combine::Average => cell.average(),
            Combine::Max => cell.is_known().then_some(cell.max),
            Combine::Min => cell.is_known().then_some(cell.min),
            Combine::Sum => cell.is_known().then_some(cell.sum),
        };
        let series = self.series.into_iter().map(|(key, cells)| CombinedSeries {
            key,
            values: cells.iter().map(value).collect(),
            servers: cells.iter().map(|cell| cell.count).collect(),
        });
        let mut series: Vec<CombinedSeries> = series.collect();
        series.sort_by(|a, b| (a.key.metric, &a.key.label).cmp(&(b.key.metric, &b.key.label)));
        series
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use server_scout_wire::{Label, Metric, Timestamp};

    use super::*;
    use crate::timeseries::{Window, WindowError};

    fn series(metric: Metric, label: Option<&str>, average: &[Option<f64>]) -> HistorySeries {
        HistorySeries {
            key: SeriesKey {
                metric,
                label: label.and_then(|label| Label::new(label).ok()),
            },
            average: average.to_vec(),
            min: Vec::new(),
            max: Vec::new(),
            count: Vec::new(),
        }
    }

    fn three_steps() -> Result<Grid, WindowError> {
        let from = Timestamp::from_millis(0);
        let window = Window::new(from, from.after(Duration::from_mins(3)), 3)?;
        let resolution = Some(crate::timeseries::roll_up::Resolution::Minute);
        Ok(Grid::new(window, None, 1, resolution))
    }

    #[test]
    fn a_step_counts_the_servers_that_have_a_value() -> Result<(), WindowError> {
        let expected = [
            (Combine::Average, [Some(2.0), Some(5.0), None]),
            (Combine::Max, [Some(3.0), Some(5.0), None]),
            (Combine::Min, [Some(1.0), Some(5.0), None]),
            (Combine::Sum, [Some(4.0), Some(5.0), None]),
        ];
        for (combine, values) in expected {
            let mut combined = Combined::new(&three_steps()?);
            combined.add(&series(Metric::CpuUsage, None, &[Some(1.0), None, None]));
            combined.add(&series(
                Metric::CpuUsage,
                None,
                &[Some(3.0), Some(5.0), None],
            ));
            let found = combined.finish(combine);
            let found: Vec<_> = found
                .iter()
                .map(|one| (&one.values, &one.servers))
                .collect();
            assert_eq!(found, [(&values.to_vec(), &vec![2, 1, 0])]);
        }
        Ok(())
    }

    #[test]
    fn labels_stay_apart() -> Result<(), WindowError> {
        let mut combined = Combined::new(&three_steps()?);
        for label in ["/home", "/"] {
            let one = series(Metric::MountUsedBytes, Some(label), &[Some(1.0); 3]);
            combined.add(&one);
        }
        let found = combined.finish(Combine::Sum);
        let labels: Vec<_> = { found.iter() }
            .filter_map(|one| one.key.label.as_ref().map(ToString::to_string))
            .collect();
        assert_eq!(labels, ["/", "/home"]);
        Ok(())
    }
}
