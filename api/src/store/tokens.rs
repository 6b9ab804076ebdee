//! Access tokens.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{access_token, member, person};
use super::{Scope, StoreError};
use crate::access::TokenScope;
use crate::id::{AccessToken, Id, Person};
use crate::secret::SecretHash;

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
    person: Id<Person>,
    hash: &SecretHash,
    token_scope: TokenScope,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Id<AccessToken>, StoreError> {
    let id: Id<AccessToken> = Id::random();
    diesel::insert_into(access_token::table)
        .values((
            access_token::id.eq(id),
            access_token::organisation_id.eq(scope.organisation()),
            access_token::person_id.eq(person),
            access_token::token_hash.eq(hash.as_bytes()),
            access_token::scope.eq(token_scope.as_str()),
            access_token::created_at.eq(now.as_millis()),
            access_token::expires_at.eq(expires_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(id)
}

/// Revokes every access token of a person in this organisation.
pub fn revoke_within(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let theirs = access_token::table
        .filter(access_token::organisation_id.eq(scope.organisation()))
        .filter(access_token::person_id.eq(person))
        .filter(access_token::revoked_at.is_null());
    diesel::update(theirs)
        .set(access_token::revoked_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(())
}
