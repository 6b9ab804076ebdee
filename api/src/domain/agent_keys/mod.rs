//! Agent keys: made, rotated with an overlap, revoked, and when each was last used.
//!
//! A rotation makes a successor, and both are good until the successor's first report is durable;
//! in that transaction the keys before it end. A successor that is not used in time expires
//! instead, the keys before it stay, and the organisation is told.

mod known;
mod notice;
mod uses;

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

pub(super) use self::known::AgentKeys;
pub(super) use self::uses::KeyUses;
use super::acting::{Acting, Actor};
use super::audit::{Action, Audit, Object};
use super::client::Client;
use super::{ServiceError, Services};
use crate::id::{AgentKey, Id, Server};
use crate::secret::{Purpose, Secret};
use crate::store::agent_keys::{AgentKeyRow, KeyState, KeyUse, Unseen};
use crate::store::credentials::AgentIdentity;
use crate::store::{Scope, StoreError, agent_keys, enrolments, servers};

/// An agent key as people see it.
#[derive(Clone, Debug)]
pub struct AgentKeyOverview {
    /// What is stored.
    pub row: AgentKeyRow,
    /// Its last use, to the minute.
    pub last_use: Option<KeyUse>,
}

/// The first report of a successor, about to be written.
pub(super) struct TakeOver {
    agent: AgentIdentity,
    client: Client,
    audit: Audit,
}

impl Services {
    /// The agent keys of a server, oldest first.
    pub async fn agent_keys(
        &self,
        scope: Scope,
        id: Id<Server>,
    ) -> Result<Vec<AgentKeyOverview>, ServiceError> {
        let rows = self
            .store()
            .read(move |c| {
                servers::get(c, scope, id)?;
                agent_keys::list(c, scope, id)
            })
            .await?;
        Ok(rows.into_iter().map(|row| self.key_overview(row)).collect())
    }

    /// One agent key of a server.
    pub async fn agent_key(
        &self,
        scope: Scope,
        server: Id<Server>,
        key: Id<AgentKey>,
    ) -> Result<AgentKeyOverview, ServiceError> {
        let keys = self.agent_keys(scope, server).await?;
        let mut keys = keys.into_iter();
        let found = keys.find(|known| known.row.id == key);
        found.ok_or(ServiceError::NotFound)
    }

    /// Makes another agent key for a server. The ones before stay good.
    pub async fn add_agent_key(
        &self,
        acting: &Acting,
        id: Id<Server>,
    ) -> Result<(AgentKeyOverview, Secret), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        let key = Secret::generate(Purpose::AgentKey);
        let (hash, ending) = (key.hash(), key.ending().to_owned());
        let row = self
            .store()
            .write(move |c| {
                let server = servers::get(c, scope, id)?;
                let usable = agent_keys::list(c, scope, id)?
                    .iter()
                    .filter(|key| key.revoked_at().is_none())
                    .count();
                if usable >= MAX_KEYS {
                    return Ok(None);
                }
                let made = agent_keys::create(c, scope, id, &hash, &ending, now)?;
                let key = Object::agent_key(made, &ending);
                audit.record(c, now, &acting, Action::AgentKeyAdded, &key, &server.name)?;
                row_of(c, scope, id, made).map(Some)
            })
            .await?
            .ok_or(ServiceError::Conflict {
                member: "agent key",
                reason: "is one too many; revoke one first",
            })?;
        Ok((self.key_overview(row), key))
    }

    /// Makes the successor of a server's agent keys. They stay good until it is used.
    pub async fn rotate_agent_keys(
        &self,
        acting: &Acting,
        id: Id<Server>,
    ) -> Result<(AgentKeyOverview, Secret), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        let unseen_until = now.after(self.0.limits.key_overlap);
        let key = Secret::generate(Purpose::AgentKey);
        let (hash, ending) = (key.hash(), key.ending().to_owned());
        let (row, unseen) = self
            .store()
            .write(move |c| {
                let server = servers::get(c, scope, id)?;
                let unseen = end_unseen(c, &audit, now)?;
                let keys = agent_keys::list(c, scope, id)?;
                if keys.iter().any(|key| key.state() == KeyState::Successor) {
                    return Ok((None, unseen));
                }
                let made = agent_keys::create(c, scope, id, &hash, &ending, now)?;
                agent_keys::make_successor(c, scope, id, made, unseen_until)?;
                let key = Object::agent_key(made, &ending);
                audit.record(c, now, &acting, Action::AgentKeyRotated, &key, &server.name)?;
                Ok((Some(row_of(c, scope, id, made)?), unseen))
            })
            .await?;
        self.tell_owners(unseen).await?;
        let row = row.ok_or(ServiceError::Conflict {
            member: "agent key",
            reason: "has a successor that was not used yet; use it, or revoke it first",
        })?;
        Ok((self.key_overview(row), key))
    }

    /// Revokes an agent key, at once, and with it the enrolment codes for its server. Revoking a
    /// successor ends the rotation, and the keys before it stay.
    pub async fn revoke_agent_key(
        &self,
        acting: &Acting,
        server: Id<Server>,
        key: Id<AgentKey>,
    ) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        Ok(self
            .store()
            .write(move |c| {
                let of = servers::get(c, scope, server)?.name;
                let ending = agent_keys::revoke(c, scope, server, key, now)?;
                enrolments::end_of_server(c, scope, server)?;
                let key = Object::agent_key(key, &ending);
                audit.record(c, now, &acting, Action::AgentKeyRevoked, &key, &of)
            })
            .await?)
    }

    /// What a report of this agent has to do besides being stored, if it is a successor's first.
    pub(super) fn take_over(&self, agent: AgentIdentity, client: Client) -> Option<TakeOver> {
        agent.unseen_until.map(|_| TakeOver {
            agent,
            client,
            audit: self.audit(),
        })
    }

    /// Ends successors that were not used in time, forgets keys that ended long ago and codes that
    /// have expired, and writes down when keys were used.
    pub(super) async fn keep_agent_keys(&self) -> Result<(), ServiceError> {
        let (audit, now) = (self.audit(), self.clock().now());
        let unseen = self
            .store()
            .write(move |c| {
                agent_keys::remove_ended(c, now.before(ENDED_KEPT))?;
                enrolments::sweep(c, now)?;
                end_unseen(c, &audit, now)
            })
            .await?;
        self.tell_owners(unseen).await?;
        self.write_key_uses().await
    }

    /// Writes down when keys were used since the last time.
    pub async fn write_key_uses(&self) -> Result<(), ServiceError> {
        let uses = self.0.key_uses.take();
        if uses.is_empty() {
            return Ok(());
        }
        Ok(self
            .store()
            .write(move |c| {
                uses.iter()
                    .try_for_each(|(key, scope, last)| agent_keys::note_use(c, *scope, *key, last))
            })
            .await?)
    }

    fn key_overview(&self, row: AgentKeyRow) -> AgentKeyOverview {
        let written = row.last_use();
        let mut last_use = self.0.key_uses.last(row.id).or_else(|| written.clone());
        if let (Some(last), Some(written)) = (&mut last_use, written)
            && last.agent_version.is_empty()
        {
            last.agent_version = written.agent_version;
        }
        AgentKeyOverview { row, last_use }
    }
}

impl TakeOver {
    /// Ends the keys before the successor. Done before the report is stored, and only once.
    pub(super) fn carry_out(
        self,
        connection: &mut SqliteConnection,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let AgentIdentity {
            scope, server, key, ..
        } = self.agent;
        let ended = agent_keys::take_over(connection, scope, server, key, now)?;
        if ended.is_empty() {
            return Ok(());
        }
        let row = row_of(connection, scope, server, key)?;
        let name = servers::get(connection, scope, server)?.name;
        let by = Actor::agent(&name, self.client);
        let detail = format!("{name}: in place of {}", ended.join(", "));
        self.audit.record(
            connection,
            now,
            &Acting { scope, by },
            Action::AgentKeyReplaced,
            &Object::agent_key(key, &row.ending),
            &detail,
        )
    }
}

/// Whether the newest of a server's keys is a successor that was not used in time, which its people
/// have to know of.
#[must_use]
pub fn has_expired_successor(keys: &[AgentKeyOverview]) -> bool {
    keys.last()
        .is_some_and(|key| key.row.state() == KeyState::Unseen)
}

/// Ends every successor that was not used in time, and tells its organisation.
fn end_unseen(
    connection: &mut SqliteConnection,
    audit: &Audit,
    now: Timestamp,
) -> Result<Vec<Unseen>, StoreError> {
    let ended = agent_keys::end_unseen(connection, now)?;
    for unseen in &ended {
        let acting = Acting::dashboard(unseen.scope);
        let key = Object::agent_key(unseen.key, &unseen.ending);
        let detail = format!(
            "{}: not used in time; the keys before it stay",
            unseen.server_name
        );
        audit.record(
            connection,
            now,
            &acting,
            Action::AgentKeyExpired,
            &key,
            &detail,
        )?;
    }
    Ok(ended)
}

fn row_of(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    key: Id<AgentKey>,
) -> Result<AgentKeyRow, StoreError> {
    agent_keys::list(connection, scope, server)?
        .into_iter()
        .find(|row| row.id == key)
        .ok_or(StoreError::NotFound)
}

/// Keys of one server that are good at the same time; a rotation may have one more.
const MAX_KEYS: usize = 4;
/// How long a key that ended is still shown, with the address that it was last used from.
const ENDED_KEPT: std::time::Duration = std::time::Duration::from_hours(90 * 24);
