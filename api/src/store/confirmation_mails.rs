//! How many mails ask addresses whether they agree to be told: who gets them has asked for nothing.
//!
//! What was asked stays for a day, also without its channel and its organisation.

use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::confirmation_mail;
use super::{Scope, StoreError};
use crate::id::{Channel, ConfirmationMail, Id};

/// A keyed hash of an address, the same for every organisation.
pub type AddressHash = [u8; 32];

/// A mail that asks.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Who asks.
    pub scope: Scope,
    /// For which channel the link is sent again; none for the first.
    pub again_for: Option<Id<Channel>>,
    /// Who is asked.
    pub address: AddressHash,
}

/// The most that go in a day.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Again for one channel.
    pub again: i64,
    /// To one address, whoever asks.
    pub of_address: i64,
    /// By one organisation.
    pub of_organisation: i64,
}

/// Counts one more, before it is sent; else says how long to wait, and counts nothing.
pub fn take(
    connection: &mut SqliteConnection,
    asked: &Asked,
    most: Most,
    now: Timestamp,
) -> Result<Option<Duration>, StoreError> {
    if let Some(wait) = wait(connection, asked, most, now)? {
        return Ok(Some(wait));
    }
    let id: Id<ConfirmationMail> = Id::random();
    diesel::insert_into(confirmation_mail::table)
        .values((
            confirmation_mail::id.eq(id),
            confirmation_mail::organisation_id.eq(asked.scope.organisation()),
            confirmation_mail::channel_id.eq(asked.again_for),
            confirmation_mail::address_hash.eq(asked.address.as_slice()),
            confirmation_mail::sent_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(None)
}

fn wait(
    connection: &mut SqliteConnection,
    asked: &Asked,
    most: Most,
    now: Timestamp,
) -> Result<Option<Duration>, StoreError> {
    let organisation = asked.scope.organisation();
    let of_organisation = today(now).filter(confirmation_mail::organisation_id.eq(organisation));
    let hash = asked.address.to_vec();
    let of_address = today(now).filter(confirmation_mail::address_hash.eq(hash));
    let mut bounds = vec![
        (of_organisation, most.of_organisation),
        (of_address, most.of_address),
    ];
    if let Some(channel) = asked.again_for {
        let of_channel = today(now).filter(confirmation_mail::channel_id.eq(channel));
        bounds.push((of_channel, most.again));
    }
    let mut longest = None;
    for (sent, most) in bounds {
        // With as many in a day, the oldest of them has to be over first.
        let oldest: Option<i64> = sent
            .order(confirmation_mail::sent_at.desc())
            .offset(most - 1)
            .select(confirmation_mail::sent_at)
            .first(connection)
            .optional()?;
        let over = oldest.map(|at| Timestamp::from_millis(at).after(DAY).since(now));
        longest = longest.max(over);
    }
    Ok(longest)
}

type Sent = confirmation_mail::BoxedQuery<'static, diesel::sqlite::Sqlite>;

/// What was sent within a day. A time to come is of a clock that was wrong.
fn today(now: Timestamp) -> Sent {
    confirmation_mail::table
        .filter(confirmation_mail::sent_at.gt(now.before(DAY).as_millis()))
        .filter(confirmation_mail::sent_at.le(now.as_millis()))
        .into_boxed()
}

/// Removes what counts no more.
pub fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<usize, StoreError> {
    let over = confirmation_mail::sent_at
        .le(now.before(DAY).as_millis())
        .or(confirmation_mail::sent_at.gt(now.after(DAY).as_millis()));
    Ok(diesel::delete(confirmation_mail::table.filter(over)).execute(connection)?)
}

const DAY: Duration = Duration::from_hours(24);
