//! Servers.

use std::collections::BTreeMap;

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::{AsExprOf, auto_type, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use server_scout_wire::{Protection, Tag, Timestamp};

use super::schema::{group_server, server, server_tag, shown_server};
use super::{Scope, StoreError, agent_keys};
use crate::id::{Group, Id, Organisation, Person, Server};

/// A server as stored. Whoever has one may see it: only queries with a scope make them.
#[derive(Clone, Debug, Queryable)]
pub struct ServerRow {
    /// Its id.
    pub id: Id<Server>,
    /// The name that people gave it.
    pub name: String,
    /// What people say about it.
    pub description: String,
    created_at: i64,
    paused_at: Option<i64>,
    host: String,
}

/// Which servers to list; what is none is not asked.
#[derive(Clone, Debug, Default)]
pub struct ServerFilter {
    /// In this group.
    pub group: Option<Id<Group>>,
    /// With this tag, whoever set it.
    pub tag: Option<Tag>,
    /// With this in the name, in capitals or not.
    pub search: Option<String>,
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

    /// Whether its agent runs in its sandbox, as far as it said so.
    #[must_use]
    pub fn protection(&self) -> Protection {
        let facts = self.host_facts();
        Protection::of(|fact| facts.get(fact.name()).map(String::as_str))
    }

    /// Whether somebody paused it.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }
}

/// The servers that the scope shows: where every query of servers begins.
#[auto_type(no_type_alias)]
pub(super) fn shown(scope: Scope) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    let member: Id<Person> = scope.member();
    let unlimited: AsExprOf<bool, Bool> = scope.unlimited();
    let to_member = shown_server::table
        .filter(shown_server::organisation_id.eq(organisation))
        .filter(shown_server::person_id.eq(member))
        .filter(shown_server::server_id.eq(server::id));
    server::table
        .filter(server::organisation_id.eq(organisation))
        .filter(server::deleted_at.is_null())
        .filter(unlimited.or(exists(to_member)))
}

/// Adds a server. In a limited scope it would be seen by nobody who asks, so it is not found there.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    name: &str,
    now: Timestamp,
) -> Result<ServerRow, StoreError> {
    create_in(connection, scope, name, &[], now)
}

/// Adds a server and puts it into these groups, which the scope must show.
pub fn create_in(
    connection: &mut SqliteConnection,
    scope: Scope,
    name: &str,
    groups: &[Id<Group>],
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
    for group in groups {
        super::groups::put(connection, scope, *group, id)?;
    }
    get(connection, scope, id)
}

/// How many servers the organisation has, whoever asks: for its limit.
pub fn count(connection: &mut SqliteConnection, scope: Scope) -> Result<usize, StoreError> {
    let whole = Scope::of(scope.organisation());
    let count: i64 = shown(whole).count().get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// One server.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
) -> Result<ServerRow, StoreError> {
    Ok(shown(scope)
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
    Ok(shown(scope)
        .filter(server::name.eq(name))
        .select(COLUMNS)
        .first(connection)?)
}

/// The ids of all servers.
pub fn ids(connection: &mut SqliteConnection, scope: Scope) -> Result<Vec<Id<Server>>, StoreError> {
    Ok(shown(scope).select(server::id).load(connection)?)
}

/// The names of all servers, in their order.
pub fn names(
    connection: &mut SqliteConnection,
    scope: Scope,
) -> Result<Vec<(Id<Server>, String)>, StoreError> {
    Ok(shown(scope)
        .order(server::name)
        .select((server::id, server::name))
        .load(connection)?)
}

/// The servers whose names come after `after` and that both the filter and `keep` want, by name, at
/// most `limit`.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    filter: &ServerFilter,
    after: &str,
    limit: usize,
    mut keep: impl FnMut(&ServerRow) -> bool,
) -> Result<Vec<ServerRow>, StoreError> {
    let mut query = shown(scope)
        .filter(server::name.gt(after))
        .order(server::name)
        .select(COLUMNS)
        .into_boxed();
    if let Some(group) = filter.group {
        let inside = group_server::table
            .filter(group_server::group_id.eq(group))
            .filter(group_server::server_id.eq(server::id));
        query = query.filter(exists(inside));
    }
    if let Some(tag) = &filter.tag {
        let tagged = server_tag::table
            .filter(server_tag::server_id.eq(server::id))
            .filter(server_tag::tag.eq(tag.as_str()));
        query = query.filter(exists(tagged));
    }
    if let Some(part) = &filter.search {
        query = query.filter(server::name.like(anywhere(part)).escape(ESCAPE));
    }
    let mut found = Vec::new();
    for row in query.load_iter::<ServerRow, DefaultLoadingMode>(connection)? {
        let row = row?;
        if keep(&row) {
            found.push(row);
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Gives it another name.
pub fn rename(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    name: &str,
) -> Result<(), StoreError> {
    one(diesel::update(shown(scope).filter(server::id.eq(id)))
        .set(server::name.eq(name))
        .execute(connection)?)
}

/// Says something else about it.
pub fn describe(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    description: &str,
) -> Result<(), StoreError> {
    one(diesel::update(shown(scope).filter(server::id.eq(id)))
        .set(server::description.eq(description))
        .execute(connection)?)
}

/// Pauses it, or lets it go on.
pub fn set_paused(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    one(diesel::update(shown(scope).filter(server::id.eq(id)))
        .set(server::paused_at.eq(since.map(Timestamp::as_millis)))
        .execute(connection)?)
}

/// Keeps what its agent said of the host at that time, unless it has said something later. Says whether it did.
pub fn set_host(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    host: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let said_before = shown(scope)
        .filter(server::id.eq(id))
        .filter(server::host_at.le(at.as_millis()));
    let kept = diesel::update(said_before)
        .set((server::host.eq(host), server::host_at.eq(at.as_millis())))
        .execute(connection)?;
    Ok(kept > 0)
}

/// Deletes it for everybody, with its keys. What it leaves behind is removed by `removal`.
pub fn delete(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    now: Timestamp,
) -> Result<(), StoreError> {
    one(diesel::update(shown(scope).filter(server::id.eq(id)))
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

/// A pattern for `LIKE` that finds `part` as it is, anywhere.
fn anywhere(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.chars() {
        if matches!(c, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

const ESCAPE: char = '\\';

const COLUMNS: (
    server::id,
    server::name,
    server::description,
    server::created_at,
    server::paused_at,
    server::host,
) = (
    server::id,
    server::name,
    server::description,
    server::created_at,
    server::paused_at,
    server::host,
);
