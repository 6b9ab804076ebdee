//! Passkeys: public keys of a person's authenticators, with what is known of each.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::passkey;
use crate::id::{Id, Passkey, Person};

/// Passkeys that one person can have.
pub const OF_A_PERSON: i64 = 20;

/// A passkey as it is stored.
#[derive(Clone, Debug)]
pub struct PasskeyRow {
    /// Its id.
    pub id: Id<Passkey>,
    /// Whose it is.
    pub person: Id<Person>,
    /// The public key with its counter, as the library wrote it.
    pub credential: String,
    /// What the person calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// A passkey to add.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// The id that its authenticator gave it.
    pub credential_id: Vec<u8>,
    /// The public key with its counter, as the library writes it.
    pub credential: String,
    /// What the person calls it.
    pub name: String,
}

/// The person's passkeys, the oldest first.
pub fn list(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<Vec<PasskeyRow>, StoreError> {
    let rows: Vec<Row> = passkey::table
        .filter(passkey::person_id.eq(person))
        .order((passkey::created_at, passkey::id))
        .limit(OF_A_PERSON)
        .select(COLUMNS)
        .load(connection)?;
    Ok(rows.into_iter().map(row).collect())
}

/// The passkey of that credential, if it is the person's.
pub fn by_credential(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    credential_id: &[u8],
) -> Result<Option<PasskeyRow>, StoreError> {
    let found: Option<Row> = passkey::table
        .filter(passkey::person_id.eq(person))
        .filter(passkey::credential_id.eq(credential_id))
        .select(COLUMNS)
        .first(connection)
        .optional()?;
    Ok(found.map(row))
}

/// Adds a passkey. A conflict when the authenticator's credential is known already, or when the
/// person has as many as one can have.
pub fn add(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    new: &NewPasskey,
    now: Timestamp,
) -> Result<Id<Passkey>, StoreError> {
    let present: i64 = passkey::table
        .filter(passkey::person_id.eq(person))
        .count()
        .get_result(connection)?;
    if present >= OF_A_PERSON {
        return Err(StoreError::Conflict);
    }
    let id: Id<Passkey> = Id::random();
    diesel::insert_into(passkey::table)
        .values((
            passkey::id.eq(id),
            passkey::person_id.eq(person),
            passkey::credential_id.eq(&new.credential_id),
            passkey::credential.eq(&new.credential),
            passkey::name.eq(&new.name),
            passkey::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(id)
}

/// Notes a use and keeps the new counter: false when the passkey is gone or was used meanwhile, so
/// that two answers with the same counter cannot both count.
pub fn take_use(
    connection: &mut SqliteConnection,
    before: &PasskeyRow,
    credential: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let unchanged = passkey::table
        .filter(passkey::id.eq(before.id))
        .filter(passkey::credential.eq(&before.credential));
    let used = diesel::update(unchanged)
        .set((
            passkey::credential.eq(credential),
            passkey::used_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(used > 0)
}

/// The name of one of the person's passkeys.
pub fn name(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    id: Id<Passkey>,
) -> Result<String, StoreError> {
    Ok(of(person, id).select(passkey::name).first(connection)?)
}

/// Gives one of the person's passkeys another name.
pub fn rename(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    id: Id<Passkey>,
    name: &str,
) -> Result<(), StoreError> {
    let renamed = diesel::update(of(person, id))
        .set(passkey::name.eq(name))
        .execute(connection)?;
    found(renamed)
}

/// Removes one of the person's passkeys.
pub fn remove(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    id: Id<Passkey>,
) -> Result<(), StoreError> {
    found(diesel::delete(of(person, id)).execute(connection)?)
}

fn found(rows: usize) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of(person: Id<Person>, id: Id<Passkey>) -> _ {
    passkey::table
        .filter(passkey::person_id.eq(person))
        .filter(passkey::id.eq(id))
}

type Columns = (
    passkey::id,
    passkey::person_id,
    passkey::credential,
    passkey::name,
    passkey::created_at,
    passkey::used_at,
);

const COLUMNS: Columns = (
    passkey::id,
    passkey::person_id,
    passkey::credential,
    passkey::name,
    passkey::created_at,
    passkey::used_at,
);

type Row = (Id<Passkey>, Id<Person>, String, String, i64, Option<i64>);

fn row((id, person, credential, name, created_at, used_at): Row) -> PasskeyRow {
    PasskeyRow {
        id,
        person,
        credential,
        name,
        created_at: Timestamp::from_millis(created_at),
        used_at: used_at.map(Timestamp::from_millis),
    }
}
