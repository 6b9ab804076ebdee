//! Proving again who one is with a second factor, before a weighty change.

use super::challenges::Asker;
use super::passkeys::Question;
use super::proof::{SecondProof, sources};
use crate::domain::accounts::LoggedIn;
use crate::domain::principal::{Means, PersonPrincipal};
use crate::domain::{ServiceError, Services};
use crate::secret::SecretHash;
use crate::store::StoreError;

impl Services {
    /// Asks for one of the passkeys of the person whose session asks.
    pub async fn question_to_confirm(
        &self,
        person: &PersonPrincipal,
    ) -> Result<Question, ServiceError> {
        let session = session_of(person)?;
        let asker = Asker::Session(session);
        self.question_to_prove(Some(person.person()), asker).await
    }

    /// Checks a second factor of the person whose session asks; the session goes on under a new id
    /// and may make weighty changes for a while. A recovery code is for logging in alone.
    pub async fn prove_by_factor(
        &self,
        person: &PersonPrincipal,
        proof: SecondProof,
        device: Option<String>,
    ) -> Result<LoggedIn, ServiceError> {
        let session = session_of(person)?;
        if matches!(proof, SecondProof::RecoveryCode(_)) {
            return Err(ServiceError::WrongSecondFactor);
        }
        let owner = person.person();
        let device = self.known_device(device.as_deref(), Some(owner)).await?;
        let sources = sources(owner, device.as_ref(), person.client.address);
        self.count_attempt(&sources)?;
        let (kind, now) = (proof.kind(), self.clock().now());
        let proved = match self.judge(owner, proof, Asker::Session(session)).await {
            Ok(taking) => {
                self.renew_proved(person, device, kind, move |c| {
                    if taking.take(c, owner, now)? {
                        Ok(())
                    } else {
                        Err(StoreError::Conflict)
                    }
                })
                .await
            }
            Err(error) => Err(error),
        };
        match proved {
            Ok(logged_in) => {
                self.0.throttle.succeed(&sources);
                Ok(logged_in)
            }
            // The code was used meanwhile.
            Err(ServiceError::WrongSecondFactor | ServiceError::Conflict { .. }) => {
                self.note_failed_proof(person).await?;
                Err(ServiceError::WrongSecondFactor)
            }
            Err(other) => Err(other),
        }
    }
}

fn session_of(person: &PersonPrincipal) -> Result<SecretHash, ServiceError> {
    match person.means {
        Means::Session(session) => Ok(session),
        Means::Token(_) => Err(ServiceError::Forbidden),
    }
}
