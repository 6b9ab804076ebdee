//! Removing what deleted servers left behind, in portions, so that no transaction is long.

use diesel::prelude::*;

use super::schema::server;
use super::{Scope, StoreError, reports, roll_ups, segments};
use crate::id::{Id, Organisation, Server};

/// Removes a portion of what a deleted server left behind. None when nothing is left of any.
pub fn remove_some(
    connection: &mut SqliteConnection,
    limit: i64,
) -> Result<Option<Id<Server>>, StoreError> {
    let deleted: Option<(Id<Organisation>, Id<Server>)> = server::table
        .filter(server::deleted_at.is_not_null())
        .order(server::deleted_at)
        .select((server::organisation_id, server::id))
        .first(connection)
        .optional()?;
    let Some((organisation, id)) = deleted else {
        return Ok(None);
    };
    let scope = Scope::of(organisation);
    if data_of(connection, scope, id, limit)? == 0 {
        // Its series go with it.
        diesel::delete(server::table.filter(server::id.eq(id))).execute(connection)?;
    }
    Ok(Some(id))
}

/// Removes a portion of a server's segments, roll-ups or reports. Returns how many it had.
pub(super) fn data_of(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    limit: i64,
) -> Result<usize, StoreError> {
    let segments = segments::remove_of_server(connection, scope, server, SEGMENTS)?;
    if segments > 0 {
        return Ok(segments);
    }
    let roll_ups = roll_ups::remove_of_server(connection, scope, server, limit)?;
    if roll_ups > 0 {
        return Ok(roll_ups);
    }
    reports::remove_of_server(connection, scope, server, limit)
}

/// Segments that are removed at a time; each takes its chunks along.
const SEGMENTS: i64 = 10;
