//! The first owner, by a link that the dashboard prints.

use std::time::Duration;

use super::accounts::LoggedIn;
use super::acting::{Acting, Actor};
use super::audit::{Action, Object};
use super::client::Client;
use super::names::{Email, Name};
use super::password::Password;
use super::{ServiceError, Services};
use crate::access::Role;
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::{StoreError, members, organisations, people};

/// How long a first-owner link opens.
pub const LINK_LIFE: Duration = Duration::from_hours(1);

/// What the form behind the first-owner link carries.
pub struct FirstOwner {
    /// The owner's address.
    pub email: String,
    /// The owner's password.
    pub password: String,
    /// The organisation's name.
    pub organisation: String,
}

impl Services {
    /// Makes a new first-owner link and voids the one before; none when there is an owner already.
    pub async fn first_owner_link(&self) -> Result<Option<Secret>, ServiceError> {
        let token = Secret::generate(Purpose::Link);
        let hash = token.hash();
        let expires_at = self.clock().now().after(LINK_LIFE);
        let made = self
            .store()
            .write(move |c| {
                if organisations::any_owner(c)? {
                    people::void_first_owner_links(c)?;
                    return Ok(false);
                }
                people::replace_first_owner_link(c, &hash, expires_at)?;
                Ok(true)
            })
            .await?;
        Ok(made.then_some(token))
    }

    /// The organisation's name to propose, if the link opens. Changes nothing.
    pub async fn look_at_first_owner_link(&self, token: &str) -> Result<String, ServiceError> {
        let hash = link_hash(token)?;
        let now = self.clock().now();
        self.store()
            .read(move |c| {
                let opens = people::first_owner_link_opens(c, &hash, now)?;
                if !opens || organisations::any_owner(c)? {
                    return Ok(None);
                }
                let ownerless = organisations::ownerless(c)?.map(|(_, name)| name);
                Ok(Some(ownerless.unwrap_or_default()))
            })
            .await?
            .ok_or(ServiceError::LinkClosed)
    }

    /// Uses the link up: makes the first owner and the organisation, and logs the owner in.
    pub async fn create_first_owner(
        &self,
        token: &str,
        form: FirstOwner,
        client: Client,
    ) -> Result<LoggedIn, ServiceError> {
        // Before any costly work: only the link's holder may make us hash.
        self.look_at_first_owner_link(token).await?;
        let link = link_hash(token)?;
        let email = Email::parse(&form.email)?;
        let name = Name::parse("organisation", &form.organisation)?;
        let password = Password::chosen(form.password, &[email.as_str(), name.as_str()])?;
        let password_hash = self.0.passwords.hash(password).await?;
        let (audit, now) = (self.audit(), self.clock().now());
        let (known, by) = (password_hash.clone(), client.clone());
        let person = self
            .store()
            .write(move |c| {
                if organisations::any_owner(c)? || !people::first_owner_link_opens(c, &link, now)? {
                    return Err(StoreError::NotFound);
                }
                people::void_first_owner_links(c)?;
                let scope = match organisations::ownerless(c)? {
                    Some((scope, _)) => {
                        organisations::rename(c, scope, name.as_str())?;
                        scope
                    }
                    None => organisations::create(c, name.as_str(), now)?,
                };
                let person = people::create(c, email.as_str(), &password_hash, now)?;
                members::join(c, scope, person, Role::Owner, now)?;
                let by = Actor::person(person, email.as_str(), by);
                let made = Object::organisation(scope, name.as_str());
                let acting = Acting { scope, by };
                audit.record(c, now, &acting, Action::OrganisationAdded, &made, "")?;
                Ok(person)
            })
            .await
            .map_err(|error| match error {
                StoreError::NotFound => ServiceError::LinkClosed,
                other => ServiceError::or_taken(other, "organisation", "exists already"),
            })?;
        tracing::info!("the first owner was created");
        self.begin_first_session(person, known, client).await
    }
}

fn link_hash(token: &str) -> Result<SecretHash, ServiceError> {
    let token = Secret::parse(Purpose::Link, token).ok_or(ServiceError::LinkClosed)?;
    Ok(token.hash())
}
