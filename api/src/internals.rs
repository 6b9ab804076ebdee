//! What the dashboard tells its operator of itself: nothing of any organisation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counted since the start, whether somebody asks or not.
#[derive(Debug, Default)]
pub struct Internals {
    reports: [AtomicU64; ReportOutcome::ALL.len()],
    waiting: AtomicU64,
    commits: Durations,
    failed_commits: AtomicU64,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReportOutcome {
    /// It is durable now.
    Accepted,
    /// It was durable before.
    Duplicate,
    /// It broke a rule.
    Refused,
    /// It was older than the retention.
    TooOld,
}

/// How often something took how long.
#[derive(Debug, Default)]
pub struct Durations {
    /// Those up to each of the bounds, and not to the one before.
    within: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

/// The bounds of durations.
pub const BOUNDS: [Duration; 9] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

impl ReportOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Duplicate, Self::Refused, Self::TooOld];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
            Self::TooOld => "too_old",
        }
    }
}

impl Internals {
    /// A report was judged.
    pub fn count_report(&self, outcome: ReportOutcome) {
        if let Some(count) = self.reports.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Something is to wait for the writer.
    pub fn enter_queue(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// There was no room for it.
    pub fn turn_away(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// So much was committed, or could not be, after so long.
    pub fn leave_queue(&self, jobs: usize, took: Duration, well: bool) {
        self.waiting.fetch_sub(jobs as u64, Ordering::Relaxed);
        self.commits.add(took);
        if !well {
            self.failed_commits.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reports of that outcome.
    #[must_use]
    pub fn reports(&self, outcome: ReportOutcome) -> u64 {
        let count = self.reports.get(outcome as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// What waits for the writer.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How long transactions took, from their first job to the end of the commit.
    #[must_use]
    pub fn commits(&self) -> &Durations {
        &self.commits
    }

    /// Transactions that came to nothing.
    #[must_use]
    pub fn failed_commits(&self) -> u64 {
        self.failed_commits.load(Ordering::Relaxed)
    }
}

impl Durations {
    fn add(&self, took: Duration) {
        let place = BOUNDS.iter().position(|bound| took <= *bound);
        if let Some(within) = place.and_then(|place| self.within.get(place)) {
            within.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// For each bound, how many took at most that long.
    #[must_use]
    pub fn up_to(&self) -> Vec<(Duration, u64)> {
        let mut sum = 0;
        let bounds = BOUNDS.iter().zip(&self.within);
        let up_to = bounds.map(|(bound, within)| {
            sum += within.load(Ordering::Relaxed);
            (*bound, sum)
        });
        up_to.collect()
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How long they took together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up_and_the_longest_are_beyond_every_bound() {
        let durations = Durations::default();
        for millis in [1, 3, 3, 5000] {
            durations.add(Duration::from_millis(millis));
        }
        let up_to: Vec<u64> = durations.up_to().iter().map(|(_, count)| *count).collect();
        assert_eq!(up_to, [1, 1, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!(durations.count(), 4);
        assert_eq!(durations.sum(), Duration::from_millis(5007));
    }
}
