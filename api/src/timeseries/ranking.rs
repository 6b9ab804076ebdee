//! What servers are ranked by.

use std::cmp::Ordering;

use super::HistorySeries;

/// An order of servers by a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ranking {
    /// Which value of the range counts.
    pub by: RankedBy,
    /// Whether the lowest comes first.
    pub lowest_first: bool,
}

/// Which value of a range counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RankedBy {
    /// The mean of all samples.
    Average,
    /// The mean of the newest step that has one.
    Newest,
}

impl Ranking {
    /// What a series ranks by; none when nothing is known.
    #[must_use]
    pub fn of(self, series: &HistorySeries) -> Option<f64> {
        match self.by {
            RankedBy::Newest => series.average.iter().rev().find_map(|value| *value),
            RankedBy::Average => {
                let steps = series.average.iter().zip(&series.count);
                let known = steps.filter_map(|(value, count)| Some(((*value)?, f64::from(*count))));
                let (sum, count) = known.fold((0.0, 0.0), |(sum, all), (value, count)| {
                    (sum + value * count, all + count)
                });
                (count > 0.0).then(|| sum / count)
            }
        }
    }

    /// The one of two values that comes first.
    #[must_use]
    pub fn first(self, one: f64, other: f64) -> f64 {
        if self.lowest_first {
            one.min(other)
        } else {
            one.max(other)
        }
    }

    /// Which of two values comes first.
    #[must_use]
    pub fn compare(self, one: f64, other: f64) -> Ordering {
        if self.lowest_first {
            one.total_cmp(&other)
        } else {
            other.total_cmp(&one)
        }
    }
}

#[cfg(test)]
mod tests {
    use server_scout_wire::Metric;

    use super::*;
    use crate::store::series::SeriesKey;

    #[test]
    fn the_average_is_that_of_the_samples_and_the_newest_that_of_the_last_step() {
        let (metric, label) = (Metric::CpuUsage, None);
        let series = HistorySeries {
            key: SeriesKey { metric, label },
            average: vec![Some(1.0), None, Some(4.0), None],
            min: Vec::new(),
            max: Vec::new(),
            count: vec![2, 0, 1, 0],
        };
        let ranking = |by| Ranking {
            by,
            lowest_first: true,
        };
        assert_eq!(ranking(RankedBy::Average).of(&series), Some(2.0));
        assert_eq!(ranking(RankedBy::Newest).of(&series), Some(4.0));
        let nothing = HistorySeries {
            average: vec![None],
            count: vec![0],
            ..series
        };
        assert_eq!(ranking(RankedBy::Average).of(&nothing), None);
        assert_eq!(ranking(RankedBy::Newest).of(&nothing), None);
    }
}
