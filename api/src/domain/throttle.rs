//! Failed logins slow further ones down, more with each.
//!
//! Attempts are counted by account, by address, and by device for browsers that have logged in before.
//! A known device has a count of its own instead of the account's and the address's, so a stranger who
//! tries an owner's password, behind the same address or not, cannot keep that owner out. Accounts are counted by what was typed, whether it exists or
//! not, so waiting tells nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use server_scout_wire::Timestamp;

use crate::address::of_one_client;
use crate::id::{Id, Person};
use crate::secret::SecretHash;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;
/// An address may be a whole office.
const FREE_BY_ADDRESS: u32 = 20;
/// Whoever invites may invite a team.
const FREE_BY_INVITER: u32 = 50;
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(15);
/// A count that saw no failure for so long is forgotten.
const FORGET_AFTER: Duration = Duration::from_hours(24);
/// Counts that are kept. At the limit those that cost nothing yet are forgotten, and those of a day
/// ago; when that does not help, all are.
const KEPT: usize = 50_000;

/// Who is counted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Source {
    /// The account that was typed, by its hash.
    Account(SecretHash),
    /// The client's address.
    Address(IpAddr),
    /// A browser that has logged in before.
    Device(SecretHash),
    /// The second factor of a person.
    Factor(Id<Person>),
    /// The second factor of a person, from a browser that has logged in before.
    FactorOnDevice(SecretHash),
    /// A person who has mails sent to others.
    Inviter(Id<Person>),
}

/// Counts of failed logins.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<Source, Count>>);

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    last: Timestamp,
}

impl Source {
    /// The source of a client's address.
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Address(of_one_client(address))
    }

    fn free(&self) -> u32 {
        match self {
            Self::Address(_) => FREE_BY_ADDRESS,
            Self::Account(_) | Self::Device(_) | Self::Factor(_) | Self::FactorOnDevice(_) => FREE,
            Self::Inviter(_) => FREE_BY_INVITER,
        }
    }
}

impl Throttle {
    /// Counts an attempt as failed before it is made, so that many at once cannot slip through,
    /// or says how long to wait.
    pub(super) fn begin(&self, sources: &[Source], now: Timestamp) -> Result<(), Duration> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = sources
            .iter()
            .filter_map(|source| {
                counts
                    .get(source)
                    .map(|count| count.wait(source.free(), now))
            })
            .max()
            .unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        if counts.len() + sources.len() > KEPT {
            make_room(&mut counts, now);
        }
        for source in sources {
            let count = counts.entry(source.clone()).or_insert(Count {
                failures: 0,
                last: now,
            });
            if now.since(count.last) > FORGET_AFTER {
                count.failures = 0;
            }
            count.failures = count.failures.saturating_add(1);
            count.last = now;
        }
        Ok(())
    }

    /// The attempt was not made after all, for a reason that is nobody's fault.
    pub(super) fn undo(&self, sources: &[Source]) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for source in sources {
            if let Some(count) = counts.get_mut(source) {
                count.failures = count.failures.saturating_sub(1);
            }
        }
    }

    /// The attempt was right after all. An address stays counted but for this attempt: one good
    /// account must not buy guesses at others.
    pub(super) fn succeed(&self, sources: &[Source]) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for source in sources {
            match source {
                Source::Account(_)
                | Source::Device(_)
                | Source::Factor(_)
                | Source::FactorOnDevice(_)
                | Source::Inviter(_) => {
                    counts.remove(source);
                }
                Source::Address(_) => {
                    if let Some(count) = counts.get_mut(source) {
                        count.failures = count.failures.saturating_sub(1);
                    }
                }
            }
        }
    }
}

impl Count {
    /// Whether it still makes somebody wait, now or after the next failure.
    fn costs(self, free: u32, now: Timestamp) -> bool {
        self.failures >= free && now.since(self.last) <= FORGET_AFTER
    }

    /// One second after the free failures, then twice as long after each.
    fn wait(self, free: u32, now: Timestamp) -> Duration {
        let Some(beyond) = self.failures.checked_sub(free) else {
            return Duration::ZERO;
        };
        let pause = Duration::from_secs(1_u64 << beyond.min(30)).min(LONGEST);
        pause.saturating_sub(now.since(self.last))
    }
}

fn make_room(counts: &mut HashMap<Source, Count>, now: Timestamp) {
    counts.retain(|source, count| count.costs(source.free(), now));
    if counts.len() >= KEPT {
        counts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Purpose, Secret};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).after(Duration::from_secs(seconds))
    }

    fn someone() -> SecretHash {
        Secret::generate(Purpose::Session).hash()
    }

    #[test]
    fn five_failures_cost_nothing_and_then_the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let account = [Source::Account(someone())];
        for _ in 0..5 {
            assert_eq!(throttle.begin(&account, at(0)), Ok(()));
        }
        let mut now = 0;
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(
                throttle.begin(&account, at(now)),
                Err(Duration::from_secs(expected))
            );
            now += expected;
            assert_eq!(throttle.begin(&account, at(now)), Ok(()));
        }
    }

    #[test]
    fn waiting_in_vain_costs_nothing_more() {
        let throttle = Throttle::default();
        let account = [Source::Account(someone())];
        for _ in 0..5 {
            assert_eq!(throttle.begin(&account, at(0)), Ok(()));
        }
        for _ in 0..100 {
            assert_eq!(throttle.begin(&account, at(0)), Err(Duration::from_secs(1)));
        }
    }

    #[test]
    fn a_success_forgives_the_account_but_not_the_address() {
        let throttle = Throttle::default();
        let address = Source::address(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..19 {
            let sources = [Source::Account(someone()), address.clone()];
            assert_eq!(throttle.begin(&sources, at(0)), Ok(()));
        }
        let mine = [Source::Account(someone()), address.clone()];
        assert_eq!(throttle.begin(&mine, at(0)), Ok(()));
        throttle.succeed(&mine);
        assert_eq!(
            throttle.begin(std::slice::from_ref(&address), at(0)),
            Ok(())
        );
        assert_eq!(
            throttle.begin(&[address], at(0)),
            Err(Duration::from_secs(1))
        );
    }

    #[test]
    fn a_flood_of_names_does_not_wash_away_what_was_counted() {
        let throttle = Throttle::default();
        let account = [Source::Account(someone())];
        for hour in 0..12 {
            assert_eq!(throttle.begin(&account, at(hour * 3600)), Ok(()));
        }
        let now = at(12 * 3600);
        for _ in 0..KEPT + 1000 {
            assert_eq!(throttle.begin(&[Source::Account(someone())], now), Ok(()));
        }
        assert_eq!(throttle.begin(&account, now), Ok(()));
        let wait = Duration::from_secs(256);
        assert_eq!(throttle.begin(&account, now), Err(wait));
    }

    #[test]
    fn an_attempt_that_was_not_made_does_not_count() {
        let throttle = Throttle::default();
        let account = [Source::Account(someone())];
        for _ in 0..100 {
            assert_eq!(throttle.begin(&account, at(0)), Ok(()));
            throttle.undo(&account);
        }
    }

    #[test]
    fn a_client_cannot_hide_in_its_own_network_of_version_six() {
        let near: [IpAddr; 2] = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"]
            .map(|ip| ip.parse().unwrap_or(IpAddr::from([0; 16])));
        let [one, other] = near.map(Source::address);
        assert_eq!(one, other);
    }

    #[test]
    fn a_flood_of_names_does_not_fill_the_memory() {
        let throttle = Throttle::default();
        for _ in 0..KEPT + 1000 {
            assert_eq!(throttle.begin(&[Source::Account(someone())], at(0)), Ok(()));
        }
        let kept = throttle
            .0
            .lock()
            .map(|counts| counts.len())
            .unwrap_or_default();
        assert!(kept <= KEPT);
    }
}
