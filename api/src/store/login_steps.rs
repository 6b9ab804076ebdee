//! Logins that wait for a second factor. A row is the step; without its row a cookie is nothing.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::{login_step, person};
use crate::id::{Id, Person};
use crate::secret::SecretHash;

/// Steps that one person can have open; with one more, the oldest ends.
const OF_A_PERSON: i64 = 10;

/// A login whose password was right.
#[derive(Clone, Debug)]
pub struct LoginStep {
    /// Who logs in.
    pub person: Id<Person>,
    /// Their address.
    pub email: String,
}

/// Begins a step.
pub fn begin(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    person: Id<Person>,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(login_step::table)
        .values((
            login_step::token_hash.eq(hash.as_bytes()),
            login_step::person_id.eq(person),
            login_step::expires_at.eq(expires_at.as_millis()),
        ))
        .execute(connection)?;
    let surplus: Vec<Vec<u8>> = login_step::table
        .filter(login_step::person_id.eq(person))
        .filter(login_step::token_hash.ne(hash.as_bytes()))
        .order(login_step::expires_at.desc())
        .offset(OF_A_PERSON - 1)
        .limit(i64::MAX)
        .select(login_step::token_hash)
        .load(connection)?;
    diesel::delete(login_step::table.filter(login_step::token_hash.eq_any(surplus)))
        .execute(connection)?;
    Ok(())
}

/// The step of that hash, if it is still open.
pub fn find(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<LoginStep>, StoreError> {
    let found: Option<(Id<Person>, String)> = login_step::table
        .inner_join(person::table)
        .filter(login_step::token_hash.eq(hash.as_bytes()))
        .filter(login_step::expires_at.gt(now.as_millis()))
        .select((person::id, person::email))
        .first(connection)
        .optional()?;
    Ok(found.map(|(person, email)| LoginStep { person, email }))
}

/// Ends a step: false when it has ended meanwhile.
pub fn end(connection: &mut SqliteConnection, hash: &SecretHash) -> Result<bool, StoreError> {
    let step = login_step::table.filter(login_step::token_hash.eq(hash.as_bytes()));
    Ok(diesel::delete(step).execute(connection)? > 0)
}

/// Removes what has expired.
pub fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<usize, StoreError> {
    let expired = login_step::table.filter(login_step::expires_at.le(now.as_millis()));
    Ok(diesel::delete(expired).execute(connection)?)
}
