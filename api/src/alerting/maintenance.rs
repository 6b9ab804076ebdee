//! Maintenance windows: when nobody wants to hear of some servers.

use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use server_scout_wire::Timestamp;

use super::rule::Reach;

/// When a window is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// Once.
    Once {
        /// From then on.
        from: Timestamp,
        /// Until then, which is later.
        to: Timestamp,
    },
    /// Every week.
    Weekly(Weekly),
}

/// A window that comes again.
#[derive(Clone, Debug, PartialEq)]
pub struct Weekly {
    /// On which days, Monday first.
    pub days: [bool; 7],
    /// Minutes after midnight, as clocks there show: 0 to 1439. What the clocks leave out when they are
    /// put forward is as much later; what they show twice begins the first time.
    pub minute: u16,
    /// How long it is open, a minute to a day.
    pub length: Duration,
    /// Where.
    pub zone: TimeZone,
    /// Not after then.
    pub until: Option<Timestamp>,
}

/// When some servers raise no incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Which servers.
    pub reach: Reach,
    /// When.
    pub schedule: Schedule,
}

impl Schedule {
    /// Whether it is open at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        match self {
            Self::Once { from, to } => (*from..*to).contains(&now),
            Self::Weekly(weekly) => weekly.opened(now).is_some(),
        }
    }

    /// Whether it never opens again.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Once { to, .. } => now >= *to,
            Self::Weekly(weekly) => {
                weekly.until.is_some_and(|until| now >= until) && weekly.opened(now).is_none()
            }
        }
    }

    /// When it opens next, or opened, if it is open; none when it never does again.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::Once { from, to } => (now < *to).then_some((*from, *to)),
            Self::Weekly(weekly) => {
                let coming = weekly.around(now, -1, 8);
                coming.into_iter().find(|(_, end)| now < *end)
            }
        }
    }
}

impl Weekly {
    fn opened(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let around = self.around(now, -1, 1);
        around
            .into_iter()
            .find(|(from, to)| (*from..*to).contains(&now))
    }

    /// The openings on the days around `now`, in order. One that begins in time stays open to its end.
    fn around(&self, now: Timestamp, first: i64, last: i64) -> Vec<(Timestamp, Timestamp)> {
        let Ok(instant) = jiff::Timestamp::from_millisecond(now.as_millis()) else {
            return Vec::new();
        };
        let today = instant.to_zoned(self.zone.clone()).date();
        let openings = (first..=last).filter_map(|days| {
            let day = today.checked_add(jiff::Span::new().days(days)).ok()?;
            if !self.is_on(day.weekday()) {
                return None;
            }
            let (hour, minute) = (self.minute / 60, self.minute % 60);
            let time = day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
            let from = self.zone.to_zoned(time).ok()?.timestamp().as_millisecond();
            let from = Timestamp::from_millis(from);
            let in_time = self.until.is_none_or(|until| from < until);
            in_time.then(|| (from, from.after(self.length)))
        });
        openings.collect()
    }

    fn is_on(&self, day: Weekday) -> bool {
        let place = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
        self.days.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Sundays at half past two in the night, for an hour.
    fn sundays() -> Schedule {
        Schedule::Weekly(Weekly {
            days: [false, false, false, false, false, false, true],
            minute: 150,
            length: Duration::from_hours(1),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            until: None,
        })
    }

    #[test]
    fn a_window_keeps_to_the_clocks_of_its_zone() {
        // In winter an hour ahead of UTC, in summer two.
        assert!(sundays().is_open(at("2026-01-04T01:30:00Z")));
        assert!(!sundays().is_open(at("2026-01-04T01:29:59Z")));
        assert!(!sundays().is_open(at("2026-01-04T02:30:00Z")));
        assert!(sundays().is_open(at("2026-07-05T00:45:00Z")));
        assert!(!sundays().is_open(at("2026-07-06T00:45:00Z")));
    }

    #[test]
    fn a_window_opens_once_on_days_on_which_clocks_are_changed() {
        // Put forward at 02:00 on 29 March 2026, so half past two is not shown.
        assert!(sundays().is_open(at("2026-03-29T01:30:00Z")));
        assert!(!sundays().is_open(at("2026-03-29T00:59:00Z")));
        // Put back at 03:00 on 25 October 2026: half past two comes twice.
        assert!(sundays().is_open(at("2026-10-25T00:30:00Z")));
        assert!(!sundays().is_open(at("2026-10-25T01:30:00Z")));
    }

    #[test]
    fn a_window_over_midnight_is_open_on_the_day_after() {
        let Schedule::Weekly(mut weekly) = sundays() else {
            unreachable!("it is weekly")
        };
        weekly.minute = 23 * 60;
        weekly.length = Duration::from_hours(3);
        let late = Schedule::Weekly(weekly.clone());
        assert!(late.is_open(at("2026-01-05T00:59:00Z")));
        assert!(!late.is_open(at("2026-01-05T01:00:00Z")));
        let next = late.next(at("2026-01-05T01:00:00Z")).unwrap();
        assert_eq!(next.0, at("2026-01-11T22:00:00Z"));
        weekly.until = Some(at("2026-01-04T22:30:00Z"));
        let last = Schedule::Weekly(weekly);
        assert!(last.is_open(at("2026-01-05T00:59:00Z")));
        assert!(!last.is_over(at("2026-01-05T00:59:00Z")));
        assert!(last.is_over(at("2026-01-05T01:00:00Z")));
        assert_eq!(last.next(at("2026-01-05T01:00:00Z")), None);
    }

    #[test]
    fn a_window_once_is_open_from_its_beginning_to_before_its_end() {
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z"));
        let once = Schedule::Once { from, to };
        assert!(once.is_open(from) && !once.is_open(to));
        assert!(once.is_over(to) && !once.is_over(from));
        assert_eq!(once.next(from), Some((from, to)));
        assert_eq!(once.next(to), None);
    }
}
