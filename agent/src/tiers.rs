//! Which tier is due with which report.

use std::time::Duration;

use crate::collect::Due;

/// Counts reports. Counting keeps every agent's tiers regular whatever its timer's jitter.
pub struct Tiers {
    made: u64,
    medium_every: u64,
    inventory_every: u64,
}

impl Tiers {
    /// The tiers of an agent that reports every `interval`.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        let every = |period: Duration| period.as_secs().div_ceil(interval.as_secs().max(1)).max(1);
        Self {
            made: 0,
            medium_every: every(MEDIUM),
            inventory_every: every(INVENTORY),
        }
    }

    /// What is due with the next report. The first has everything.
    pub fn advance(&mut self) -> Due {
        let made = self.made;
        self.made += 1;
        Due {
            medium: made.is_multiple_of(self.medium_every),
            inventory: made.is_multiple_of(self.inventory_every),
        }
    }
}

const MEDIUM: Duration = Duration::from_secs(30);
const INVENTORY: Duration = Duration::from_hours(1);
