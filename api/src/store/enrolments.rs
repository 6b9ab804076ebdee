//! Enrolment codes. A row is a code that opens something; using it removes it.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::enrolment;
use super::{Scope, StoreError};
use crate::id::{Enrolment, Group, Id, Organisation, Person, Server};
use crate::secret::SecretHash;

/// A code to keep.
#[derive(Clone, Debug)]
pub struct NewEnrolment {
    /// The code's hash.
    pub hash: SecretHash,
    /// For this server, or for a new one.
    pub server: Option<Id<Server>>,
    /// What a new server is called; empty for its host's name.
    pub name: String,
    /// The group that a new server goes into.
    pub group: Option<Id<Group>>,
    /// Who made it; none for the operator.
    pub person: Option<Id<Person>>,
    /// The same in words.
    pub made_by: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What a code opens.
#[derive(Clone, Debug)]
pub struct FoundEnrolment {
    /// The row's id.
    pub id: Id<Enrolment>,
    /// Where. Made here, for a code that was just found valid.
    pub scope: Scope,
    /// For this server, or for a new one.
    pub server: Option<Id<Server>>,
    /// What a new server is called; empty for its host's name.
    pub name: String,
    /// The group that a new server goes into.
    pub group: Option<Id<Group>>,
    /// Who made it.
    pub made_by: String,
}

/// Keeps a code. One for a server takes the place of the one before.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    new: &NewEnrolment,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(server) = new.server {
        end_of_server(connection, scope, server)?;
    }
    diesel::insert_into(enrolment::table)
        .values((
            enrolment::id.eq(Id::<Enrolment>::random()),
            enrolment::organisation_id.eq(scope.organisation()),
            enrolment::code_hash.eq(new.hash.as_bytes()),
            enrolment::server_id.eq(new.server),
            enrolment::name.eq(&new.name),
            enrolment::group_id.eq(new.group),
            enrolment::person_id.eq(new.person),
            enrolment::made_by.eq(&new.made_by),
            enrolment::created_at.eq(now.as_millis()),
            enrolment::expires_at.eq(new.expires_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// How many codes of the organisation open something.
pub fn count(
    connection: &mut SqliteConnection,
    scope: Scope,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let count: i64 = enrolment::table
        .filter(enrolment::organisation_id.eq(scope.organisation()))
        .filter(enrolment::expires_at.gt(now.as_millis()))
        .count()
        .get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// What a code opens, if it opens anything.
pub fn find(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<FoundEnrolment>, StoreError> {
    type Row = (
        Id<Enrolment>,
        Id<Organisation>,
        Option<Id<Server>>,
        String,
        Option<Id<Group>>,
        String,
    );
    let found: Option<Row> = enrolment::table
        .filter(enrolment::code_hash.eq(hash.as_bytes()))
        .filter(enrolment::expires_at.gt(now.as_millis()))
        .select((
            enrolment::id,
            enrolment::organisation_id,
            enrolment::server_id,
            enrolment::name,
            enrolment::group_id,
            enrolment::made_by,
        ))
        .first(connection)
        .optional()?;
    Ok(found.map(
        |(id, organisation, server, name, group, made_by)| FoundEnrolment {
            id,
            scope: Scope::of(organisation),
            server,
            name,
            group,
            made_by,
        },
    ))
}

/// Makes the codes for a server open nothing any more.
pub fn end_of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<(), StoreError> {
    let of_server = enrolment::table
        .filter(enrolment::organisation_id.eq(scope.organisation()))
        .filter(enrolment::server_id.eq(Some(server)));
    diesel::delete(of_server).execute(connection)?;
    Ok(())
}

/// Uses a code up.
pub fn remove(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Enrolment>,
) -> Result<(), StoreError> {
    let ours = enrolment::table
        .filter(enrolment::organisation_id.eq(scope.organisation()))
        .filter(enrolment::id.eq(id));
    match diesel::delete(ours).execute(connection)? {
        1 => Ok(()),
        _ => Err(StoreError::NotFound),
    }
}

/// Forgets codes that have expired.
pub fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<usize, StoreError> {
    let expired = enrolment::table.filter(enrolment::expires_at.le(now.as_millis()));
    Ok(diesel::delete(expired).execute(connection)?)
}
