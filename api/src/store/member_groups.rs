//! Which servers a member sees: all, or those of some groups.

use diesel::prelude::*;

use super::credentials::word;
use super::schema::{member, member_group, person};
use super::{Scope, StoreError, groups};
use crate::access::Role;
use crate::id::{Group, Id, Person};

/// What is said of a member.
#[derive(Clone, Debug)]
pub struct MemberLimits {
    /// The member's address.
    pub email: String,
    /// The member's role. Owners and admins see every server, whatever else stands here.
    pub role: Role,
    /// Whether the member sees the servers of these groups alone.
    pub limited: bool,
    /// The groups.
    pub groups: Vec<Id<Group>>,
}

/// What is said of a member of the organisation.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<MemberLimits, StoreError> {
    let (email, role, limited): (String, String, bool) = member::table
        .inner_join(person::table)
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(member::person_id.eq(person))
        .select((person::email, member::role, member::limited))
        .first(connection)?;
    let groups = member_group::table
        .filter(member_group::organisation_id.eq(scope.organisation()))
        .filter(member_group::person_id.eq(person))
        .select(member_group::group_id)
        .load(connection)?;
    Ok(MemberLimits {
        email,
        role: word(&role)?,
        limited,
        groups,
    })
}

/// Limits a member to the servers of these groups, or to none when there are none.
pub fn limit(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
    groups: &[Id<Group>],
) -> Result<(), StoreError> {
    set_limited(connection, scope, person, true)?;
    for id in groups {
        groups::get(connection, scope, *id)?;
        diesel::insert_into(member_group::table)
            .values((
                member_group::organisation_id.eq(scope.organisation()),
                member_group::person_id.eq(person),
                member_group::group_id.eq(id),
            ))
            .on_conflict_do_nothing()
            .execute(connection)?;
    }
    Ok(())
}

/// Lets a member see every server.
pub fn unlimit(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<(), StoreError> {
    set_limited(connection, scope, person, false)
}

/// Says whether, and forgets the groups of before.
fn set_limited(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
    limited: bool,
) -> Result<(), StoreError> {
    let ours = member::table
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(member::person_id.eq(person));
    let changed = diesel::update(ours)
        .set(member::limited.eq(limited))
        .execute(connection)?;
    if changed == 0 {
        return Err(StoreError::NotFound);
    }
    let before = member_group::table
        .filter(member_group::organisation_id.eq(scope.organisation()))
        .filter(member_group::person_id.eq(person));
    diesel::delete(before).execute(connection)?;
    Ok(())
}
