//! Organisations.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{member, organisation, person};
use super::{Scope, StoreError, credentials};
use crate::access::Role;
use crate::id::{Id, Organisation, Person};

/// Makes an organisation and gives the scope of it.
pub fn create(
    connection: &mut SqliteConnection,
    name: &str,
    now: Timestamp,
) -> Result<Scope, StoreError> {
    let id: Id<Organisation> = Id::random();
    diesel::insert_into(organisation::table)
        .values((
            organisation::id.eq(id),
            organisation::name.eq(name),
            organisation::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(credentials::of_new(id))
}

/// Gives the organisation another name.
pub fn rename(
    connection: &mut SqliteConnection,
    scope: Scope,
    name: &str,
) -> Result<(), StoreError> {
    diesel::update(organisation::table.filter(organisation::id.eq(scope.organisation())))
        .set(organisation::name.eq(name))
        .execute(connection)?;
    Ok(())
}

/// The organisation's name.
pub fn name(connection: &mut SqliteConnection, scope: Scope) -> Result<String, StoreError> {
    Ok(organisation::table
        .filter(organisation::id.eq(scope.organisation()))
        .filter(organisation::deleted_at.is_null())
        .select(organisation::name)
        .first(connection)?)
}

/// How many organisations a person owns.
pub fn owned_by(connection: &mut SqliteConnection, person: Id<Person>) -> Result<i64, StoreError> {
    let owned = member::table
        .filter(member::person_id.eq(person))
        .filter(member::role.eq(Role::Owner.as_str()));
    Ok(owned.count().get_result(connection)?)
}

/// Whether any organisation has an owner yet.
pub fn any_owner(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let owners = member::table.filter(member::role.eq(Role::Owner.as_str()));
    Ok(diesel::select(diesel::dsl::exists(owners)).get_result(connection)?)
}

/// The oldest organisation without a member, and its name. The quickstart makes one before there
/// is anybody to own it.
pub fn ownerless(connection: &mut SqliteConnection) -> Result<Option<(Scope, String)>, StoreError> {
    let members = member::table.filter(member::organisation_id.eq(organisation::id));
    let found: Option<(Id<Organisation>, String)> = organisation::table
        .filter(organisation::deleted_at.is_null())
        .filter(diesel::dsl::not(diesel::dsl::exists(members)))
        .order(organisation::created_at)
        .select((organisation::id, organisation::name))
        .first(connection)
        .optional()?;
    Ok(found.map(|(id, name)| (credentials::of_new(id), name)))
}

/// The addresses of the owners who can act, at most `limit`, for what they have to know.
pub fn owner_addresses(
    connection: &mut SqliteConnection,
    scope: Scope,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    Ok(member::table
        .inner_join(person::table)
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(member::role.eq(Role::Owner.as_str()))
        .filter(member::suspended_at.is_null())
        .order(person::email)
        .limit(limit)
        .select(person::email)
        .load(connection)?)
}
