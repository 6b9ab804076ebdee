//! What a service refuses, and why.

use std::time::Duration;

use crate::sealing::SealError;
use crate::store::StoreError;

/// A service refused or failed. The words are for people and never hold a secret or anything of
/// another organisation.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Something of that name exists.
    #[error("{member} {reason}")]
    Conflict {
        /// The member that is taken.
        member: &'static str,
        /// In what way.
        reason: &'static str,
    },
    /// The principal may not do this.
    #[error("you are not allowed to do this here")]
    Forbidden,
    /// A value breaks a rule.
    #[error("{member} {reason}")]
    Invalid {
        /// Which member.
        member: &'static str,
        /// What was expected.
        reason: String,
    },
    /// The session must prove again whose it is before so weighty a change.
    #[error("confirm that it is you, and try again")]
    ProofNeeded,
    /// An organisation without an owner could not be helped by anybody in it.
    #[error("an organisation keeps at least one owner; make somebody else an owner first")]
    LastOwner,
    /// There is no such thing for this principal.
    #[error("there is no such thing here")]
    NotFound,
    /// The enrolment code opens nothing.
    #[error("this enrolment code has been used, has expired, or was replaced by a newer one")]
    EnrolmentClosed,
    /// Without another second factor this one stays: an organisation requires one.
    #[error(
        "an organisation that you belong to requires a second factor, and this is your last one; set up another one first"
    )]
    LastSecondFactor,
    /// The one-time link opens nothing.
    #[error("this link has been used, has expired, or was replaced by a newer one")]
    LinkClosed,
    /// A login that waited for a second factor waits no more.
    #[error("this login took too long or was replaced; log in again")]
    LoginOver,
    /// The organisation requires a second factor, and the person has none.
    #[error("this organisation requires a second factor; set one up for your account first")]
    SecondFactorRequired,
    /// Too many attempts failed.
    #[error("too many attempts failed; wait {} s and try again", retry_after.as_secs().max(1))]
    TooManyAttempts {
        /// When to come again.
        retry_after: Duration,
    },
    /// Too many changes by one person.
    #[error("too many changes at once; go on in {} s", retry_after.as_secs().max(1))]
    TooManyChanges {
        /// When to go on.
        retry_after: Duration,
    },
    /// Too many mails that ask an address whether it agrees to be told.
    #[error(
        "too many confirmations: in a day a channel's link is sent again {} times, an address is asked {} times and an organisation asks {} times; try again in {} h",
        super::channels::confirmation::AGAIN_A_DAY,
        super::channels::confirmation::OF_ADDRESS_A_DAY,
        super::channels::confirmation::OF_ORGANISATION_A_DAY,
        retry_after.as_secs().div_ceil(3600)
    )]
    TooManyConfirmations {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many tests of a channel, or of all channels of an organisation.
    #[error(
        "too many tests: a channel may be tested {} times an hour, and all of an organisation {} times; try again in {} min",
        super::channels::TESTS_OF_CHANNEL,
        super::channels::TESTS_OF_ORGANISATION,
        retry_after.as_secs().div_ceil(60)
    )]
    TooManyTests {
        /// When to try again.
        retry_after: Duration,
    },
    /// Nobody is logged in, or the credential does not count.
    #[error("a valid credential is needed")]
    Unauthenticated,
    /// The dashboard cannot do it right now.
    #[error("the dashboard cannot store this right now")]
    Unavailable {
        /// When to come again.
        retry_after: Duration,
    },
    /// Address or password is wrong; which of them is not said.
    #[error("address or password is wrong")]
    WrongLogin,
    /// What was presented as a second factor is none; which part is wrong is not said.
    #[error(
        "this did not work: the code is wrong or was used already, or the passkey is not yours"
    )]
    WrongSecondFactor,
}

impl ServiceError {
    pub(crate) fn invalid(member: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            member,
            reason: reason.into(),
        }
    }

    /// Says what is taken when a write finds its name in use.
    pub(super) fn or_taken(error: StoreError, member: &'static str, reason: &'static str) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict { member, reason },
            other => other.into(),
        }
    }
}

impl From<SealError> for ServiceError {
    fn from(error: SealError) -> Self {
        tracing::error!("a sealed secret cannot be used: {error}");
        Self::Unavailable {
            retry_after: Duration::from_mins(1),
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::RightLost => Self::Unauthenticated,
            StoreError::Conflict => Self::Conflict {
                member: "name",
                reason: "exists already",
            },
            StoreError::Busy => Self::Unavailable {
                retry_after: Duration::from_secs(2),
            },
            StoreError::Closed => Self::Unavailable {
                retry_after: Duration::from_secs(5),
            },
            StoreError::Seal(error) => error.into(),
            StoreError::Database(reason) => {
                tracing::error!("the store failed: {reason}");
                Self::Unavailable {
                    retry_after: Duration::from_secs(10),
                }
            }
        }
    }
}
