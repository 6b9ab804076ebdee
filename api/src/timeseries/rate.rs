//! How fast a counter grows.

use std::time::Duration;

use server_scout_wire::Timestamp;

/// Two readings further apart say nothing of the time between. Counters are read every five minutes
/// or more often, and one reading may be missing.
pub const MAX_GAP: Duration = Duration::from_mins(11);

/// The growth per second between two readings of a counter. None when it started again from zero
/// meanwhile, when the readings are not in order, or when they are too far apart.
#[must_use]
pub fn rate(before: (Timestamp, f64), now: (Timestamp, f64)) -> Option<f64> {
    let apart = now.0.since(before.0);
    let grown = now.1 - before.1;
    if apart.is_zero() || apart > MAX_GAP || grown < 0.0 {
        return None;
    }
    Some(grown / apart.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    #[test]
    fn a_counter_is_shown_as_its_growth_per_second() {
        assert_eq!(rate((at(0), 100.0), (at(5), 600.0)), Some(100.0));
        assert_eq!(rate((at(0), 100.0), (at(5), 100.0)), Some(0.0));
    }

    #[test]
    fn a_counter_that_started_again_has_no_rate_rather_than_a_wrong_one() {
        assert_eq!(rate((at(0), 600.0), (at(5), 10.0)), None);
    }

    #[test]
    fn readings_out_of_order_or_far_apart_have_no_rate() {
        assert_eq!(rate((at(5), 1.0), (at(5), 2.0)), None);
        assert_eq!(rate((at(5), 1.0), (at(0), 2.0)), None);
        assert_eq!(rate((at(0), 1.0), (at(661), 2.0)), None);
    }
}
