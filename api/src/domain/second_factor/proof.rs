//! Proving a second factor: what somebody presents, whether it is right, and using it up.

use std::fmt;

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::challenges::Asker;
use super::passkeys::PasskeyAnswer;
use super::recovery;
use super::totp::Seed;
use crate::domain::throttle::Source;
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Person, Totp};
use crate::secret::{Secret, SecretHash};
use crate::store::passkeys::PasskeyRow;
use crate::store::second_factors::{self, seed_place};
use crate::store::{StoreError, passkeys};

/// What somebody presents as a second factor.
pub enum SecondProof {
    /// A code by time.
    Code(String),
    /// An answer of an authenticator.
    Passkey(PasskeyAnswer),
    /// A recovery code.
    RecoveryCode(String),
}

impl fmt::Debug for SecondProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl SecondProof {
    /// The word for the audit log.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Code(_) => "totp",
            Self::Passkey(_) => "passkey",
            Self::RecoveryCode(_) => "recovery code",
        }
    }
}

/// A proof that was found right and is used up by whatever acts on it, in the same transaction.
pub(super) enum Taking {
    Passkey { row: PasskeyRow, after: String },
    RecoveryCode(SecretHash),
    Step { id: Id<Totp>, step: i64 },
}

impl Taking {
    /// The word for the audit log.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Passkey { .. } => "passkey",
            Self::RecoveryCode(_) => "recovery code",
            Self::Step { .. } => "totp",
        }
    }

    /// Uses the proof up: false when that was done meanwhile, and for a recovery code when it is none.
    pub(super) fn take(
        &self,
        connection: &mut SqliteConnection,
        person: Id<Person>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Passkey { row, after } => passkeys::take_use(connection, row, after, now),
            Self::RecoveryCode(hash) => {
                second_factors::take_recovery_code(connection, person, hash)
            }
            Self::Step { id, step } => second_factors::take_step(connection, *id, *step, now),
        }
    }
}

impl Services {
    /// Looks whether the proof is right, as far as that can be said before it is used up.
    pub(super) async fn judge(
        &self,
        person: Id<Person>,
        proof: SecondProof,
        asker: Asker,
    ) -> Result<Taking, ServiceError> {
        match proof {
            SecondProof::Code(code) => {
                let row = self
                    .store()
                    .read(move |c| second_factors::totp(c, person))
                    .await?
                    .ok_or(ServiceError::WrongSecondFactor)?;
                let seed = self.seed(row.id, &row.sealed_seed)?;
                let step = seed.step_of(&code, self.clock().now());
                let step = step.ok_or(ServiceError::WrongSecondFactor)?;
                Ok(Taking::Step { id: row.id, step })
            }
            SecondProof::Passkey(answer) => {
                let presented = self.presented(&answer, asker)?;
                let (row, after) = self.proved_by_passkey(person, presented).await?;
                Ok(Taking::Passkey { row, after })
            }
            SecondProof::RecoveryCode(code) => Ok(Taking::RecoveryCode(recovery::hash(&code))),
        }
    }

    /// Opens a sealed seed.
    pub(super) fn seed(&self, id: Id<Totp>, sealed: &[u8]) -> Result<Seed, ServiceError> {
        let bytes = self.sealer()?.open(&seed_place(id), sealed)?;
        Seed::from_bytes(&bytes).ok_or(ServiceError::WrongSecondFactor)
    }
}

/// Who is counted when a second factor fails: never the counts of the password, so that trying the
/// password anew gives no new tries here.
pub(super) fn sources(
    person: Id<Person>,
    device: Option<&Secret>,
    address: Option<std::net::IpAddr>,
) -> Vec<Source> {
    if let Some(device) = device {
        return vec![Source::FactorOnDevice(device.hash())];
    }
    std::iter::once(Source::Factor(person))
        .chain(address.map(Source::address))
        .collect()
}
