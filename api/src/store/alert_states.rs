//! What led up to an orderly end of the program, and when hosts started.

use diesel::prelude::*;
use server_scout_wire::{Label, Timestamp};

use super::StoreError;
use super::schema::{alert_state, server, server_boot};
use crate::alerting::{Before, Place, Tracks};
use crate::id::{AlertRule, Id, Organisation, Server};

/// What was kept of one rule at one value.
pub type Kept = (Id<Organisation>, Id<Server>, Place, Tracks);

/// Keeps what led up to now, in the place of what was kept before.
pub fn keep(connection: &mut SqliteConnection, kept: &[Kept]) -> Result<(), StoreError> {
    diesel::delete(alert_state::table).execute(connection)?;
    for (organisation, server, place, tracks) in kept {
        let tracks = serde_json::to_string(tracks).unwrap_or_default();
        let stored = diesel::insert_into(alert_state::table)
            .values((
                alert_state::organisation_id.eq(organisation),
                alert_state::server_id.eq(server),
                alert_state::rule_id.eq(place.rule),
                alert_state::label.eq(place.label.as_ref().map_or("", Label::as_str)),
                alert_state::tracks.eq(tracks),
            ))
            .execute(connection);
        match stored.map_err(StoreError::from) {
            // A server that was deleted meanwhile.
            Ok(_) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes what was kept: it is of use once.
pub fn take(connection: &mut SqliteConnection) -> Result<Vec<Kept>, StoreError> {
    type Row = (Id<Organisation>, Id<Server>, Id<AlertRule>, String, String);
    let rows: Vec<Row> = alert_state::table
        .select((
            alert_state::organisation_id,
            alert_state::server_id,
            alert_state::rule_id,
            alert_state::label,
            alert_state::tracks,
        ))
        .load(connection)?;
    diesel::delete(alert_state::table).execute(connection)?;
    let kept = |(organisation, server, rule, label, tracks): Row| {
        let place = Place::new(rule, Label::new(&label).ok());
        Some((
            organisation,
            server,
            place,
            serde_json::from_str(&tracks).ok()?,
        ))
    };
    Ok(rows.into_iter().filter_map(kept).collect())
}

/// Notes when hosts started.
pub fn keep_boots(
    connection: &mut SqliteConnection,
    boots: &[(Id<Organisation>, Id<Server>, Timestamp)],
) -> Result<(), StoreError> {
    for (organisation, server, boot_at) in boots {
        match keep_boot(connection, *organisation, *server, *boot_at) {
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn keep_boot(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
    server: Id<Server>,
    boot_at: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(server_boot::table)
        .values((
            server_boot::server_id.eq(server),
            server_boot::organisation_id.eq(organisation),
            server_boot::boot_at.eq(boot_at.as_millis()),
        ))
        .on_conflict(server_boot::server_id)
        .do_update()
        .set(server_boot::boot_at.eq(boot_at.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// When hosts started, of every organisation, for the engine.
pub fn boots(connection: &mut SqliteConnection) -> Result<Vec<(Id<Server>, Before)>, StoreError> {
    let rows: Vec<(Id<Organisation>, Id<Server>, i64)> = server_boot::table
        .inner_join(server::table.on(server::id.eq(server_boot::server_id)))
        .filter(server::deleted_at.is_null())
        .select((
            server_boot::organisation_id,
            server_boot::server_id,
            server_boot::boot_at,
        ))
        .load(connection)?;
    let before = |(_, server, at): (Id<Organisation>, Id<Server>, i64)| {
        let boot = Some(Timestamp::from_millis(at));
        let before = Before {
            boot,
            ..Before::default()
        };
        (server, before)
    };
    Ok(rows.into_iter().map(before).collect())
}
