//! How long to wait before the next attempt.

use std::time::Duration;

use server_scout_wire::limits::MAX_RETRY_AFTER;

/// Exponential back-off with full jitter: the n-th wait is anything between nothing and a ceiling
/// that doubles from 1 s to 60 s. Without jitter a fleet would come back in the same instant.
pub struct Backoff<R> {
    failures: u32,
    random: R,
}

impl<R: FnMut() -> f64> Backoff<R> {
    /// A back-off that draws its jitter from `random`, which gives numbers from 0 up to 1.
    pub fn new(random: R) -> Self {
        Self {
            failures: 0,
            random,
        }
    }

    /// The wait after one more failure. A `Retry-After` is obeyed when it is longer than the wait
    /// would be, with a tenth of it as jitter on top, and never beyond [`MAX_RETRY_AFTER`]:
    /// a dashboard that was taken over must not be able to silence the fleet.
    pub fn next(&mut self, retry_after: Option<Duration>) -> Duration {
        let doublings = self.failures.min(MAX_DOUBLINGS);
        self.failures = self.failures.saturating_add(1);
        let ceiling = FIRST_CEILING
            .saturating_mul(1 << doublings)
            .min(LAST_CEILING);
        let own = ceiling.mul_f64(self.draw()).max(SHORTEST);
        match retry_after {
            Some(asked) => {
                let asked = asked.min(MAX_RETRY_AFTER);
                let jittered = asked + (asked / 10).mul_f64(self.draw());
                jittered.max(own).min(MAX_RETRY_AFTER)
            }
            None => own,
        }
    }

    /// The pause between two batches of a backlog: half a second to one and a half.
    pub fn pause(&mut self) -> Duration {
        PAUSE / 2 + PAUSE.mul_f64(self.draw())
    }

    /// The next failure is a first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    fn draw(&mut self) -> f64 {
        (self.random)().clamp(0.0, 1.0)
    }
}

/// A random number from 0 up to 1. When the system has none to give, it is one half: jitter is
/// courtesy, not security.
#[must_use]
pub fn random_unit() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}

const FIRST_CEILING: Duration = Duration::from_secs(1);
const LAST_CEILING: Duration = Duration::from_mins(1);
/// On average, between two batches of a backlog.
const PAUSE: Duration = Duration::from_secs(1);
const MAX_DOUBLINGS: u32 = 6;
/// Full jitter can draw nothing at all; a failing dashboard is not asked again at once.
const SHORTEST: Duration = Duration::from_millis(100);
