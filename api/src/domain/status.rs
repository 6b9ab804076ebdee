//! A server's condition.

use std::time::Duration;

use server_scout_wire::Timestamp;

/// A server's condition, as far as its reports tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// Its reports are refused because its clock is ahead.
    ClockWrong,
    /// The last report is 15 to 60 s old.
    Late,
    /// The last report is older than 60 s.
    Offline,
    /// The last report is younger than 15 s.
    Online,
    /// Somebody paused it.
    Paused,
    /// No report has ever come.
    Waiting,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Online,
        Self::Late,
        Self::Offline,
        Self::ClockWrong,
        Self::Waiting,
        Self::Paused,
    ];

    /// The status of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The status's word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClockWrong => "clock-wrong",
            Self::Late => "late",
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
        }
    }
}

/// What a status is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs {
    /// Whether somebody paused it.
    pub paused: bool,
    /// When its last report arrived.
    pub last_seen: Option<Timestamp>,
    /// When a report was last refused because of its clock.
    pub clock_wrong_at: Option<Timestamp>,
}

impl Signs {
    /// The status at `now`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        if self.paused {
            return Status::Paused;
        }
        let refused_lately = self
            .clock_wrong_at
            .is_some_and(|at| now.since(at) < OFFLINE_AFTER);
        if refused_lately && self.clock_wrong_at > self.last_seen {
            return Status::ClockWrong;
        }
        match self.last_seen {
            None => Status::Waiting,
            Some(at) if now.since(at) < LATE_AFTER => Status::Online,
            Some(at) if now.since(at) < OFFLINE_AFTER => Status::Late,
            Some(_) => Status::Offline,
        }
    }
}

const LATE_AFTER: Duration = Duration::from_secs(15);
const OFFLINE_AFTER: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).after(Duration::from_secs(seconds))
    }

    fn seen() -> Signs {
        Signs {
            last_seen: Some(after(0)),
            ..Signs::default()
        }
    }

    #[test]
    fn silence_makes_a_server_late_and_then_offline() {
        assert_eq!(Signs::default().status(after(0)), Status::Waiting);
        assert_eq!(seen().status(after(14)), Status::Online);
        assert_eq!(seen().status(after(15)), Status::Late);
        assert_eq!(seen().status(after(59)), Status::Late);
        assert_eq!(seen().status(after(60)), Status::Offline);
    }

    #[test]
    fn a_wrong_clock_is_shown_as_that_until_a_report_is_accepted() {
        let wrong = Signs {
            clock_wrong_at: Some(after(5)),
            ..seen()
        };
        assert_eq!(wrong.status(after(6)), Status::ClockWrong);
        let mended = Signs {
            last_seen: Some(after(10)),
            ..wrong
        };
        assert_eq!(mended.status(after(11)), Status::Online);
        assert_eq!(wrong.status(after(70)), Status::Offline);
    }

    #[test]
    fn a_paused_server_is_paused_whatever_it_sends() {
        let paused = Signs {
            paused: true,
            ..seen()
        };
        assert_eq!(paused.status(after(1)), Status::Paused);
    }
}
