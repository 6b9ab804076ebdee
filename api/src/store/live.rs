//! What the live view starts from.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::server;
use super::series::{self, SeriesKey};
use super::{Scope, StoreError, reports};
use crate::id::{Id, Organisation, Server};

/// A server with its newest report.
#[derive(Debug)]
pub struct StoredServer {
    /// The organisation's scope, for the live view to compare with whoever asks.
    pub scope: Scope,
    /// The server.
    pub id: Id<Server>,
    /// Whether somebody paused it.
    pub paused: bool,
    /// Its newest report.
    pub newest: Option<NewestReport>,
}

/// A report with its series' names.
#[derive(Debug)]
pub struct NewestReport {
    /// When the values were read.
    pub at: Timestamp,
    /// When they arrived.
    pub received_at: Timestamp,
    /// The values by series.
    pub samples: Vec<(SeriesKey, f64)>,
}

/// Every server of every organisation, for the one view that keeps them apart itself.
pub fn newest_of_all(connection: &mut SqliteConnection) -> Result<Vec<StoredServer>, StoreError> {
    let rows: Vec<(Id<Organisation>, Id<Server>, Option<i64>)> = server::table
        .filter(server::deleted_at.is_null())
        .select((server::organisation_id, server::id, server::paused_at))
        .load(connection)?;
    rows.into_iter()
        .map(|(organisation, id, paused_at)| {
            let scope = Scope::of(organisation);
            let newest = newest(connection, scope, id)?;
            Ok(StoredServer {
                scope,
                id,
                paused: paused_at.is_some(),
                newest,
            })
        })
        .collect()
}

fn newest(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
) -> Result<Option<NewestReport>, StoreError> {
    let Some(report) = reports::newest(connection, scope, id)? else {
        return Ok(None);
    };
    let mut names = series::of_server(connection, scope, id)?;
    let samples = report.samples.iter();
    let samples = samples
        .filter_map(|(id, value)| Some((names.remove(id)?, *value)))
        .collect();
    Ok(Some(NewestReport {
        at: report.at,
        received_at: report.received_at,
        samples,
    }))
}
