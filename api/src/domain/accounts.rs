//! People: the first owner, login, logout, and what the operator adds at the command line.

use std::net::IpAddr;
use std::time::Duration;

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::acting::{Acting, Actor};
use super::audit::{Action, Object};
use super::client::Client;
use super::names::{Email, Name};
use super::opening::{Opening, open_session};
pub use super::password::Password;
use super::password::Verdict;
pub use super::password_change::PasswordChange;
use super::principal::{Means, PersonPrincipal};
use super::second_factor::{Login, STEP_LIFE};
use super::throttle::Source;
use super::{ServiceError, Services};
use crate::access::{Role, TokenScope};
use crate::id::{Id, Person};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::tokens::NewToken;
use crate::store::{
    Scope, StoreError, credentials, devices, invitations, links, login_steps, members,
    organisations, people, second_factors, sessions, tokens,
};

/// How long a first-owner link opens.
pub const LINK_LIFE: Duration = Duration::from_hours(1);
/// How long an access token lasts unless said otherwise.
pub const TOKEN_LIFE: Duration = Duration::from_hours(90 * 24);

/// What tokens are called that the operator makes.
const FROM_COMMAND_LINE: &str = "from the command line";

/// How long a device that is not used is remembered.
pub const DEVICE_LIFE: Duration = Duration::from_hours(365 * 24);

/// What somebody who logs in presents.
pub struct LoginAttempt {
    /// The address that was typed.
    pub email: String,
    /// The password that was typed.
    pub password: String,
    /// The token of a browser that has logged in before.
    pub device: Option<String>,
    /// The session that the browser had until now.
    pub before: Option<SecretHash>,
    /// Where the attempt comes from.
    pub client: Client,
}

/// What a browser keeps after a login.
pub struct LoggedIn {
    /// The session's id.
    pub session: Secret,
    /// The device's token.
    pub device: Secret,
}

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

    /// The session of somebody whose account was just made, and who has no second factor yet.
    pub(super) async fn begin_first_session(
        &self,
        person: Id<Person>,
        password_hash: String,
        client: Client,
    ) -> Result<LoggedIn, ServiceError> {
        let proof = Proof::checked(password_hash, None);
        let begun = self.begin_session(person, proof, None, None, client);
        begun.await?.done().ok_or(ServiceError::LinkClosed)
    }

    /// Checks address and password. Without a second factor a new session begins and the one before,
    /// if any, ends; with one, the login waits for it.
    pub async fn log_in(&self, attempt: LoginAttempt) -> Result<Login, ServiceError> {
        let email = Email::parse(&attempt.email).map_err(|_| ServiceError::WrongLogin)?;
        if attempt.password.len() > Password::MAX {
            return Err(ServiceError::WrongLogin);
        }
        let address = email.as_str().to_owned();
        let found = self
            .store()
            .read(move |c| people::by_email(c, &address))
            .await?;
        let device = self
            .known_device(
                attempt.device.as_deref(),
                found.as_ref().map(|login| login.person),
            )
            .await?;
        let sources = sources(&email, device.as_ref(), attempt.client.address);
        let now = self.clock().now();
        let throttled = self.0.throttle.begin(&sources, now);
        throttled.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;

        let hash = found.as_ref().map(|login| login.password_hash.clone());
        let password = Password::typed(attempt.password);
        let better = match self.0.passwords.verify(password, hash).await? {
            Verdict::Wrong => {
                let person = found.map(|login| login.person);
                self.note_failed_login(person, &email, attempt.client, "");
                return Err(ServiceError::WrongLogin);
            }
            Verdict::Right => None,
            Verdict::Outdated(better) => Some(better),
        };
        let login = found.ok_or(ServiceError::WrongLogin)?;
        self.0.throttle.succeed(&sources);
        let proof = Proof::checked(login.password_hash, better);
        self.begin_session(login.person, proof, device, attempt.before, attempt.client)
            .await
    }

    /// The device's token, if it is one of the account that is tried.
    pub(super) async fn known_device(
        &self,
        token: Option<&str>,
        person: Option<Id<Person>>,
    ) -> Result<Option<Secret>, ServiceError> {
        let token = token.and_then(|token| Secret::parse(Purpose::Device, token));
        let (Some(token), Some(person)) = (token, person) else {
            return Ok(None);
        };
        let hash = token.hash();
        let owner = self.store().read(move |c| devices::owner(c, &hash)).await?;
        Ok(Some(token).filter(|_| owner == Some(person)))
    }

    /// After a right password: a session, or the step in which a second factor is awaited. There is
    /// no other way from a password to a session.
    async fn begin_session(
        &self,
        person: Id<Person>,
        proof: Proof,
        device: Option<Secret>,
        before: Option<SecretHash>,
        client: Client,
    ) -> Result<Login, ServiceError> {
        let session = Secret::generate(Purpose::Session);
        let step = Secret::generate(Purpose::LoginStep);
        let device = device.unwrap_or_else(|| Secret::generate(Purpose::Device));
        let opening = Opening {
            person,
            session: session.hash(),
            device: device.hash(),
            before,
            client,
        };
        let (audit, now, step_hash) = (self.audit(), self.clock().now(), step.hash());
        let waits = self
            .store()
            .write(move |c| {
                people::replace_password_hash(c, person, &proof.checked, &proof.from_now_on)?;
                if second_factors::any(c, person)? {
                    login_steps::begin(c, &step_hash, person, now.after(STEP_LIFE))?;
                    return Ok(true);
                }
                open_session(c, &audit, opening, "", now)?;
                Ok(false)
            })
            .await
            // Somebody without an organisation has nothing to log in to, and a password that was
            // changed while the old one was checked opens nothing.
            .map_err(|error| match error {
                StoreError::NotFound => ServiceError::WrongLogin,
                other => other.into(),
            })?;
        Ok(if waits {
            Login::SecondStep(step)
        } else {
            Login::Done(LoggedIn { session, device })
        })
    }

    /// Ends the session that asks.
    pub async fn log_out(&self, person: &PersonPrincipal) -> Result<(), ServiceError> {
        let Means::Session(session) = person.means else {
            return Err(ServiceError::Forbidden);
        };
        let (audit, by) = (self.audit(), person.actor());
        let (id, now) = (person.person(), self.clock().now());
        Ok(self
            .store()
            .write(move |c| {
                sessions::end(c, &session)?;
                let scopes = credentials::of_person(c, id)?;
                let what = (Action::LoggedOut, &Object::none(), "");
                audit.record_for(c, now, &scopes, &by, what)
            })
            .await?)
    }

    /// Notes a login that failed: with the organisations of the account, or with the installation
    /// when there is none. Nobody waits for it, so that time tells nothing, and when it cannot be
    /// written people can still log in.
    pub(super) fn note_failed_login(
        &self,
        person: Option<Id<Person>>,
        email: &Email,
        client: Client,
        detail: &'static str,
    ) {
        if person.is_none() && !self.0.unknown_logins.take(self.clock().now()) {
            return;
        }
        let (audit, now) = (self.audit(), self.clock().now());
        let (by, email) = (Actor::stranger(client), email.as_str().to_owned());
        let note = move |c: &mut SqliteConnection| {
            let scopes = match person {
                Some(person) => credentials::of_person(c, person)?,
                None => Vec::new(),
            };
            // What a stranger typed may be anything, also a password in the wrong field.
            let account = match person {
                Some(person) => Object::person(person, &email),
                None => Object::of("account", "", "unknown"),
            };
            let what = (Action::LoginFailed, &account, detail);
            audit.record_for(c, now, &scopes, &by, what)
        };
        let store = self.store().clone();
        tokio::spawn(async move {
            if let Err(error) = store.write(note).await {
                tracing::warn!("cannot note a failed login: {error}");
            }
        });
    }

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

    /// Removes links that have expired, and people whose last organisation is gone.
    pub(super) async fn sweep_links(&self, now: Timestamp) -> Result<(), ServiceError> {
        let sweep = move |c: &mut SqliteConnection| {
            links::sweep(c, now)?;
            invitations::sweep(c, now)?;
            people::sweep_links(c, now)?;
            members::forget_strangers(c)
        };
        self.store().write(sweep).await?;
        Ok(())
    }

    /// Removes sessions that have expired and devices that nobody uses any more.
    pub(super) async fn sweep_sessions(&self, now: Timestamp) -> Result<usize, ServiceError> {
        let times = self.0.session_times;
        let (created, seen) = (now.before(times.absolute), now.before(times.idle));
        let forgotten = now.before(DEVICE_LIFE);
        Ok(self
            .store()
            .write(move |c| {
                devices::sweep(c, forgotten)?;
                sessions::sweep(c, created, seen)
            })
            .await?)
    }
}

/// The hash that a password was checked against, and the one to keep from now on.
struct Proof {
    checked: String,
    from_now_on: String,
}

impl Proof {
    fn checked(hash: String, better: Option<String>) -> Self {
        Self {
            from_now_on: better.unwrap_or_else(|| hash.clone()),
            checked: hash,
        }
    }
}

/// Who is counted when a login fails: the device in place of the account, where it is known.
pub(super) fn sources(
    email: &Email,
    device: Option<&Secret>,
    address: Option<IpAddr>,
) -> Vec<Source> {
    let account = match device {
        Some(device) => Source::Device(device.hash()),
        None => Source::Account(SecretHash::of(email.as_str())),
    };
    let address = address.map(Source::address);
    std::iter::once(account).chain(address).collect()
}

fn link_hash(token: &str) -> Result<SecretHash, ServiceError> {
    let token = Secret::parse(Purpose::Link, token).ok_or(ServiceError::LinkClosed)?;
    Ok(token.hash())
}
