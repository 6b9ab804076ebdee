//! What the operator adds at the command line.

use std::time::Duration;

use super::acting::Acting;
use super::audit::{Action, Object};
use super::names::{Email, Name};
use super::password::Password;
use super::{ServiceError, Services};
use crate::access::{Role, TokenScope};
use crate::secret::{Purpose, Secret};
use crate::store::tokens::NewToken;
use crate::store::{Scope, StoreError, credentials, members, organisations, people, tokens};

/// How long an access token lasts unless said otherwise.
const TOKEN_LIFE: Duration = Duration::from_hours(90 * 24);

/// What tokens are called that the operator makes.
const FROM_COMMAND_LINE: &str = "from the command line";

impl Services {
    /// For the operator: adds a person to an organisation, and makes either when it is new. Without a
    /// role: owner of a new organisation, else viewer. Whoever has an account already keeps its
    /// password; giving another would look as if it counted, so it is refused.
    pub async fn add_person(
        &self,
        email: &str,
        organisation: &str,
        role: Option<Role>,
        password: String,
    ) -> Result<Role, ServiceError> {
        let email = Email::parse(email)?;
        let name = Name::parse("organisation", organisation)?;
        let address = email.as_str().to_owned();
        let known = self
            .store()
            .read(move |c| people::by_email(c, &address))
            .await?;
        let hash = match known {
            Some(_) if password.is_empty() => None,
            Some(_) => {
                let reason = "is not taken: this person has an account already and keeps its \
                              password; give none";
                return Err(ServiceError::invalid("password", reason));
            }
            None => {
                let password = Password::chosen(password, &[email.as_str(), name.as_str()])?;
                Some(self.0.passwords.hash(password).await?)
            }
        };
        let (audit, now) = (self.audit(), self.clock().now());
        self.store()
            .write(move |c| {
                let (scope, default) = match credentials::operator(c, name.as_str())? {
                    Some(scope) => (scope, Role::Viewer),
                    None => (organisations::create(c, name.as_str(), now)?, Role::Owner),
                };
                let role = role.unwrap_or(default);
                let known = people::by_email(c, email.as_str())?;
                let person = match (known, &hash) {
                    (Some(login), None) => login.person,
                    (None, Some(hash)) => people::create(c, email.as_str(), hash, now)?,
                    // Somebody else was faster.
                    (Some(_), Some(_)) | (None, None) => return Err(StoreError::Conflict),
                };
                members::join(c, scope, person, role, now)?;
                let (acting, made) = (
                    Acting::operator(scope),
                    Object::person(person, email.as_str()),
                );
                audit.record(c, now, &acting, Action::PersonAdded, &made, role.as_str())?;
                Ok(role)
            })
            .await
            .map_err(|error| {
                ServiceError::or_taken(error, "email", "is a member of that organisation already")
            })
    }

    /// For the operator: makes an access token for a member.
    pub async fn add_token(
        &self,
        email: &str,
        organisation: &str,
        token_scope: TokenScope,
    ) -> Result<Secret, ServiceError> {
        let scope = self.operator_scope(organisation).await?;
        let email = Email::parse(email)?;
        let token = Secret::generate(Purpose::AccessToken);
        let hash = token.hash();
        let (audit, now) = (self.audit(), self.clock().now());
        self.store()
            .write(move |c| {
                let person = tokens::member_by_email(c, scope, email.as_str())?;
                let new = NewToken {
                    person,
                    hash,
                    name: FROM_COMMAND_LINE.to_owned(),
                    scope: token_scope,
                    expires_at: now.after(TOKEN_LIFE),
                };
                let made = tokens::create(c, scope, &new, now)?.id;
                let (acting, made) = (Acting::operator(scope), Object::token(made, email.as_str()));
                audit.record(
                    c,
                    now,
                    &acting,
                    Action::TokenAdded,
                    &made,
                    token_scope.as_str(),
                )
            })
            .await
            .map_err(|error| match error {
                StoreError::NotFound => {
                    ServiceError::invalid("email", "is no member of that organisation")
                }
                other => other.into(),
            })?;
        Ok(token)
    }

    /// For the operator: the scope of an organisation by name.
    pub async fn operator_scope(&self, organisation: &str) -> Result<Scope, ServiceError> {
        let name = Name::parse("organisation", organisation)?;
        self.store()
            .read(move |c| credentials::operator(c, name.as_str()))
            .await?
            .ok_or_else(|| ServiceError::invalid("organisation", "does not exist"))
    }

    /// For the quickstart: the organisation to put this machine into, before there is an owner.
    pub async fn quickstart_organisation(&self, name: &Name) -> Result<Scope, ServiceError> {
        let name = name.clone();
        let now = self.clock().now();
        Ok(self
            .store()
            .write(move |c| match organisations::ownerless(c)? {
                Some((scope, _)) => Ok(scope),
                None => organisations::create(c, name.as_str(), now),
            })
            .await?)
    }
}
