//! Channels, deliveries and the heartbeat of an export: what is known of them, and nothing that is sealed.

use diesel::prelude::*;
use serde_json::json;

use super::deliveries::Stored;
use super::export::Record;
use super::schema::delivery;
use super::{Scope, StoreError, channels, heartbeats};

pub(super) fn channels(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let mut rows = channels::list(connection, scope)?;
    rows.retain(|row| row.id.as_i64() > after);
    rows.sort_by_key(|row| row.id.as_i64());
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let record = |row: channels::ChannelRow| {
        let hours = row
            .hours
            .map(|hours| json!({ "from": hours.from, "to": hours.to, "time_zone": hours.zone }));
        let record = json!({
            "kind": "channel",
            "id": row.id.to_string(),
            "name": row.name,
            "channel_kind": row.kind,
            "enabled": row.enabled,
            "shown": row.shown,
            "severity": row.severity.as_str(),
            "hours": hours,
            "created_at": row.created_at.to_string(),
            "confirmed_at": row.confirmed_at.map(|at| at.to_string()),
        });
        (row.id.as_i64(), record)
    };
    Ok(rows.into_iter().map(record).collect())
}

pub(super) fn heartbeat(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
) -> Result<Vec<Record>, StoreError> {
    let row = match heartbeats::get(connection, scope) {
        Ok(row) if row.id.as_i64() > after => row,
        Ok(_) | Err(StoreError::NotFound) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let record = json!({
        "kind": "heartbeat",
        "id": row.id.to_string(),
        "shown": row.shown,
        "method": row.method,
        "every_minutes": row.every_minutes,
        "created_at": row.created_at().to_string(),
        "tried_at": row.tried_at().map(|at| at.to_string()),
        "arrived_at": row.arrived_at().map(|at| at.to_string()),
        "status": row.status,
        "problem": row.problem,
        "took_milliseconds": row.took,
    });
    Ok(vec![(row.id.as_i64(), record)])
}

pub(super) fn deliveries(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let stored: Vec<Stored> = delivery::table
        .filter(delivery::organisation_id.eq(scope.organisation()))
        .filter(delivery::id.gt(after))
        .order(delivery::id)
        .limit(limit)
        .select(Stored::as_select())
        .load(connection)?;
    let record = |stored: Stored| {
        let channel = stored.channel_id.to_string();
        let row = stored.row();
        let record = json!({
            "kind": "delivery",
            "id": row.id.to_string(),
            "channel": channel,
            "tells": row.kind,
            "state": row.state,
            "created_at": row.created_at.to_string(),
            "due_at": row.due_at.to_string(),
            "attempts": row.attempts,
            "status": row.status,
            "problem": row.problem,
            "took_milliseconds": row.took,
        });
        (row.id.as_i64(), record)
    };
    Ok(stored.into_iter().map(record).collect())
}
