//! When each key was last used, kept in memory and written down now and then: a report costs a look
//! under a lock, and at most once a minute a few bytes, and never a write of its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use server_scout_wire::Timestamp;

use crate::domain::client::Client;
use crate::id::{AgentKey, Id};
use crate::store::Scope;
use crate::store::agent_keys::KeyUse;
use crate::store::credentials::AgentIdentity;

/// The last use of each key since the start.
#[derive(Default)]
pub(in crate::domain) struct KeyUses(Mutex<HashMap<Id<AgentKey>, Noted>>);

struct Noted {
    scope: Scope,
    minute: Timestamp,
    address: Option<IpAddr>,
    agent_version: String,
    written: bool,
}

impl KeyUses {
    /// Notes a use, to the minute. An agent says its version once on each connection, and it counts until
    /// another is said.
    pub(in crate::domain) fn note(&self, agent: AgentIdentity, client: &Client, now: Timestamp) {
        let minute = Timestamp::from_millis(now.as_millis() - now.as_millis().rem_euclid(60_000));
        let version = agent_version(client.user_agent.as_str());
        let mut uses = self.lock();
        let before = uses.get(&agent.key);
        let version = match before {
            Some(noted) if version.is_empty() => &noted.agent_version,
            _ => version,
        };
        if let Some(noted) = before
            && noted.minute == minute
            && noted.address == client.address
            && noted.agent_version == version
        {
            return;
        }
        let agent_version = version.to_owned();
        if uses.len() >= KEPT {
            uses.retain(|_, noted| !noted.written);
        }
        if uses.len() >= KEPT {
            return;
        }
        let noted = Noted {
            scope: agent.scope,
            minute,
            address: client.address,
            agent_version,
            written: false,
        };
        uses.insert(agent.key, noted);
    }

    /// The last use of a key, if it was used since the start.
    pub(super) fn last(&self, key: Id<AgentKey>) -> Option<KeyUse> {
        self.lock().get(&key).map(Noted::shown)
    }

    /// What is to be written down.
    pub(super) fn take(&self) -> Vec<(Id<AgentKey>, Scope, KeyUse)> {
        let mut uses = self.lock();
        let unwritten = uses.iter_mut().filter(|(_, noted)| !noted.written);
        unwritten
            .map(|(key, noted)| {
                noted.written = true;
                (*key, noted.scope, noted.shown())
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id<AgentKey>, Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn shown(&self) -> KeyUse {
        KeyUse {
            at: self.minute,
            from: self.address.map(|ip| ip.to_string()).unwrap_or_default(),
            agent_version: self.agent_version.clone(),
        }
    }
}

/// The version in what an agent says it is; empty where none is said.
fn agent_version(user_agent: &str) -> &str {
    let version = user_agent.strip_prefix("server-scout-agent/");
    let version = version.and_then(|rest| rest.split(' ').next());
    version
        .filter(|version| version.chars().count() <= MAX_VERSION)
        .unwrap_or_default()
}

/// Keys whose last use is remembered; at the limit those go that are written down.
const KEPT: usize = 100_000;
const MAX_VERSION: usize = 32;
