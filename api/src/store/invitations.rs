//! Invitations: links that make one person a member of one organisation.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::credentials::word;
use super::schema::{invitation, organisation, person};
use super::{Scope, StoreError};
use crate::access::Role;
use crate::id::{Id, Invitation, Organisation, Person};
use crate::secret::SecretHash;

/// An invitation to make.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// The hash of what its link holds.
    pub hash: SecretHash,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Who invites; none for the operator.
    pub by: Option<Id<Person>>,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// An invitation that was not accepted yet.
#[derive(Clone, Debug)]
pub struct InvitationRow {
    /// Which.
    pub id: Id<Invitation>,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
    /// The address of who invites.
    pub by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its link ends.
    pub expires_at: Timestamp,
}

/// An invitation whose link was presented.
#[derive(Clone, Debug)]
pub struct FoundInvitation {
    /// Which.
    pub id: Id<Invitation>,
    /// Where it leads.
    pub scope: Scope,
    /// That organisation's name.
    pub organisation: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
}

/// Makes an invitation; an earlier one for the same address opens nothing any more.
pub fn replace(
    connection: &mut SqliteConnection,
    scope: Scope,
    new: &NewInvitation,
    now: Timestamp,
) -> Result<Id<Invitation>, StoreError> {
    let id: Id<Invitation> = Id::random();
    let before = invitation::table
        .filter(invitation::organisation_id.eq(scope.organisation()))
        .filter(invitation::email.eq(&new.email));
    diesel::delete(before).execute(connection)?;
    diesel::insert_into(invitation::table)
        .values((
            invitation::id.eq(id),
            invitation::organisation_id.eq(scope.organisation()),
            invitation::token_hash.eq(new.hash.as_bytes()),
            invitation::email.eq(&new.email),
            invitation::role.eq(new.role.as_str()),
            invitation::invited_by.eq(new.by),
            invitation::created_at.eq(now.as_millis()),
            invitation::expires_at.eq(new.expires_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(id)
}

/// The open invitations, by address.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    now: Timestamp,
) -> Result<Vec<InvitationRow>, StoreError> {
    let rows: Vec<Row> = open(scope, now).order(invitation::email).load(connection)?;
    rows.into_iter().map(row).collect()
}

/// The open invitation of that id.
pub fn find(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Invitation>,
    now: Timestamp,
) -> Result<InvitationRow, StoreError> {
    row(open(scope, now)
        .filter(invitation::id.eq(id))
        .first(connection)?)
}

/// The open invitation for an address.
pub fn of_email(
    connection: &mut SqliteConnection,
    scope: Scope,
    email: &str,
    now: Timestamp,
) -> Result<Option<InvitationRow>, StoreError> {
    let found: Option<Row> = open(scope, now)
        .filter(invitation::email.eq(email))
        .first(connection)
        .optional()?;
    found.map(row).transpose()
}

/// How many are open.
pub fn count(
    connection: &mut SqliteConnection,
    scope: Scope,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let open = invitation::table
        .filter(invitation::organisation_id.eq(scope.organisation()))
        .filter(invitation::expires_at.gt(now.as_millis()));
    Ok(open.count().get_result(connection)?)
}

/// The invitation of that link, if it would open now.
pub fn by_link(
    connection: &mut SqliteConnection,
    hash: &SecretHash,
    now: Timestamp,
) -> Result<Option<FoundInvitation>, StoreError> {
    let found: Option<FoundRow> = invitation::table
        .inner_join(organisation::table)
        .filter(invitation::token_hash.eq(hash.as_bytes()))
        .filter(invitation::expires_at.gt(now.as_millis()))
        .filter(organisation::deleted_at.is_null())
        .select((
            invitation::id,
            organisation::id,
            organisation::name,
            invitation::email,
            invitation::role,
        ))
        .first(connection)
        .optional()?;
    found
        .map(|(id, organisation, name, email, role)| {
            Ok(FoundInvitation {
                id,
                scope: Scope::of(organisation),
                organisation: name,
                email,
                role: word(&role)?,
            })
        })
        .transpose()
}

/// Makes an invitation open nothing any more.
pub fn end(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Invitation>,
) -> Result<(), StoreError> {
    let one = invitation::table
        .filter(invitation::organisation_id.eq(scope.organisation()))
        .filter(invitation::id.eq(id));
    if diesel::delete(one).execute(connection)? == 0 {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// The same with all that a person has made here: what they may do has changed.
pub fn end_by(
    connection: &mut SqliteConnection,
    scope: Scope,
    by: Id<Person>,
) -> Result<usize, StoreError> {
    let theirs = invitation::table
        .filter(invitation::organisation_id.eq(scope.organisation()))
        .filter(invitation::invited_by.eq(by));
    Ok(diesel::delete(theirs).execute(connection)?)
}

/// Removes what has expired, in every organisation.
pub fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<usize, StoreError> {
    let expired = invitation::table.filter(invitation::expires_at.le(now.as_millis()));
    Ok(diesel::delete(expired).execute(connection)?)
}

#[diesel::dsl::auto_type]
fn open(scope: Scope, now: Timestamp) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    let now: i64 = now.as_millis();
    let inviter = person::email.nullable();
    invitation::table
        .left_join(person::table)
        .filter(invitation::organisation_id.eq(organisation))
        .filter(invitation::expires_at.gt(now))
        .select((
            invitation::id,
            invitation::email,
            invitation::role,
            inviter,
            invitation::created_at,
            invitation::expires_at,
        ))
}

type FoundRow = (Id<Invitation>, Id<Organisation>, String, String, String);
type Row = (Id<Invitation>, String, String, Option<String>, i64, i64);

fn row(row: Row) -> Result<InvitationRow, StoreError> {
    let (id, email, role, by, created_at, expires_at) = row;
    Ok(InvitationRow {
        id,
        email,
        role: word(&role)?,
        by,
        created_at: Timestamp::from_millis(created_at),
        expires_at: Timestamp::from_millis(expires_at),
    })
}
