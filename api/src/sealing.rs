//! Secrets that must be used again, sealed under the master key.
//!
//! Each one is encrypted with ChaCha20-Poly1305 (RFC 8439) under a key of its own, which HKDF-SHA256
//! (RFC 5869) derives from the master key and 256 random bits. Its place in the database is
//! authenticated with it, so that a sealed secret that was moved to another row does not open.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::Zeroizing;

use crate::secret::{Purpose, Secret, random_bytes};

/// Seals and opens, with the key in the master key's file. When another program has rotated it, the
/// file is read again.
pub struct Sealer {
    file: PathBuf,
    key: RwLock<MasterKey>,
}

/// The key under which everything is sealed.
pub struct MasterKey {
    prk: Prk,
    id: KeyId,
}

type KeyId = [u8; 8];

/// Where a sealed secret stands: table, column and row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place(String);

/// Why a secret cannot be sealed or opened. Never says anything of its content.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file of the master key.
    #[error("cannot use the master key {}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// It was sealed under another master key.
    #[error(
        "the secret of {place} was sealed under another master key than the one in {}; restore that key",
        path.display()
    )]
    OtherKey {
        /// Which secret.
        place: String,
        /// The file of the key that is known.
        path: PathBuf,
    },
    /// It was changed, or stood elsewhere.
    #[error("the secret of {0} was changed since it was sealed")]
    Changed(String),
}

impl Place {
    /// The secret in `column` of the row of `table` that is known as `row`.
    #[must_use]
    pub fn new(table: &'static str, column: &'static str, row: impl Display) -> Self {
        Self(format!("{table}.{column}/{row}"))
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MasterKey {
    /// The key that a text of `ssm_…` stands for.
    #[must_use]
    pub fn of(text: &Secret) -> Self {
        let prk =
            Salt::new(HKDF_SHA256, b"server-scout master key").extract(text.expose().as_bytes());
        let mut id = KeyId::default();
        let label: [&[u8]; 1] = [b"key id"];
        // Eight bytes are far below what HKDF can give.
        let filled = prk.expand(&label, Bytes8).and_then(|okm| okm.fill(&mut id));
        debug_assert!(filled.is_ok());
        Self { prk, id }
    }

    /// Reads the key from its file.
    pub fn read(path: &Path) -> Result<Self, SealError> {
        let failed = |reason: String| SealError::File {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|error| failed(error.to_string()))?;
        let secret = Secret::parse(Purpose::MasterKey, text.trim());
        let secret = secret
            .ok_or_else(|| failed("it holds no master key; expected one line, ssm_…".to_owned()))?;
        Ok(Self::of(&secret))
    }

    /// Seals `content` for `place`.
    #[must_use]
    pub fn seal(&self, place: &Place, content: &[u8]) -> Vec<u8> {
        let salt = random_bytes::<SALT>();
        let mut sealed = Vec::with_capacity(HEAD + content.len() + CHACHA20_POLY1305.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&salt);
        let mut body = content.to_vec();
        let aad = Aad::from(place.0.as_bytes());
        let done = self
            .message_key(&salt)
            .and_then(|key| key.seal_in_place_append_tag(nonce(), aad, &mut body).ok());
        // It fails beyond 256 GB alone; then nothing is kept rather than the text itself.
        if done.is_none() {
            body.clear();
        }
        sealed.append(&mut body);
        sealed
    }

    /// Opens what was sealed for `place`; none when it is not what was sealed there under this key.
    #[must_use]
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, body) = parts(sealed)?;
        let mut body = Zeroizing::new(body.to_vec());
        let key = self.message_key(salt)?;
        let aad = Aad::from(place.0.as_bytes());
        let length = key.open_in_place(nonce(), aad, &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    fn message_key(&self, salt: &[u8]) -> Option<LessSafeKey> {
        let info = [b"seal".as_slice(), salt];
        let okm = self.prk.expand(&info, &CHACHA20_POLY1305).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(okm)))
    }
}

impl Sealer {
    /// Reads the master key from `file`.
    pub fn open_file(file: &Path) -> Result<Self, SealError> {
        Ok(Self {
            key: RwLock::new(MasterKey::read(file)?),
            file: file.to_owned(),
        })
    }

    /// Seals `content` for `place`, under the key that the file holds now. To be called within the
    /// transaction that stores it: a rotation changes the file within its own.
    pub fn seal(&self, place: &Place, content: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(MasterKey::read(&self.file)?.seal(place, content))
    }

    /// Opens what was sealed for `place`.
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if !self.knows(sealed) {
            let fresh = MasterKey::read(&self.file)?;
            *self.key.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        if !self.knows(sealed) {
            return Err(SealError::OtherKey {
                place: place.0.clone(),
                path: self.file.clone(),
            });
        }
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        key.open(place, sealed)
            .ok_or_else(|| SealError::Changed(place.0.clone()))
    }

    fn knows(&self, sealed: &[u8]) -> bool {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        sealed.get(1..HEAD - SALT) == Some(key.id.as_slice())
    }
}

/// Salt and body of a sealed secret of this version.
fn parts(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, body) = sealed.split_at_checked(HEAD)?;
    let salt = head.get(HEAD - SALT..)?;
    (head.first() == Some(&VERSION)).then_some((salt, body))
}

/// Every message has a key of its own, so its nonce can be the same.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

struct Bytes8;

impl ring::hkdf::KeyType for Bytes8 {
    fn len(&self) -> usize {
        size_of::<KeyId>()
    }
}

const VERSION: u8 = 1;
const SALT: usize = 32;
const HEAD: usize = 1 + size_of::<KeyId>() + SALT;

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> MasterKey {
        MasterKey::of(&Secret::generate(Purpose::MasterKey))
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_alone() {
        let key = key();
        let place = Place::new("totp", "sealed_seed", 7);
        let sealed = key.seal(&place, b"a seed");
        assert_eq!(
            key.open(&place, &sealed).unwrap_or_default().as_slice(),
            b"a seed"
        );
        let other_row = Place::new("totp", "sealed_seed", 8);
        assert!(key.open(&other_row, &sealed).is_none());
    }

    #[test]
    fn a_changed_byte_or_another_key_opens_nothing() {
        let key = key();
        let place = Place::new("totp", "sealed_seed", 7);
        let sealed = key.seal(&place, b"a seed");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1;
            }
            let in_id = (1..=8).contains(&at);
            assert!(in_id || key.open(&place, &changed).is_none(), "byte {at}");
            assert!(
                key.open(&place, sealed.get(..at).unwrap_or_default())
                    .is_none()
            );
        }
        assert!(self::key().open(&place, &sealed).is_none());
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let key = key();
        let place = Place::new("totp", "sealed_seed", 7);
        assert_ne!(key.seal(&place, b"a seed"), key.seal(&place, b"a seed"));
        let text = key.seal(&place, b"a seed");
        assert!(!text.windows(6).any(|part| part == b"a seed"));
    }

    #[test]
    fn a_key_that_was_rotated_is_read_again() -> Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("master.key");
        let [before, after] = [(); 2].map(|()| Secret::generate(Purpose::MasterKey));
        std::fs::write(&file, before.expose())?;
        let sealer = Sealer::open_file(&file)?;
        let place = Place::new("totp", "sealed_seed", 7);
        let under_the_next = MasterKey::of(&after).seal(&place, b"a seed");
        assert!(matches!(
            sealer.open(&place, &under_the_next),
            Err(SealError::OtherKey { .. })
        ));
        std::fs::write(&file, format!("{}\n", after.expose()))?;
        assert_eq!(sealer.open(&place, &under_the_next)?.as_slice(), b"a seed");
        Ok(())
    }
}
