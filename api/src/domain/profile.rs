//! A person's own profile: what they are called, and their address.

use server_scout_ui::mails::{Letter, Link};

use super::acting::Actor;
use super::audit::{Action, Object};
use super::client::Client;
use super::first_owner::LINK_LIFE;
use super::invitations::link_hash;
use super::names::{Email, Name};
use super::post::Errand;
use super::principal::PersonPrincipal;
use super::throttle::Source;
use super::{ServiceError, Services};
use crate::access::Right;
use crate::secret::{Purpose, Secret};
use crate::store::{StoreError, credentials, links, people};

/// What became of another address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EmailChange {
    /// It counts from now on: this dashboard sends no mail to ask it.
    Done,
    /// It counts once the link that was mailed to it was opened.
    Mailed,
}

impl Services {
    /// What the person is called; empty when they did not say.
    pub async fn own_name(&self, by: &PersonPrincipal) -> Result<String, ServiceError> {
        by.own_right(Right::Read)?;
        let person = by.person();
        Ok(self.store().read(move |c| people::name(c, person)).await?)
    }

    /// Calls the person otherwise; with an empty name, by their address again.
    pub async fn change_own_name(
        &self,
        by: &PersonPrincipal,
        name: &str,
    ) -> Result<(), ServiceError> {
        by.own_right(Right::Administer)?;
        let name = Name::parse_optional("name", name)?;
        let (audit, actor) = (self.audit(), by.actor());
        let (person, now) = (by.person(), self.clock().now());
        Ok(self
            .store()
            .write(move |c| {
                if people::name(c, person)? == name {
                    return Ok(());
                }
                people::set_name(c, person, &name)?;
                let scopes = credentials::of_person(c, person)?;
                let what = (Action::ProfileChanged, &Object::none(), "");
                audit.record_for(c, now, &scopes, &actor, what)
            })
            .await?)
    }

    /// Takes another address, at once or when its link was opened.
    pub async fn change_own_email(
        &self,
        by: &PersonPrincipal,
        email: &str,
    ) -> Result<EmailChange, ServiceError> {
        let (actor, _) = by.own_change_fresh()?;
        let email = Email::parse(email)?;
        if email.as_str() == by.identity.email {
            return Err(ServiceError::invalid("email", "must be a new one"));
        }
        let (person, now) = (by.person(), self.clock().now());
        let audit = self.audit();
        let throttled = self.0.requests.begin(&[Source::Inviter(person)], now);
        throttled.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;
        let Some(place) = self.mail_place()? else {
            self.store()
                .write(move |c| {
                    links::end_resets(c, person)?;
                    people::set_email(c, person, email.as_str())?;
                    let scopes = credentials::of_person(c, person)?;
                    let account = Object::person(person, email.as_str());
                    let what = (Action::EmailChanged, &account, "");
                    audit.record_for(c, now, &scopes, &actor, what)
                })
                .await
                .map_err(|error| ServiceError::or_taken(error, "email", TAKEN))?;
            return Ok(EmailChange::Done);
        };
        let secret = Secret::generate(Purpose::Link);
        let (hash, to) = (secret.hash(), email.as_str().to_owned());
        self.store()
            .write(move |c| {
                let until = now.after(LINK_LIFE);
                links::replace_email_change(c, &hash, person, email.as_str(), until)?;
                let scopes = credentials::of_person(c, person)?;
                let account = Object::person(person, email.as_str());
                let what = (Action::EmailChangeAsked, &account, "");
                audit.record_for(c, now, &scopes, &actor, what)
            })
            .await?;
        place.send(Errand::Mail {
            to,
            letter: confirmation(self.link("email", &secret)),
        });
        Ok(EmailChange::Mailed)
    }

    /// The address that the link confirms, if it opens. Changes nothing.
    pub async fn look_at_email_link(&self, token: &str) -> Result<String, ServiceError> {
        let (hash, now) = (link_hash(token)?, self.clock().now());
        let found = self
            .store()
            .read(move |c| links::email_change(c, &hash, now));
        let (_, _, email) = found.await?.ok_or(ServiceError::LinkClosed)?;
        Ok(email)
    }

    /// Uses the link up: the new address counts, and the old one is told.
    pub async fn confirm_email(&self, token: &str, client: Client) -> Result<(), ServiceError> {
        let (hash, now) = (link_hash(token)?, self.clock().now());
        let (audit, place) = (self.audit(), self.mail_place()?);
        let before = self
            .store()
            .write(move |c| {
                let found = links::email_change(c, &hash, now)?;
                let (person, before, email) = found.ok_or(StoreError::NotFound)?;
                links::end_email_change(c, person)?;
                // One that went to the old address must not open the account any more.
                links::end_resets(c, person)?;
                people::set_email(c, person, &email)?;
                let scopes = credentials::of_person(c, person)?;
                let account = Object::person(person, &email);
                let what = (Action::EmailChanged, &account, "");
                let by = Actor::person(person, &before, client);
                audit.record_for(c, now, &scopes, &by, what)?;
                Ok(before)
            })
            .await
            .map_err(|error| match error {
                StoreError::NotFound => ServiceError::LinkClosed,
                other => ServiceError::or_taken(other, "email", TAKEN),
            })?;
        if let Some(place) = place {
            place.send(Errand::Mail {
                to: before,
                letter: told(),
            });
        }
        Ok(())
    }
}

fn confirmation(link: String) -> Letter {
    Letter {
        subject: "Confirm your address for Server Scout".to_owned(),
        paragraphs: vec![
            "Somebody, probably you, wants to use this address for an account.".to_owned(),
            "The link works once and for one hour. From then on you log in with this address."
                .to_owned(),
        ],
        link: Some(Link {
            words: "Confirm this address".to_owned(),
            address: link,
        }),
        end: "If it was not you, do nothing: the address is not used then.".to_owned(),
    }
}

fn told() -> Letter {
    Letter {
        subject: "Your account on Server Scout has another address".to_owned(),
        paragraphs: vec![
            "The account that had this address has another one from now on.".to_owned(),
        ],
        link: None,
        end: "If it was not you, tell an owner of your organisation or the operator of the \
              dashboard at once."
            .to_owned(),
    }
}

const TAKEN: &str = "belongs to an account already";
