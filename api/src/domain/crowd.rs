//! Who has passwords checked at the moment: nobody takes the places of all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::address::of_one_client;
use crate::secret::SecretHash;

/// Checks that one account waits for at a time; apart from known devices and from them.
const OF_AN_ACCOUNT: usize = 3;
/// Checks that unknown devices of one address wait for at a time.
const OF_AN_ADDRESS: usize = 8;

/// Somebody who has a password checked.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Member {
    Account(SecretHash),
    Address(IpAddr),
    KnownDevices(SecretHash),
}

/// Those who have passwords checked. There are never more than checks that may wait.
#[derive(Clone, Default)]
pub(super) struct Crowd(Arc<Mutex<HashMap<Member, usize>>>);

/// Whose password is checked: the account that was typed, and from where.
pub(super) struct Asking(Vec<Member>);

/// A place in the crowd, given back when dropped.
pub(super) struct Seat {
    crowd: Crowd,
    asking: Asking,
}

impl Asking {
    /// For an account, whether it exists or not; by a known device nobody else's crowd counts.
    pub(super) fn new(email: &str, known_device: bool, address: Option<IpAddr>) -> Self {
        let account = SecretHash::of(email);
        if known_device {
            return Self(vec![Member::KnownDevices(account)]);
        }
        let address = address.map(|address| Member::Address(of_one_client(address)));
        let account = std::iter::once(Member::Account(account));
        Self(account.chain(address).collect())
    }
}

impl Crowd {
    /// A place, unless too many of the same are there.
    pub(super) fn enter(&self, asking: Asking) -> Option<Seat> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |member: &Member| {
            let most = match member {
                Member::Account(_) | Member::KnownDevices(_) => OF_AN_ACCOUNT,
                Member::Address(_) => OF_AN_ADDRESS,
            };
            counts.get(member).is_some_and(|count| *count >= most)
        };
        if asking.0.iter().any(full) {
            return None;
        }
        for member in &asking.0 {
            *counts.entry(member.clone()).or_default() += 1;
        }
        let crowd = self.clone();
        Some(Seat { crowd, asking })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        for member in &self.asking.0 {
            if let Some(count) = counts.get_mut(member) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    counts.remove(member);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_places_of_others() {
        let crowd = Crowd::default();
        let ours = Some(IpAddr::from([192, 0, 2, 1]));
        let enter = |email: &str, known, address| crowd.enter(Asking::new(email, known, address));
        let seats: Vec<_> = (0..9).filter_map(|_| enter("eve", false, ours)).collect();
        assert_eq!(seats.len(), OF_AN_ACCOUNT);
        assert!(enter("eve", false, None).is_none(), "wherever from");
        assert!(enter("eve", true, ours).is_some(), "a known device");
        let others: Vec<_> = (0..9)
            .filter_map(|number| enter(&format!("nobody-{number}"), false, ours))
            .collect();
        assert_eq!(others.len(), OF_AN_ADDRESS - OF_AN_ACCOUNT);
        assert!(enter("ada", false, ours).is_none(), "the address is full");
        assert!(enter("ada", true, ours).is_some(), "but for a known device");
        assert!(enter("ada", false, None).is_some());
        drop(seats);
        assert!(enter("eve", false, ours).is_some());
        drop(others);
        assert!(
            crowd
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty()
        );
    }
}
