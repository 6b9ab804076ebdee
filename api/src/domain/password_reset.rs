//! Another password by a mailed link, for those who forgot theirs.

use server_scout_ui::mails::{Letter, Link};

use super::acting::Actor;
use super::audit::{Action, Object};
use super::client::Client;
use super::first_owner::LINK_LIFE;
use super::invitations::link_hash;
use super::names::Email;
use super::notices::Notice;
use super::password::Password;
use super::post::Errand;
use super::throttle::Source;
use super::{ServiceError, Services};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::{StoreError, credentials, devices, links, people, sessions};

impl Services {
    /// Has a link mailed, if the address has an account. Answer and time are the same either way:
    /// whether it has is looked up later, and attempts are counted by what was typed.
    pub fn request_reset(&self, email: &str, client: Client) -> Result<(), ServiceError> {
        let email = Email::parse(email)?;
        let account = Source::Account(SecretHash::of(email.as_str()));
        let address = client.address.map(Source::address);
        let sources: Vec<Source> = std::iter::once(account).chain(address).collect();
        let throttled = self.0.requests.begin(&sources, self.clock().now());
        throttled.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;
        let place = self.mail_place()?.ok_or(ServiceError::NotFound)?;
        place.send(Errand::Reset(email, client));
        Ok(())
    }

    /// The mail with a new link; none when the address has no account that can log in.
    pub(super) async fn reset_letter(
        &self,
        email: &Email,
        client: Client,
    ) -> Result<Option<Letter>, ServiceError> {
        let link = self.add_reset_link(email, Actor::stranger(client)).await?;
        Ok(link.map(|secret| letter(self.link("reset", &secret))))
    }

    /// For the operator: a link that lets a person choose another password.
    pub async fn operator_reset_link(&self, email: &str) -> Result<Secret, ServiceError> {
        let email = Email::parse(email)?;
        self.add_reset_link(&email, Actor::operator())
            .await?
            .ok_or_else(|| ServiceError::invalid("email", "has no account that can log in"))
    }

    async fn add_reset_link(
        &self,
        email: &Email,
        by: Actor,
    ) -> Result<Option<Secret>, ServiceError> {
        let secret = Secret::generate(Purpose::Link);
        let (hash, email) = (secret.hash(), email.as_str().to_owned());
        let (audit, now) = (self.audit(), self.clock().now());
        let expires_at = now.after(LINK_LIFE);
        let made = self
            .store()
            .write(move |c| {
                let Some(login) = people::by_email(c, &email)? else {
                    return Ok(false);
                };
                if people::first_organisation(c, login.person)?.is_none() {
                    return Ok(false);
                }
                links::add_reset(c, &hash, login.person, expires_at)?;
                let scopes = credentials::of_person(c, login.person)?;
                let account = Object::person(login.person, &email);
                let what = (Action::PasswordResetAsked, &account, "");
                audit.record_for(c, now, &scopes, &by, what)?;
                Ok(true)
            })
            .await?;
        Ok(made.then_some(secret))
    }

    /// Whose password the link changes, if it opens. Changes nothing.
    pub async fn look_at_reset(&self, token: &str) -> Result<String, ServiceError> {
        let (hash, now) = (link_hash(token)?, self.clock().now());
        let found = self.store().read(move |c| links::reset(c, &hash, now));
        let (_, email) = found.await?.ok_or(ServiceError::LinkClosed)?;
        Ok(email)
    }

    /// Uses the link up: another password. All sessions end, all devices are strangers again, and
    /// nobody is logged in: a second factor is asked for at the login as ever.
    pub async fn reset_password(
        &self,
        token: &str,
        password: String,
        client: Client,
    ) -> Result<(), ServiceError> {
        // Before any costly work: only the link's holder may make us hash.
        let email = self.look_at_reset(token).await?;
        let password = Password::chosen(password, &[email.as_str()])?;
        let after = self.0.passwords.hash(password).await?;
        let (hash, now) = (link_hash(token)?, self.clock().now());
        let (audit, address) = (self.audit(), email.clone());
        let from = client.clone();
        self.store()
            .write(move |c| {
                let (person, _) = links::reset(c, &hash, now)?.ok_or(StoreError::NotFound)?;
                let before = people::password_hash(c, person)?;
                people::replace_password_hash(c, person, &before, &after)?;
                links::end_resets(c, person)?;
                links::end_email_change(c, person)?;
                devices::forget_all(c, person)?;
                sessions::end_all(c, person)?;
                let scopes = credentials::of_person(c, person)?;
                let by = Actor::person(person, &address, client);
                let what = (Action::PasswordReset, &Object::none(), "");
                audit.record_for(c, now, &scopes, &by, what)
            })
            .await
            .map_err(|error| match error {
                StoreError::NotFound => ServiceError::LinkClosed,
                other => other.into(),
            })?;
        // Whoever tried the old password in vain must not keep the owner out now.
        let account = Source::Account(SecretHash::of(&email));
        self.0.throttle.succeed(&[account]);
        tracing::info!("a password was changed by a link");
        self.tell_account(&email, Notice::PasswordChanged, &from);
        Ok(())
    }
}

fn letter(link: String) -> Letter {
    Letter {
        subject: "Choose another password for Server Scout".to_owned(),
        paragraphs: vec![
            "Somebody, probably you, asked for another password for your account.".to_owned(),
            "The link works once and for one hour. The new password ends all your sessions; a \
             second factor is asked for as before."
                .to_owned(),
        ],
        link: Some(Link {
            words: "Choose another password".to_owned(),
            address: link,
        }),
        end: "If it was not you, do nothing: your password stays as it is.".to_owned(),
    }
}
