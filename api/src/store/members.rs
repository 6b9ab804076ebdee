//! Members: who belongs to an organisation, as what, and whether they are suspended.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::credentials::word;
use super::schema::{member, organisation, person};
use super::{Scope, StoreError};
use crate::access::Role;
use crate::id::{Id, Organisation, Person};

/// A member as those who manage people see one.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Who.
    pub person: Id<Person>,
    /// Their address.
    pub email: String,
    /// What they are called; empty when they did not say.
    pub name: String,
    /// What they may do here.
    pub role: Role,
    /// Since when they belong here.
    pub joined_at: Timestamp,
    /// Since when they can do nothing here.
    pub suspended_at: Option<Timestamp>,
}

/// An organisation that a person belongs to.
#[derive(Clone, Debug)]
pub struct Membership {
    /// Which.
    pub organisation: Id<Organisation>,
    /// Its name.
    pub name: String,
    /// What the person may do there.
    pub role: Role,
    /// Whether the person is suspended there.
    pub suspended: bool,
}

/// Makes a person a member.
pub fn join(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
    role: Role,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(member::table)
        .values((
            member::organisation_id.eq(scope.organisation()),
            member::person_id.eq(person),
            member::role.eq(role.as_str()),
            member::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// The members after `after` by address, at most `limit`.
pub fn page(
    connection: &mut SqliteConnection,
    scope: Scope,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<MemberRow>, StoreError> {
    let mut query = rows(scope).into_boxed();
    if let Some(after) = after {
        query = query.filter(person::email.gt(after.to_owned()));
    }
    let found: Vec<Row> = query.order(person::email).limit(limit).load(connection)?;
    found.into_iter().map(row).collect()
}

/// The member of that id.
pub fn find(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<MemberRow, StoreError> {
    row(rows(scope)
        .filter(person::id.eq(person))
        .first(connection)?)
}

/// The member of that address.
pub fn by_email(
    connection: &mut SqliteConnection,
    scope: Scope,
    email: &str,
) -> Result<Option<MemberRow>, StoreError> {
    let found: Option<Row> = rows(scope)
        .filter(person::email.eq(email))
        .first(connection)
        .optional()?;
    found.map(row).transpose()
}

/// How many there are.
pub fn count(connection: &mut SqliteConnection, scope: Scope) -> Result<i64, StoreError> {
    let members = member::table.filter(member::organisation_id.eq(scope.organisation()));
    Ok(members.count().get_result(connection)?)
}

/// Whether somebody else is an owner who is not suspended. Asked within the transaction that takes
/// one away.
pub fn another_owner(
    connection: &mut SqliteConnection,
    scope: Scope,
    than: Id<Person>,
) -> Result<bool, StoreError> {
    let others = member::table
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(member::person_id.ne(than))
        .filter(member::role.eq(Role::Owner.as_str()))
        .filter(member::suspended_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(connection)?)
}

/// Gives a member another role.
pub fn set_role(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
    role: Role,
) -> Result<(), StoreError> {
    let one = member::table.find((scope.organisation(), person));
    found(
        diesel::update(one)
            .set(member::role.eq(role.as_str()))
            .execute(connection)?,
    )
}

/// Suspends a member, or lets one go on.
pub fn set_suspended(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    let one = member::table.find((scope.organisation(), person));
    found(
        diesel::update(one)
            .set(member::suspended_at.eq(since.map(Timestamp::as_millis)))
            .execute(connection)?,
    )
}

/// Takes a member out of the organisation.
pub fn remove(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<(), StoreError> {
    let one = member::table.find((scope.organisation(), person));
    found(diesel::delete(one).execute(connection)?)
}

/// The organisations that a person belongs to, the one joined first before the others.
pub fn of_person(
    connection: &mut SqliteConnection,
    person: Id<Person>,
) -> Result<Vec<Membership>, StoreError> {
    let rows: Vec<(Id<Organisation>, String, String, Option<i64>)> = member::table
        .inner_join(organisation::table)
        .filter(member::person_id.eq(person))
        .order((member::created_at, member::organisation_id))
        .select((
            organisation::id,
            organisation::name,
            member::role,
            member::suspended_at,
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|(organisation, name, role, suspended_at)| {
            Ok(Membership {
                organisation,
                name,
                role: word(&role)?,
                suspended: suspended_at.is_some(),
            })
        })
        .collect()
}

/// Notes where the person is, for the next login.
pub fn note_use(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    organisation: Id<Organisation>,
) -> Result<(), StoreError> {
    diesel::update(person::table.filter(person::id.eq(person)))
        .set(person::used_organisation_id.eq(organisation))
        .execute(connection)?;
    Ok(())
}

/// The organisation, if the person belongs to it and is not suspended there.
pub fn enter(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    organisation: Id<Organisation>,
) -> Result<Scope, StoreError> {
    let found: Id<Organisation> = member::table
        .find((organisation, person))
        .filter(member::suspended_at.is_null())
        .select(member::organisation_id)
        .first(connection)?;
    Ok(Scope::of(found))
}

/// The organisation, if the person belongs to it, be it suspended: for leaving.
pub fn belonging(
    connection: &mut SqliteConnection,
    person: Id<Person>,
    organisation: Id<Organisation>,
) -> Result<Scope, StoreError> {
    let found: Id<Organisation> = member::table
        .find((organisation, person))
        .select(member::organisation_id)
        .first(connection)?;
    Ok(Scope::of(found))
}

/// Removes people who belong to no organisation any more: their account opens nothing.
pub fn forget_strangers(connection: &mut SqliteConnection) -> Result<usize, StoreError> {
    let places = member::table.filter(member::person_id.eq(person::id));
    let strangers = person::table.filter(diesel::dsl::not(diesel::dsl::exists(places)));
    Ok(diesel::delete(strangers).execute(connection)?)
}

#[diesel::dsl::auto_type]
fn rows(scope: Scope) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    member::table
        .inner_join(person::table)
        .filter(member::organisation_id.eq(organisation))
        .select((
            person::id,
            person::email,
            person::name,
            member::role,
            member::created_at,
            member::suspended_at,
        ))
}

type Row = (Id<Person>, String, String, String, i64, Option<i64>);

fn row(row: Row) -> Result<MemberRow, StoreError> {
    let (person, email, name, role, joined_at, suspended_at) = row;
    Ok(MemberRow {
        person,
        email,
        name,
        role: word(&role)?,
        joined_at: Timestamp::from_millis(joined_at),
        suspended_at: suspended_at.map(Timestamp::from_millis),
    })
}

fn found(changed: usize) -> Result<(), StoreError> {
    if changed == 0 {
        Err(StoreError::NotFound)
    } else {
        Ok(())
    }
}
