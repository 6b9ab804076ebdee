//! Servers.

use std::collections::BTreeMap;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::server;
use super::{Scope, StoreError, agent_keys};
use crate::id::{Id, Server};

/// A server as stored.
#[derive(Clone, Debug, Queryable)]
pub struct ServerRow {
    /// Its id.
    pub id: Id<Server>,
    /// The name that people gave it.
    pub name: String,
    created_at: i64,
    paused_at: Option<i64>,
    host: String,
}

impl ServerRow {
    /// When it was added.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_at)
    }

    /// What its agent said of the host, by name.
    #[must_use]
    pub fn host_facts(&self) -> BTreeMap<String, String> {
        let facts: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&self.host).unwrap_or_default();
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        facts
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect()
    }

    /// Whether somebody paused it.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }
}

/// Adds a server.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    name: &str,
    now: Timestamp,
) -> Result<ServerRow, StoreError> {
    let id: Id<Server> = Id::random();
    diesel::insert_into(server::table)
        .values((
            server::id.eq(id),
            server::organisation_id.eq(scope.organisation()),
            server::name.eq(name),
            server::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    get(connection, scope, id)
}

/// How many servers the organisation has.
pub fn count(connection: &mut SqliteConnection, scope: Scope) -> Result<usize, StoreError> {
    let count: i64 = server::table
        .filter(server::organisation_id.eq(scope.organisation()))
        .filter(server::deleted_at.is_null())
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// One server.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
) -> Result<ServerRow, StoreError> {
    Ok(server::table
        .filter(server::organisation_id.eq(scope.organisation()))
        .filter(server::deleted_at.is_null())
        .filter(server::id.eq(id))
        .select(COLUMNS)
        .first(connection)?)
}

/// The server of that name.
pub fn by_name(
    connection: &mut SqliteConnection,
    scope: Scope,
    name: &str,
) -> Result<ServerRow, StoreError> {
    Ok(server::table
        .filter(server::organisation_id.eq(scope.organisation()))
        .filter(server::deleted_at.is_null())
        .filter(server::name.eq(name))
        .select(COLUMNS)
        .first(connection)?)
}

/// The servers whose names come after `after`, by name, at most `limit`.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: &str,
    limit: i64,
) -> Result<Vec<ServerRow>, StoreError> {
    Ok(server::table
        .filter(server::organisation_id.eq(scope.organisation()))
        .filter(server::deleted_at.is_null())
        .filter(server::name.gt(after))
        .order(server::name)
        .limit(limit)
        .select(COLUMNS)
        .load(connection)?)
}

/// Gives it another name.
pub fn rename(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    name: &str,
) -> Result<(), StoreError> {
    one(diesel::update(
        server::table
            .filter(server::organisation_id.eq(scope.organisation()))
            .filter(server::deleted_at.is_null())
            .filter(server::id.eq(id)),
    )
    .set(server::name.eq(name))
    .execute(connection)?)
}

/// Pauses it, or lets it go on.
pub fn set_paused(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    one(diesel::update(
        server::table
            .filter(server::organisation_id.eq(scope.organisation()))
            .filter(server::deleted_at.is_null())
            .filter(server::id.eq(id)),
    )
    .set(server::paused_at.eq(since.map(Timestamp::as_millis)))
    .execute(connection)?)
}

/// Keeps what its agent says of the host.
pub fn set_host(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    host: &str,
) -> Result<(), StoreError> {
    diesel::update(
        server::table
            .filter(server::organisation_id.eq(scope.organisation()))
            .filter(server::deleted_at.is_null())
            .filter(server::id.eq(id))
            .filter(server::host.ne(host)),
    )
    .set(server::host.eq(host))
    .execute(connection)?;
    Ok(())
}

/// Deletes it for everybody, with its keys. What it leaves behind is removed by `removal`.
pub fn delete(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    now: Timestamp,
) -> Result<(), StoreError> {
    one(diesel::update(
        server::table
            .filter(server::organisation_id.eq(scope.organisation()))
            .filter(server::deleted_at.is_null())
            .filter(server::id.eq(id)),
    )
    .set(server::deleted_at.eq(Some(now.as_millis())))
    .execute(connection)?)?;
    agent_keys::delete_all(connection, scope, id)
}

fn one(changed: usize) -> Result<(), StoreError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::NotFound)
    }
}

const COLUMNS: (
    server::id,
    server::name,
    server::created_at,
    server::paused_at,
    server::host,
) = (
    server::id,
    server::name,
    server::created_at,
    server::paused_at,
    server::host,
);
