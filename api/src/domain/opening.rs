//! Opening a session, at the end of every way to log in.

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::acting::Actor;
use super::audit::{Action, Audit, Object};
use super::client::Client;
use crate::id::{Id, Organisation, Person};
use crate::secret::SecretHash;
use crate::store::sessions::NewSession;
use crate::store::{StoreError, credentials, devices, people, sessions};

/// A session to open at the end of a login.
pub(super) struct Opening {
    pub(super) person: Id<Person>,
    /// The hash of what its cookie will hold.
    pub(super) session: SecretHash,
    /// The hash of what its browser will be known by.
    pub(super) device: SecretHash,
    /// The session that the browser had until now.
    pub(super) before: Option<SecretHash>,
    pub(super) client: Client,
}

/// Opens a session, in the transaction that used up what opens it. `detail` says by what, where it
/// was not a password alone.
pub(super) fn open_session(
    connection: &mut SqliteConnection,
    audit: &Audit,
    opening: Opening,
    detail: &str,
    now: Timestamp,
) -> Result<Actor, StoreError> {
    let person = opening.person;
    let organisation: Id<Organisation> =
        people::first_organisation(connection, person)?.ok_or(StoreError::NotFound)?;
    if let Some(before) = opening.before {
        sessions::end(connection, &before)?;
    }
    devices::remember(connection, &opening.device, person, now)?;
    let new = NewSession {
        hash: opening.session,
        organisation,
        person,
        address: opening.client.shown_address(),
        user_agent: opening.client.user_agent.as_str().to_owned(),
    };
    sessions::create(connection, &new, now)?;
    let scopes = credentials::of_person(connection, person)?;
    let by = Actor::person(person, &people::email(connection, person)?, opening.client);
    let what = (Action::LoginSucceeded, &Object::none(), detail);
    audit.record_for(connection, now, &scopes, &by, what)?;
    Ok(by)
}
