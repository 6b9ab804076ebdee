//! Second factors: codes by time, recovery codes, passkeys, and who must have one.

mod challenges;
mod login;
mod passkeys;
mod proof;
mod recovery;
mod requirement;
mod setup;
mod step_up;
mod totp;

use std::sync::OnceLock;
use std::time::Duration;

use server_scout_wire::Timestamp;

use self::challenges::Challenges;
pub use self::login::{Arrival, Login, PendingLogin};
pub use self::passkeys::{PasskeyAnswer, Question, RelyingParty};
pub use self::proof::SecondProof;
pub use self::recovery::RecoveryCodes;
pub use self::requirement::Requirement;
pub use self::setup::Changed;
pub use self::totp::TotpSetup;
use super::principal::PersonPrincipal;
use super::{ServiceError, Services};
use crate::access::Right;
use crate::config::PublicUrl;
use crate::id::{Id, Totp};
use crate::store::passkeys::PasskeyRow;
use crate::store::{login_steps, passkeys as stored_passkeys, second_factors};

/// How long a login waits for its second factor.
pub const STEP_LIFE: Duration = Duration::from_mins(5);
/// How long a seed that was shown waits for its first code.
pub const SETUP_LIFE: Duration = Duration::from_mins(15);

/// What second factors need between requests.
#[derive(Default)]
pub(super) struct SecondFactors {
    relying_party: OnceLock<RelyingParty>,
    challenges: Challenges,
}

/// The second factors of a person.
#[derive(Clone, Debug, Default)]
pub struct OwnFactors {
    /// Codes by time, if they are set up.
    pub totp: Option<OwnTotp>,
    /// Passkeys, the oldest first.
    pub passkeys: Vec<PasskeyRow>,
    /// Recovery codes that are left.
    pub recovery_codes_left: i64,
    /// An organisation of the person's that requires one.
    pub required_by: Option<String>,
}

/// Codes by time, as their person sees them.
#[derive(Clone, Copy, Debug)]
pub struct OwnTotp {
    /// Their id.
    pub id: Id<Totp>,
    /// Since when they count.
    pub created_at: Timestamp,
    /// When a code was last taken.
    pub used_at: Option<Timestamp>,
}

impl OwnFactors {
    /// Whether there is any.
    #[must_use]
    pub fn any(&self) -> bool {
        self.totp.is_some() || !self.passkeys.is_empty()
    }
}

impl Services {
    /// The person's own second factors.
    pub async fn own_factors(&self, person: &PersonPrincipal) -> Result<OwnFactors, ServiceError> {
        person.own_right(Right::Read)?;
        let person = person.person();
        Ok(self
            .store()
            .read(move |c| {
                let totp = second_factors::totp(c, person)?.map(|row| OwnTotp {
                    id: row.id,
                    created_at: row.created_at,
                    used_at: row.used_at,
                });
                Ok(OwnFactors {
                    totp,
                    passkeys: stored_passkeys::list(c, person)?,
                    recovery_codes_left: second_factors::recovery_codes_left(c, person)?,
                    required_by: second_factors::required_by(c, person)?,
                })
            })
            .await?)
    }

    /// Binds passkeys to the dashboard's public address. Until then, as at the command line, there
    /// are none.
    pub fn bind_passkeys(&self, url: &PublicUrl) {
        let relying_party = &self.factors().relying_party;
        // Whoever comes second serves the same address.
        let _ = relying_party.set(RelyingParty::of(url));
    }

    /// Whether passkeys can be used here at all: they are bound to a host name.
    #[must_use]
    pub fn passkeys_work(&self) -> bool {
        self.relying_party().is_ok_and(RelyingParty::works)
    }

    fn relying_party(&self) -> Result<&RelyingParty, ServiceError> {
        let relying_party = self.factors().relying_party.get();
        relying_party.ok_or_else(passkeys::unavailable)
    }

    /// Removes set-ups and logins that nobody finished.
    pub(super) async fn sweep_second_factors(&self, now: Timestamp) -> Result<(), ServiceError> {
        let begun = now.before(SETUP_LIFE);
        Ok(self
            .store()
            .write(move |c| {
                second_factors::sweep(c, begun)?;
                login_steps::sweep(c, now)?;
                Ok(())
            })
            .await?)
    }

    fn factors(&self) -> &SecondFactors {
        &self.0.second_factors
    }
}
