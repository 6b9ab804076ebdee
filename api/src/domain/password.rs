//! Passwords: argon2id, on threads of their own, few at a time.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{ARGON2ID_IDENT, Argon2, Params, PasswordHash, Version};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::ServiceError;
use super::common_passwords::is_common;
use super::crowd::{Asking, Crowd};

/// A password that somebody typed, wiped from memory when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The least number of characters of a new password (NIST SP 800-63B asks for 8 or more).
    pub const MIN: usize = 12;
    /// The most bytes of a password; a longer one only costs time.
    pub const MAX: usize = 1024;

    /// Takes what was typed at a login; whether it is right is another question.
    #[must_use]
    pub fn typed(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Checks a new password: long enough, and nothing that everybody tries first. What is `known` of
    /// its person, as address and organisation, is tried as early. What letters, digits and signs it
    /// is made of is nobody's business (NIST SP 800-63B).
    pub fn chosen(text: String, known: &[&str]) -> Result<Self, ServiceError> {
        let password = Self::typed(text);
        if password.0.chars().count() < Self::MIN {
            let reason = format!("must have at least {} characters", Self::MIN);
            return Err(ServiceError::invalid("password", reason));
        }
        if password.0.len() > Self::MAX {
            let reason = format!("must have at most {} bytes", Self::MAX);
            return Err(ServiceError::invalid("password", reason));
        }
        let lower = Zeroizing::new(password.0.to_lowercase());
        if known
            .iter()
            .any(|known| known.to_lowercase() == lower.trim())
        {
            let reason = "must not be your e-mail address or your organisation's name";
            return Err(ServiceError::invalid("password", reason));
        }
        if is_common(&lower) {
            let reason =
                "is one of the most common ones and would be guessed early; choose another";
            return Err(ServiceError::invalid("password", reason));
        }
        Ok(password)
    }

    /// Whether both are the same text. Both came from the same person, so time tells nothing.
    pub(super) fn is(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

/// What a check of a password found.
pub(super) enum Verdict {
    /// It does not fit.
    Wrong,
    /// It fits.
    Right,
    /// It fits, and its hash is weaker than today's: here is a better one.
    Outdated(String),
}

/// The one place where passwords are hashed. At most two at a time, so that a flood of logins
/// leaves the CPU to the reports; at most 32 wait, and few of them for one account or address.
pub(super) struct Passwords {
    at_a_time: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    crowd: Crowd,
}

impl Passwords {
    pub(super) fn new() -> Self {
        // Made now, so that the first stranger's attempt does not take longer than the others.
        LazyLock::force(&NOBODYS);
        Self {
            at_a_time: Arc::new(Semaphore::new(2)),
            waiting: Arc::new(Semaphore::new(32)),
            crowd: Crowd::default(),
        }
    }

    /// The hash of a new password in PHC string format.
    pub(super) async fn hash(&self, password: Password) -> Result<String, ServiceError> {
        self.run(move || hash(&password)).await?.ok_or(TOO_BUSY)
    }

    /// Whether the password fits the hash. Without a hash the same work is done for nothing, so
    /// that the time does not tell whether there is such an account.
    pub(super) async fn verify(
        &self,
        password: Password,
        stored: Option<String>,
        asking: Asking,
    ) -> Result<Verdict, ServiceError> {
        let seat = self.crowd.enter(asking).ok_or(TOO_BUSY)?;
        let check = move || {
            let _seat = seat;
            verdict(&password, stored.as_deref())
        };
        self.run(check).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let waiting = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| TOO_BUSY)?;
        let turn = Arc::clone(&self.at_a_time)
            .acquire_owned()
            .await
            .map_err(|_| TOO_BUSY)?;
        // The work holds its places itself: it goes on when whoever asked has gone.
        let work = move || {
            let _held = (waiting, turn);
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| TOO_BUSY)
    }
}

/// OWASP's parameters: argon2id, 19 MiB, two passes, one lane, which are the crate's defaults.
fn hash(password: &Password) -> Option<String> {
    let hash = Argon2::default()
        .hash_password(password.0.as_bytes())
        .ok()?;
    Some(hash.to_string())
}

fn verdict(password: &Password, stored: Option<&str>) -> Verdict {
    let Ok(hash) = PasswordHash::new(stored.unwrap_or(&NOBODYS)) else {
        return Verdict::Wrong;
    };
    let fits = Argon2::default().verify_password(password.0.as_bytes(), &hash);
    if stored.is_none() || fits.is_err() {
        return Verdict::Wrong;
    }
    // Only now, in the same turn: the time is known to whoever knows the password, and to nobody else.
    let better = is_outdated(&hash).then(|| self::hash(password)).flatten();
    better.map_or(Verdict::Right, Verdict::Outdated)
}

/// Whether a hash costs a thief less work than one that is made today.
fn is_outdated(hash: &PasswordHash) -> bool {
    let today = Argon2::default();
    let today = today.params();
    let at_least = Params::try_from(hash)
        .is_ok_and(|params| params.m_cost() >= today.m_cost() && params.t_cost() >= today.t_cost());
    let version = hash.version == Some(Version::default().into());
    !(at_least && version && hash.algorithm == ARGON2ID_IDENT)
}

static NOBODYS: LazyLock<String> =
    LazyLock::new(|| hash(&Password::typed(String::new())).unwrap_or_default());

const TOO_BUSY: ServiceError = ServiceError::Unavailable {
    retry_after: Duration::from_secs(2),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_that_costs_less_than_todays_is_outdated() {
        let of = |head: &str| {
            let text = format!("$argon2{head}$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo");
            PasswordHash::new(&text).is_ok_and(|hash| is_outdated(&hash))
        };
        for older in [
            "id$v=19$m=19455,t=2,p=1",
            "id$v=19$m=19456,t=1,p=1",
            "id$v=16$m=19456,t=2,p=1",
            "i$v=19$m=19456,t=2,p=1",
        ] {
            assert!(of(older), "{older}");
        }
        for enough in ["id$v=19$m=19456,t=2,p=1", "id$v=19$m=65536,t=3,p=4"] {
            assert!(!of(enough), "{enough}");
        }
    }

    #[tokio::test]
    async fn whoever_goes_away_does_not_free_a_place_before_the_work_is_done() {
        let passwords = Passwords::new();
        for number in 0..100 {
            let asking = Asking::new(&format!("nobody-{number}"), false, None);
            let attempt = passwords.verify(Password::typed("wrong".to_owned()), None, asking);
            let _ = tokio::time::timeout(Duration::from_millis(1), attempt).await;
        }
        // Two are at work and nobody waits; with places freed too early all would be free.
        assert_eq!(passwords.at_a_time.available_permits(), 0);
    }
}
