//! Agent keys.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::agent_key;
use super::scope::shows;
use super::{Scope, StoreError};
use crate::id::{AgentKey, Id, Server};
use crate::secret::SecretHash;

/// An agent key as people may see it.
#[derive(Clone, Debug, Queryable)]
pub struct AgentKeyRow {
    /// Its id.
    pub id: Id<AgentKey>,
    /// Its last four characters.
    pub ending: String,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl AgentKeyRow {
    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_at)
    }

    /// When it was revoked.
    #[must_use]
    pub fn revoked_at(&self) -> Option<Timestamp> {
        self.revoked_at.map(Timestamp::from_millis)
    }
}

/// Makes a key for a server of the organisation.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    hash: &SecretHash,
    ending: &str,
    now: Timestamp,
) -> Result<Id<AgentKey>, StoreError> {
    let id: Id<AgentKey> = Id::random();
    diesel::insert_into(agent_key::table)
        .values((
            agent_key::id.eq(id),
            agent_key::organisation_id.eq(scope.organisation()),
            agent_key::server_id.eq(server),
            agent_key::key_hash.eq(hash.as_bytes()),
            agent_key::ending.eq(ending),
            agent_key::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(id)
}

/// The keys of a server, oldest first.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<Vec<AgentKeyRow>, StoreError> {
    Ok(agent_key::table
        .filter(agent_key::organisation_id.eq(scope.organisation()))
        .filter(agent_key::server_id.eq(server))
        .filter(shows(scope, server))
        .order((agent_key::created_at, agent_key::id))
        .select((
            agent_key::id,
            agent_key::ending,
            agent_key::created_at,
            agent_key::revoked_at,
        ))
        .load(connection)?)
}

/// Revokes a key, at once and for ever, and gives its last four characters. A key that was revoked
/// before stays as it was.
pub fn revoke(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    key: Id<AgentKey>,
    now: Timestamp,
) -> Result<String, StoreError> {
    let ours = agent_key::table
        .filter(agent_key::organisation_id.eq(scope.organisation()))
        .filter(agent_key::server_id.eq(server))
        .filter(shows(scope, server))
        .filter(agent_key::id.eq(key));
    let (ending, revoked_at): (String, Option<i64>) = ours
        .select((agent_key::ending, agent_key::revoked_at))
        .first(connection)?;
    if revoked_at.is_none() {
        diesel::update(ours)
            .set(agent_key::revoked_at.eq(Some(now.as_millis())))
            .execute(connection)?;
    }
    Ok(ending)
}

/// Deletes every key of a server.
pub(super) fn delete_all(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<(), StoreError> {
    diesel::delete(
        agent_key::table
            .filter(agent_key::organisation_id.eq(scope.organisation()))
            .filter(agent_key::server_id.eq(server))
            .filter(shows(scope, server)),
    )
    .execute(connection)?;
    Ok(())
}
