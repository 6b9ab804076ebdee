//! The end of an organisation: gone for everybody at once, and with all its data soon after.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{
    access_token, agent_key, enrolment, invitation, member, organisation, person, server, session,
};
use super::{Scope, StoreError};
use crate::id::{Id, Organisation, Person, Server};

/// Ends an organisation for everybody: nobody is a member, no credential of it counts, and its name is
/// free. People who belonged to no other are removed. Returns its servers.
pub fn end(
    connection: &mut SqliteConnection,
    scope: Scope,
    now: Timestamp,
) -> Result<Vec<Id<Server>>, StoreError> {
    let id = scope.organisation();
    let there = organisation::table
        .filter(organisation::id.eq(id))
        .filter(organisation::deleted_at.is_null());
    let ended = diesel::update(there)
        .set((
            organisation::deleted_at.eq(Some(now.as_millis())),
            // A name that nobody can give, as it holds a character that names refuse.
            organisation::name.eq(format!("deleted\u{1}{id}")),
        ))
        .execute(connection)?;
    if ended == 0 {
        return Err(StoreError::NotFound);
    }
    diesel::delete(session::table.filter(session::organisation_id.eq(id))).execute(connection)?;
    diesel::delete(invitation::table.filter(invitation::organisation_id.eq(id)))
        .execute(connection)?;
    diesel::delete(access_token::table.filter(access_token::organisation_id.eq(id)))
        .execute(connection)?;
    diesel::delete(agent_key::table.filter(agent_key::organisation_id.eq(id)))
        .execute(connection)?;
    diesel::delete(enrolment::table.filter(enrolment::organisation_id.eq(id)))
        .execute(connection)?;
    remove_members(connection, id)?;
    let ours = server::table.filter(server::organisation_id.eq(id));
    diesel::update(ours.filter(server::deleted_at.is_null()))
        .set(server::deleted_at.eq(Some(now.as_millis())))
        .execute(connection)?;
    Ok(ours.select(server::id).load(connection)?)
}

fn remove_members(
    connection: &mut SqliteConnection,
    id: Id<Organisation>,
) -> Result<(), StoreError> {
    let members: Vec<Id<Person>> = member::table
        .filter(member::organisation_id.eq(id))
        .select(member::person_id)
        .load(connection)?;
    diesel::delete(member::table.filter(member::organisation_id.eq(id))).execute(connection)?;
    for somebody in members {
        let elsewhere = member::table.filter(member::person_id.eq(somebody));
        let elsewhere = diesel::select(diesel::dsl::exists(elsewhere));
        if !elsewhere.get_result::<bool>(connection)? {
            diesel::delete(person::table.filter(person::id.eq(somebody))).execute(connection)?;
        }
    }
    Ok(())
}

/// Removes an organisation that has ended and has no server left. False when there is none.
pub fn remove_one(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let left = server::table.filter(server::organisation_id.eq(organisation::id));
    let empty: Option<Id<Organisation>> = organisation::table
        .filter(organisation::deleted_at.is_not_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(left)))
        .select(organisation::id)
        .first(connection)
        .optional()?;
    let Some(id) = empty else {
        return Ok(false);
    };
    // Every table of tenant data goes with it.
    diesel::delete(organisation::table.filter(organisation::id.eq(id))).execute(connection)?;
    Ok(true)
}
