//! How many failed logins of unknown accounts are recorded: a stranger must not fill the disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use server_scout_wire::Timestamp;

/// Counts what was recorded in the present hour.
#[derive(Default)]
pub(super) struct UnknownLogins(Mutex<Hour>);

#[derive(Default)]
struct Hour {
    since: Option<Timestamp>,
    recorded: u32,
}

impl UnknownLogins {
    /// Whether one more may be recorded. The last one of an hour says in the service log that there
    /// are more.
    pub(super) fn take(&self, now: Timestamp) -> bool {
        let mut hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hour.since.is_none_or(|since| now.since(since) >= HOUR) {
            *hour = Hour {
                since: Some(now),
                recorded: 0,
            };
        }
        hour.recorded = hour.recorded.saturating_add(1);
        if hour.recorded == PER_HOUR {
            tracing::warn!(
                "{PER_HOUR} logins with unknown accounts failed within an hour; further ones of this hour are not recorded"
            );
        }
        hour.recorded <= PER_HOUR
    }
}

const PER_HOUR: u32 = 600;
const HOUR: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_a_bound_and_the_next_hour_has_its_own() {
        let unknown = UnknownLogins::default();
        let now = Timestamp::from_millis(1_790_000_000_000);
        let recorded = (0..2000).filter(|_| unknown.take(now)).count();
        assert_eq!(recorded, 600);
        assert!(unknown.take(now.after(HOUR)));
    }
}
