//! Tags of servers: those of people, and those of the agent's configuration.

use std::collections::HashMap;

use diesel::prelude::*;
use server_scout_wire::{Tag, Tags};

use super::schema::{server, server_tag};
use super::{Scope, StoreError, servers};
use crate::id::{Id, Server};

/// Who set a tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The agent's configuration.
    Agent,
    /// People.
    Person,
}

/// The tags of one server.
#[derive(Clone, Debug, Default)]
pub struct ServerTags {
    /// Those that people set.
    pub of_people: Vec<Tag>,
    /// Those of the agent's configuration.
    pub of_agent: Vec<Tag>,
}

/// Puts these tags in the place of all that were set that way; true when they are others.
pub fn replace(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Server>,
    origin: Origin,
    tags: &Tags,
) -> Result<bool, StoreError> {
    servers::get(connection, scope, id)?;
    let before = server_tag::table
        .filter(server_tag::organisation_id.eq(scope.organisation()))
        .filter(server_tag::server_id.eq(id))
        .filter(server_tag::origin.eq(origin.as_str()));
    let known: Vec<String> = before
        .select(server_tag::tag)
        .order(server_tag::tag)
        .load(connection)?;
    if known.iter().eq(tags.iter().map(Tag::as_str)) {
        return Ok(false);
    }
    diesel::delete(before).execute(connection)?;
    for tag in tags.iter() {
        diesel::insert_into(server_tag::table)
            .values((
                server_tag::organisation_id.eq(scope.organisation()),
                server_tag::server_id.eq(id),
                server_tag::tag.eq(tag.as_str()),
                server_tag::origin.eq(origin.as_str()),
            ))
            .execute(connection)?;
    }
    Ok(true)
}

/// The tags of some servers, in order.
pub fn of(
    connection: &mut SqliteConnection,
    scope: Scope,
    ids: &[Id<Server>],
) -> Result<HashMap<Id<Server>, ServerTags>, StoreError> {
    let rows: Vec<(Id<Server>, String, String)> = server_tag::table
        .filter(server_tag::organisation_id.eq(scope.organisation()))
        .filter(server_tag::server_id.eq_any(ids))
        .filter(server_tag::server_id.eq_any(servers::shown(scope).select(server::id)))
        .order((server_tag::server_id, server_tag::tag))
        .select((server_tag::server_id, server_tag::tag, server_tag::origin))
        .load(connection)?;
    let mut found: HashMap<Id<Server>, ServerTags> = HashMap::new();
    for (id, tag, origin) in rows {
        let Ok(tag) = Tag::new(&tag) else { continue };
        let tags = found.entry(id).or_default();
        if origin == Origin::Agent.as_str() {
            tags.of_agent.push(tag);
        } else {
            tags.of_people.push(tag);
        }
    }
    Ok(found)
}

/// Every tag of a server that the scope shows, once, at most `limit`.
pub fn all(
    connection: &mut SqliteConnection,
    scope: Scope,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(server_tag::table
        .filter(server_tag::organisation_id.eq(scope.organisation()))
        .filter(server_tag::server_id.eq_any(servers::shown(scope).select(server::id)))
        .select(server_tag::tag)
        .distinct()
        .order(server_tag::tag)
        .limit(limit)
        .load(connection)?)
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Person => "person",
        }
    }
}
