//! Sessions. A row is the session; without its row a cookie is nothing.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::session;
use crate::id::{Id, Organisation, Person};
use crate::secret::SecretHash;

/// Begins a session.
pub fn create(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    organisation: Id<Organisation>,
    person: Id<Person>,
    address: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(session::table)
        .values((
            session::id_hash.eq(hash.as_bytes()),
            session::organisation_id.eq(organisation),
            session::person_id.eq(person),
            session::created_at.eq(now.as_millis()),
            session::seen_at.eq(now.as_millis()),
            session::address.eq(address),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes that it was used. Only an update: a slow request cannot revive an ended session.
pub fn touch(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(session::table.filter(session::id_hash.eq(hash.as_bytes())))
        .set(session::seen_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// Ends a session.
pub fn end(connection: &mut SqliteConnection, hash: &SecretHash) -> Result<(), StoreError> {
    diesel::delete(session::table.filter(session::id_hash.eq(hash.as_bytes())))
        .execute(connection)?;
    Ok(())
}

/// Removes what has expired. Returns how many.
pub fn sweep(
    connection: &mut SqliteConnection,
    created_before: Timestamp,
    seen_before: Timestamp,
) -> Result<usize, StoreError> {
    let expired = session::created_at
        .lt(created_before.as_millis())
        .or(session::seen_at.lt(seen_before.as_millis()));
    Ok(diesel::delete(session::table.filter(expired)).execute(connection)?)
}
