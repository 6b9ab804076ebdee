//! People and their one-time links. Neither belongs to one organisation.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::{member, one_time_link, person};
use crate::id::{Id, Organisation, Person};
use crate::secret::SecretHash;

/// What is needed to check a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who.
    pub person: Id<Person>,
    /// Their password's hash, in PHC string format.
    pub password_hash: String,
}

/// Makes a person.
pub fn create(
    connection: &mut SqliteConnection,
    email: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<Id<Person>, StoreError> {
    let id: Id<Person> = Id::random();
    diesel::insert_into(person::table)
        .values((
            person::id.eq(id),
            person::email.eq(email),
            person::password_hash.eq(password_hash),
            person::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(id)
}

/// The person with that address.
pub fn by_email(
    connection: &mut SqliteConnection,
    email: &str,
) -> Result<Option<Login>, StoreError> {
    let found: Option<(Id<Person>, String)> = person::table
        .filter(person::email.eq(email))
        .select((person::id, person::password_hash))
        .first(connection)
        .optional()?;
    Ok(found.map(|(person, password_hash)| Login {
        person,
        password_hash,
    }))
}

/// The person's address.
pub fn email(connection: &mut SqliteConnection, id: Id<Person>) -> Result<String, StoreError> {
    Ok(person::table
        .filter(person::id.eq(id))
        .select(person::email)
        .first(connection)?)
}

/// The hash of the person's password.
pub fn password_hash(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<String, StoreError> {
    Ok(person::table
        .filter(person::id.eq(person))
        .select(person::password_hash)
        .first(connection)?)
}

/// Puts another hash in the place of `before`; not found when that is not the person's any more,
/// so that what was checked against an old password cannot act after a change.
pub fn replace_password_hash(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    before: &str,
    after: &str,
) -> Result<(), StoreError> {
    let unchanged = person::table
        .filter(person::id.eq(person))
        .filter(person::password_hash.eq(before));
    let changed = diesel::update(unchanged)
        .set(person::password_hash.eq(after))
        .execute(connection)?;
    if changed == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// The organisation that a login opens first: the one gone to last, else the one joined first. None
/// when the person belongs to none, or is suspended in all.
pub fn first_organisation(
    connection: &mut SqliteConnection,
    id: Id<Person>,
) -> Result<Option<Id<Organisation>>, StoreError> {
    let used: Option<Id<Organisation>> = person::table
        .filter(person::id.eq(id))
        .select(person::used_organisation_id)
        .first(connection)?;
    let open: Vec<Id<Organisation>> = member::table
        .filter(member::person_id.eq(id))
        .filter(member::suspended_at.is_null())
        .order((member::created_at, member::organisation_id))
        .select(member::organisation_id)
        .load(connection)?;
    let again = used.filter(|used| open.contains(used));
    Ok(again.or_else(|| open.first().copied()))
}

/// What the person is called; empty when they did not say.
pub fn name(connection: &mut SqliteConnection, person: Id<Person>) -> Result<String, StoreError> {
    Ok(person::table
        .filter(person::id.eq(person))
        .select(person::name)
        .first(connection)?)
}

/// Calls the person otherwise.
pub fn set_name(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    name: &str,
) -> Result<(), StoreError> {
    diesel::update(person::table.filter(person::id.eq(person)))
        .set(person::name.eq(name))
        .execute(connection)?;
    Ok(())
}

/// Gives the person another address; a conflict when it is somebody else's.
pub fn set_email(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    email: &str,
) -> Result<(), StoreError> {
    diesel::update(person::table.filter(person::id.eq(person)))
        .set(person::email.eq(email))
        .execute(connection)?;
    Ok(())
}

/// Removes a person with all that is theirs alone.
pub fn remove(connection: &mut SqliteConnection, person: Id<Person>) -> Result<(), StoreError> {
    diesel::delete(person::table.filter(person::id.eq(person))).execute(connection)?;
    Ok(())
}

/// Makes the only valid first-owner link; those before it open nothing any more.
pub fn replace_first_owner_link(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    void_first_owner_links(connection)?;
    diesel::insert_into(one_time_link::table)
        .values((
            one_time_link::token_hash.eq(hash.as_bytes()),
            one_time_link::purpose.eq(FIRST_OWNER),
            one_time_link::expires_at.eq(expires_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Makes every first-owner link open nothing any more.
pub fn void_first_owner_links(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    diesel::delete(one_time_link::table.filter(one_time_link::purpose.eq(FIRST_OWNER)))
        .execute(connection)?;
    Ok(())
}

/// Removes first-owner links that have expired.
pub fn sweep_links(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    let expired = one_time_link::table.filter(one_time_link::expires_at.le(now.as_millis()));
    diesel::delete(expired).execute(connection)?;
    Ok(())
}

/// Whether the link of that hash would open now.
pub fn first_owner_link_opens(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open = one_time_link::table
        .filter(one_time_link::token_hash.eq(hash.as_bytes()))
        .filter(one_time_link::purpose.eq(FIRST_OWNER))
        .filter(one_time_link::expires_at.gt(now.as_millis()));
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(connection)?)
}

const FIRST_OWNER: &str = "first-owner";
