//! The second step of a login, and logging in with a passkey alone.

use std::fmt;

use super::challenges::Asker;
use super::passkeys::{PasskeyAnswer, Presented, Question};
use super::proof::{SecondProof, Taking, sources};
use crate::domain::accounts::LoggedIn;
use crate::domain::audit::{Action, Object};
use crate::domain::client::Client;
use crate::domain::names::Email;
use crate::domain::notices::Notice;
use crate::domain::opening::{Opening, open_session};
use crate::domain::throttle::Source;
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Person};
use crate::secret::{Purpose, Secret, SecretHash};
use crate::store::login_steps::{self, LoginStep};
use crate::store::{StoreError, credentials, passkeys, people, second_factors};

/// What a right password leads to.
pub enum Login {
    /// A session.
    Done(LoggedIn),
    /// A second step: what its cookie holds.
    SecondStep(Secret),
}

impl Login {
    /// The session, unless a second factor is needed.
    #[must_use]
    pub fn done(self) -> Option<LoggedIn> {
        match self {
            Self::Done(logged_in) => Some(logged_in),
            Self::SecondStep(_) => None,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done(_) => "Done(…)",
            Self::SecondStep(_) => "SecondStep(…)",
        })
    }
}

/// A login whose password was right, and what can finish it.
#[derive(Clone, Debug)]
pub struct PendingLogin {
    /// Who logs in.
    pub email: String,
    /// Whether a code by time can.
    pub totp: bool,
    /// Whether a passkey can.
    pub passkeys: bool,
    /// Whether a recovery code can.
    pub recovery_codes: bool,
}

/// What somebody who logs in presents besides the proof.
#[derive(Default)]
pub struct Arrival {
    /// The token of a browser that has logged in before.
    pub device: Option<String>,
    /// The session that the browser had until now.
    pub before: Option<SecretHash>,
    /// Where the attempt comes from.
    pub client: Client,
}

impl Services {
    /// The login that a step's cookie stands for.
    pub async fn pending_login(&self, step: Option<&str>) -> Result<PendingLogin, ServiceError> {
        let (_, login) = self.step(step).await?;
        let LoginStep { person, email } = login;
        let read = move |c: &mut diesel::SqliteConnection| {
            Ok(PendingLogin {
                email,
                totp: second_factors::totp(c, person)?.is_some(),
                passkeys: !passkeys::list(c, person)?.is_empty(),
                recovery_codes: second_factors::recovery_codes_left(c, person)? > 0,
            })
        };
        Ok(self.store().read(read).await?)
    }

    /// Asks for one of the passkeys of who logs in.
    pub async fn question_for_login(&self, step: Option<&str>) -> Result<Question, ServiceError> {
        let (hash, login) = self.step(step).await?;
        let person = Some(login.person);
        self.question_to_prove(person, Asker::Step(hash)).await
    }

    /// Finishes a login with a second factor. The step stays for another try when it is wrong.
    pub async fn finish_login(
        &self,
        step: Option<&str>,
        proof: SecondProof,
        arrival: Arrival,
    ) -> Result<LoggedIn, ServiceError> {
        let (hash, login) = self.step(step).await?;
        let person = login.person;
        let device = self
            .known_device(arrival.device.as_deref(), Some(person))
            .await?;
        let sources = sources(person, device.as_ref(), arrival.client.address);
        self.count_attempt(&sources)?;
        let kind = proof.kind();
        let spent = matches!(proof, SecondProof::RecoveryCode(_));
        let client = arrival.client.clone();
        let ended = Some(hash);
        let finished = match self.judge(person, proof, Asker::Step(hash)).await {
            Ok(taking) => self.enter(person, taking, ended, device, arrival).await,
            Err(error) => Err(error),
        };
        if finished.is_ok() && spent {
            self.tell_account(&login.email, Notice::RecoveryCodeUsed, &client);
        }
        self.settle_attempt(finished, &sources, person, &login.email, (kind, client))
    }

    /// Asks for a passkey of whoever is there.
    pub async fn question_for_stranger(&self, client: &Client) -> Result<Question, ServiceError> {
        let asker = Asker::stranger(client.address);
        self.question_to_prove(None, asker).await
    }

    /// Logs in with a passkey alone: it is something its person has, and was opened with something
    /// they are or know.
    pub async fn log_in_by_passkey(
        &self,
        answer: PasskeyAnswer,
        arrival: Arrival,
    ) -> Result<LoggedIn, ServiceError> {
        let address = arrival.client.address;
        let sources: Vec<Source> = address.map(Source::address).into_iter().collect();
        self.count_attempt(&sources)?;
        let presented = self.presented(&answer, Asker::stranger(address))?;
        let person = presented.person.ok_or(ServiceError::WrongSecondFactor)?;
        let email = self.store().read(move |c| people::email(c, person)).await;
        let email = email.map_err(|error| match error {
            StoreError::NotFound => ServiceError::WrongSecondFactor,
            other => other.into(),
        })?;
        let client = arrival.client.clone();
        let entered = self.enter_by_passkey(person, presented, arrival).await;
        self.settle_attempt(entered, &sources, person, &email, ("passkey", client))
    }

    async fn enter_by_passkey(
        &self,
        person: Id<Person>,
        presented: Presented,
        arrival: Arrival,
    ) -> Result<LoggedIn, ServiceError> {
        let (row, after) = self.proved_by_passkey(person, presented).await?;
        let device = self
            .known_device(arrival.device.as_deref(), Some(person))
            .await?;
        let taking = Taking::Passkey { row, after };
        self.enter(person, taking, None, device, arrival).await
    }

    /// Uses the proof up, ends the step, and opens the session, all or nothing.
    async fn enter(
        &self,
        person: Id<Person>,
        taking: Taking,
        step: Option<SecretHash>,
        device: Option<Secret>,
        arrival: Arrival,
    ) -> Result<LoggedIn, ServiceError> {
        let session = Secret::generate(Purpose::Session);
        let device = device.unwrap_or_else(|| Secret::generate(Purpose::Device));
        let opening = Opening {
            person,
            session: session.hash(),
            device: device.hash(),
            before: arrival.before,
            client: arrival.client,
        };
        let (audit, now) = (self.audit(), self.clock().now());
        let entered = self.store().write(move |c| {
            if let Some(step) = step
                && !login_steps::end(c, &step)?
            {
                return Err(StoreError::NotFound);
            }
            if !taking.take(c, person, now)? {
                return Err(StoreError::Conflict);
            }
            let by = open_session(c, &audit, opening, taking.kind(), now)?;
            if let Taking::RecoveryCode(_) = taking {
                let left = second_factors::recovery_codes_left(c, person)?;
                let detail = format!("{left} left");
                let what = (Action::RecoveryCodeUsed, &Object::none(), detail.as_str());
                let scopes = credentials::of_person(c, person)?;
                audit.record_for(c, now, &scopes, &by, what)?;
            }
            Ok(())
        });
        entered.await.map_err(|error| match error {
            StoreError::NotFound => ServiceError::LoginOver,
            StoreError::Conflict => ServiceError::WrongSecondFactor,
            other => other.into(),
        })?;
        Ok(LoggedIn { session, device })
    }

    async fn step(&self, step: Option<&str>) -> Result<(SecretHash, LoginStep), ServiceError> {
        let step = step.and_then(|step| Secret::parse(Purpose::LoginStep, step));
        let hash = step.ok_or(ServiceError::LoginOver)?.hash();
        let now = self.clock().now();
        let find = move |c: &mut diesel::SqliteConnection| login_steps::find(c, &hash, now);
        let found = self.store().read(find).await?;
        Ok((hash, found.ok_or(ServiceError::LoginOver)?))
    }

    pub(super) fn count_attempt(&self, sources: &[Source]) -> Result<(), ServiceError> {
        let throttled = self.0.throttle.begin(sources, self.clock().now());
        throttled.map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })
    }

    fn settle_attempt(
        &self,
        finished: Result<LoggedIn, ServiceError>,
        sources: &[Source],
        person: Id<Person>,
        email: &str,
        (kind, client): (&'static str, Client),
    ) -> Result<LoggedIn, ServiceError> {
        match &finished {
            Ok(_) => self.0.throttle.succeed(sources),
            Err(ServiceError::WrongSecondFactor) => {
                self.note_failed_login(Some(person), &Email::parse(email)?, client, kind);
            }
            Err(_) => {}
        }
        finished
    }
}
