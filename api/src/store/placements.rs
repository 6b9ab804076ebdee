//! What an organisation says to the alert engine: rules, windows, and where its servers belong.

use std::collections::HashMap;

use diesel::prelude::*;
use server_scout_wire::Tag;

use super::schema::{group_server, organisation, server, server_tag};
use super::{Scope, StoreError, alert_rules, maintenance};
use crate::alerting::{Configuration, Placement};
use crate::id::{Group, Id, Organisation, Server};

/// Every organisation, for the engine, which keeps them apart itself.
pub fn organisations(connection: &mut SqliteConnection) -> Result<Vec<Scope>, StoreError> {
    let ids: Vec<Id<Organisation>> = organisation::table
        .filter(organisation::deleted_at.is_null())
        .select(organisation::id)
        .load(connection)?;
    Ok(ids.into_iter().map(Scope::of).collect())
}

/// What an organisation says, all of it, whoever of its members asks. None when it was deleted.
pub fn of(
    connection: &mut SqliteConnection,
    scope: Scope,
) -> Result<Option<Configuration>, StoreError> {
    let id = scope.organisation();
    let there = organisation::table
        .filter(organisation::id.eq(id))
        .filter(organisation::deleted_at.is_null());
    if !diesel::select(diesel::dsl::exists(there)).get_result::<bool>(connection)? {
        return Ok(None);
    }
    Ok(Some(Configuration {
        rules: alert_rules::switched_on(connection, id)?,
        windows: maintenance::all_of(connection, id)?,
        placements: placements(connection, id)?,
    }))
}

fn placements(
    connection: &mut SqliteConnection,
    id: Id<Organisation>,
) -> Result<Vec<Placement>, StoreError> {
    let rows: Vec<(Id<Server>, Option<i64>)> = server::table
        .filter(server::organisation_id.eq(id))
        .filter(server::deleted_at.is_null())
        .select((server::id, server::paused_at))
        .load(connection)?;
    let inside: Vec<(Id<Server>, Id<Group>)> = group_server::table
        .filter(group_server::organisation_id.eq(id))
        .select((group_server::server_id, group_server::group_id))
        .load(connection)?;
    let tagged: Vec<(Id<Server>, String)> = server_tag::table
        .filter(server_tag::organisation_id.eq(id))
        .select((server_tag::server_id, server_tag::tag))
        .distinct()
        .load(connection)?;
    let mut placements: HashMap<Id<Server>, Placement> = HashMap::with_capacity(rows.len());
    for (server, paused_at) in rows {
        let placement = Placement {
            server,
            groups: Vec::new(),
            tags: Vec::new(),
            paused: paused_at.is_some(),
        };
        placements.insert(server, placement);
    }
    for (server, group) in inside {
        if let Some(placement) = placements.get_mut(&server) {
            placement.groups.push(group);
        }
    }
    for (server, tag) in tagged {
        if let (Some(placement), Ok(tag)) = (placements.get_mut(&server), Tag::new(&tag)) {
            placement.tags.push(tag);
        }
    }
    Ok(placements.into_values().collect())
}
