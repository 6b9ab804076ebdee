//! The services: every rule of the product that is neither HTTP nor SQL.

pub mod accounts;
mod agent_keys;
pub mod client;
mod common_passwords;
pub mod error;
pub mod history;
pub mod ingest;
pub mod live;
pub mod names;
mod password;
mod password_change;
pub mod principal;
pub mod servers;
pub mod sessions;
pub mod status;
mod throttle;
pub mod upkeep;

use std::sync::Arc;

use tokio::sync::Notify;

pub use self::error::ServiceError;
use crate::clock::Clock;
use crate::config::{Limits, SessionTimes};
use crate::store::{Store, StoreError};

/// All services over one store. Cloning shares them.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    limits: Limits,
    session_times: SessionTimes,
    live: Arc<live::Live>,
    passwords: password::Passwords,
    agent_keys: agent_keys::AgentKeys,
    throttle: throttle::Throttle,
    intake: ingest::Intake,
    upkeep_due: Notify,
}

impl Services {
    /// Starts the services; reads what the live view shows from the store.
    pub async fn start(
        store: Store,
        clock: Clock,
        limits: Limits,
        session_times: SessionTimes,
    ) -> Result<Self, StoreError> {
        let live = live::Live::load(&store).await?;
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            limits,
            session_times,
            live: Arc::new(live),
            passwords: password::Passwords::new(),
            agent_keys: agent_keys::AgentKeys::default(),
            throttle: throttle::Throttle::default(),
            intake: ingest::Intake::default(),
            upkeep_due: Notify::new(),
        })))
    }

    /// The clock that all services go by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The number that grows with every change of who may do what.
    pub fn generation(&self) -> Result<i64, ServiceError> {
        Ok(self.store().generation()?)
    }

    /// The newest values and who listens to them.
    #[must_use]
    pub fn live(&self) -> &Arc<live::Live> {
        &self.0.live
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    /// Writes what waits and closes the store, if this is the last handle.
    pub fn finish(self) {
        if let Ok(inner) = Arc::try_unwrap(self.0).map_err(drop) {
            inner.store.finish();
        }
    }
}
