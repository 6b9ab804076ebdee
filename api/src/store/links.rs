//! One-time links of a person: to another password, to another address.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::{email_change, person, reset_link};
use crate::id::{Id, Person};
use crate::secret::SecretHash;

/// Reset links of one person that are open at a time; with one more, the one made first ends.
const OPEN: i64 = 20;

/// Makes a reset link.
pub fn add_reset(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    person: Id<Person>,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(reset_link::table)
        .values((
            reset_link::token_hash.eq(hash.as_bytes()),
            reset_link::person_id.eq(person),
            reset_link::expires_at.eq(expires_at.as_millis()),
        ))
        .execute(connection)?;
    let surplus: Vec<Vec<u8>> = reset_link::table
        .filter(reset_link::person_id.eq(person))
        .order(reset_link::expires_at.desc())
        .offset(OPEN)
        .limit(i64::MAX)
        .select(reset_link::token_hash)
        .load(connection)?;
    diesel::delete(reset_link::table.filter(reset_link::token_hash.eq_any(surplus)))
        .execute(connection)?;
    Ok(())
}

/// Whose password the link changes, and their address, if it would open now.
pub fn reset(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<(Id<Person>, String)>, StoreError> {
    Ok(reset_link::table
        .inner_join(person::table)
        .filter(reset_link::token_hash.eq(hash.as_bytes()))
        .filter(reset_link::expires_at.gt(now.as_millis()))
        .select((person::id, person::email))
        .first(connection)
        .optional()?)
}

/// Makes every reset link of a person open nothing any more.
pub fn end_resets(connection: &mut SqliteConnection, person: Id<Person>) -> Result<(), StoreError> {
    diesel::delete(reset_link::table.filter(reset_link::person_id.eq(person)))
        .execute(connection)?;
    Ok(())
}

/// Lets an address wait for its link; an earlier one of the person opens nothing any more.
pub fn replace_email_change(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    person: Id<Person>,
    email: &str,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    end_email_change(connection, person)?;
    diesel::insert_into(email_change::table)
        .values((
            email_change::token_hash.eq(hash.as_bytes()),
            email_change::person_id.eq(person),
            email_change::email.eq(email),
            email_change::expires_at.eq(expires_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Whose address the link changes, from which, and to which, if it would open now.
pub fn email_change(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<(Id<Person>, String, String)>, StoreError> {
    Ok(email_change::table
        .inner_join(person::table)
        .filter(email_change::token_hash.eq(hash.as_bytes()))
        .filter(email_change::expires_at.gt(now.as_millis()))
        .select((person::id, person::email, email_change::email))
        .first(connection)
        .optional()?)
}

/// Lets the person's address wait for nothing any more.
pub fn end_email_change(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<(), StoreError> {
    diesel::delete(email_change::table.filter(email_change::person_id.eq(person)))
        .execute(connection)?;
    Ok(())
}

/// Removes what has expired.
pub fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<usize, StoreError> {
    let resets = reset_link::table.filter(reset_link::expires_at.le(now.as_millis()));
    let changes = email_change::table.filter(email_change::expires_at.le(now.as_millis()));
    Ok(
        diesel::delete(resets).execute(connection)?
            + diesel::delete(changes).execute(connection)?,
    )
}
