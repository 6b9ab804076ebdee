//! How long what is kept, and how many bytes that is.

use std::time::Duration;

use super::roll_up::Resolution;

/// How long samples and roll-ups are kept. The coarser, the longer, or equally long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    /// The samples themselves; whoever reports later is too late.
    pub raw: Duration,
    /// Roll-ups of a minute.
    pub minute: Duration,
    /// Roll-ups of fifteen minutes.
    pub quarter_hour: Duration,
    /// Roll-ups of an hour.
    pub hour: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw: 2 * DAY,
            minute: 14 * DAY,
            quarter_hour: 90 * DAY,
            hour: 400 * DAY,
        }
    }
}

impl Retention {
    /// The shortest that anything can be kept.
    pub const SHORTEST: Duration = Duration::from_hours(1);

    /// Nothing longer than a ceiling.
    #[must_use]
    pub fn within(self, ceiling: &Self) -> Self {
        Self {
            raw: self.raw.min(ceiling.raw),
            minute: self.minute.min(ceiling.minute),
            quarter_hour: self.quarter_hour.min(ceiling.quarter_hour),
            hour: self.hour.min(ceiling.hour),
        }
    }

    /// Whether the coarser is never kept shorter.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.raw <= self.minute
            && self.minute <= self.quarter_hour
            && self.quarter_hour <= self.hour
    }

    /// How long the roll-ups of a resolution are kept.
    #[must_use]
    pub fn of(&self, resolution: Resolution) -> Duration {
        match resolution {
            Resolution::Minute => self.minute,
            Resolution::QuarterHour => self.quarter_hour,
            Resolution::Hour => self.hour,
        }
    }

    /// The finest that is kept of what is so old; none for the samples themselves.
    #[must_use]
    pub fn finest(&self, age: Duration) -> Option<Resolution> {
        if age <= self.raw {
            return None;
        }
        let mut kept = Resolution::ALL.into_iter();
        let finest = kept.find(|resolution| age <= self.of(*resolution));
        finest.or(Some(Resolution::Hour))
    }

    /// About how many bytes it comes to.
    #[must_use]
    pub fn bytes(&self, a_day: &BytesADay) -> u64 {
        [
            bytes_of(a_day.raw, self.raw),
            bytes_of(a_day.minute, self.minute),
            bytes_of(a_day.quarter_hour, self.quarter_hour),
            bytes_of(a_day.hour, self.hour),
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// About how many bytes a day of samples and of roll-ups takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BytesADay {
    /// Of the samples themselves.
    pub raw: u64,
    /// Of roll-ups of a minute.
    pub minute: u64,
    /// Of roll-ups of fifteen minutes.
    pub quarter_hour: u64,
    /// Of roll-ups of an hour.
    pub hour: u64,
}

impl BytesADay {
    /// Of so many series, whose samples take `raw` bytes.
    #[must_use]
    pub fn new(raw: u64, series: u64) -> Self {
        let of = |resolution: Resolution| {
            let buckets = DAY.as_secs() / u64::from(resolution.seconds().unsigned_abs());
            series.saturating_mul(buckets * BYTES_A_BUCKET)
        };
        Self {
            raw,
            minute: of(Resolution::Minute),
            quarter_hour: of(Resolution::QuarterHour),
            hour: of(Resolution::Hour),
        }
    }
}

/// How many bytes it comes to when so many a day are kept so long.
#[must_use]
pub fn bytes_of(a_day: u64, kept: Duration) -> u64 {
    let total = u128::from(a_day) * u128::from(kept.as_secs()) / u128::from(DAY.as_secs());
    u64::try_from(total).unwrap_or(u64::MAX)
}

const DAY: Duration = Duration::from_hours(24);
/// What a bucket takes, as measured on a busy host; on an idle one it is half of that.
const BYTES_A_BUCKET: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finest_that_is_kept_depends_on_the_age() {
        let kept = Retention::default();
        assert!(kept.is_ordered());
        assert_eq!(kept.finest(DAY), None);
        assert_eq!(kept.finest(3 * DAY), Some(Resolution::Minute));
        assert_eq!(kept.finest(20 * DAY), Some(Resolution::QuarterHour));
        assert_eq!(kept.finest(900 * DAY), Some(Resolution::Hour));
    }

    #[test]
    fn bytes_grow_with_what_is_kept() {
        let kept = Retention::default();
        // Two days of samples, and per series 14 of 1440, 90 of 96 and 400 of 24 buckets.
        assert_eq!(
            kept.bytes(&BytesADay::new(1000, 1)),
            2000 + 3 * (14 * 1440 + 90 * 96 + 400 * 24)
        );
        let ceiling = Retention {
            raw: DAY,
            ..Retention::default()
        };
        let samples_alone = BytesADay::new(1000, 0);
        assert_eq!(kept.within(&ceiling).bytes(&samples_alone), 1000);
        assert_eq!(bytes_of(1000, DAY / 4), 250);
        assert_eq!(bytes_of(u64::MAX, 2 * DAY), u64::MAX);
    }
}
