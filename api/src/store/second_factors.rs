//! The second factors of a person: seeds for codes by time, recovery codes, and whether there is any.
//!
//! They are the person's own and belong to no organisation.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{
    device, login_step, member, organisation, passkey, recovery_code, session, totp,
};
use super::{Scope, StoreError};
use crate::id::{Id, Person, Totp};
use crate::sealing::Place;
use crate::secret::SecretHash;

/// A seed, sealed, and what is known of it.
#[derive(Clone, Debug)]
pub struct TotpRow {
    /// Its id.
    pub id: Id<Totp>,
    /// The seed, sealed under the master key.
    pub sealed_seed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a code was last taken.
    pub used_at: Option<Timestamp>,
}

/// Where a seed stands sealed.
#[must_use]
pub fn seed_place(id: Id<Totp>) -> Place {
    Place::new("totp", "sealed_seed", id)
}

/// The seed that counts.
pub fn totp(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<Option<TotpRow>, StoreError> {
    let found = totp::table
        .filter(totp::person_id.eq(person))
        .filter(totp::confirmed_at.is_not_null())
        .select(COLUMNS)
        .first(connection)
        .optional()?;
    Ok(found.map(row))
}

/// The seed of a set-up that was begun after `since` and is not confirmed.
pub fn pending_totp(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    since: Timestamp,
) -> Result<Option<TotpRow>, StoreError> {
    let found = totp::table
        .filter(totp::person_id.eq(person))
        .filter(totp::confirmed_at.is_null())
        .filter(totp::created_at.gt(since.as_millis()))
        .select(COLUMNS)
        .first(connection)
        .optional()?;
    Ok(found.map(row))
}

/// Begins a set-up; one that was begun before is void.
pub fn begin_totp(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    id: Id<Totp>,
    sealed_seed: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::delete(pending(person)).execute(connection)?;
    diesel::insert_into(totp::table)
        .values((
            totp::id.eq(id),
            totp::person_id.eq(person),
            totp::sealed_seed.eq(sealed_seed),
            totp::created_at.eq(now.as_millis()),
            totp::last_step.eq(0),
        ))
        .execute(connection)?;
    Ok(())
}

/// Makes a set-up count, in the place of a seed that counted before. The code that confirmed it is
/// used up with it.
pub fn confirm_totp(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    id: Id<Totp>,
    step: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::delete(
        totp::table
            .filter(totp::person_id.eq(person))
            .filter(totp::confirmed_at.is_not_null()),
    )
    .execute(connection)?;
    let confirmed = diesel::update(pending(person).filter(totp::id.eq(id)))
        .set((
            totp::confirmed_at.eq(now.as_millis()),
            totp::last_step.eq(step),
        ))
        .execute(connection)?;
    if confirmed == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// Takes the code of a step, once: false when it or a later one was taken before.
pub fn take_step(
    connection: &mut SqliteConnection,
    id: Id<Totp>,
    step: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let unused = totp::table
        .filter(totp::id.eq(id))
        .filter(totp::confirmed_at.is_not_null())
        .filter(totp::last_step.lt(step));
    let taken = diesel::update(unused)
        .set((totp::last_step.eq(step), totp::used_at.eq(now.as_millis())))
        .execute(connection)?;
    Ok(taken > 0)
}

/// Removes the seed of that id; not found when it is not the person's or does not count.
pub fn remove_totp(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    id: Id<Totp>,
) -> Result<(), StoreError> {
    let removed = diesel::delete(
        totp::table
            .filter(totp::person_id.eq(person))
            .filter(totp::id.eq(id))
            .filter(totp::confirmed_at.is_not_null()),
    )
    .execute(connection)?;
    if removed == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// Whether the person has a second factor that counts.
pub fn any(connection: &mut SqliteConnection, person: Id<Person>) -> Result<bool, StoreError> {
    let totp = totp::table
        .filter(totp::person_id.eq(person))
        .filter(totp::confirmed_at.is_not_null());
    let passkey = passkey::table.filter(passkey::person_id.eq(person));
    let by_totp: bool = diesel::select(diesel::dsl::exists(totp)).get_result(connection)?;
    Ok(by_totp || diesel::select(diesel::dsl::exists(passkey)).get_result(connection)?)
}

/// The name of an organisation that the person is a member of and that requires a second factor.
pub fn required_by(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<Option<String>, StoreError> {
    Ok(member::table
        .inner_join(organisation::table)
        .filter(member::person_id.eq(person))
        .filter(organisation::requires_second_factor.eq(1))
        .filter(organisation::deleted_at.is_null())
        .order(organisation::name)
        .select(organisation::name)
        .first(connection)
        .optional()?)
}

/// Whether the organisation requires a second factor of everybody.
pub fn is_required(connection: &mut SqliteConnection, scope: Scope) -> Result<bool, StoreError> {
    let required: i32 = organisation::table
        .filter(organisation::id.eq(scope.organisation()))
        .select(organisation::requires_second_factor)
        .first(connection)?;
    Ok(required == 1)
}

/// How many people the organisation has.
pub fn members(connection: &mut SqliteConnection, scope: Scope) -> Result<u32, StoreError> {
    let members: i64 = member::table
        .filter(member::organisation_id.eq(scope.organisation()))
        .count()
        .get_result(connection)?;
    Ok(u32::try_from(members).unwrap_or(u32::MAX))
}

/// How many of the organisation's people have no second factor.
pub fn members_without(connection: &mut SqliteConnection, scope: Scope) -> Result<u32, StoreError> {
    let totp = totp::table
        .filter(totp::person_id.eq(member::person_id))
        .filter(totp::confirmed_at.is_not_null());
    let passkey = passkey::table.filter(passkey::person_id.eq(member::person_id));
    let without: i64 = member::table
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(diesel::dsl::not(diesel::dsl::exists(totp)))
        .filter(diesel::dsl::not(diesel::dsl::exists(passkey)))
        .count()
        .get_result(connection)?;
    Ok(u32::try_from(without).unwrap_or(u32::MAX))
}

/// Has the organisation require a second factor of everybody, or not any more.
pub fn require(
    connection: &mut SqliteConnection,
    scope: Scope,
    required: bool,
) -> Result<(), StoreError> {
    diesel::update(organisation::table.filter(organisation::id.eq(scope.organisation())))
        .set(organisation::requires_second_factor.eq(i32::from(required)))
        .execute(connection)?;
    Ok(())
}

/// Gives the person these recovery codes alone.
pub fn replace_recovery_codes(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    hashes: &[SecretHash],
) -> Result<(), StoreError> {
    remove_recovery_codes(connection, person)?;
    for hash in hashes {
        diesel::insert_into(recovery_code::table)
            .values((
                recovery_code::code_hash.eq(hash.as_bytes()),
                recovery_code::person_id.eq(person),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Uses a recovery code up: false when it is none of the person's.
pub fn take_recovery_code(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    hash: &SecretHash,
) -> Result<bool, StoreError> {
    let code = recovery_code::table
        .filter(recovery_code::person_id.eq(person))
        .filter(recovery_code::code_hash.eq(hash.as_bytes()));
    Ok(diesel::delete(code).execute(connection)? > 0)
}

/// How many recovery codes the person has left.
pub fn recovery_codes_left(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<i64, StoreError> {
    Ok(recovery_code::table
        .filter(recovery_code::person_id.eq(person))
        .count()
        .get_result(connection)?)
}

/// Removes the person's recovery codes.
pub fn remove_recovery_codes(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<(), StoreError> {
    diesel::delete(recovery_code::table.filter(recovery_code::person_id.eq(person)))
        .execute(connection)?;
    Ok(())
}

/// Forgets the browsers that the person has logged in from and the logins that wait: both are from
/// before the present factors.
pub fn forget_logins(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<(), StoreError> {
    diesel::delete(device::table.filter(device::person_id.eq(person))).execute(connection)?;
    diesel::delete(login_step::table.filter(login_step::person_id.eq(person)))
        .execute(connection)?;
    Ok(())
}

/// Removes everything that is a second factor of the person, and every session. Returns whether
/// there was a factor.
pub fn reset(connection: &mut SqliteConnection, person: Id<Person>) -> Result<bool, StoreError> {
    let there = any(connection, person)?;
    diesel::delete(totp::table.filter(totp::person_id.eq(person))).execute(connection)?;
    diesel::delete(passkey::table.filter(passkey::person_id.eq(person))).execute(connection)?;
    remove_recovery_codes(connection, person)?;
    forget_logins(connection, person)?;
    diesel::delete(session::table.filter(session::person_id.eq(person))).execute(connection)?;
    Ok(there)
}

/// Removes set-ups that were begun before `before` and never confirmed.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<usize, StoreError> {
    let old = totp::table
        .filter(totp::confirmed_at.is_null())
        .filter(totp::created_at.le(before.as_millis()));
    Ok(diesel::delete(old).execute(connection)?)
}

type Columns = (totp::id, totp::sealed_seed, totp::created_at, totp::used_at);

const COLUMNS: Columns = (totp::id, totp::sealed_seed, totp::created_at, totp::used_at);

type Row = (Id<Totp>, Vec<u8>, i64, Option<i64>);

fn row((id, sealed_seed, created_at, used_at): Row) -> TotpRow {
    TotpRow {
        id,
        sealed_seed,
        created_at: Timestamp::from_millis(created_at),
        used_at: used_at.map(Timestamp::from_millis),
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn pending(person: Id<Person>) -> _ {
    totp::table
        .filter(totp::person_id.eq(person))
        .filter(totp::confirmed_at.is_null())
}
