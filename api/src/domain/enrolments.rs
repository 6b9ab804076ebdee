//! Enrolment: a single-use code that an agent exchanges for its own key.
//!
//! A code is valid for an hour, stored hashed, and removed by the transaction that makes the key, so
//! of two exchanges at once exactly one gets one. It is for one server, or for a new one.

use std::time::Duration;

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;
use server_scout_wire::label::is_visible;

use super::acting::{Acting, Actor};
use super::audit::{Action, Audit, Object};
use super::client::Client;
use super::names::Name;
use super::throttle::Source;
use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::enrolments::{FoundEnrolment, NewEnrolment};
use crate::store::servers::ServerRow;
use crate::store::{Scope, StoreError, agent_keys, enrolments, servers};

/// What a code is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EnrolmentFor {
    /// A new server of this name; without one, of its host's name.
    New(Option<String>),
    /// This server.
    Server(Id<Server>),
}

/// A code that was made.
pub struct MadeEnrolment {
    /// The code, to be shown once.
    pub code: Secret,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What an agent sends.
pub struct Exchange {
    /// The code.
    pub code: String,
    /// What its host is called.
    pub hostname: String,
    /// Its version.
    pub agent_version: String,
    /// From where.
    pub client: Client,
}

/// What an agent gets.
pub struct Enrolled {
    /// The server that it reports for.
    pub server: ServerRow,
    /// Its own key.
    pub key: Secret,
}

/// What the transaction of an exchange needs.
struct Deal {
    hash: SecretHash,
    key_hash: SecretHash,
    ending: String,
    hostname: Name,
    agent_version: String,
    client: Client,
    audit: Audit,
    max_servers: usize,
    key_overlap: Duration,
    now: Timestamp,
}

impl MadeEnrolment {
    /// The code as it is shown: with the fingerprint of the CA that the agent has to insist on,
    /// where the dashboard has one of its own.
    #[must_use]
    pub fn shown(&self, ca_sha256: Option<&str>) -> String {
        let code = self.code.expose();
        ca_sha256.map_or_else(|| code.to_owned(), |sha256| format!("{code}.{sha256}"))
    }
}

impl Services {
    /// Makes a code. One for a server takes the place of the one before. A new server of a limited
    /// member goes into their only group, as if they had added it.
    pub async fn add_enrolment(
        &self,
        acting: &Acting,
        for_what: EnrolmentFor,
    ) -> Result<MadeEnrolment, ServiceError> {
        let (server, name) = match for_what {
            EnrolmentFor::Server(id) => (Some(id), None),
            EnrolmentFor::New(name) => (None, name),
        };
        let name = name.map(|name| Name::parse("name", &name)).transpose()?;
        let groups = match server {
            Some(_) => Vec::new(),
            None => self.groups_of_new(acting.scope, Vec::new()).await?,
        };
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        let code = Secret::generate(Purpose::Enrolment);
        let expires_at = now.after(CODE_LIFE);
        let new = NewEnrolment {
            hash: code.hash(),
            server,
            name: name.as_ref().map(ToString::to_string).unwrap_or_default(),
            group: groups.first().copied(),
            person: acting.by.who.person(),
            made_by: made_by(&acting.by),
            expires_at,
        };
        let made = self.store().write(move |c| {
            if enrolments::count(c, scope, now)? >= MAX_OPEN {
                return Ok(Err(TOO_MANY));
            }
            let object = match server {
                Some(id) => Object::server(id, &servers::get(c, scope, id)?.name),
                None if is_taken(c, scope, &new.name)? => return Ok(Err(TAKEN)),
                None => Object::of("server", "", &new.name),
            };
            enrolments::create(c, scope, &new, now)?;
            audit.record(c, now, &acting, Action::EnrolmentAdded, &object, "")?;
            Ok(Ok(()))
        });
        made.await??;
        Ok(MadeEnrolment { code, expires_at })
    }

    /// Exchanges a code for an agent key, exactly once. Codes that open nothing are all alike.
    pub async fn enrol(&self, exchange: Exchange) -> Result<Enrolled, ServiceError> {
        let now = self.clock().now();
        let sources: Vec<Source> = exchange
            .client
            .address
            .map(Source::address)
            .into_iter()
            .collect();
        let throttled = self.0.enrolling.begin(&sources, now);
        throttled.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;

        let code = exchange.code.split('.').next().unwrap_or_default();
        let code = Secret::parse(Purpose::Enrolment, code).ok_or(ServiceError::EnrolmentClosed)?;
        let key = Secret::generate(Purpose::AgentKey);
        let deal = Deal {
            hash: code.hash(),
            key_hash: key.hash(),
            ending: key.ending().to_owned(),
            hostname: Name::from_hostname(&exchange.hostname),
            agent_version: checked_version(&exchange.agent_version)?,
            client: exchange.client,
            audit: self.audit(),
            max_servers: self.0.limits.servers,
            key_overlap: self.0.limits.key_overlap,
            now,
        };
        let done = self.store().write(move |c| deal.carry_out(c)).await?;
        let (scope, server) = done?;
        self.0.throttle.succeed(&sources);
        self.live().put_new(scope, server.id, server.is_paused());
        Ok(Enrolled { server, key })
    }
}

impl Deal {
    /// Everything that can be refused is, before the code is used up.
    fn carry_out(
        self,
        c: &mut SqliteConnection,
    ) -> Result<Result<(Scope, ServerRow), ServiceError>, StoreError> {
        let Some(found) = enrolments::find(c, &self.hash, self.now)? else {
            return Ok(Err(ServiceError::EnrolmentClosed));
        };
        let scope = found.scope;
        if found.server.is_none() && servers::count(c, scope)? >= self.max_servers {
            return Ok(Err(FULL));
        }
        enrolments::remove(c, scope, found.id)?;
        let server = match found.server {
            Some(id) => servers::get(c, scope, id)?,
            None => self.new_server(c, &found)?,
        };
        self.new_key(c, scope, &server)?;
        self.record(c, &found, &server)?;
        Ok(Ok((scope, server)))
    }

    fn new_server(
        &self,
        c: &mut SqliteConnection,
        found: &FoundEnrolment,
    ) -> Result<ServerRow, StoreError> {
        let wanted = if found.name.is_empty() {
            self.hostname.as_str()
        } else {
            &found.name
        };
        let name = free_name(c, found.scope, wanted)?;
        let groups: Vec<_> = found.group.into_iter().collect();
        servers::create_in(c, found.scope, &name, &groups, self.now)
    }

    /// The server's first key, or else the successor of those it has.
    fn new_key(
        &self,
        c: &mut SqliteConnection,
        scope: Scope,
        server: &ServerRow,
    ) -> Result<(), StoreError> {
        agent_keys::end_successor(c, scope, server.id, self.now)?;
        let (hash, ending) = (&self.key_hash, &self.ending);
        let key = agent_keys::create(c, scope, server.id, hash, ending, self.now)?;
        let unseen_until = self.now.after(self.key_overlap);
        agent_keys::make_successor(c, scope, server.id, key, unseen_until)?;
        Ok(())
    }

    fn record(
        &self,
        c: &mut SqliteConnection,
        found: &FoundEnrolment,
        server: &ServerRow,
    ) -> Result<(), StoreError> {
        let by = Actor::agent(&server.name, self.client.clone());
        let acting = Acting {
            scope: found.scope,
            by,
        };
        let detail = format!(
            "host {}, agent {}, key …{}, with a code of {}",
            self.hostname, self.agent_version, self.ending, found.made_by
        );
        let object = Object::server(server.id, &server.name);
        let used = Action::EnrolmentUsed;
        self.audit
            .record(c, self.now, &acting, used, &object, &detail)
    }
}

/// `name`, or with a number behind it where another server has it: who holds a code for a new
/// server must not get into an old one by its name.
fn free_name(c: &mut SqliteConnection, scope: Scope, name: &str) -> Result<String, StoreError> {
    if !is_taken(c, scope, name)? {
        return Ok(name.to_owned());
    }
    for number in 2..=MAX_OF_A_NAME {
        let end = format!("-{number}");
        let room = Name::MAX - end.chars().count();
        let begin: String = name.chars().take(room).collect();
        let numbered = format!("{begin}{end}");
        if !is_taken(c, scope, &numbered)? {
            return Ok(numbered);
        }
    }
    Err(StoreError::Conflict)
}

fn is_taken(c: &mut SqliteConnection, scope: Scope, name: &str) -> Result<bool, StoreError> {
    match servers::by_name(c, scope, name) {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

fn checked_version(text: &str) -> Result<String, ServiceError> {
    let fits = !text.is_empty() && text.chars().count() <= MAX_VERSION;
    if fits && text.chars().all(is_visible) {
        Ok(text.to_owned())
    } else {
        let reason = format!("must have 1 to {MAX_VERSION} visible characters");
        Err(ServiceError::invalid("agent_version", reason))
    }
}

fn made_by(by: &Actor) -> String {
    match by.who.name() {
        "" => format!("the {}", by.who.kind()),
        name => name.to_owned(),
    }
}

const CODE_LIFE: Duration = Duration::from_hours(1);
/// Codes of one organisation that open something.
const MAX_OPEN: usize = 1000;
const MAX_OF_A_NAME: usize = 1000;
const MAX_VERSION: usize = 32;
const FULL: ServiceError = ServiceError::Conflict {
    member: "server",
    reason: "is one too many for this organisation; delete one first",
};
const TAKEN: ServiceError = ServiceError::Conflict {
    member: "name",
    reason: "is the name of another server already",
};
const TOO_MANY: ServiceError = ServiceError::Conflict {
    member: "code",
    reason: "is one too many; wait until others have expired",
};
