//! How long until something is used up, by a slope that a few strange readings do not bend.

use std::time::Duration;

/// Hours until a falling value reaches zero, at the Theil-Sen slope of these readings: the median of
/// the slopes between all pairs. None when it does not fall, when the readings span less than an hour,
/// or when there are fewer than five. Readings are milliseconds and values, in order of time; of more
/// than 96 every so many are taken.
#[must_use]
pub fn hours_until_empty(readings: &[(i64, f64)]) -> Option<f64> {
    let apart = readings.len().div_ceil(MOST).max(1);
    // From the newest on, which counts most.
    let some: Vec<(i64, f64)> = readings.iter().rev().step_by(apart).copied().collect();
    let (newest, value) = some.first().copied()?;
    let (oldest, _) = some.last().copied()?;
    if some.len() < FEWEST || newest - oldest < hours_in_millis() {
        return None;
    }
    let mut slopes = Vec::with_capacity(some.len() * some.len() / 2);
    for (place, (later, high)) in some.iter().enumerate() {
        for (earlier, low) in some.iter().skip(place + 1) {
            let apart = (later - earlier) as f64;
            if apart > 0.0 {
                slopes.push((high - low) / apart);
            }
        }
    }
    let middle = slopes.len() / 2;
    if slopes.is_empty() {
        return None;
    }
    let slope = *slopes.select_nth_unstable_by(middle, f64::total_cmp).1;
    (slope < 0.0).then(|| (value / -slope / hours_in_millis() as f64).max(0.0))
}

fn hours_in_millis() -> i64 {
    i64::try_from(Duration::from_hours(1).as_millis()).unwrap_or(i64::MAX)
}

const FEWEST: usize = 5;
const MOST: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading every quarter of an hour that falls by 1 each.
    fn falling(count: u32) -> Vec<(i64, f64)> {
        let reading = |n: u32| (i64::from(n) * 900_000, 1000.0 - f64::from(n));
        (0..count).map(reading).collect()
    }

    #[test]
    fn what_falls_evenly_is_empty_when_it_says() {
        let hours = hours_until_empty(&falling(41)).unwrap_or_default();
        assert!((hours - 960.0 / 4.0).abs() < 1e-6, "{hours}");
        let hours = hours_until_empty(&falling(400)).unwrap_or_default();
        assert!((hours - 601.0 / 4.0).abs() < 1e-6, "{hours}");
    }

    #[test]
    fn a_quarter_of_strange_readings_bends_nothing() {
        let mut readings = falling(40);
        for (_, value) in readings.iter_mut().step_by(5) {
            *value += 5000.0;
        }
        let hours = hours_until_empty(&readings).unwrap_or_default();
        assert!((hours - 961.0 / 4.0).abs() < 1.0, "{hours}");
    }

    #[test]
    fn what_rises_stands_still_or_is_hardly_known_is_never_empty() {
        let rising: Vec<_> = falling(40).iter().map(|(at, v)| (*at, -v)).collect();
        assert_eq!(hours_until_empty(&rising), None);
        let still: Vec<_> = falling(40).iter().map(|(at, _)| (*at, 7.0)).collect();
        assert_eq!(hours_until_empty(&still), None);
        assert_eq!(hours_until_empty(&falling(4)), None);
        assert_eq!(hours_until_empty(&[]), None);
        let short: Vec<_> = (0..9).map(|n| (n * 1000, -(n as f64))).collect();
        assert_eq!(hours_until_empty(&short), None);
    }
}
