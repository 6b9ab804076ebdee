//! Agent keys as reports present them: looked up once, remembered while nothing changes.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::secret::SecretHash;
use crate::store::credentials::AgentIdentity;
use crate::store::{Store, StoreError, credentials};

/// How many keys are remembered; at the limit all are forgotten and looked up again.
const REMEMBERED: usize = 100_000;

/// Keys that were found good, valid for one generation of the store. Unknown keys are not
/// remembered, so strangers cannot fill it.
#[derive(Default)]
pub(in crate::domain) struct AgentKeys(RwLock<Known>);

#[derive(Default)]
struct Known {
    generation: i64,
    keys: HashMap<SecretHash, AgentIdentity>,
}

impl AgentKeys {
    /// Whose the key is. A revocation, also by another program, counts from the next request on.
    pub(in crate::domain) async fn find(
        &self,
        store: &Store,
        hash: SecretHash,
    ) -> Result<Option<AgentIdentity>, StoreError> {
        let generation = store.generation()?;
        if let Some(identity) = self.remembered(generation, &hash) {
            return Ok(Some(identity));
        }
        let found = store
            .read(move |connection| credentials::agent_key(connection, &hash))
            .await?;
        if let Some(identity) = found {
            self.remember(generation, hash, identity);
        }
        Ok(found)
    }

    fn remembered(&self, generation: i64, hash: &SecretHash) -> Option<AgentIdentity> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.generation != generation {
            return None;
        }
        known.keys.get(hash).copied()
    }

    fn remember(&self, generation: i64, hash: SecretHash, identity: AgentIdentity) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A slower request must not bring back what an earlier generation knew.
        if known.generation > generation {
            return;
        }
        if known.generation < generation || known.keys.len() >= REMEMBERED {
            known.keys.clear();
            known.generation = generation;
        }
        known.keys.insert(hash, identity);
    }
}
