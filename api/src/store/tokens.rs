//! Access tokens.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::credentials::word;
use super::schema::{access_token, member, person};
use super::{Scope, StoreError};
use crate::access::TokenScope;
use crate::id::{AccessToken, Id, Person};
use crate::secret::SecretHash;

/// An access token as people may see it.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// Its id.
    pub id: Id<AccessToken>,
    /// Whose it is.
    pub person: Id<Person>,
    /// Their address.
    pub email: String,
    /// What its maker called it.
    pub name: String,
    /// What it may do at most.
    pub scope: TokenScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
    /// From where; empty when that is not known.
    pub used_from: String,
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose it will be.
    pub person: Id<Person>,
    /// What is stored of the secret.
    pub hash: SecretHash,
    /// What its maker calls it.
    pub name: String,
    /// What it may do at most.
    pub scope: TokenScope,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Where a list of tokens goes on: the one shown last.
pub type TokenPlace = (Timestamp, Id<AccessToken>);

/// The member of the organisation with that address.
pub fn member_by_email(
    connection: &mut SqliteConnection,
    scope: Scope,
    email: &str,
) -> Result<Id<Person>, StoreError> {
    Ok(member::table
        .inner_join(person::table)
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(person::email.eq(email))
        .select(person::id)
        .first(connection)?)
}

/// Makes an access token.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    new: &NewToken,
    now: Timestamp,
) -> Result<TokenRow, StoreError> {
    let id: Id<AccessToken> = Id::random();
    diesel::insert_into(access_token::table)
        .values((
            access_token::id.eq(id),
            access_token::organisation_id.eq(scope.organisation()),
            access_token::person_id.eq(new.person),
            access_token::token_hash.eq(new.hash.as_bytes()),
            access_token::scope.eq(new.scope.as_str()),
            access_token::created_at.eq(now.as_millis()),
            access_token::expires_at.eq(new.expires_at.as_millis()),
            access_token::name.eq(&new.name),
        ))
        .execute(connection)?;
    get(connection, scope, id)
}

/// Revokes every access token of a person in this organisation.
pub fn revoke_within(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<(), StoreError> {
    let theirs = access_token::table
        .filter(access_token::organisation_id.eq(scope.organisation()))
        .filter(access_token::person_id.eq(person));
    diesel::delete(theirs).execute(connection)?;
    Ok(())
}

/// How many tokens a person has in the organisation, with those that have expired and are still listed.
pub fn count(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<usize, StoreError> {
    let count: i64 = access_token::table
        .filter(access_token::organisation_id.eq(scope.organisation()))
        .filter(access_token::person_id.eq(person))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// One token.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<AccessToken>,
) -> Result<TokenRow, StoreError> {
    let row: Stored = access_token::table
        .inner_join(person::table)
        .filter(access_token::organisation_id.eq(scope.organisation()))
        .filter(access_token::id.eq(id))
        .select(COLUMNS)
        .first(connection)?;
    read(row)
}

/// The tokens that come after `after`, those made last first, at most `limit`; of one person, or of
/// all members.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    of: Option<Id<Person>>,
    after: Option<TokenPlace>,
    limit: i64,
) -> Result<Vec<TokenRow>, StoreError> {
    let mut query = access_token::table
        .inner_join(person::table)
        .filter(access_token::organisation_id.eq(scope.organisation()))
        .order((access_token::created_at.desc(), access_token::id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .into_boxed();
    if let Some(person) = of {
        query = query.filter(access_token::person_id.eq(person));
    }
    if let Some((at, id)) = after {
        let at = at.as_millis();
        let earlier = access_token::created_at.lt(at);
        let beside = access_token::created_at.eq(at).and(access_token::id.lt(id));
        query = query.filter(earlier.or(beside));
    }
    let rows: Vec<Stored> = query.load(connection)?;
    rows.into_iter().map(read).collect()
}

/// Revokes a token, at once and for ever. What it was is in the audit log.
pub fn revoke(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<AccessToken>,
) -> Result<(), StoreError> {
    let ours = access_token::table
        .filter(access_token::organisation_id.eq(scope.organisation()))
        .filter(access_token::id.eq(id));
    match diesel::delete(ours).execute(connection)? {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

/// Revokes every token of a person, in every organisation. Returns how many.
pub fn revoke_all(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<usize, StoreError> {
    let theirs = access_token::table.filter(access_token::person_id.eq(person));
    Ok(diesel::delete(theirs).execute(connection)?)
}

/// Notes that a token was used.
pub fn touch(
    connection: &mut SqliteConnection,
    id: Id<AccessToken>,
    now: Timestamp,
    from: &str,
) -> Result<(), StoreError> {
    diesel::update(access_token::table.filter(access_token::id.eq(id)))
        .set((
            access_token::used_at.eq(Some(now.as_millis())),
            access_token::used_from.eq(from),
        ))
        .execute(connection)?;
    Ok(())
}

/// Removes tokens that expired before `before`. Returns how many.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<usize, StoreError> {
    let ended = access_token::table.filter(access_token::expires_at.lt(before.as_millis()));
    Ok(diesel::delete(ended).execute(connection)?)
}

type Stored = (
    (Id<AccessToken>, Id<Person>, String, String, String),
    i64,
    i64,
    Option<i64>,
    String,
);

fn read(row: Stored) -> Result<TokenRow, StoreError> {
    let ((id, person, email, name, scope), created_at, expires_at, used_at, used_from) = row;
    Ok(TokenRow {
        id,
        person,
        email,
        name,
        scope: word(&scope)?,
        created_at: Timestamp::from_millis(created_at),
        expires_at: Timestamp::from_millis(expires_at),
        used_at: used_at.map(Timestamp::from_millis),
        used_from,
    })
}

type Columns = (
    (
        access_token::id,
        access_token::person_id,
        person::email,
        access_token::name,
        access_token::scope,
    ),
    access_token::created_at,
    access_token::expires_at,
    access_token::used_at,
    access_token::used_from,
);

const COLUMNS: Columns = (
    (
        access_token::id,
        access_token::person_id,
        person::email,
        access_token::name,
        access_token::scope,
    ),
    access_token::created_at,
    access_token::expires_at,
    access_token::used_at,
    access_token::used_from,
);
