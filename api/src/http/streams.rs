//! How many live streams a credential holds open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::principal::Means;
use crate::secret::SecretHash;

/// Streams of one session or token: several tabs, but no flood.
const PER_CREDENTIAL: usize = 16;
/// Streams in all.
const IN_ALL: usize = 1024;

/// Counts open streams.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<SecretHash, usize>>>);

/// One open stream; counts until it is dropped.
pub(super) struct OpenStream {
    streams: Streams,
    key: SecretHash,
}

impl Streams {
    /// Opens one more, if there is room.
    pub(super) fn open(&self, means: Means) -> Option<OpenStream> {
        let (Means::Session(key) | Means::Token(key)) = means;
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = counts.values().sum();
        let own = counts.entry(key).or_default();
        if all >= IN_ALL || *own >= PER_CREDENTIAL {
            return None;
        }
        *own += 1;
        Some(OpenStream {
            streams: self.clone(),
            key,
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
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}
