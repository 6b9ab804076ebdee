//! Mails of accounts on their way to the process that sends. They belong to nobody's organisation, are sealed,
//! and go as soon as they are sent or too old to be of use.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::schema::account_mail;
use crate::id::{AccountMail, Id};
use crate::sealing::Place;

/// A mail that is due.
pub struct DueMail {
    /// Its id.
    pub id: Id<AccountMail>,
    /// Since when it waits.
    pub created_at: Timestamp,
    /// How often it was tried.
    pub attempts: i32,
    /// What it says and to whom, sealed.
    pub sealed: Vec<u8>,
}

/// The place of a sealed mail.
#[must_use]
pub fn mail_place(id: Id<AccountMail>) -> Place {
    Place::new("account_mail", "sealed_mail", id)
}

/// Adds a mail, which `seal` seals for the place that it is given; false when `most` wait already.
pub fn add(
    connection: &mut SqliteConnection,
    seal: impl FnOnce(&Place) -> Result<Vec<u8>, StoreError>,
    most: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let waiting: i64 = account_mail::table.count().get_result(connection)?;
    if waiting >= most {
        return Ok(false);
    }
    let id: Id<AccountMail> = Id::random();
    let sealed = seal(&mail_place(id))?;
    diesel::insert_into(account_mail::table)
        .values((
            account_mail::id.eq(id),
            account_mail::created_at.eq(now.as_millis()),
            account_mail::due_at.eq(now.as_millis()),
            account_mail::attempts.eq(0),
            account_mail::sealed_mail.eq(sealed),
        ))
        .execute(connection)?;
    Ok(true)
}

/// The mails that have been due longest at `now`, at most `limit`.
pub fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<DueMail>, StoreError> {
    let rows: Vec<(Id<AccountMail>, i64, i32, Vec<u8>)> = account_mail::table
        .filter(account_mail::due_at.le(now.as_millis()))
        .order(account_mail::due_at)
        .limit(limit)
        .select((
            account_mail::id,
            account_mail::created_at,
            account_mail::attempts,
            account_mail::sealed_mail,
        ))
        .load(connection)?;
    let mail = |(id, created_at, attempts, sealed)| DueMail {
        id,
        created_at: Timestamp::from_millis(created_at),
        attempts,
        sealed,
    };
    Ok(rows.into_iter().map(mail).collect())
}

/// Has a mail tried once more at `at`.
pub fn try_again(
    connection: &mut SqliteConnection,
    id: Id<AccountMail>,
    at: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(account_mail::table.filter(account_mail::id.eq(id)))
        .set((
            account_mail::due_at.eq(at.as_millis()),
            account_mail::attempts.eq(account_mail::attempts + 1),
        ))
        .execute(connection)?;
    Ok(())
}

/// Removes a mail, which was sent or given up.
pub fn remove(connection: &mut SqliteConnection, id: Id<AccountMail>) -> Result<(), StoreError> {
    diesel::delete(account_mail::table.filter(account_mail::id.eq(id))).execute(connection)?;
    Ok(())
}

/// Removes mails that were written before `before` and that nobody sent. Gives how many.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<usize, StoreError> {
    let old = account_mail::created_at.lt(before.as_millis());
    Ok(diesel::delete(account_mail::table.filter(old)).execute(connection)?)
}

pub(super) fn seal_again(
    connection: &mut SqliteConnection,
    again: &mut impl FnMut(&Place, &[u8]) -> Result<Vec<u8>, StoreError>,
) -> Result<usize, StoreError> {
    let all: Vec<(Id<AccountMail>, Vec<u8>)> = account_mail::table
        .select((account_mail::id, account_mail::sealed_mail))
        .load(connection)?;
    for (id, sealed) in &all {
        let fresh = again(&mail_place(*id), sealed)?;
        diesel::update(account_mail::table.filter(account_mail::id.eq(id)))
            .set(account_mail::sealed_mail.eq(fresh))
            .execute(connection)?;
    }
    Ok(all.len())
}
