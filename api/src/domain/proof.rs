//! Proving again who one is, before a weighty change.

use diesel::SqliteConnection;

use super::accounts::{LoggedIn, sources};
use super::audit::{Action, Object};
use super::crowd::Asking;
use super::names::Email;
use super::password::Password;
use super::principal::{Means, PersonPrincipal};
use super::{ServiceError, Services};
use crate::secret::{Purpose, Secret};
use crate::store::{StoreError, credentials, devices, sessions};

impl Services {
    /// Checks the password of the person whose session asks; the session goes on under a new id and
    /// may make weighty changes for a while. A wrong one counts as a failed login.
    pub async fn prove_by_password(
        &self,
        person: &PersonPrincipal,
        password: String,
        device: Option<String>,
    ) -> Result<LoggedIn, ServiceError> {
        if password.len() > Password::MAX {
            return Err(ServiceError::invalid("password", "is wrong"));
        }
        let identity = &person.identity;
        let device = self
            .known_device(device.as_deref(), Some(identity.person))
            .await?;
        let email = Email::parse(&identity.email)?;
        let sources = sources(&email, device.as_ref(), person.client.address);
        let asking = Asking::new(email.as_str(), device.is_some(), person.client.address);
        let password = Password::typed(password);
        let checked = self
            .check_present(identity.person, password, &sources, asking)
            .await;
        match checked {
            Ok(_) => self.renew_proved(person, device, "", |_| Ok(())).await,
            Err(error @ ServiceError::Invalid { .. }) => {
                self.note_failed_proof(person).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The session goes on under a new id, as one that has proved whose it is. `take` uses the proof
    /// up, and `detail` says what it was where it was no password.
    pub(super) async fn renew_proved(
        &self,
        person: &PersonPrincipal,
        device: Option<Secret>,
        detail: &'static str,
        take: impl FnOnce(&mut SqliteConnection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<LoggedIn, ServiceError> {
        let Means::Session(before) = person.means else {
            return Err(ServiceError::Forbidden);
        };
        let session = Secret::generate(Purpose::Session);
        let device = device.unwrap_or_else(|| Secret::generate(Purpose::Device));
        let (hash, device_hash) = (session.hash(), device.hash());
        let (audit, acting) = (self.audit(), person.actor());
        let (now, id) = (self.clock().now(), person.person());
        self.store()
            .write(move |c| {
                take(c)?;
                let scopes = credentials::of_person(c, id)?;
                let what = (Action::Proved, &Object::none(), detail);
                audit.record_for(c, now, &scopes, &acting, what)?;
                sessions::renew(c, &before, &hash, now)?;
                devices::remember(c, &device_hash, id, now)
            })
            .await
            .map_err(|error| match error {
                StoreError::NotFound => ServiceError::Unauthenticated,
                other => other.into(),
            })?;
        Ok(LoggedIn { session, device })
    }

    pub(super) async fn note_failed_proof(
        &self,
        person: &PersonPrincipal,
    ) -> Result<(), ServiceError> {
        let (audit, by) = (self.audit(), person.actor());
        let (now, id) = (self.clock().now(), person.person());
        let note = move |c: &mut diesel::SqliteConnection| {
            let scopes = credentials::of_person(c, id)?;
            let what = (Action::ProofFailed, &Object::none(), "");
            audit.record_for(c, now, &scopes, &by, what)
        };
        Ok(self.store().write(note).await?)
    }
}
