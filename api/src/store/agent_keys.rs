//! Agent keys: made, used, replaced, ended.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{agent_key, server};
use super::scope::shows;
use super::{Scope, StoreError};
use crate::id::{AgentKey, Id, Organisation, Server};
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
    ended_by: Option<String>,
    successor_id: Option<Id<AgentKey>>,
    unseen_until: Option<i64>,
    used_at: Option<i64>,
    used_from: String,
    agent_version: String,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// It is good.
    Good,
    /// It is good until its successor is used.
    Leaving,
    /// Its successor was used.
    Replaced,
    /// Somebody revoked it.
    Revoked,
    /// It is a successor that was not used yet.
    Successor,
    /// It was a successor that was not used in time.
    Unseen,
}

/// A use of a key, for people to recognise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyUse {
    /// When.
    pub at: Timestamp,
    /// From which address; empty when that is not known.
    pub from: String,
    /// The version that the agent says it has; empty when it says none.
    pub agent_version: String,
}

/// A successor that was not used in time.
#[derive(Clone, Debug)]
pub struct Unseen {
    /// Whose.
    pub scope: Scope,
    /// The key.
    pub key: Id<AgentKey>,
    /// Its last four characters.
    pub ending: String,
    /// Its server.
    pub server: Id<Server>,
    /// The server's name.
    pub server_name: String,
}

impl KeyState {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Leaving => "leaving",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
            Self::Successor => "successor",
            Self::Unseen => "unseen",
        }
    }
}

impl AgentKeyRow {
    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_at)
    }

    /// When it ended, in whatever way.
    #[must_use]
    pub fn revoked_at(&self) -> Option<Timestamp> {
        self.revoked_at.map(Timestamp::from_millis)
    }

    /// Of a successor that was not used yet: until when it has to be.
    #[must_use]
    pub fn unseen_until(&self) -> Option<Timestamp> {
        let waits = self.state() == KeyState::Successor;
        self.unseen_until
            .filter(|_| waits)
            .map(Timestamp::from_millis)
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> KeyState {
        match (self.revoked_at, self.ended_by.as_deref()) {
            (Some(_), Some("replaced")) => KeyState::Replaced,
            (Some(_), Some("unseen")) => KeyState::Unseen,
            (Some(_), _) => KeyState::Revoked,
            (None, _) if self.unseen_until.is_some() => KeyState::Successor,
            (None, _) if self.successor_id.is_some() => KeyState::Leaving,
            (None, _) => KeyState::Good,
        }
    }

    /// Its last use.
    #[must_use]
    pub fn last_use(&self) -> Option<KeyUse> {
        Some(KeyUse {
            at: Timestamp::from_millis(self.used_at?),
            from: self.used_from.clone(),
            agent_version: self.agent_version.clone(),
        })
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

/// Makes a key the successor of the server's other good keys, which end when it is first used. With
/// none there is nothing to succeed, and the key is simply good.
pub fn make_successor(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    key: Id<AgentKey>,
    unseen_until: Timestamp,
) -> Result<bool, StoreError> {
    let others = good(scope, server).filter(agent_key::id.ne(key));
    let leaving = diesel::update(others)
        .set(agent_key::successor_id.eq(Some(key)))
        .execute(connection)?;
    if leaving > 0 {
        diesel::update(good(scope, server).filter(agent_key::id.eq(key)))
            .set(agent_key::unseen_until.eq(Some(unseen_until.as_millis())))
            .execute(connection)?;
    }
    Ok(leaving > 0)
}

/// The first use of a successor: the keys before it end. Gives their last four characters; none when
/// it was used before, or never was a successor.
pub fn take_over(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    key: Id<AgentKey>,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let successor = good(scope, server).filter(agent_key::id.eq(key));
    let unseen_until: Option<i64> = successor
        .select(agent_key::unseen_until)
        .first(connection)?;
    let Some(unseen_until) = unseen_until else {
        return Ok(Vec::new());
    };
    if unseen_until <= now.as_millis() {
        return Err(StoreError::NotFound);
    }
    diesel::update(successor)
        .set(agent_key::unseen_until.eq(None::<i64>))
        .execute(connection)?;
    let before = good(scope, server).filter(agent_key::successor_id.eq(Some(key)));
    let endings = before
        .select(agent_key::ending)
        .order(agent_key::created_at)
        .load(connection)?;
    diesel::update(before)
        .set((
            agent_key::revoked_at.eq(Some(now.as_millis())),
            agent_key::ended_by.eq(Some("replaced")),
        ))
        .execute(connection)?;
    Ok(endings)
}

/// Ends a successor that was not used yet, in favour of one that is about to be made.
pub fn end_successor(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let waiting: Option<Id<AgentKey>> = good(scope, server)
        .filter(agent_key::unseen_until.is_not_null())
        .select(agent_key::id)
        .first(connection)
        .optional()?;
    match waiting {
        Some(key) => end(connection, scope, server, key, "replaced", now),
        None => Ok(()),
    }
}

/// Ends the successors, of every organisation, that were not used in time. The keys before them stay.
pub fn end_unseen(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Vec<Unseen>, StoreError> {
    type Row = (Id<Organisation>, Id<AgentKey>, String, Id<Server>, String);
    let found: Vec<Row> = agent_key::table
        .inner_join(server::table.on(server::id.eq(agent_key::server_id)))
        .filter(agent_key::revoked_at.is_null())
        .filter(agent_key::unseen_until.le(Some(now.as_millis())))
        .select((
            agent_key::organisation_id,
            agent_key::id,
            agent_key::ending,
            server::id,
            server::name,
        ))
        .load(connection)?;
    let mut ended = Vec::new();
    for (organisation, key, ending, server, server_name) in found {
        let scope = Scope::of(organisation);
        end(connection, scope, server, key, "unseen", now)?;
        ended.push(Unseen {
            scope,
            key,
            ending,
            server,
            server_name,
        });
    }
    Ok(ended)
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
        .select(COLUMNS)
        .load(connection)?)
}

/// Revokes a key, at once and for ever, and gives its last four characters. A key that had ended
/// before stays as it was.
pub fn revoke(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    key: Id<AgentKey>,
    now: Timestamp,
) -> Result<String, StoreError> {
    let (ending, revoked_at): (String, Option<i64>) = agent_key::table
        .filter(agent_key::organisation_id.eq(scope.organisation()))
        .filter(agent_key::server_id.eq(server))
        .filter(shows(scope, server))
        .filter(agent_key::id.eq(key))
        .select((agent_key::ending, agent_key::revoked_at))
        .first(connection)?;
    if revoked_at.is_none() {
        end(connection, scope, server, key, "revoked", now)?;
    }
    Ok(ending)
}

/// Notes when and from where a key was last used, and the version where it is known.
pub fn note_use(
    connection: &mut SqliteConnection,
    scope: Scope,
    key: Id<AgentKey>,
    last: &KeyUse,
) -> Result<(), StoreError> {
    let is_version_known = !last.agent_version.is_empty();
    diesel::update(
        agent_key::table
            .filter(agent_key::organisation_id.eq(scope.organisation()))
            .filter(agent_key::id.eq(key)),
    )
    .set((
        agent_key::used_at.eq(Some(last.at.as_millis())),
        agent_key::used_from.eq(&last.from),
        is_version_known.then(|| agent_key::agent_version.eq(&last.agent_version)),
    ))
    .execute(connection)?;
    Ok(())
}

/// Forgets keys that ended before `before`.
pub fn remove_ended(
    connection: &mut SqliteConnection,
    before: Timestamp,
) -> Result<usize, StoreError> {
    let ended = agent_key::table.filter(agent_key::revoked_at.lt(Some(before.as_millis())));
    Ok(diesel::delete(ended).execute(connection)?)
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

/// Ends a key. When it was a successor, nothing waits for it any more.
fn end(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    key: Id<AgentKey>,
    how: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(good(scope, server).filter(agent_key::successor_id.eq(Some(key))))
        .set(agent_key::successor_id.eq(None::<Id<AgentKey>>))
        .execute(connection)?;
    diesel::update(good(scope, server).filter(agent_key::id.eq(key)))
        .set((
            agent_key::revoked_at.eq(Some(now.as_millis())),
            agent_key::ended_by.eq(Some(how)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The keys of a server that have not ended.
#[diesel::dsl::auto_type(no_type_alias)]
fn good(scope: Scope, server: Id<Server>) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    let shown: shows = shows(scope, server);
    agent_key::table
        .filter(agent_key::organisation_id.eq(organisation))
        .filter(agent_key::server_id.eq(server))
        .filter(shown)
        .filter(agent_key::revoked_at.is_null())
}

type Columns = (
    agent_key::id,
    agent_key::ending,
    agent_key::created_at,
    agent_key::revoked_at,
    agent_key::ended_by,
    agent_key::successor_id,
    agent_key::unseen_until,
    agent_key::used_at,
    agent_key::used_from,
    agent_key::agent_version,
);
const COLUMNS: Columns = (
    agent_key::id,
    agent_key::ending,
    agent_key::created_at,
    agent_key::revoked_at,
    agent_key::ended_by,
    agent_key::successor_id,
    agent_key::unseen_until,
    agent_key::used_at,
    agent_key::used_from,
    agent_key::agent_version,
);
