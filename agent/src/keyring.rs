//! The key in use, and how another one takes its place while the agent runs.
//!
//! The file is looked at before every request, so that a successor is used while the key before it
//! is still good: rotation waits for that. A new key has to prove itself; until then the one before
//! is kept, and a file with a wrong key costs nothing while the old one is good.

use crate::key::{ApiKey, KeySource};
use crate::watched::Watched;

/// The key and where it comes from.
pub struct Keyring {
    source: KeySource,
    file: Option<Watched>,
    current: ApiKey,
    /// The key before, as long as the present one was not accepted.
    before: Option<ApiKey>,
}

/// What to do when the dashboard refuses the key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// There is another key: go on with it at once.
    AnotherKey,
    /// There is none: wait.
    Wait,
}

impl Keyring {
    /// A key that was just read from `source`.
    #[must_use]
    pub fn new(current: ApiKey, source: KeySource) -> Self {
        let file = source.file().map(|path| Watched::new(path.to_owned()));
        Self {
            source,
            file,
            current,
            before: None,
        }
    }

    /// The key to send.
    #[must_use]
    pub fn key(&self) -> &ApiKey {
        &self.current
    }

    /// Looks whether the file holds another key now. One that cannot be read, perhaps because it
    /// is just being written, changes nothing.
    pub fn look(&mut self) -> bool {
        let changed = self.file.as_mut().is_some_and(Watched::changed);
        changed && self.take_from_file()
    }

    /// The dashboard accepted the key.
    pub fn accepted(&mut self) {
        self.before = None;
    }

    /// The dashboard refused the key. Each key is tried once, and then the file's is stayed with,
    /// so that two refused keys do not take turns for ever.
    pub fn refused(&mut self) -> Refused {
        if self.look() {
            return Refused::AnotherKey;
        }
        if let Some(before) = self.before.take() {
            tracing::warn!("the dashboard refuses the new agent key; trying the one before");
            self.current = before;
            return Refused::AnotherKey;
        }
        if let Some(key) = self.source.changed(&self.current) {
            self.current = key;
        }
        Refused::Wait
    }

    /// What to do, for people, when the dashboard refuses the key.
    #[must_use]
    pub fn explain_refusal(&self) -> String {
        self.source.explain_refusal()
    }

    fn take_from_file(&mut self) -> bool {
        let Some(key) = self.source.changed(&self.current) else {
            return false;
        };
        tracing::info!("the agent key was changed; going on with the new one");
        self.before = Some(std::mem::replace(&mut self.current, key));
        true
    }
}
