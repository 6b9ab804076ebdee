//! The hours in which a channel is told anything.

use jiff::tz::TimeZone;
use server_scout_wire::Timestamp;

use crate::domain::ServiceError;
use crate::store::channels::HoursRow;

/// From a minute of the day to another one, as clocks in a time zone show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hours {
    from: u16,
    to: u16,
    zone: TimeZone,
    name: String,
}

impl Hours {
    /// Reads `HH:MM`, `HH:MM` and the name of a time zone. An end before the beginning is the next day's.
    pub fn parse(from: &str, to: &str, zone: &str) -> Result<Self, ServiceError> {
        let (from, to) = (minute("from", from)?, minute("to", to)?);
        if from == to {
            return Err(ServiceError::invalid(
                "to",
                "must be another time than from",
            ));
        }
        let unknown = || {
            let reason = "must be the name of a time zone, such as Europe/Berlin";
            ServiceError::invalid("time_zone", reason)
        };
        let zone = TimeZone::get(zone.trim()).map_err(|_| unknown())?;
        let name = zone.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self {
            from,
            to,
            zone,
            name,
        })
    }

    /// As they are stored; none when the time zone is no more.
    #[must_use]
    pub fn of(row: &HoursRow) -> Option<Self> {
        Some(Self {
            from: u16::try_from(row.from).ok()?,
            to: u16::try_from(row.to).ok()?,
            zone: TimeZone::get(&row.zone).ok()?,
            name: row.zone.clone(),
        })
    }

    pub(super) fn row(&self) -> HoursRow {
        HoursRow {
            from: self.from.into(),
            to: self.to.into(),
            zone: self.name.clone(),
        }
    }

    /// Whether `now` is within them.
    #[must_use]
    pub fn contain(&self, now: Timestamp) -> bool {
        let Ok(now) = jiff::Timestamp::from_millisecond(now.as_millis()) else {
            return true;
        };
        let there = now.to_zoned(self.zone.clone());
        let minute = i32::from(there.hour()) * 60 + i32::from(there.minute());
        let (from, to) = (i32::from(self.from), i32::from(self.to));
        if from < to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }
}

fn minute(member: &'static str, text: &str) -> Result<u16, ServiceError> {
    let parts =
        { text.split_once(':') }.filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
    let numbers = parts.and_then(|(h, m)| Some((h.parse::<u16>().ok()?, m.parse::<u16>().ok()?)));
    match numbers {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok(hour * 60 + minute),
        _ => Err(ServiceError::invalid(
            member,
            "must be HH:MM, 00:00 to 23:59",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    #[test]
    fn hours_are_those_of_the_zone_and_may_span_midnight() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let day = Hours::parse("08:00", "18:30", "Europe/Berlin").unwrap();
        // Berlin is two hours ahead in summer, one in winter.
        for (time, within) in [
            ("2026-07-01T06:00:00Z", true),
            ("2026-07-01T05:59:00Z", false),
            ("2026-07-01T16:30:00Z", false),
            ("2026-12-01T06:30:00Z", false),
            ("2026-12-01T17:29:00Z", true),
        ] {
            assert_eq!(day.contain(at(time)), within, "{time}");
        }
        let night = Hours::parse("22:00", "06:00", "UTC").unwrap();
        assert!(night.contain(at("2026-07-01T23:00:00Z")));
        assert!(night.contain(at("2026-07-01T05:59:00Z")));
        assert!(!night.contain(at("2026-07-01T12:00:00Z")));
        assert_eq!(Hours::of(&night.row()), Some(night));
    }

    #[test]
    fn what_are_no_hours_is_refused() {
        for (from, to, zone) in [
            ("8:00", "18:00", "UTC"),
            ("08:00", "24:00", "UTC"),
            ("08:00", "08:00", "UTC"),
            ("08:00", "18:00", "Nowhere/Else"),
        ] {
            assert!(Hours::parse(from, to, zone).is_err(), "{from} {to} {zone}");
        }
    }
}
