//! How fast a counter grows.

use std::time::Duration;

use server_scout_wire::{Kind, Metric, Timestamp};

/// The longest time between two readings of a counter, whatever its metric says: so far the store looks
/// back for the reading before.
pub const LONGEST_GAP: Duration = Duration::from_hours(1);

/// What a chart shows of a series.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shown {
    /// The values.
    Values,
    /// The growth per second between readings that are no further apart.
    Rates(Duration),
}

impl Shown {
    /// What is shown of a metric.
    #[must_use]
    pub fn of(metric: Metric) -> Self {
        let described = metric.describe();
        match described.kind {
            Kind::Gauge => Self::Values,
            Kind::Counter => Self::Rates(described.tier.max_gap().min(LONGEST_GAP)),
        }
    }
}

/// The growth per second between two readings of a counter. None when it started again from zero
/// meanwhile, when the readings are not in order, or when they are further apart than `max_gap`.
#[must_use]
pub fn rate(before: (Timestamp, f64), now: (Timestamp, f64), max_gap: Duration) -> Option<f64> {
    let apart = now.0.since(before.0);
    let grown = now.1 - before.1;
    if apart.is_zero() || apart > max_gap || grown < 0.0 {
        return None;
    }
    Some(grown / apart.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use server_scout_wire::Tier;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    const GAP: Duration = Tier::Fast.max_gap();

    #[test]
    fn a_counter_is_shown_as_its_growth_per_second() {
        assert_eq!(rate((at(0), 100.0), (at(5), 600.0), GAP), Some(100.0));
        assert_eq!(rate((at(0), 100.0), (at(5), 100.0), GAP), Some(0.0));
    }

    #[test]
    fn a_counter_that_started_again_has_no_rate_rather_than_a_wrong_one() {
        assert_eq!(rate((at(0), 600.0), (at(5), 10.0), GAP), None);
    }

    #[test]
    fn readings_out_of_order_or_far_apart_have_no_rate() {
        assert_eq!(rate((at(5), 1.0), (at(5), 2.0), GAP), None);
        assert_eq!(rate((at(5), 1.0), (at(0), 2.0), GAP), None);
        assert_eq!(rate((at(0), 1.0), (at(301), 2.0), GAP), None);
    }
}
