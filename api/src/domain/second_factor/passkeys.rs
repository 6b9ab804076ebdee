//! Passkeys: what authenticators are asked, and whether their answers are right.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tracing::subscriber::{NoSubscriber, with_default};
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::challenges::{Asked, Asker};
use crate::config::PublicUrl;
use crate::domain::names::Name;
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Person};
use crate::secret::Secret;
use crate::store::passkeys::{NewPasskey, PasskeyRow, by_credential, list};

/// What passkeys are bound to: the host of the public address, and that origin alone.
pub struct RelyingParty(Option<Webauthn>);

/// A question for the browser's authenticator.
pub struct Question {
    /// Its name, which the answer brings back.
    pub name: Secret,
    /// What the browser is asked: the `publicKey` member, in the JSON of `WebAuthn`.
    pub options: serde_json::Value,
}

/// What the browser answered.
pub struct PasskeyAnswer {
    /// The question's name.
    pub question: String,
    /// The credential, in the JSON of `WebAuthn`.
    pub credential: String,
}

impl fmt::Debug for PasskeyAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasskeyAnswer(…)")
    }
}

impl RelyingParty {
    /// The dashboard at that address. At an address without a host name nothing can be bound.
    #[must_use]
    pub fn of(url: &PublicUrl) -> Self {
        let Ok(origin) = url.as_str().parse::<url::Url>() else {
            return Self(None);
        };
        let site = origin
            .domain()
            .and_then(|domain| WebauthnBuilder::new(domain, &origin).ok())
            .and_then(|builder| builder.rp_name("Server Scout").build().ok());
        Self(site)
    }

    pub(super) fn works(&self) -> bool {
        self.0.is_some()
    }

    /// Asks for a new passkey that can be found without a name and that knows its person.
    fn ask_to_register(
        &self,
        person: Id<Person>,
        email: &str,
        known: Vec<CredentialID>,
    ) -> Result<(serde_json::Value, PasskeyRegistration), ServiceError> {
        let (options, state) = quietly(|| {
            let site = self.0.as_ref().ok_or(WebauthnError::Configuration)?;
            site.start_passkey_registration(handle(person), email, email, Some(known))
        })
        .map_err(|_| unavailable())?;
        let mut options = public_key(&options)?;
        if let Some(selection) = options.get_mut("authenticatorSelection") {
            // Without this, a passkey could serve as a second factor alone.
            *selection = serde_json::json!({
                "residentKey": "required",
                "requireResidentKey": true,
                "userVerification": "required",
            });
        }
        Ok((options, state))
    }

    /// Asks for a passkey: one of these, or whichever there is.
    pub(super) fn ask_to_prove(
        &self,
        among: &[PasskeyRow],
    ) -> Result<(serde_json::Value, DiscoverableAuthentication), ServiceError> {
        let (options, state) = quietly(|| {
            let site = self.0.as_ref().ok_or(WebauthnError::Configuration)?;
            site.start_discoverable_authentication()
        })
        .map_err(|_| unavailable())?;
        let mut options = public_key(&options)?;
        let allowed: Vec<_> = among
            .iter()
            .filter_map(|row| read(&row.credential).ok())
            .map(|key| {
                let id = URL_SAFE_NO_PAD.encode(key.cred_id());
                serde_json::json!({ "type": "public-key", "id": id })
            })
            .collect();
        if let Some(allow) = options.get_mut("allowCredentials") {
            *allow = allowed.into();
        }
        Ok((options, state))
    }
}

/// Everything that is known of a passkey's use before the database is asked.
pub(super) struct Presented {
    /// Whose it says it is; none when the authenticator does not say.
    pub(super) person: Option<Id<Person>>,
    /// The id of its credential.
    pub(super) credential_id: Vec<u8>,
    credential: PublicKeyCredential,
    state: DiscoverableAuthentication,
}

impl Services {
    /// Keeps the question for a new passkey of the person.
    pub(super) async fn question_to_register(
        &self,
        person: Id<Person>,
        email: &str,
        asker: Asker,
    ) -> Result<Question, ServiceError> {
        let known = self.store().read(move |c| list(c, person)).await?;
        let known = known
            .iter()
            .filter_map(|row| read(&row.credential).ok())
            .map(|key| key.cred_id().clone());
        let relying_party = self.relying_party()?;
        let (options, state) = relying_party.ask_to_register(person, email, known.collect())?;
        Ok(self.question(asker, Asked::ToRegister(state), options))
    }

    /// Keeps the question for a passkey: one of the person's, or whichever there is.
    pub(super) async fn question_to_prove(
        &self,
        person: Option<Id<Person>>,
        asker: Asker,
    ) -> Result<Question, ServiceError> {
        let among = match person {
            Some(person) => self.store().read(move |c| list(c, person)).await?,
            None => Vec::new(),
        };
        if person.is_some() && among.is_empty() {
            return Err(ServiceError::WrongSecondFactor);
        }
        let (options, state) = self.relying_party()?.ask_to_prove(&among)?;
        Ok(self.question(asker, Asked::ToProve(state), options))
    }

    fn question(&self, from: Asker, asked: Asked, options: serde_json::Value) -> Question {
        let now = self.clock().now();
        Question {
            name: self.factors().challenges.keep(from, asked, now),
            options,
        }
    }

    /// The new passkey of an answer, if it answers the question.
    pub(super) fn registered(
        &self,
        answer: &PasskeyAnswer,
        from: Asker,
        name: &Name,
    ) -> Result<NewPasskey, ServiceError> {
        let now = self.clock().now();
        let asked = self.factors().challenges.take(&answer.question, from, now);
        let Some(Asked::ToRegister(state)) = asked else {
            return Err(ServiceError::WrongSecondFactor);
        };
        let credential: RegisterPublicKeyCredential = parse(&answer.credential)?;
        let site = self.relying_party()?.0.as_ref();
        let site = site.ok_or_else(unavailable)?;
        let key = quietly(|| site.finish_passkey_registration(&credential, &state))
            .map_err(|error| refused(&error))?;
        Ok(NewPasskey {
            credential_id: key.cred_id().clone(),
            credential: write(&key)?,
            name: name.as_str().to_owned(),
        })
    }

    /// Takes the question that is answered, so that nobody can answer it again.
    pub(super) fn presented(
        &self,
        answer: &PasskeyAnswer,
        from: Asker,
    ) -> Result<Presented, ServiceError> {
        let now = self.clock().now();
        let asked = self.factors().challenges.take(&answer.question, from, now);
        let Some(Asked::ToProve(state)) = asked else {
            return Err(ServiceError::WrongSecondFactor);
        };
        let credential: PublicKeyCredential = parse(&answer.credential)?;
        let handle = credential.get_user_unique_id();
        let handle = handle.and_then(|bytes| Uuid::from_slice(bytes).ok());
        Ok(Presented {
            person: handle.and_then(person_of),
            credential_id: credential.get_credential_id().to_vec(),
            credential,
            state,
        })
    }

    /// The passkey that was presented, as it stands and as it is to stand, if it is the person's
    /// and the answer is right.
    pub(super) async fn proved_by_passkey(
        &self,
        person: Id<Person>,
        presented: Presented,
    ) -> Result<(PasskeyRow, String), ServiceError> {
        // A passkey that names another person is not this one's, whatever else is right.
        if presented.person.is_some_and(|named| named != person) {
            return Err(ServiceError::WrongSecondFactor);
        }
        let id = presented.credential_id.clone();
        let row = self
            .store()
            .read(move |c| by_credential(c, person, &id))
            .await?
            .ok_or(ServiceError::WrongSecondFactor)?;
        let mut key = read(&row.credential)?;
        let site = self.relying_party()?.0.as_ref();
        let site = site.ok_or_else(unavailable)?;
        let used = quietly(|| {
            site.finish_discoverable_authentication_v2(&presented.credential, presented.state, &key)
        })
        .map_err(|error| refused(&error))?;
        if !used.user_verified() {
            return Err(ServiceError::WrongSecondFactor);
        }
        let _ = key.update_credential(&used);
        let after = write(&key)?;
        Ok((row, after))
    }
}

/// The library logs as errors what strangers send and what is normal; our own lines say what matters.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    with_default(NoSubscriber::default(), work)
}

fn refused(error: &WebauthnError) -> ServiceError {
    if matches!(error, WebauthnError::CredentialPossibleCompromise) {
        tracing::warn!("a passkey was refused: its counter went back, so it may have been copied");
    } else {
        tracing::debug!("a passkey was refused: {error}");
    }
    ServiceError::WrongSecondFactor
}

pub(super) fn unavailable() -> ServiceError {
    ServiceError::invalid(
        "passkey",
        "needs a host name: the dashboard's public address has none",
    )
}

fn public_key(options: &impl serde::Serialize) -> Result<serde_json::Value, ServiceError> {
    let mut options = serde_json::to_value(options).map_err(|error| broken(&error))?;
    let public_key = options.get_mut("publicKey").map(serde_json::Value::take);
    public_key.ok_or(ServiceError::WrongSecondFactor)
}

fn parse<T: serde::de::DeserializeOwned>(credential: &str) -> Result<T, ServiceError> {
    serde_json::from_str(credential).map_err(|_| ServiceError::WrongSecondFactor)
}

fn read(credential: &str) -> Result<Passkey, ServiceError> {
    serde_json::from_str(credential).map_err(|error| broken(&error))
}

fn write(key: &Passkey) -> Result<String, ServiceError> {
    serde_json::to_string(key).map_err(|error| broken(&error))
}

fn broken(error: &serde_json::Error) -> ServiceError {
    tracing::error!("a passkey cannot be read or written: {error}");
    ServiceError::WrongSecondFactor
}

/// What an authenticator knows a person by: the person's id, which is random and says nothing.
fn handle(person: Id<Person>) -> Uuid {
    Uuid::from_u128(u128::from(person.as_i64().unsigned_abs()))
}

fn person_of(handle: Uuid) -> Option<Id<Person>> {
    let number = u64::try_from(handle.as_u128()).ok()?;
    format!("{number:016x}").parse().ok()
}
