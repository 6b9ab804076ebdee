//! Links by which the address of a channel agrees to be told: of each channel the newest opens, once.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{channel, channel_link, organisation};
use super::{Scope, StoreError};
use crate::id::{Channel, Id, Organisation};
use crate::secret::SecretHash;

/// A channel whose address is asked.
pub struct OpenLink {
    /// Whose it is.
    pub scope: Scope,
    /// What that organisation is called.
    pub organisation: String,
    /// The channel.
    pub channel: Id<Channel>,
    /// What it is called.
    pub name: String,
    /// Its sealed settings, which hold the address.
    pub sealed: Vec<u8>,
}

/// Makes the only link of a channel that opens; an earlier one opens nothing any more.
pub fn replace(
    connection: &mut SqliteConnection,
    scope: Scope,
    channel: Id<Channel>,
    hash: &SecretHash,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    end(connection, scope, channel)?;
    diesel::insert_into(channel_link::table)
        .values((
            channel_link::token_hash.eq(hash.as_bytes()),
            channel_link::organisation_id.eq(scope.organisation()),
            channel_link::channel_id.eq(channel),
            channel_link::expires_at.eq(expires_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// What the link confirms, if it would open now.
pub fn open(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<OpenLink>, StoreError> {
    type Row = (Id<Organisation>, String, Id<Channel>, String, Vec<u8>);
    let found: Option<Row> = channel_link::table
        .inner_join(channel::table)
        .inner_join(organisation::table)
        .filter(channel_link::token_hash.eq(hash.as_bytes()))
        .filter(channel_link::expires_at.gt(now.as_millis()))
        .filter(organisation::deleted_at.is_null())
        .select((
            organisation::id,
            organisation::name,
            channel::id,
            channel::name,
            channel::sealed_settings,
        ))
        .first(connection)
        .optional()?;
    Ok(
        found.map(|(id, organisation, channel, name, sealed)| OpenLink {
            scope: Scope::of(id),
            organisation,
            channel,
            name,
            sealed,
        }),
    )
}

/// Makes the link of a channel open nothing any more.
pub fn end(
    connection: &mut SqliteConnection,
    scope: Scope,
    channel: Id<Channel>,
) -> Result<(), StoreError> {
    let ours = channel_link::table
        .filter(channel_link::organisation_id.eq(scope.organisation()))
        .filter(channel_link::channel_id.eq(channel));
    diesel::delete(ours).execute(connection)?;
    Ok(())
}

/// Removes what has expired.
pub fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<usize, StoreError> {
    let expired = channel_link::table.filter(channel_link::expires_at.le(now.as_millis()));
    Ok(diesel::delete(expired).execute(connection)?)
}
