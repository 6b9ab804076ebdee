//! From a credential to whose it is. Here, and only here, scopes are made.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{access_token, agent_key, installation, member, organisation, person, session};
use super::{Scope, StoreError, second_factors};
use crate::access::{Role, TokenScope};
use crate::id::{AgentKey, Id, Organisation, Person, Server};
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
    /// The organisation.
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
    /// Whose.
    pub identity: PersonIdentity,
    /// What it may do at most.
    pub scope: TokenScope,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The agent key of that hash, unless it is revoked.
pub fn agent_key(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<AgentIdentity>, StoreError> {
    let found: Option<(Id<AgentKey>, Id<Server>, Id<Organisation>)> = agent_key::table
        .filter(agent_key::key_hash.eq(hash.as_bytes()))
        .filter(agent_key::revoked_at.is_null())
        .select((
            agent_key::id,
            agent_key::server_id,
            agent_key::organisation_id,
        ))
        .first(connection)
        .optional()?;
    Ok(found.map(|(key, server, organisation)| AgentIdentity {
        key,
        server,
        scope: Scope::of(organisation),
    }))
}

/// The session of that hash, if its person is still a member and not suspended.
pub fn session(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<FoundSession>, StoreError> {
    let found: Option<(IdentityRow, i64, i64, i64)> = session::table
        .inner_join(
            member::table.on(member::organisation_id
                .eq(session::organisation_id)
                .and(member::person_id.eq(session::person_id))),
        )
        .inner_join(person::table.on(person::id.eq(session::person_id)))
        .inner_join(organisation::table.on(organisation::id.eq(session::organisation_id)))
        .filter(session::id_hash.eq(hash.as_bytes()))
        .filter(member::suspended_at.is_null())
        .select((
            (
                person::id,
                person::email,
                member::role,
                organisation::id,
                organisation::name,
                organisation::requires_second_factor,
            ),
            session::created_at,
            session::seen_at,
            session::proved_at,
        ))
        .first(connection)
        .optional()?;
    found
        .map(|(row, created_at, seen_at, proved_at)| {
            Ok(FoundSession {
                identity: identity(connection, row)?,
                created_at: Timestamp::from_millis(created_at),
                seen_at: Timestamp::from_millis(seen_at),
                proved_at: Timestamp::from_millis(proved_at),
            })
        })
        .transpose()
}

/// The access token of that hash, unless it is revoked, if its person is still a member and not
/// suspended.
pub fn access_token(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<FoundToken>, StoreError> {
    let found: Option<(IdentityRow, String, i64)> = access_token::table
        .inner_join(
            member::table.on(member::organisation_id
                .eq(access_token::organisation_id)
                .and(member::person_id.eq(access_token::person_id))),
        )
        .inner_join(person::table.on(person::id.eq(access_token::person_id)))
        .inner_join(organisation::table.on(organisation::id.eq(access_token::organisation_id)))
        .filter(access_token::token_hash.eq(hash.as_bytes()))
        .filter(access_token::revoked_at.is_null())
        .filter(member::suspended_at.is_null())
        .select((
            (
                person::id,
                person::email,
                member::role,
                organisation::id,
                organisation::name,
                organisation::requires_second_factor,
            ),
            access_token::scope,
            access_token::expires_at,
        ))
        .first(connection)
        .optional()?;
    found
        .map(|(row, scope, expires_at)| {
            Ok(FoundToken {
                identity: identity(connection, row)?,
                scope: parse_word(&scope)?,
                expires_at: Timestamp::from_millis(expires_at),
            })
        })
        .transpose()
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

/// The number that grows with every change of who may do what.
pub(super) fn generation(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    Ok(installation::table
        .select(installation::generation)
        .first(connection)?)
}

/// Makes the scope of an organisation that was created in this transaction.
pub(super) fn of_new(organisation: Id<Organisation>) -> Scope {
    Scope::of(organisation)
}

type IdentityRow = (Id<Person>, String, String, Id<Organisation>, String, i32);

fn identity(
    connection: &mut SqliteConnection,
    row: IdentityRow,
) -> Result<PersonIdentity, StoreError> {
    let (person, email, role, organisation, name, requires) = row;
    Ok(PersonIdentity {
        person,
        email,
        role: parse_word(&role)?,
        organisation: name,
        scope: Scope::of(organisation),
        lacks_factor: requires == 1 && !second_factors::any(connection, person)?,
    })
}

pub(super) fn parse_word<T: std::str::FromStr>(word: &str) -> Result<T, StoreError> {
    word.parse()
        .map_err(|_| StoreError::Database(format!("holds the unknown word {word:?}")))
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
