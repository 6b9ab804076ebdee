//! The audit log: who did what, in chains that show when anything was changed, removed or cut off.
//!
//! Every event is sealed with an HMAC-SHA256 (RFC 2104) over itself and the seal of the event before.
//! The key is made once and kept sealed under the master key, so whoever can write to the database alone
//! can forge no event. What a chain cannot show of itself, that its end was cut off, shows in the
//! service log, where each head is written.

mod action;
mod chain;
mod keeping;
mod log;
mod verify;

use std::sync::Arc;

use diesel::SqliteConnection;
use ring::hmac;
use server_scout_wire::Timestamp;
use tokio::sync::Notify;

pub use self::action::{Action, Object};
pub use self::log::{Event, EventPage, EventQuery};
pub(super) use self::verify::head_of;
pub use self::verify::{Finding, KnownHead};
use super::acting::{Acting, Actor};
use crate::store::audit::{self, Chain, EventRow, InboxRow};
use crate::store::{Scope, StoreError, organisations};

/// Records events, inside the transaction of what they tell of. Cloning shares it.
#[derive(Clone)]
pub struct Audit(Arc<Inner>);

struct Inner {
    /// None at the command line, which leaves its events for the dashboard to seal.
    key: Option<hmac::Key>,
    changed: Notify,
}

impl Audit {
    pub(super) fn sealing_with(key: &[u8]) -> Self {
        Self::with(Some(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    pub(super) fn leaving() -> Self {
        Self::with(None)
    }

    fn with(key: Option<hmac::Key>) -> Self {
        Self(Arc::new(Inner {
            key,
            changed: Notify::new(),
        }))
    }

    /// Records what somebody did in their organisation. `detail` says what else there is to know, and
    /// never a secret.
    pub fn record(
        &self,
        connection: &mut SqliteConnection,
        now: Timestamp,
        acting: &Acting,
        action: Action,
        object: &Object,
        detail: &str,
    ) -> Result<(), StoreError> {
        let chain = Chain::Organisation(acting.scope);
        self.record_in(connection, now, chain, &acting.by, (action, object, detail))
    }

    /// Records what a person did with their own account, in each of these organisations; without
    /// any, in the installation's chain.
    pub fn record_for(
        &self,
        connection: &mut SqliteConnection,
        now: Timestamp,
        scopes: &[Scope],
        by: &Actor,
        what: (Action, &Object, &str),
    ) -> Result<(), StoreError> {
        if scopes.is_empty() {
            return self.record_in(connection, now, Chain::Installation, by, what);
        }
        for scope in scopes {
            self.record_in(connection, now, Chain::Organisation(*scope), by, what)?;
        }
        Ok(())
    }

    /// Records an event in a chain, if who did it still has what they were let in by: so that nothing
    /// is changed by who lost it while the change waited. What ends it comes after its event.
    pub fn record_in(
        &self,
        connection: &mut SqliteConnection,
        now: Timestamp,
        chain: Chain,
        by: &Actor,
        (action, object, detail): (Action, &Object, &str),
    ) -> Result<(), StoreError> {
        by.ask_again(connection)?;
        if let Chain::Organisation(scope) = chain {
            // Whoever was at work when it was deleted must not begin its chain anew.
            organisations::name(connection, scope)?;
        }
        let detail: String = detail.chars().take(MAX_DETAIL).collect();
        let Some(key) = &self.0.key else {
            let left = InboxRow {
                id: 0,
                chain: chain.as_i64(),
                at: now.as_millis(),
                action: action.as_str().to_owned(),
                object_kind: object.kind.to_owned(),
                object_id: object.id.clone(),
                object_name: object.name.clone(),
                detail,
            };
            return audit::leave(connection, &left);
        };
        let mut event = EventRow {
            organisation_id: chain.as_i64(),
            number: 0,
            at: now.as_millis(),
            actor_kind: by.who.kind().to_owned(),
            actor_name: by.who.name().to_owned(),
            person_id: by.who.person(),
            action: action.as_str().to_owned(),
            object_kind: object.kind.to_owned(),
            object_id: object.id.clone(),
            object_name: object.name.clone(),
            detail,
            address: by.client.shown_address(),
            user_agent: by.client.user_agent.as_str().to_owned(),
            seal: Vec::new(),
        };
        self.seal_and_append(connection, key, &mut event)
    }

    fn seal_and_append(
        &self,
        connection: &mut SqliteConnection,
        key: &hmac::Key,
        event: &mut EventRow,
    ) -> Result<(), StoreError> {
        let stands = audit::chain(connection, event.organisation_id)?;
        event.number = stands.count + 1;
        event.seal = chain::seal(key, &stands.head, event);
        audit::append(connection, event)?;
        self.0.changed.notify_one();
        Ok(())
    }
}

/// Characters of what else there is to know.
const MAX_DETAIL: usize = 500;
