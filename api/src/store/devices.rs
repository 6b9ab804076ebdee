//! Browsers that a person has logged in from before.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::device;
use crate::id::{Id, Person};
use crate::secret::SecretHash;

/// Devices that are remembered of one person; the one unused longest is forgotten first.
const REMEMBERED: i64 = 20;

/// Whose device it is.
pub fn owner(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
) -> Result<Option<Id<Person>>, StoreError> {
    Ok(device::table
        .filter(device::token_hash.eq(hash.as_bytes()))
        .select(device::person_id)
        .first(connection)
        .optional()?)
}

/// Remembers a device, or that it was used again.
pub fn remember(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    person: Id<Person>,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(device::table)
        .values((
            device::token_hash.eq(hash.as_bytes()),
            device::person_id.eq(person),
            device::seen_at.eq(now.as_millis()),
        ))
        .on_conflict(device::token_hash)
        .do_update()
        .set((
            device::person_id.eq(person),
            device::seen_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    let surplus: Vec<Vec<u8>> = device::table
        .filter(device::person_id.eq(person))
        .order(device::seen_at.desc())
        .offset(REMEMBERED)
        .limit(i64::MAX)
        .select(device::token_hash)
        .load(connection)?;
    diesel::delete(device::table.filter(device::token_hash.eq_any(surplus))).execute(connection)?;
    Ok(())
}

/// Forgets every device of a person.
pub fn forget_all(connection: &mut SqliteConnection, person: Id<Person>) -> Result<(), StoreError> {
    diesel::delete(device::table.filter(device::person_id.eq(person))).execute(connection)?;
    Ok(())
}

/// Forgets devices that were not used since `before`.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<usize, StoreError> {
    let old = device::table.filter(device::seen_at.lt(before.as_millis()));
    Ok(diesel::delete(old).execute(connection)?)
}
