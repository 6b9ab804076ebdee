//! Setting up one's own second factors, and taking them away: by a session that has proved lately
//! whose it is. Every change ends all other sessions and gives this one a new id.

use diesel::SqliteConnection;

use super::SETUP_LIFE;
use super::challenges::Asker;
use super::passkeys::{PasskeyAnswer, Question};
use super::recovery::RecoveryCodes;
use super::totp::{Seed, TotpSetup};
use crate::domain::accounts::LoggedIn;
use crate::domain::audit::{Action, Object};
use crate::domain::names::Name;
use crate::domain::notices::Notice;
use crate::domain::principal::PersonPrincipal;
use crate::domain::{ServiceError, Services};
use crate::id::{self, Id};
use crate::secret::{Purpose, Secret};
use crate::store::second_factors::seed_place;
use crate::store::sessions::NewSession;
use crate::store::{StoreError, credentials, devices, passkeys, second_factors, sessions};

/// What a change of second factors leads to.
pub struct Changed {
    /// The session, under its new id.
    pub logged_in: LoggedIn,
    /// New recovery codes, if some were made.
    pub recovery_codes: Option<RecoveryCodes>,
}

/// What was done to which factor, for the audit log.
type Told = (Action, Object);

impl Services {
    /// Begins the set-up of codes by time with a new seed.
    pub async fn begin_totp(&self, person: &PersonPrincipal) -> Result<(), ServiceError> {
        person.own_change_fresh()?;
        let (person, id, now) = (person.person(), Id::random(), self.clock().now());
        let sealer = self.sealer()?;
        Ok(self
            .store()
            .write(move |c| {
                let seed = sealer.seal(&seed_place(id), Seed::generate().as_bytes())?;
                second_factors::begin_totp(c, person, id, &seed, now)
            })
            .await?)
    }

    /// The set-up that waits for its first code; none when there is none or it took too long.
    pub async fn totp_setup(
        &self,
        person: &PersonPrincipal,
    ) -> Result<Option<TotpSetup>, ServiceError> {
        person.own_change_fresh()?;
        match self.pending_seed(person).await? {
            Some((_, seed)) => Ok(Some(seed.setup(&person.identity.email)?)),
            None => Ok(None),
        }
    }

    /// Finishes the set-up with a code of it. From then on codes by time count.
    pub async fn confirm_totp(
        &self,
        person: &PersonPrincipal,
        code: &str,
    ) -> Result<Changed, ServiceError> {
        person.own_change_fresh()?;
        let pending = self.pending_seed(person).await?;
        let (id, seed) = pending.ok_or_else(|| {
            ServiceError::invalid("code", "came too late; begin the set-up again")
        })?;
        let now = self.clock().now();
        let step = seed
            .step_of(code, now)
            .ok_or_else(|| ServiceError::invalid("code", "is not the one of this moment"))?;
        let owner = person.person();
        let told = (Action::SecondFactorAdded, totp_object(id));
        self.change_factors(person, told, move |c| {
            second_factors::confirm_totp(c, owner, id, step, now)
        })
        .await
    }

    /// Asks the browser for a new passkey.
    pub async fn question_for_passkey(
        &self,
        person: &PersonPrincipal,
    ) -> Result<Question, ServiceError> {
        let (_, session) = person.own_change_fresh()?;
        let identity = &person.identity;
        let asker = Asker::Session(session);
        self.question_to_register(identity.person, &identity.email, asker)
            .await
    }

    /// Adds the passkey that the browser answered with.
    pub async fn add_passkey(
        &self,
        person: &PersonPrincipal,
        name: &str,
        answer: &PasskeyAnswer,
    ) -> Result<Changed, ServiceError> {
        let (_, session) = person.own_change_fresh()?;
        let name = Name::parse("name", name)?;
        let new = self.registered(answer, Asker::Session(session), &name)?;
        let (owner, now) = (person.person(), self.clock().now());
        let told = (
            Action::SecondFactorAdded,
            Object::of("passkey", "", name.as_str()),
        );
        let added = self
            .change_factors(person, told, move |c| {
                passkeys::add(c, owner, &new, now).map(|_| ())
            })
            .await;
        added.map_err(|error| match error {
            ServiceError::Conflict { .. } => ServiceError::Conflict {
                member: "passkey",
                reason: "is known already, or you have as many as one can have",
            },
            other => other,
        })
    }

    /// Gives one of the person's passkeys another name.
    pub async fn rename_passkey(
        &self,
        person: &PersonPrincipal,
        id: Id<id::Passkey>,
        name: &str,
    ) -> Result<(), ServiceError> {
        let (by, _) = person.own_change_fresh()?;
        let name = Name::parse("name", name)?;
        let (audit, owner, now) = (self.audit(), person.person(), self.clock().now());
        Ok(self
            .store()
            .write(move |c| {
                let before = passkeys::name(c, owner, id)?;
                passkeys::rename(c, owner, id, name.as_str())?;
                let renamed = Object::of("passkey", id, name.as_str());
                let detail = format!("was {before}");
                let what = (Action::SecondFactorRenamed, &renamed, detail.as_str());
                let scopes = credentials::of_person(c, owner)?;
                audit.record_for(c, now, &scopes, &by, what)
            })
            .await?)
    }

    /// Removes one of the person's second factors: the codes by time, or a passkey. With the last one
    /// the recovery codes go; while an organisation requires one, the last one stays.
    pub async fn remove_factor(
        &self,
        person: &PersonPrincipal,
        id: &str,
    ) -> Result<LoggedIn, ServiceError> {
        person.own_change_fresh()?;
        let owner = person.person();
        let (totp, passkey): (Id<id::Totp>, Id<id::Passkey>) = match (id.parse(), id.parse()) {
            (Ok(totp), Ok(passkey)) => (totp, passkey),
            _ => return Err(ServiceError::NotFound),
        };
        let own = self.own_factors(person).await?;
        let is_totp = own.totp.is_some_and(|own| own.id == totp);
        let object = match own.passkeys.iter().find(|row| row.id == passkey) {
            Some(row) => Object::of("passkey", passkey, &row.name),
            None if is_totp => totp_object(totp),
            None => return Err(ServiceError::NotFound),
        };
        let removed =
            self.change_factors(person, (Action::SecondFactorRemoved, object), move |c| {
                if is_totp {
                    second_factors::remove_totp(c, owner, totp)?;
                } else {
                    passkeys::remove(c, owner, passkey)?;
                }
                if second_factors::any(c, owner)? {
                    return Ok(());
                }
                if second_factors::required_by(c, owner)?.is_some() {
                    return Err(StoreError::Conflict);
                }
                second_factors::remove_recovery_codes(c, owner)
            });
        match removed.await {
            Ok(changed) => Ok(changed.logged_in),
            Err(ServiceError::Conflict { .. }) => Err(ServiceError::LastSecondFactor),
            Err(other) => Err(other),
        }
    }

    /// Makes ten new recovery codes; those before are void.
    pub async fn renew_recovery_codes(
        &self,
        person: &PersonPrincipal,
    ) -> Result<RecoveryCodes, ServiceError> {
        let (by, _) = person.own_change_fresh()?;
        let codes = RecoveryCodes::generate();
        let (hashes, audit) = (codes.hashes(), self.audit());
        let (owner, now) = (person.person(), self.clock().now());
        let client = by.client.clone();
        self.store()
            .write(move |c| {
                if !second_factors::any(c, owner)? {
                    return Err(StoreError::NotFound);
                }
                second_factors::replace_recovery_codes(c, owner, &hashes)?;
                let what = (Action::RecoveryCodesRenewed, &Object::none(), "");
                let scopes = credentials::of_person(c, owner)?;
                audit.record_for(c, now, &scopes, &by, what)
            })
            .await?;
        let email = &person.identity.email;
        self.tell_account(email, Notice::RecoveryCodesRenewed, &client);
        Ok(codes)
    }

    async fn pending_seed(
        &self,
        person: &PersonPrincipal,
    ) -> Result<Option<(Id<id::Totp>, Seed)>, ServiceError> {
        let (owner, since) = (person.person(), self.clock().now().before(SETUP_LIFE));
        let read = move |c: &mut SqliteConnection| second_factors::pending_totp(c, owner, since);
        let Some(row) = self.store().read(read).await? else {
            return Ok(None);
        };
        Ok(Some((row.id, self.seed(row.id, &row.sealed_seed)?)))
    }

    /// Carries a change of factors out, and all that goes with every one: recovery codes for who had
    /// no factor until now, no other session, no browser that is known from before, a new id for this
    /// session.
    async fn change_factors(
        &self,
        person: &PersonPrincipal,
        (action, object): Told,
        change: impl FnOnce(&mut SqliteConnection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Changed, ServiceError> {
        let (by, before) = person.own_change_fresh()?;
        let session = Secret::generate(Purpose::Session);
        let device = Secret::generate(Purpose::Device);
        let replacement = NewSession {
            hash: session.hash(),
            organisation: person.identity.scope.organisation(),
            person: person.person(),
            address: by.client.shown_address(),
            user_agent: by.client.user_agent.as_str().to_owned(),
        };
        let codes = RecoveryCodes::generate();
        let (hashes, device_hash) = (codes.hashes(), device.hash());
        let (audit, owner, now) = (self.audit(), person.person(), self.clock().now());
        let (client, notice) = (by.client.clone(), notice(action));
        let first = self.store().write(move |c| {
            let had = second_factors::any(c, owner)?;
            change(c)?;
            let first = !had && second_factors::any(c, owner)?;
            if first {
                second_factors::replace_recovery_codes(c, owner, &hashes)?;
            }
            second_factors::forget_logins(c, owner)?;
            devices::remember(c, &device_hash, owner, now)?;
            let scopes = credentials::of_person(c, owner)?;
            audit.record_for(c, now, &scopes, &by, (action, &object, ""))?;
            sessions::replace_all(c, &before, &replacement, now)?;
            Ok(first)
        });
        let first = first.await?;
        tracing::info!("the second factors of a person were changed");
        self.tell_account(&person.identity.email, notice, &client);
        Ok(Changed {
            logged_in: LoggedIn { session, device },
            recovery_codes: first.then_some(codes),
        })
    }
}

fn notice(action: Action) -> Notice {
    match action {
        Action::SecondFactorRemoved => Notice::SecondFactorRemoved,
        _ => Notice::SecondFactorAdded,
    }
}

fn totp_object(id: Id<id::Totp>) -> Object {
    Object::of("totp", id, "authenticator app")
}
