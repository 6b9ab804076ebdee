//! Changing one's own password.

use super::accounts::{LoggedIn, sources};
use super::audit::{Action, Object};
use super::client::Client;
use super::crowd::Asking;
use super::names::Email;
use super::notices::Notice;
use super::password::{Password, Verdict};
use super::principal::{Means, PersonPrincipal};
use super::throttle::Source;
use super::{ServiceError, Services};
use crate::id::{Id, Person};
use crate::secret::{Purpose, Secret};
use crate::store::sessions::NewSession;
use crate::store::{StoreError, credentials, devices, links, people, sessions, tokens};

/// What somebody who changes the password presents.
pub struct PasswordChange {
    /// The password until now.
    pub present: String,
    /// The password from now on.
    pub new: String,
    /// The token of a browser that has logged in before.
    pub device: Option<String>,
    /// Whether the person's access tokens end, too: whoever knew the password may have made one.
    pub revoke_tokens: bool,
    /// Where the change comes from.
    pub client: Client,
}

impl Services {
    /// Changes the password of the person whose session asks. Every session of the person ends; the
    /// one that asks goes on under a new id.
    ///
    /// A wrong present password counts as a failed login: a session that was left open must not be
    /// the place to guess at it.
    pub async fn change_password(
        &self,
        person: &PersonPrincipal,
        change: PasswordChange,
    ) -> Result<LoggedIn, ServiceError> {
        let Means::Session(session) = person.means else {
            return Err(ServiceError::Forbidden);
        };
        let identity = &person.identity;
        let known = [identity.email.as_str(), identity.organisation.as_str()];
        let new = Password::chosen(change.new, &known)?;
        let present = Password::typed(change.present);
        if new.is(&present) {
            return Err(ServiceError::invalid("password", "must be a new one"));
        }
        let device = self
            .known_device(change.device.as_deref(), Some(identity.person))
            .await?;
        let sources = sources(
            &Email::parse(&identity.email)?,
            device.as_ref(),
            change.client.address,
        );
        let address = change.client.address;
        let asking = Asking::new(&identity.email, device.is_some(), address);
        let before = self
            .check_present(identity.person, present, &sources, asking)
            .await?;
        let after = self.0.passwords.hash(new).await?;

        let fresh = Secret::generate(Purpose::Session);
        let replacement = NewSession {
            hash: fresh.hash(),
            organisation: identity.scope.organisation(),
            person: identity.person,
            address: change.client.shown_address(),
            user_agent: change.client.user_agent.as_str().to_owned(),
        };
        let device = device.unwrap_or_else(|| Secret::generate(Purpose::Device));
        let device_hash = device.hash();
        let (audit, by, now) = (self.audit(), person.actor(), self.clock().now());
        let client = by.client.clone();
        self.store()
            .write(move |c| {
                people::replace_password_hash(c, replacement.person, &before, &after)?;
                links::end_resets(c, replacement.person)?;
                links::end_email_change(c, replacement.person)?;
                devices::remember(c, &device_hash, replacement.person, now)?;
                let revoked = if change.revoke_tokens {
                    tokens::revoke_all(c, replacement.person)?
                } else {
                    0
                };
                let scopes = credentials::of_person(c, replacement.person)?;
                let detail = match revoked {
                    0 => String::new(),
                    some => format!("access tokens revoked: {some}"),
                };
                let what = (Action::PasswordChanged, &Object::none(), detail.as_str());
                audit.record_for(c, now, &scopes, &by, what)?;
                sessions::replace_all(c, &session, &replacement, now)
            })
            .await
            // Somebody else's change, or the end of this session, was faster.
            .map_err(|error| match error {
                StoreError::NotFound => ServiceError::Unauthenticated,
                other => other.into(),
            })?;
        tracing::info!("a password was changed");
        self.tell_account(&identity.email, Notice::PasswordChanged, &client);
        Ok(LoggedIn {
            session: fresh,
            device,
        })
    }

    /// The hash that the present password fits.
    pub(super) async fn check_present(
        &self,
        person: Id<Person>,
        present: Password,
        sources: &[Source],
        asking: Asking,
    ) -> Result<String, ServiceError> {
        let throttled = self.0.throttle.begin(sources, self.clock().now());
        throttled.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;
        let stored = self
            .store()
            .read(move |c| people::password_hash(c, person))
            .await?;
        let verdict = self
            .0
            .passwords
            .verify(present, Some(stored.clone()), asking)
            .await;
        match verdict.inspect_err(|_| self.0.throttle.undo(sources))? {
            Verdict::Wrong => Err(ServiceError::invalid("present password", "is wrong")),
            Verdict::Right | Verdict::Outdated(_) => {
                self.0.throttle.succeed(sources);
                Ok(stored)
            }
        }
    }
}
