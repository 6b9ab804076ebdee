//! What the live view starts from.

use std::collections::HashSet;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::server;
use super::series::{self, SeriesKey};
use super::servers::{self, ServerRow};
use super::{Heads, Scope, StoreError, reports};
use crate::id::{Id, Organisation, Server};

/// Which servers somebody sees, for what is kept in memory. It holds for the generation in which it was
/// made.
#[derive(Clone, Debug)]
pub struct Sight {
    scope: Scope,
    /// None where all of the organisation's are.
    only: Option<HashSet<Id<Server>>>,
}

impl Sight {
    /// What the scope shows.
    pub fn of(connection: &mut SqliteConnection, scope: Scope) -> Result<Self, StoreError> {
        if scope.is_limited() {
            let only = servers::ids(connection, scope)?.into_iter().collect();
            return Ok(Self {
                scope,
                only: Some(only),
            });
        }
        Ok(Self { scope, only: None })
    }

    /// The servers of these rows, which a query of the scope has just given.
    #[must_use]
    pub fn just<'a>(scope: Scope, rows: impl IntoIterator<Item = &'a ServerRow>) -> Self {
        Self {
            scope,
            only: Some(rows.into_iter().map(|row| row.id).collect()),
        }
    }

    /// All that an unlimited scope shows.
    #[cfg(test)]
    pub(crate) fn all(scope: Scope) -> Self {
        Self { scope, only: None }
    }

    /// These servers and no other.
    #[cfg(test)]
    pub(crate) fn only(scope: Scope, servers: &[Id<Server>]) -> Self {
        Self {
            scope,
            only: Some(servers.iter().copied().collect()),
        }
    }

    /// The scope that it was made for.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether a server of that organisation is seen.
    #[must_use]
    pub fn shows(&self, organisation: Id<Organisation>, server: Id<Server>) -> bool {
        let seen = self.only.as_ref().is_none_or(|only| only.contains(&server));
        organisation == self.scope.organisation() && seen
    }
}

/// A server with its newest report.
#[derive(Debug)]
pub struct StoredServer {
    /// Whose it is, for the live view to compare with whoever asks.
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
pub fn newest_of_all(
    connection: &mut SqliteConnection,
    heads: &Heads,
) -> Result<Vec<StoredServer>, StoreError> {
    let rows: Vec<(Id<Organisation>, Id<Server>, Option<i64>)> = server::table
        .filter(server::deleted_at.is_null())
        .select((server::organisation_id, server::id, server::paused_at))
        .load(connection)?;
    rows.into_iter()
        .map(|(organisation, id, paused_at)| {
            let scope = Scope::of(organisation);
            let newest = newest(connection, heads, scope, id)?;
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
    heads: &Heads,
    scope: Scope,
    id: Id<Server>,
) -> Result<Option<NewestReport>, StoreError> {
    let Some(report) = reports::newest(connection, scope, id, &heads.of(id))? else {
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
