//! How many live streams are open: of a person, of an organisation, in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::id::{Id, Organisation, Person};
use crate::store::credentials::PersonIdentity;

/// Streams of one person, by whatever sessions and tokens: several tabs, but no flood.
const OF_A_PERSON: usize = 32;
/// Streams of one organisation.
const OF_AN_ORGANISATION: usize = 256;
/// Streams in all.
const IN_ALL: usize = 2048;

/// Counts open streams.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Follower, usize>>>);

type Follower = (Id<Organisation>, Id<Person>);

/// One open stream; counts until it is dropped.
pub(super) struct OpenStream {
    streams: Streams,
    follower: Follower,
}

impl Streams {
    /// Opens one more, if there is room.
    pub(super) fn open(&self, identity: &PersonIdentity) -> Option<OpenStream> {
        let follower = (identity.scope.organisation(), identity.person);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |wanted: &dyn Fn(&Follower) -> bool| -> usize {
            counts
                .iter()
                .filter(|(follower, _)| wanted(follower))
                .map(|(_, count)| count)
                .sum()
        };
        let full = of(&|_| true) >= IN_ALL
            || of(&|other| other.0 == follower.0) >= OF_AN_ORGANISATION
            || of(&|other| other.1 == follower.1) >= OF_A_PERSON;
        if full {
            return None;
        }
        *counts.entry(follower).or_default() += 1;
        Some(OpenStream {
            streams: self.clone(),
            follower,
        })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut counts = self
            .streams
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.follower) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.follower);
            }
        }
    }
}
