//! The services: every rule of the product that is neither HTTP nor SQL.

pub mod accounts;
pub mod acting;
pub mod agent_keys;
pub mod alerts;
pub mod audit;
pub mod channels;
pub mod client;
mod common_passwords;
mod crowd;
pub mod enrolments;
pub mod error;
pub mod exposition;
pub mod first_owner;
pub mod fleet;
mod folding;
pub mod groups;
pub mod history;
pub mod ingest;
pub mod invitations;
pub mod live;
mod master_key;
pub mod metrics_export;
pub mod names;
mod notices;
mod opening;
mod operator;
mod organisation_end;
pub mod organisation_export;
pub mod organisations;
mod pace;
mod password;
mod password_change;
mod password_reset;
pub mod people;
pub mod post;
pub mod principal;
pub mod profile;
mod proof;
pub mod retention;
pub mod second_factor;
pub mod selection;
mod server_change;
mod server_query;
pub mod servers;
pub mod sessions;
pub mod status;
mod throttle;
pub mod tokens;
mod unknown_logins;
pub mod upkeep;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ring::hmac;
use tokio::sync::Notify;
use zeroize::Zeroizing;

pub use self::error::ServiceError;
use crate::clock::Clock;
use crate::config::{Limits, SessionTimes};
use crate::id::{Channel, Id, Organisation, Person};
use crate::internals::Internals;
use crate::outbound::Policy;
use crate::sealing::Sealer;
use crate::secret::SecretHash;
use crate::secret::random_bytes;
use crate::store::{Store, sealed};

/// All services over one store. Cloning shares them.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    limits: Limits,
    session_times: SessionTimes,
    live: Arc<live::Live>,
    alerts: alerts::Alerts,
    passwords: password::Passwords,
    agent_keys: agent_keys::AgentKeys,
    key_uses: agent_keys::KeyUses,
    throttle: throttle::Throttle,
    /// Enrolments, so that who tries codes is in nobody's way.
    enrolling: throttle::Throttle,
    /// Changes, which all leave an event.
    changes: pace::Pace<Id<Person>>,
    /// Logins that go well, by account or known device.
    logins: pace::Pace<SecretHash>,
    /// Tests of each channel, and of all channels of an organisation.
    tests: (pace::Pace<Id<Channel>>, pace::Pace<Id<Organisation>>),
    second_factors: second_factor::SecondFactors,
    /// Counts what strangers and members have mailed.
    requests: throttle::Throttle,
    post: OnceLock<post::Post>,
    /// What channels may reach.
    outbound: OnceLock<Policy>,
    intake: ingest::Intake,
    retentions: retention::Retentions,
    upkeep_due: Notify,
    unknown_logins: unknown_logins::UnknownLogins,
    audit: audit::Audit,
    /// Makes hashes of addresses that are asked; none at the command line.
    address_key: Option<hmac::Key>,
    sealer: Option<Arc<Sealer>>,
}

impl Services {
    /// Starts the services; reads what the live view shows from the store. Without a sealer, as at
    /// the command line, secrets stay closed and audit events are left for the dashboard to seal.
    pub async fn start(
        store: Store,
        clock: Clock,
        limits: Limits,
        session_times: SessionTimes,
        sealer: Option<Sealer>,
    ) -> Result<Self, ServiceError> {
        let live = live::Live::load(&store).await?;
        let (audit, address_key) = match &sealer {
            Some(sealer) => {
                let audit = kept_key(&store, sealer, AUDIT_KEY).await?;
                let addresses = kept_key(&store, sealer, ADDRESS_KEY).await?;
                let addresses = hmac::Key::new(hmac::HMAC_SHA256, &addresses);
                (audit::Audit::sealing_with(&audit), Some(addresses))
            }
            None => (audit::Audit::leaving(), None),
        };
        Ok(Self(Arc::new(Inner {
            store,
            clock,
            limits,
            session_times,
            live: Arc::new(live),
            alerts: alerts::Alerts::default(),
            passwords: password::Passwords::new(),
            agent_keys: agent_keys::AgentKeys::default(),
            key_uses: agent_keys::KeyUses::default(),
            throttle: throttle::Throttle::default(),
            enrolling: throttle::Throttle::default(),
            changes: pace::Pace::new(
                u32::try_from(limits.changes).unwrap_or(u32::MAX),
                CHANGE_EVERY,
            ),
            logins: pace::Pace::new(LOGINS_AT_ONCE, LOGIN_EVERY),
            tests: (
                pace::Pace::an_hour(channels::TESTS_OF_CHANNEL),
                pace::Pace::an_hour(channels::TESTS_OF_ORGANISATION),
            ),
            second_factors: second_factor::SecondFactors::default(),
            requests: throttle::Throttle::default(),
            post: OnceLock::new(),
            outbound: OnceLock::new(),
            intake: ingest::Intake::default(),
            retentions: retention::Retentions::default(),
            upkeep_due: Notify::new(),
            unknown_logins: unknown_logins::UnknownLogins::default(),
            audit,
            address_key,
            sealer: sealer.map(Arc::new),
        })))
    }

    /// Records what is done; to be cloned into the transaction that does it.
    fn audit(&self) -> audit::Audit {
        self.0.audit.clone()
    }

    /// Seals and opens what must be used again. Sealing belongs into the transaction that stores it,
    /// so that a rotation of the master key comes before it or after it, never between.
    pub fn sealer(&self) -> Result<Arc<Sealer>, ServiceError> {
        let missing = "is not known to this command; the running dashboard has it";
        let sealer = self.0.sealer.clone();
        sealer.ok_or_else(|| ServiceError::invalid("master key", missing))
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

    /// Counts a change that a person is about to make, before it is looked at.
    pub fn count_change(&self, person: Id<Person>) -> Result<(), ServiceError> {
        let taken = self.0.changes.take(person, self.clock().now());
        taken.map_err(|retry_after| ServiceError::TooManyChanges { retry_after })
    }

    /// What is counted for the operator.
    #[must_use]
    pub fn internals(&self) -> &Internals {
        self.store().internals()
    }

    /// Size of the database with its log of writes.
    #[must_use]
    pub fn database_bytes(&self) -> u64 {
        self.store().bytes()
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

/// A key of the dashboard's own: made once, kept sealed.
async fn kept_key(
    store: &Store,
    sealer: &Sealer,
    name: &'static str,
) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    let place = sealed::key_place(name);
    let fresh = Zeroizing::new(random_bytes::<32>());
    let fresh = sealer.seal(&place, fresh.as_slice())?;
    let kept = store
        .write(move |c| {
            sealed::keep_key(c, name, &fresh)?;
            sealed::key(c, name)
        })
        .await?;
    Ok(sealer.open(&place, &kept.unwrap_or_default())?)
}

/// That of the audit chains.
const AUDIT_KEY: &str = "audit";
/// That of the hashes of addresses.
const ADDRESS_KEY: &str = "address";

/// What one person may change again, after so much without a pause that it is bounded: an event is
/// kept for more than a year.
const CHANGE_EVERY: Duration = Duration::from_secs(1);
/// Logins without a pause, and after that.
const LOGINS_AT_ONCE: u32 = 60;
const LOGIN_EVERY: Duration = Duration::from_secs(10);
