//! Groups of servers.

use std::collections::HashMap;

use diesel::dsl::{AsExprOf, auto_type, count_star, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use server_scout_wire::Timestamp;

use super::schema::{group_server, member_group, server, server_group};
use super::{Scope, StoreError, servers};
use crate::id::{Group, Id, Organisation, Person, Server};

/// A group.
#[derive(Clone, Debug, Queryable)]
pub struct GroupRow {
    /// Its id.
    pub id: Id<Group>,
    /// Its name.
    pub name: String,
    created_at: i64,
}

impl GroupRow {
    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_at)
    }
}

/// The groups that the scope shows: all, or those of a limited member.
#[auto_type(no_type_alias)]
pub(super) fn shown(scope: Scope) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    let member: Id<Person> = scope.member();
    let unlimited: AsExprOf<bool, Bool> = scope.unlimited();
    let of_member = member_group::table
        .filter(member_group::organisation_id.eq(organisation))
        .filter(member_group::person_id.eq(member))
        .filter(member_group::group_id.eq(server_group::id));
    server_group::table
        .filter(server_group::organisation_id.eq(organisation))
        .filter(unlimited.or(exists(of_member)))
}

/// Makes a group.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    name: &str,
    now: Timestamp,
) -> Result<GroupRow, StoreError> {
    let id: Id<Group> = Id::random();
    diesel::insert_into(server_group::table)
        .values((
            server_group::id.eq(id),
            server_group::organisation_id.eq(scope.organisation()),
            server_group::name.eq(name),
            server_group::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    get(connection, scope, id)
}

/// One group.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Group>,
) -> Result<GroupRow, StoreError> {
    Ok(shown(scope)
        .filter(server_group::id.eq(id))
        .select(COLUMNS)
        .first(connection)?)
}

/// All groups, by name.
pub fn list(connection: &mut SqliteConnection, scope: Scope) -> Result<Vec<GroupRow>, StoreError> {
    Ok(shown(scope)
        .order(server_group::name)
        .select(COLUMNS)
        .load(connection)?)
}

/// How many servers each group has.
pub fn sizes(
    connection: &mut SqliteConnection,
    scope: Scope,
) -> Result<HashMap<Id<Group>, i64>, StoreError> {
    let rows: Vec<(Id<Group>, i64)> = group_server::table
        .filter(group_server::organisation_id.eq(scope.organisation()))
        .filter(group_server::group_id.eq_any(shown(scope).select(server_group::id)))
        .filter(group_server::server_id.eq_any(servers::shown(scope).select(server::id)))
        .group_by(group_server::group_id)
        .select((group_server::group_id, count_star()))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Gives it another name.
pub fn rename(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Group>,
    name: &str,
) -> Result<(), StoreError> {
    get(connection, scope, id)?;
    diesel::update(shown(scope).filter(server_group::id.eq(id)))
        .set(server_group::name.eq(name))
        .execute(connection)?;
    Ok(())
}

/// Deletes it. Its servers stay; members who were limited to it see them no more.
pub fn delete(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Group>,
) -> Result<(), StoreError> {
    get(connection, scope, id)?;
    diesel::delete(shown(scope).filter(server_group::id.eq(id))).execute(connection)?;
    Ok(())
}

/// Puts a server into a group; true when it was not in it. The scope must show the group, and need
/// not show the server yet: a new server of a limited member is shown by being put here.
pub(super) fn put(
    connection: &mut SqliteConnection,
    scope: Scope,
    group: Id<Group>,
    id: Id<Server>,
) -> Result<bool, StoreError> {
    get(connection, scope, group)?;
    servers::get(connection, Scope::of(scope.organisation()), id)?;
    let put = diesel::insert_into(group_server::table)
        .values((
            group_server::organisation_id.eq(scope.organisation()),
            group_server::group_id.eq(group),
            group_server::server_id.eq(id),
        ))
        .on_conflict_do_nothing()
        .execute(connection)?;
    Ok(put == 1)
}

/// Puts a server that the scope shows into a group; true when it was not in it.
pub fn add_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    group: Id<Group>,
    id: Id<Server>,
) -> Result<bool, StoreError> {
    servers::get(connection, scope, id)?;
    put(connection, scope, group, id)
}

/// Takes a server out of a group; true when it was in it.
pub fn remove_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    group: Id<Group>,
    id: Id<Server>,
) -> Result<bool, StoreError> {
    get(connection, scope, group)?;
    servers::get(connection, scope, id)?;
    let place = group_server::table
        .filter(group_server::organisation_id.eq(scope.organisation()))
        .filter(group_server::group_id.eq(group))
        .filter(group_server::server_id.eq(id));
    Ok(diesel::delete(place).execute(connection)? == 1)
}

/// The groups of some servers, by name.
pub fn of(
    connection: &mut SqliteConnection,
    scope: Scope,
    ids: &[Id<Server>],
) -> Result<HashMap<Id<Server>, Vec<GroupRow>>, StoreError> {
    let rows: Vec<(Id<Server>, GroupRow)> = group_server::table
        .inner_join(server_group::table)
        .filter(group_server::organisation_id.eq(scope.organisation()))
        .filter(group_server::server_id.eq_any(ids))
        .filter(group_server::server_id.eq_any(servers::shown(scope).select(server::id)))
        .filter(group_server::group_id.eq_any(shown_ids(connection, scope)?))
        .order(server_group::name)
        .select((group_server::server_id, COLUMNS))
        .load(connection)?;
    let mut found: HashMap<Id<Server>, Vec<GroupRow>> = HashMap::new();
    for (id, group) in rows {
        found.entry(id).or_default().push(group);
    }
    Ok(found)
}

fn shown_ids(
    connection: &mut SqliteConnection,
    scope: Scope,
) -> Result<Vec<Id<Group>>, StoreError> {
    Ok(shown(scope).select(server_group::id).load(connection)?)
}

const COLUMNS: (
    server_group::id,
    server_group::name,
    server_group::created_at,
) = (
    server_group::id,
    server_group::name,
    server_group::created_at,
);
