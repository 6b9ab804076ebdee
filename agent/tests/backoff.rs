//! The waits between attempts, with the dice in our hand.

use std::time::Duration;

use proptest::prelude::*;
use server_scout_agent::backoff::Backoff;
use server_scout_wire::limits::MAX_RETRY_AFTER;

#[test]
fn the_ceiling_doubles_from_one_second_to_a_minute() {
    let mut backoff = Backoff::new(|| 1.0);
    let waits: Vec<u64> = (0..9).map(|_| backoff.next(None).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    backoff.reset();
    assert_eq!(backoff.next(None), Duration::from_secs(1));
}

#[test]
fn the_jitter_is_full_but_never_nothing() {
    let mut backoff = Backoff::new(|| 0.0);
    assert_eq!(backoff.next(None), Duration::from_millis(100));
    let mut backoff = Backoff::new(|| 0.5);
    let waits: Vec<u128> = (0..4).map(|_| backoff.next(None).as_millis()).collect();
    assert_eq!(waits, [500, 1000, 2000, 4000]);
}

#[test]
fn retry_after_is_obeyed_and_no_longer_than_five_minutes() {
    let seconds = Duration::from_secs;
    assert_eq!(Backoff::new(|| 0.0).next(Some(seconds(30))), seconds(30));
    assert_eq!(Backoff::new(|| 1.0).next(Some(seconds(30))), seconds(33));
    assert_eq!(Backoff::new(|| 1.0).next(Some(seconds(300))), seconds(300));
    assert_eq!(
        Backoff::new(|| 0.0).next(Some(seconds(u64::MAX))),
        MAX_RETRY_AFTER
    );
    // A dashboard that says "now" for an hour is still not asked without pause.
    let mut backoff = Backoff::new(|| 1.0);
    let last = (0..10).map(|_| backoff.next(Some(Duration::ZERO))).last();
    assert_eq!(last, Some(seconds(60)));
}

proptest! {
    #[test]
    fn every_wait_is_within_bounds(
        dice in -1.0..2.0_f64,
        asked in proptest::collection::vec(proptest::option::of(any::<u32>()), 1..20),
    ) {
        let mut backoff = Backoff::new(|| dice);
        for seconds in asked {
            let asked = seconds.map(|seconds| Duration::from_secs(seconds.into()));
            let wait = backoff.next(asked);
            prop_assert!(wait >= Duration::from_millis(100) && wait <= MAX_RETRY_AFTER);
            prop_assert!(wait >= asked.unwrap_or_default().min(MAX_RETRY_AFTER));
            if asked.is_none() {
                prop_assert!(wait <= Duration::from_mins(1));
            }
        }
    }
}
