//! Login and logout by password, and what expires of accounts.

use std::net::IpAddr;
use std::time::Duration;

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::acting::Actor;
use super::audit::{Action, Object};
use super::client::Client;
use super::crowd::Asking;
use super::names::Email;
use super::opening::{Opening, open_session};
pub use super::password::Password;
use super::password::Verdict;
pub use super::password_change::PasswordChange;
use super::principal::{Means, PersonPrincipal};
use super::second_factor::{Login, STEP_LIFE};
use super::throttle::Source;
use super::{ServiceError, Services};
use crate::id::{Id, Person};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::{
    StoreError, channel_links, confirmation_mails, credentials, devices, invitations, links,
    login_steps, members, people, second_factors, sessions,
};

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

impl Services {
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
        let address = attempt.client.address;
        let asking = Asking::new(email.as_str(), device.is_some(), address);
        let verdict = self.0.passwords.verify(password, hash, asking).await;
        // A flood of logins must not use up the owner's attempts.
        let verdict = verdict.inspect_err(|_| self.0.throttle.undo(&sources))?;
        let better = match verdict {
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
        // Each leaves an event, so right ones have a bound, too.
        let pace = device
            .as_ref()
            .map_or_else(|| SecretHash::of(email.as_str()), Secret::hash);
        let taken = self.0.logins.take(pace, now);
        taken.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;
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
        let Some(token) = token.and_then(|token| Secret::parse(Purpose::Device, token)) else {
            return Ok(None);
        };
        let hash = token.hash();
        // Also for nobody, so that time does not tell whether there is such an account.
        let owner = self.store().read(move |c| devices::owner(c, &hash)).await?;
        Ok(Some(token).filter(|_| owner.is_some() && owner == person))
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
                let scopes = credentials::of_person(c, id)?;
                let what = (Action::LoggedOut, &Object::none(), "");
                audit.record_for(c, now, &scopes, &by, what)?;
                sessions::end(c, &session)
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

    /// Removes links that have expired, and people whose last organisation is gone.
    pub(super) async fn sweep_links(&self, now: Timestamp) -> Result<(), ServiceError> {
        let sweep = move |c: &mut SqliteConnection| {
            links::sweep(c, now)?;
            invitations::sweep(c, now)?;
            people::sweep_links(c, now)?;
            channel_links::sweep(c, now)?;
            confirmation_mails::sweep(c, now)?;
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

/// Who is counted when a login fails: the device in place of account and address, where it is known.
pub(super) fn sources(
    email: &Email,
    device: Option<&Secret>,
    address: Option<IpAddr>,
) -> Vec<Source> {
    // Its address may be that of a whole office, or of whoever wants to keep the owner out.
    if let Some(device) = device {
        return vec![Source::Device(device.hash())];
    }
    let account = Source::Account(SecretHash::of(email.as_str()));
    let address = address.map(Source::address);
    std::iter::once(account).chain(address).collect()
}
