//! How often what is read.

use std::time::Duration;

/// How often a metric is read. A tier that is due is reported whole.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tier {
    /// How the host does at this moment; with every report.
    Fast,
    /// What flows through it, and what it is made of that can run out.
    Medium,
    /// What it stores and carries.
    Slow,
    /// What people have to look after.
    Glacial,
    /// What the host and its agent are.
    Daily,
}

impl Tier {
    /// Every tier, the fastest first.
    pub const ALL: [Self; 5] = [
        Self::Fast,
        Self::Medium,
        Self::Slow,
        Self::Glacial,
        Self::Daily,
    ];

    /// The tier's word in configuration and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Glacial => "glacial",
            Self::Daily => "daily",
        }
    }

    /// Seconds between two readings where nothing else is configured.
    #[must_use]
    pub const fn default_seconds(self) -> u64 {
        match self {
            Self::Fast => 5,
            Self::Medium => 30,
            Self::Slow => 5 * MINUTE,
            Self::Glacial => HOUR,
            Self::Daily => DAY,
        }
    }

    /// The fewest and the most seconds between two readings that can be configured.
    #[must_use]
    pub const fn bounds_seconds(self) -> (u64, u64) {
        match self {
            Self::Fast => (1, 60),
            Self::Medium => (5, 150),
            Self::Slow => (MINUTE, 30 * MINUTE),
            Self::Glacial => (10 * MINUTE, DAY),
            Self::Daily => (HOUR, 7 * DAY),
        }
    }

    /// Two readings further apart say nothing of the time between: one that was missed is
    /// bridged, at the longest period that can be configured.
    #[must_use]
    pub const fn max_gap(self) -> Duration {
        let (_, longest) = match self {
            Self::Fast => Self::Medium.bounds_seconds(),
            _ => self.bounds_seconds(),
        };
        Duration::from_secs(2 * longest)
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
