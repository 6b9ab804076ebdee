//! Sessions. A row is the session; without its row a cookie is nothing.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::session;
use super::{Scope, StoreError};
use crate::id::{Id, Organisation, Person, Session};
use crate::secret::SecretHash;

/// Sessions that one person can have; with one more, the one unused longest ends.
pub const OF_A_PERSON: i64 = 100;

/// A session to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of what its cookie holds.
    pub hash: SecretHash,
    /// Where it acts.
    pub organisation: Id<Organisation>,
    /// Whose it is.
    pub person: Id<Person>,
    /// Where it was opened from; empty when that is not known.
    pub address: String,
    /// What the browser says it is.
    pub user_agent: String,
}

/// A session as its person sees it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its name outside, drawn for that alone.
    pub id: Id<Session>,
    /// The hash of what its cookie holds; never shown.
    pub hash: SecretHash,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// Where it was opened from; empty when that is not known.
    pub address: String,
    /// What the browser says it is; empty when it says nothing.
    pub user_agent: String,
}

/// Which sessions of a person are meant: all, or those in one organisation.
#[derive(Clone, Copy, Debug)]
pub struct Whose {
    /// The person.
    pub person: Id<Person>,
    /// The only organisation to look into, where whoever asks is bound to one.
    pub organisation: Option<Id<Organisation>>,
}

/// Begins a session.
pub fn create(
    connection: &mut SqliteConnection,
    new: &NewSession,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id: Id<Session> = Id::random();
    diesel::insert_into(session::table)
        .values((
            session::id_hash.eq(new.hash.as_bytes()),
            session::id.eq(id),
            session::organisation_id.eq(new.organisation),
            session::person_id.eq(new.person),
            session::created_at.eq(now.as_millis()),
            session::seen_at.eq(now.as_millis()),
            session::address.eq(&new.address),
            session::user_agent.eq(&new.user_agent),
            session::proved_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    let surplus: Vec<Id<Session>> = session::table
        .filter(session::person_id.eq(new.person))
        .filter(session::id.ne(id))
        .order(session::seen_at.desc())
        .offset(OF_A_PERSON - 1)
        .limit(i64::MAX)
        .select(session::id)
        .load(connection)?;
    diesel::delete(session::table.filter(session::id.eq_any(surplus))).execute(connection)?;
    Ok(())
}

/// The sessions that were neither begun nor used too long ago, the one used last first.
pub fn list(
    connection: &mut SqliteConnection,
    whose: Whose,
    created_after: Timestamp,
    seen_after: Timestamp,
) -> Result<Vec<SessionRow>, StoreError> {
    let mut query = session::table
        .filter(session::person_id.eq(whose.person))
        .filter(session::created_at.gt(created_after.as_millis()))
        .filter(session::seen_at.gt(seen_after.as_millis()))
        .into_boxed();
    if let Some(organisation) = whose.organisation {
        query = query.filter(session::organisation_id.eq(organisation));
    }
    let rows: Vec<Row> = query
        .order((
            session::seen_at.desc(),
            session::created_at.desc(),
            session::id,
        ))
        .limit(OF_A_PERSON)
        .select((
            session::id,
            session::id_hash,
            session::created_at,
            session::seen_at,
            session::address,
            session::user_agent,
        ))
        .load(connection)?;
    rows.into_iter().map(row).collect()
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

/// Puts a session under another id into the place of one, which its person has just proved to be
/// theirs. Not found when that one has ended meanwhile.
pub fn renew(
    connection: &mut SqliteConnection,
    before: &SecretHash,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    let renewed = diesel::update(session::table.filter(session::id_hash.eq(before.as_bytes())))
        .set((
            session::id_hash.eq(hash.as_bytes()),
            session::seen_at.eq(now.as_millis()),
            session::proved_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    if renewed == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// Ends a session.
pub fn end(connection: &mut SqliteConnection, hash: &SecretHash) -> Result<(), StoreError> {
    diesel::delete(session::table.filter(session::id_hash.eq(hash.as_bytes())))
        .execute(connection)?;
    Ok(())
}

/// Whether the session of that name is one of these; not found when it is none.
pub fn named(
    connection: &mut SqliteConnection,
    whose: Whose,
    id: Id<Session>,
) -> Result<(), StoreError> {
    let mut named = session::table
        .filter(session::person_id.eq(whose.person))
        .filter(session::id.eq(id))
        .select(session::id)
        .into_boxed();
    if let Some(organisation) = whose.organisation {
        named = named.filter(session::organisation_id.eq(organisation));
    }
    named.first::<Id<Session>>(connection)?;
    Ok(())
}

/// Ends the session of that name, if it is one of these.
pub fn end_named(
    connection: &mut SqliteConnection,
    whose: Whose,
    id: Id<Session>,
) -> Result<(), StoreError> {
    let named = session::table
        .filter(session::person_id.eq(whose.person))
        .filter(session::id.eq(id));
    let ended = match whose.organisation {
        Some(organisation) => {
            diesel::delete(named.filter(session::organisation_id.eq(organisation)))
                .execute(connection)?
        }
        None => diesel::delete(named).execute(connection)?,
    };
    if ended == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// Ends every session of the person but one. Returns how many.
pub fn end_others(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    kept: &SecretHash,
) -> Result<usize, StoreError> {
    let others = session::table
        .filter(session::person_id.eq(person))
        .filter(session::id_hash.ne(kept.as_bytes()));
    Ok(diesel::delete(others).execute(connection)?)
}

/// Puts a session into the place of all that its person has. Not found when `before` has ended
/// meanwhile: whoever ended it did not want it to go on under another id.
pub fn replace_all(
    connection: &mut SqliteConnection,
    before: &SecretHash,
    new: &NewSession,
    now: Timestamp,
) -> Result<(), StoreError> {
    let of_person = session::table.filter(session::person_id.eq(new.person));
    let there = of_person.filter(session::id_hash.eq(before.as_bytes()));
    if !diesel::select(diesel::dsl::exists(there)).get_result(connection)? {
        return Err(StoreError::NotFound);
    }
    diesel::delete(of_person).execute(connection)?;
    create(connection, new, now)
}

/// Ends every session of the person.
pub fn end_all(connection: &mut SqliteConnection, person: Id<Person>) -> Result<(), StoreError> {
    diesel::delete(session::table.filter(session::person_id.eq(person))).execute(connection)?;
    Ok(())
}

/// Ends every session of the person in one organisation.
pub fn end_within(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<(), StoreError> {
    let there = session::table
        .filter(session::person_id.eq(person))
        .filter(session::organisation_id.eq(scope.organisation()));
    diesel::delete(there).execute(connection)?;
    Ok(())
}

/// Lets a session go on in another organisation and under another id, until the same hour. Not
/// found when it has ended meanwhile.
pub fn move_to(
    connection: &mut SqliteConnection,
    before: &SecretHash,
    after: &SecretHash,
    scope: Scope,
) -> Result<(), StoreError> {
    let one = session::table.filter(session::id_hash.eq(before.as_bytes()));
    let id: Id<Session> = Id::random();
    let moved = diesel::update(one)
        .set((
            session::id_hash.eq(after.as_bytes()),
            session::id.eq(id),
            session::organisation_id.eq(scope.organisation()),
        ))
        .execute(connection)?;
    if moved == 0 {
        return Err(StoreError::NotFound);
    }
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

type Row = (Id<Session>, Vec<u8>, i64, i64, String, String);

fn row(row: Row) -> Result<SessionRow, StoreError> {
    let (id, hash, created_at, seen_at, address, user_agent) = row;
    let hash = SecretHash::from_bytes(&hash)
        .ok_or_else(|| StoreError::Database("holds a hash of another length".to_owned()))?;
    Ok(SessionRow {
        id,
        hash,
        created_at: Timestamp::from_millis(created_at),
        seen_at: Timestamp::from_millis(seen_at),
        address,
        user_agent,
    })
}
