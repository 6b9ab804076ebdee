//! Where the time comes from, so that a test can move it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use server_scout_wire::Timestamp;

/// The source of the time. Cloning shares it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// A clock that stands at `start` until its hand is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, Hand) {
        let millis = Arc::new(AtomicI64::new(start.as_millis()));
        let hand = Hand(Arc::clone(&millis));
        let read = move || Timestamp::from_millis(millis.load(Ordering::Relaxed));
        (Self(Arc::new(read)), hand)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// Moves a manual clock.
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}
