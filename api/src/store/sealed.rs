//! Everything that is sealed under the master key, in one list, so that a rotation forgets nothing.

use diesel::prelude::*;

use super::schema::{sealed_key, totp};
use super::second_factors::seed_place;
use super::{StoreError, account_mails, channels, heartbeats};
use crate::id::{Id, Totp};
use crate::sealing::Place;

/// The sealed key of that name.
pub fn key(connection: &mut SqliteConnection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(sealed_key::table
        .filter(sealed_key::name.eq(name))
        .select(sealed_key::sealed)
        .first(connection)
        .optional()?)
}

/// Keeps a sealed key that was made just now. One that another program made first stays.
pub fn keep_key(
    connection: &mut SqliteConnection,
    name: &str,
    sealed: &[u8],
) -> Result<(), StoreError> {
    diesel::insert_into(sealed_key::table)
        .values((sealed_key::name.eq(name), sealed_key::sealed.eq(sealed)))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(())
}

/// The place of the sealed key of that name.
#[must_use]
pub fn key_place(name: &str) -> Place {
    Place::new("sealed_key", "sealed", name)
}

/// Seals every secret of the database anew, each as `again` says. Returns how many there are.
pub fn seal_again(
    connection: &mut SqliteConnection,
    mut again: impl FnMut(&Place, &[u8]) -> Result<Vec<u8>, StoreError>,
) -> Result<usize, StoreError> {
    let keys: Vec<(String, Vec<u8>)> = sealed_key::table.load(connection)?;
    for (name, sealed) in &keys {
        let fresh = again(&key_place(name), sealed)?;
        diesel::update(sealed_key::table.filter(sealed_key::name.eq(name)))
            .set(sealed_key::sealed.eq(fresh))
            .execute(connection)?;
    }
    let seeds: Vec<(Id<Totp>, Vec<u8>)> = totp::table
        .select((totp::id, totp::sealed_seed))
        .load(connection)?;
    for (id, sealed) in &seeds {
        let fresh = again(&seed_place(*id), sealed)?;
        diesel::update(totp::table.filter(totp::id.eq(id)))
            .set(totp::sealed_seed.eq(fresh))
            .execute(connection)?;
    }
    let of_channels = channels::seal_again(connection, &mut again)?;
    let of_heartbeats = heartbeats::seal_again(connection, &mut again)?;
    let mails = account_mails::seal_again(connection, &mut again)?;
    Ok(keys.len() + seeds.len() + of_channels + of_heartbeats + mails)
}

/// The dashboard's own keys, each with its place. The first start makes one, and it stays for ever.
pub fn keys(connection: &mut SqliteConnection) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
    let keys: Vec<(String, Vec<u8>)> = sealed_key::table.load(connection)?;
    Ok(keys
        .into_iter()
        .map(|(name, sealed)| (key_place(&name), sealed))
        .collect())
}
