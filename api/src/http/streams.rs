//! How many answers are open that take long: of a person, of an organisation, in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::id::{Id, Organisation, Person};
use crate::store::credentials::PersonIdentity;

/// How many may be open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Of one person, by whatever sessions and tokens: several tabs, but no flood.
    person: usize,
    /// Of one organisation.
    organisation: usize,
    /// In all.
    all: usize,
}

impl Bounds {
    /// Of live streams, which cost little.
    pub(super) const LIVE: Self = Self {
        person: 32,
        organisation: 256,
        all: 2048,
    };
    /// Of charts: each may hold some megabytes until it is taken.
    pub(super) const CHARTS: Self = Self {
        person: 6,
        organisation: 16,
        all: 64,
    };
    /// Of exports and questions about many servers, which read in turns.
    pub(super) const READING: Self = Self {
        person: 4,
        organisation: 8,
        all: 32,
    };
}

/// Counts open streams.
#[derive(Clone)]
pub(super) struct Streams {
    bounds: Bounds,
    open: Arc<Mutex<HashMap<Follower, usize>>>,
    /// Tells those who wait for a place.
    closed: Arc<Notify>,
}

type Follower = (Id<Organisation>, Id<Person>);

/// One open stream; counts until it is dropped.
pub(super) struct OpenStream {
    streams: Streams,
    follower: Follower,
}

/// A place that an answer keeps until it is taken, carried beside it.
#[derive(Clone)]
pub(super) struct Held(#[expect(dead_code, reason = "it counts by being there")] Arc<OpenStream>);

impl From<OpenStream> for Held {
    fn from(place: OpenStream) -> Self {
        Self(Arc::new(place))
    }
}

impl Streams {
    /// None yet.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            open: Arc::default(),
            closed: Arc::default(),
        }
    }

    /// Opens one more, and waits a while for room.
    pub(super) async fn wait(&self, identity: &PersonIdentity) -> Option<OpenStream> {
        let patience = Instant::now() + PATIENCE;
        loop {
            let closed = self.closed.notified();
            if let Some(place) = self.open(identity) {
                return Some(place);
            }
            timeout_at(patience, closed).await.ok()?;
        }
    }

    /// Opens one more, if there is room.
    pub(super) fn open(&self, identity: &PersonIdentity) -> Option<OpenStream> {
        let follower = (identity.scope.organisation(), identity.person);
        let mut counts = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |wanted: &dyn Fn(&Follower) -> bool| -> usize {
            counts
                .iter()
                .filter(|(follower, _)| wanted(follower))
                .map(|(_, count)| count)
                .sum()
        };
        let full = of(&|_| true) >= self.bounds.all
            || of(&|other| other.0 == follower.0) >= self.bounds.organisation
            || of(&|other| other.1 == follower.1) >= self.bounds.person;
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
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.follower) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.follower);
            }
        }
        drop(counts);
        self.streams.closed.notify_waiters();
    }
}

/// Whoever waits longer for a place is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);
