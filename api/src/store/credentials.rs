//! From a credential to whose it is. Here, and only here, scopes are made.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{access_token, agent_key, installation, member, organisation, person, session};
use super::{Scope, StoreError, second_factors};
use crate::access::{Role, TokenScope};
use crate::id::{AccessToken, AgentKey, Id, Organisation, Person, Server};
use crate::secret::SecretHash;

/// Whose an agent key is.
#[derive(Clone, Copy, Debug)]
pub struct AgentIdentity {
    /// The key.
    pub key: Id<AgentKey>,
    /// The one server that it reports for.
    pub server: Id<Server>,
    /// The server's organisation.
    pub scope: Scope,
    /// A successor that was never used: when it expires. Its first report ends the keys before it.
    pub unseen_until: Option<Timestamp>,
}

/// Who acts, and where.
#[derive(Clone, Debug)]
pub struct PersonIdentity {
    /// Who.
    pub person: Id<Person>,
    /// Their address.
    pub email: String,
    /// Their role in this organisation.
    pub role: Role,
    /// The organisation's name.
    pub organisation: String,
    /// What of the organisation they may reach: all, or what a limited member sees.
    pub scope: Scope,
    /// Whether the organisation requires a second factor that the person does not have.
    pub lacks_factor: bool,
}

/// A session that exists; whether it still counts is the service's to say.
#[derive(Clone, Debug)]
pub struct FoundSession {
    /// Whose.
    pub identity: PersonIdentity,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When its person last proved who they are.
    pub proved_at: Timestamp,
}

/// An access token that exists and is not revoked.
#[derive(Clone, Debug)]
pub struct FoundToken {
    /// Which.
    pub id: Id<AccessToken>,
    /// Whose.
    pub identity: PersonIdentity,
    /// What it may do at most.
    pub scope: TokenScope,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

/// The agent key of that hash, unless it is revoked.
pub fn agent_key(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<AgentIdentity>, StoreError> {
    type Row = (Id<AgentKey>, Id<Server>, Id<Organisation>, Option<i64>);
    let found: Option<Row> = agent_key::table
        .filter(agent_key::key_hash.eq(hash.as_bytes()))
        .filter(agent_key::revoked_at.is_null())
        .select((
            agent_key::id,
            agent_key::server_id,
            agent_key::organisation_id,
            agent_key::unseen_until,
        ))
        .first(connection)
        .optional()?;
    Ok(
        found.map(|(key, server, organisation, unseen)| AgentIdentity {
            key,
            server,
            scope: Scope::of(organisation),
            unseen_until: unseen.map(Timestamp::from_millis),
        }),
    )
}

/// The session of that hash, if its person is still a member and not suspended.
pub fn session(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<FoundSession>, StoreError> {
    let found: Option<(Membership, i64, i64, i64)> = session::table
        .filter(session::id_hash.eq(hash.as_bytes()))
        .select((
            (session::organisation_id, session::person_id),
            session::created_at,
            session::seen_at,
            session::proved_at,
        ))
        .first(connection)
        .optional()?;
    let Some((membership, created_at, seen_at, proved_at)) = found else {
        return Ok(None);
    };
    let identity = identity(connection, membership)?;
    Ok(identity.map(|identity| FoundSession {
        identity,
        created_at: Timestamp::from_millis(created_at),
        seen_at: Timestamp::from_millis(seen_at),
        proved_at: Timestamp::from_millis(proved_at),
    }))
}

/// The access token of that hash, unless it is revoked, if its person is still a member and not
/// suspended.
pub fn access_token(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<FoundToken>, StoreError> {
    type Row = (Id<AccessToken>, Membership, String, i64, Option<i64>);
    let found: Option<Row> = access_token::table
        .filter(access_token::token_hash.eq(hash.as_bytes()))
        .select((
            access_token::id,
            (access_token::organisation_id, access_token::person_id),
            access_token::scope,
            access_token::expires_at,
            access_token::used_at,
        ))
        .first(connection)
        .optional()?;
    let Some((id, membership, scope, expires_at, used_at)) = found else {
        return Ok(None);
    };
    let Some(identity) = identity(connection, membership)? else {
        return Ok(None);
    };
    Ok(Some(FoundToken {
        id,
        identity,
        scope: word(&scope)?,
        expires_at: Timestamp::from_millis(expires_at),
        used_at: used_at.map(Timestamp::from_millis),
    }))
}

/// The scope of an organisation by name, for the operator at the command line: whoever can run a
/// command on the data directory can read all of it anyway.
pub fn operator(
    connection: &mut SqliteConnection,
    organisation: &str,
) -> Result<Option<Scope>, StoreError> {
    let found: Option<Id<Organisation>> = organisation::table
        .filter(organisation::name.eq(organisation))
        .filter(organisation::deleted_at.is_null())
        .select(organisation::id)
        .first(connection)
        .optional()?;
    Ok(found.map(Scope::of))
}

/// The scopes of every organisation that the person belongs to, for events of their own account.
pub fn of_person(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<Vec<Scope>, StoreError> {
    let organisations: Vec<Id<Organisation>> = member::table
        .filter(member::person_id.eq(person))
        .order(member::organisation_id)
        .select(member::organisation_id)
        .load(connection)?;
    Ok(organisations.into_iter().map(Scope::of).collect())
}

/// The number that grows with every change of who may do what. The one row is asked for without a limit:
/// SQLite would prepare the statement anew for each value of it.
pub(super) fn generation(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(installation::table
        .select(installation::generation)
        .get_result(connection)?)
}

/// Makes the scope of an organisation that was created in this transaction.
pub(super) fn of_new(organisation: Id<Organisation>) -> Scope {
    Scope::of(organisation)
}

type Membership = (Id<Organisation>, Id<Person>);

/// Who a member is, and what the member sees; none for who is none or is suspended.
fn identity(
    connection: &mut SqliteConnection,
    (organisation, person): Membership,
) -> Result<Option<PersonIdentity>, StoreError> {
    let found: Option<(String, String, bool, String, i32)> = member::table
        .inner_join(person::table)
        .inner_join(organisation::table)
        .filter(member::organisation_id.eq(organisation))
        .filter(member::person_id.eq(person))
        .filter(member::suspended_at.is_null())
        .select((
            person::email,
            member::role,
            member::limited,
            organisation::name,
            organisation::requires_second_factor,
        ))
        .first(connection)
        .optional()?;
    let Some((email, role, limited, name, requires)) = found else {
        return Ok(None);
    };
    let role: Role = word(&role)?;
    let scope = if limited && role < Role::Admin {
        Scope::limited(organisation, person)
    } else {
        Scope::of(organisation)
    };
    Ok(Some(PersonIdentity {
        person,
        email,
        role,
        organisation: name,
        scope,
        lacks_factor: requires == 1 && !second_factors::any(connection, person)?,
    }))
}

/// Reads a word that the schema allows.
pub(super) fn word<T: std::str::FromStr>(word: &str) -> Result<T, StoreError> {
    word.parse()
        .map_err(|_| StoreError::Database(format!("holds the unknown word {word:?}")))
}
