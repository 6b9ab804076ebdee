//! Secrets: made from the system's randomness, kept as hashes, never printed.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Random bytes from the operating system.
///
/// # Panics
///
/// When the kernel has no random numbers to give: nothing secret can be made then.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "going on without randomness would be worse than stopping"
)]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

/// What a secret is for; its prefix makes a leaked one recognisable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Lets a program act for a person, within a scope.
    AccessToken,
    /// Lets an agent report for one server.
    AgentKey,
    /// Names a question to an authenticator that waits for its answer.
    Challenge,
    /// Tells a browser that has logged in before; lives in a cookie.
    Device,
    /// Is exchanged for one server's agent key, once.
    Enrolment,
    /// Opens a one-time link.
    Link,
    /// Names a login that waits for a second factor; lives in a cookie.
    LoginStep,
    /// Seals what must be used again.
    MasterKey,
    /// Names a session; lives in a cookie.
    Session,
}

impl Purpose {
    const fn prefix(self) -> &'static str {
        match self {
            Self::AccessToken => "sst_",
            Self::AgentKey => "ssa_",
            Self::Challenge => "ssq_",
            Self::Device => "ssd_",
            Self::Enrolment => "sse_",
            Self::Link => "ssl_",
            Self::LoginStep => "ssf_",
            Self::MasterKey => "ssm_",
            Self::Session => "sss_",
        }
    }
}

/// A secret in the clear: a prefix, 256 random bits and a checksum, all safe in a URL and a cookie.
///
/// It exists to be handed out once. It has no `Debug` and is wiped from memory when dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new secret from the system's randomness.
    #[must_use]
    pub fn generate(purpose: Purpose) -> Self {
        let random = Zeroizing::new(random_bytes::<32>());
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str(purpose.prefix());
        URL_SAFE_NO_PAD.encode_string(random.as_slice(), &mut text);
        let checksum = crc32fast::hash(text.as_bytes());
        // Writing to a text cannot fail.
        let _ = write!(*text, "{checksum:08x}");
        Self(text)
    }

    /// Takes what a stranger presented. None when it cannot be one of ours, which the checksum
    /// tells without a look into the database.
    #[must_use]
    pub fn parse(purpose: Purpose, text: &str) -> Option<Self> {
        let (body, checksum) = text.split_at_checked(text.len().checked_sub(8)?)?;
        let whole = body.len() == purpose.prefix().len() + 43 && body.starts_with(purpose.prefix());
        let right = format!("{:08x}", crc32fast::hash(body.as_bytes())) == checksum;
        (whole && right).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// What is stored instead of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The text, for the one place that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, for people to tell secrets apart.
    #[must_use]
    pub fn ending(&self) -> &str {
        self.0.get(self.0.len() - 4..).unwrap_or_default()
    }
}

/// SHA-256 of a secret. 256 random bits cannot be guessed from it, so no slow hash is needed.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a text that is no secret of ours but should not be kept in the clear.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The bytes as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes the bytes as stored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_again_and_only_for_its_purpose() {
        let key = Secret::generate(Purpose::AgentKey);
        let again = Secret::parse(Purpose::AgentKey, key.expose());
        assert_eq!(again.map(|s| s.hash()), Some(key.hash()));
        assert!(Secret::parse(Purpose::AccessToken, key.expose()).is_none());
    }

    #[test]
    fn a_mistyped_secret_fails_its_checksum() {
        let key = Secret::generate(Purpose::AgentKey);
        let typo: String = key.expose().replacen('_', "-", 1);
        assert!(Secret::parse(Purpose::AgentKey, &typo).is_none());
        for cut in 0..key.expose().len() {
            let part = key.expose().get(..cut).unwrap_or_default();
            assert!(Secret::parse(Purpose::AgentKey, part).is_none());
        }
        assert!(Secret::parse(Purpose::AgentKey, "ssa_ü").is_none());
    }

    #[test]
    fn two_secrets_differ() {
        let [a, b] = [(); 2].map(|()| Secret::generate(Purpose::Session));
        assert_ne!(a.hash(), b.hash());
    }
}
