//! All that an organisation has, read in portions, as JSON. Hashes and sealed secrets are not part
//! of it: they are of use to nobody who may have them.

use diesel::prelude::*;
use serde_json::{Value, json};
use server_scout_wire::{Tag, Timestamp};

pub use super::export_series::samples;
use super::schema::{
    access_token, agent_key, invitation, member, member_group, organisation, person, series,
    server, server_group,
};
use super::{Scope, StoreError, export_alerts, export_channels};
use crate::id::{AccessToken, AgentKey, Group, Id, Invitation, Person, Server};

/// A part of an export.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The organisation itself.
    Organisation,
    /// Its members.
    Members,
    /// Who is invited.
    Invitations,
    /// Its groups of servers.
    Groups,
    /// Its servers.
    Servers,
    /// What is known of agent keys.
    AgentKeys,
    /// What is known of access tokens.
    AccessTokens,
    /// Its alert rules.
    AlertRules,
    /// Its incidents.
    Incidents,
    /// What happened to incidents.
    IncidentEvents,
    /// Its maintenance windows.
    MaintenanceWindows,
    /// Its channels.
    Channels,
    /// What went to channels.
    Deliveries,
    /// Its heartbeat.
    Heartbeat,
    /// The names of series.
    Series,
    /// Roll-ups.
    RollUps,
    /// The audit log.
    AuditEvents,
}

impl Part {
    /// Every part, in the order of the export. Samples come after them, see `walk`.
    pub const ALL: [Self; 17] = [
        Self::Organisation,
        Self::Members,
        Self::Invitations,
        Self::Groups,
        Self::Servers,
        Self::AgentKeys,
        Self::AccessTokens,
        Self::AlertRules,
        Self::Incidents,
        Self::IncidentEvents,
        Self::MaintenanceWindows,
        Self::Channels,
        Self::Deliveries,
        Self::Heartbeat,
        Self::Series,
        Self::RollUps,
        Self::AuditEvents,
    ];
}

/// A record of an export, and its place in its part.
pub type Record = (i64, Value);

/// The records of a part after `after`, at most `limit`.
pub fn read(
    connection: &mut SqliteConnection,
    scope: Scope,
    part: Part,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    // It holds every server, so it is nothing for who sees some of them alone.
    if scope.is_limited() {
        return Err(StoreError::NotFound);
    }
    match part {
        Part::Organisation => organisation_itself(connection, scope, after),
        Part::Members => members(connection, scope, after, limit),
        Part::Invitations => invitations(connection, scope, after, limit),
        Part::Groups => groups(connection, scope, after, limit),
        Part::Servers => servers(connection, scope, after, limit),
        Part::AgentKeys => agent_keys(connection, scope, after, limit),
        Part::AccessTokens => access_tokens(connection, scope, after, limit),
        Part::AlertRules => export_alerts::rules(connection, scope, after, limit),
        Part::Incidents => export_alerts::incidents(connection, scope, after, limit),
        Part::IncidentEvents => export_alerts::events(connection, scope, after, limit),
        Part::MaintenanceWindows => export_alerts::windows(connection, scope, after, limit),
        Part::Channels => export_channels::channels(connection, scope, after, limit),
        Part::Deliveries => export_channels::deliveries(connection, scope, after, limit),
        Part::Heartbeat => export_channels::heartbeat(connection, scope, after),
        Part::Series => names_of_series(connection, scope, after, limit),
        Part::RollUps => super::export_series::roll_ups(connection, scope, after, limit),
        Part::AuditEvents => audit_events(connection, scope, after, limit),
    }
}

fn organisation_itself(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
) -> Result<Vec<Record>, StoreError> {
    if after >= 0 {
        return Ok(Vec::new());
    }
    let (name, created_at, requires): (String, i64, i32) = organisation::table
        .filter(organisation::id.eq(scope.organisation()))
        .select((
            organisation::name,
            organisation::created_at,
            organisation::requires_second_factor,
        ))
        .first(connection)?;
    let record = json!({
        "kind": "organisation",
        "id": scope.organisation().to_string(),
        "name": name,
        "created_at": time(created_at),
        "requires_second_factor": requires == 1,
    });
    Ok(vec![(0, record)])
}

fn members(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    type Row = (Id<Person>, String, String, String, i64, Option<i64>, bool);
    let rows: Vec<Row> = member::table
        .inner_join(person::table)
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(member::person_id.gt(after))
        .order(member::person_id)
        .limit(limit)
        .select((
            person::id,
            person::email,
            person::name,
            member::role,
            member::created_at,
            member::suspended_at,
            member::limited,
        ))
        .load(connection)?;
    let limits: Vec<(Id<Person>, Id<Group>)> = member_group::table
        .filter(member_group::organisation_id.eq(scope.organisation()))
        .filter(member_group::person_id.eq_any(rows.iter().map(|row| row.0)))
        .select((member_group::person_id, member_group::group_id))
        .load(connection)?;
    let record = |(id, email, name, role, created_at, suspended_at, limited): Row| {
        let groups = limits.iter().filter(|(person, _)| *person == id);
        let groups: Vec<String> = groups.map(|(_, group)| group.to_string()).collect();
        let record = json!({
            "kind": "member",
            "person": id.to_string(),
            "email": email,
            "name": name,
            "role": role,
            "since": time(created_at),
            "suspended_since": suspended_at.map(time),
            "groups": limited.then_some(groups),
        });
        (id.as_i64(), record)
    };
    Ok(rows.into_iter().map(record).collect())
}

fn invitations(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    type Row = (Id<Invitation>, String, String, i64, i64);
    let rows: Vec<Row> = invitation::table
        .filter(invitation::organisation_id.eq(scope.organisation()))
        .filter(invitation::id.gt(after))
        .order(invitation::id)
        .limit(limit)
        .select((
            invitation::id,
            invitation::email,
            invitation::role,
            invitation::created_at,
            invitation::expires_at,
        ))
        .load(connection)?;
    let record = |(id, email, role, created_at, expires_at): Row| {
        let record = json!({
            "kind": "invitation",
            "id": id.to_string(),
            "email": email,
            "role": role,
            "created_at": time(created_at),
            "expires_at": time(expires_at),
        });
        (id.as_i64(), record)
    };
    Ok(rows.into_iter().map(record).collect())
}

fn groups(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let rows: Vec<(Id<Group>, String, i64)> = server_group::table
        .filter(server_group::organisation_id.eq(scope.organisation()))
        .filter(server_group::id.gt(after))
        .order(server_group::id)
        .limit(limit)
        .select((
            server_group::id,
            server_group::name,
            server_group::created_at,
        ))
        .load(connection)?;
    let record = |(id, name, created_at): (Id<Group>, String, i64)| {
        let record = json!({
            "kind": "group",
            "id": id.to_string(),
            "name": name,
            "created_at": time(created_at),
        });
        (id.as_i64(), record)
    };
    Ok(rows.into_iter().map(record).collect())
}

fn servers(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    type Row = (Id<Server>, String, String, i64, Option<i64>, String);
    let rows: Vec<Row> = server::table
        .filter(server::organisation_id.eq(scope.organisation()))
        .filter(server::deleted_at.is_null())
        .filter(server::id.gt(after))
        .order(server::id)
        .limit(limit)
        .select((
            server::id,
            server::name,
            server::description,
            server::created_at,
            server::paused_at,
            server::host,
        ))
        .load(connection)?;
    let ids: Vec<Id<Server>> = rows.iter().map(|row| row.0).collect();
    let tags = super::tags::of(connection, scope, &ids)?;
    let groups = super::groups::of(connection, scope, &ids)?;
    let words = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
    let record = |(id, name, description, created_at, paused_at, host): Row| {
        let groups = groups.get(&id).into_iter().flatten();
        let groups: Vec<String> = groups.map(|group| group.id.to_string()).collect();
        let record = json!({
            "kind": "server",
            "id": id.to_string(),
            "name": name,
            "description": description,
            "tags": tags.get(&id).map(|tags| words(&tags.of_people)).unwrap_or_default(),
            "agent_tags": tags.get(&id).map(|tags| words(&tags.of_agent)).unwrap_or_default(),
            "groups": groups,
            "created_at": time(created_at),
            "paused_at": paused_at.map(time),
            "host": serde_json::from_str::<Value>(&host).unwrap_or_default(),
        });
        (id.as_i64(), record)
    };
    Ok(rows.into_iter().map(record).collect())
}

fn agent_keys(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    type Row = (Id<AgentKey>, Id<Server>, String, i64, Option<i64>);
    let rows: Vec<Row> = agent_key::table
        .filter(agent_key::organisation_id.eq(scope.organisation()))
        .filter(agent_key::id.gt(after))
        .order(agent_key::id)
        .limit(limit)
        .select((
            agent_key::id,
            agent_key::server_id,
            agent_key::ending,
            agent_key::created_at,
            agent_key::revoked_at,
        ))
        .load(connection)?;
    let record = |(id, server, ending, created_at, revoked_at): Row| {
        let record = json!({
            "kind": "agent-key",
            "id": id.to_string(),
            "server": server.to_string(),
            "ending": ending,
            "created_at": time(created_at),
            "revoked_at": revoked_at.map(time),
        });
        (id.as_i64(), record)
    };
    Ok(rows.into_iter().map(record).collect())
}

fn access_tokens(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    type Row = (Id<AccessToken>, Id<Person>, String, String, i64, i64);
    let rows: Vec<Row> = access_token::table
        .filter(access_token::organisation_id.eq(scope.organisation()))
        .filter(access_token::id.gt(after))
        .order(access_token::id)
        .limit(limit)
        .select((
            access_token::id,
            access_token::person_id,
            access_token::name,
            access_token::scope,
            access_token::created_at,
            access_token::expires_at,
        ))
        .load(connection)?;
    let record = |(id, person, name, scope, created_at, expires_at): Row| {
        let record = json!({
            "kind": "access-token",
            "id": id.to_string(),
            "person": person.to_string(),
            "name": name,
            "scope": scope,
            "created_at": time(created_at),
            "expires_at": time(expires_at),
        });
        (id.as_i64(), record)
    };
    Ok(rows.into_iter().map(record).collect())
}

fn names_of_series(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let rows: Vec<(i64, Id<Server>, String, String)> = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::id.gt(after))
        .order(series::id)
        .limit(limit)
        .select((series::id, series::server_id, series::metric, series::label))
        .load(connection)?;
    let record = |(id, server, metric, label): (i64, Id<Server>, String, String)| {
        let record = json!({
            "kind": "series",
            "id": id,
            "server": server.to_string(),
            "metric": metric,
            "label": Some(label).filter(|label| !label.is_empty()),
        });
        (id, record)
    };
    Ok(rows.into_iter().map(record).collect())
}

fn audit_events(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let rows = super::audit::after(connection, scope.organisation().as_i64(), after, limit)?;
    let record = |event: super::audit::EventRow| {
        let record = json!({
            "kind": "audit-event",
            "number": event.number,
            "at": time(event.at),
            "actor_kind": event.actor_kind,
            "actor": event.actor_name,
            "action": event.action,
            "object_kind": event.object_kind,
            "object_id": event.object_id,
            "object": event.object_name,
            "detail": event.detail,
            "address": event.address,
            "user_agent": event.user_agent,
        });
        (event.number, record)
    };
    Ok(rows.into_iter().map(record).collect())
}

pub(super) fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}
