//! So much at once, and so much from then on: what each person may make the dashboard write down.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use server_scout_wire::Timestamp;

/// A bound on how often something is done, for each who does it.
pub(super) struct Pace<K> {
    /// So often without a pause.
    at_once: u32,
    /// Once more after so long.
    every: Duration,
    /// When each will have paid for all that was done (the generic cell rate algorithm, ITU-T I.371).
    paid: Mutex<HashMap<K, Timestamp>>,
}

impl<K: Eq + Hash> Pace<K> {
    pub(super) fn new(at_once: u32, every: Duration) -> Self {
        Self {
            at_once,
            every,
            paid: Mutex::default(),
        }
    }

    /// So often at once, and as often again in each hour.
    pub(super) fn an_hour(times: u32) -> Self {
        Self::new(times, Duration::from_hours(1) / times.max(1))
    }

    /// Does it once more, or says how long to wait.
    pub(super) fn take(&self, who: K, now: Timestamp) -> Result<(), Duration> {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let before = paid.get(&who).copied().unwrap_or(now).max(now);
        let after = before.after(self.every);
        let ahead = after.since(now);
        let allowed = self.every * self.at_once;
        if ahead > allowed {
            return Err(ahead.saturating_sub(allowed));
        }
        if paid.len() >= KEPT {
            paid.retain(|_, paid| *paid > now);
        }
        // With so many at work none is told from another for a while; memory stays bounded.
        if paid.len() >= KEPT {
            paid.clear();
        }
        paid.insert(who, after);
        Ok(())
    }
}

/// Whoever still pays is remembered, at most so many.
const KEPT: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_at_once_and_then_one_at_a_time_for_each() {
        let pace = Pace::new(3, Duration::from_secs(10));
        let now = Timestamp::from_millis(1_790_000_000_000);
        for _ in 0..3 {
            assert_eq!(pace.take("ada", now), Ok(()));
        }
        assert_eq!(pace.take("ada", now), Err(Duration::from_secs(10)));
        assert_eq!(pace.take("bob", now), Ok(()));
        let later = now.after(Duration::from_secs(10));
        assert_eq!(pace.take("ada", later), Ok(()));
        assert_eq!(pace.take("ada", later), Err(Duration::from_secs(10)));
        let rested = now.after(Duration::from_hours(1));
        for _ in 0..3 {
            assert_eq!(pace.take("ada", rested), Ok(()));
        }
    }
}
