//! Which tier is due with which report.

use std::time::Duration;

use server_scout_wire::Tier;

use crate::collect::Due;

/// Seconds between two readings of each tier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Periods([Duration; Tier::ALL.len()]);

impl Periods {
    /// The period of a tier.
    #[must_use]
    pub fn of(&self, tier: Tier) -> Duration {
        self.0.get(tier as usize).copied().unwrap_or_default()
    }

    /// Changes the period of a tier.
    pub fn set(&mut self, tier: Tier, period: Duration) {
        if let Some(place) = self.0.get_mut(tier as usize) {
            *place = period;
        }
    }
}

impl Default for Periods {
    fn default() -> Self {
        Self(Tier::ALL.map(|tier| Duration::from_secs(tier.default_seconds())))
    }
}

/// Decides by a clock that is handed in: the time since the agent started.
pub struct Tiers {
    periods: Periods,
    /// When each tier is due next.
    next: [Duration; Tier::ALL.len()],
    /// How many reports were made, up to two.
    made: u8,
}

impl Tiers {
    /// The tiers of an agent that just started: all are due.
    #[must_use]
    pub fn new(periods: Periods) -> Self {
        Self {
            periods,
            next: [Duration::ZERO; Tier::ALL.len()],
            made: 0,
        }
    }

    /// What is due with the report that is made `now`. Each tier keeps its own beat, counted from
    /// the start: a report that is a little early or late does not shift it, and beats that were
    /// missed are not made up for. The second report carries the medium tier, too: most of it are counters, of
    /// which people see nothing before there are two readings.
    pub fn advance(&mut self, now: Duration) -> Due {
        let mut due = Due::FAST;
        if self.made == 1 {
            due.add(Tier::Medium);
        }
        self.made = self.made.saturating_add(1).min(2);
        for (tier, next) in Tier::ALL.into_iter().zip(&mut self.next) {
            let period = self.periods.of(tier).max(SHORTEST);
            // Of two reports the one that is nearer to the beat carries the tier.
            let reached = now + self.periods.of(Tier::Fast) / 2;
            if reached < *next {
                continue;
            }
            due.add(tier);
            let beats = reached.as_millis() / period.as_millis().max(1) + 1;
            *next = period.saturating_mul(u32::try_from(beats).unwrap_or(u32::MAX));
        }
        due
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
