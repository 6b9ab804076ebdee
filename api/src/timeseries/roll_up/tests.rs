use proptest::prelude::*;

use super::*;
use crate::timeseries::LONGEST_GAP;

fn close(a: f64, b: f64, unit: f64) -> bool {
    (a - b).abs() <= unit + b.abs() / 1024.0
}

fn check(what: Shown, samples: &Samples) -> Result<(), TestCaseError> {
    let largest = samples.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let unit = if what == Shown::Values {
        largest / 900.0
    } else {
        0.0
    };
    for resolution in Resolution::ALL {
        let buckets = gather(resolution, samples.iter().copied());
        // What is stored again and again does not drift.
        let mut back = buckets.clone();
        for _ in 0..3 {
            back = unpack(resolution, 0, &pack(what, resolution, &back))
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(back.len(), buckets.len());
            for ((at, ours), (back_at, back)) in buckets.iter().zip(&back) {
                prop_assert_eq!((at, ours.count), (back_at, back.count));
                prop_assert!(close(back.min, ours.min, unit) && close(back.max, ours.max, unit));
                let (average, expected) = (back.average(), ours.average());
                prop_assert!(close(
                    average.unwrap_or(-1.0),
                    expected.unwrap_or(-2.0),
                    unit
                ));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn buckets_come_back(mut samples in proptest::collection::vec((0..PERIOD_MILLIS, 0_u32..10_000), 1..300)) {
        samples.sort_unstable();
        let percent: Vec<(i64, f64)> = samples.iter().map(|(at, n)| (*at, f64::from(*n) / 100.0)).collect();
        check(Shown::Values, &percent)?;
        let rates: Vec<(i64, f64)> = samples.iter().map(|(at, n)| (*at, f64::from(*n) / 4.999)).collect();
        check(Shown::Rates(LONGEST_GAP), &rates)?;
        let bytes: Vec<(i64, f64)> = samples.iter().map(|(at, n)| (*at, f64::from(*n) * 4096.0)).collect();
        check(Shown::Values, &bytes)?;
    }

    #[test]
    fn coarser_buckets_are_those_of_the_samples(
        mut samples in proptest::collection::vec((0..PERIOD_MILLIS, 0_i32..100), 1..300),
    ) {
        samples.sort_unstable();
        let samples: Vec<(i64, f64)> = samples.into_iter().map(|(at, n)| (at, n.into())).collect();
        let minutes = gather(Resolution::Minute, samples.iter().copied());
        for resolution in Resolution::ALL {
            prop_assert_eq!(coarser(resolution, &minutes), gather(resolution, samples.iter().copied()));
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut whole = vec![1];
        whole.extend(&bytes);
        whole.extend(crc32fast::hash(&whole).to_le_bytes());
        for resolution in Resolution::ALL {
            let _ = unpack(resolution, i64::MAX, &whole);
            prop_assert_eq!(unpack(resolution, 0, &bytes), Err(Damaged));
        }
    }
}

#[test]
fn rates_need_the_reading_before() {
    let samples = [(5000, 600.0), (10_000, 700.0)];
    let rates = |before| shown(Shown::Rates(LONGEST_GAP), before, &samples).collect::<Vec<_>>();
    assert_eq!(rates(None), [(10_000, 20.0)]);
    assert_eq!(rates(Some((0, 100.0))), [(5000, 100.0), (10_000, 20.0)]);
    assert_eq!(rates(Some((0, 900.0))), [(10_000, 20.0)]);
}
