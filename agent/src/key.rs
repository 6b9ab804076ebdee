//! The agent key: where it comes from, and a type that gives it away to no log.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hyper::header::HeaderValue;
use zeroize::Zeroizing;

/// One server's key. It has neither `Debug` nor `Display`, and its memory is wiped when it goes.
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Takes `text` as a key, without the white space around it.
    pub fn new(text: &Zeroizing<String>) -> Result<Self, InvalidKey> {
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if trimmed.len() > MAX_KEY_BYTES {
            return Err(InvalidKey::TooLong);
        }
        if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidKey::Character);
        }
        Ok(Self(Zeroizing::new(trimmed.to_owned())))
    }

    /// The key as a header that no log of a library shows.
    pub fn header(&self) -> Result<HeaderValue, InvalidKey> {
        let mut value = HeaderValue::from_str(&self.0).map_err(|_| InvalidKey::Character)?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Where the key comes from. A key from the environment never changes; a file can.
pub enum KeySource {
    /// The file to read, and to read again when the dashboard refuses the key.
    File(PathBuf),
    /// The environment, read once.
    Environment(Zeroizing<String>),
}

impl KeySource {
    /// Finds the key's place: the environment, a file it names, the file of the configuration, the
    /// service manager's credential, or what enrolment left. Two of the first at once are refused.
    pub fn find(
        environment: impl Fn(&str) -> Option<String>,
        configured_file: Option<PathBuf>,
        enrolled: Option<PathBuf>,
    ) -> Result<Self, KeyError> {
        match (
            environment(KEY_VARIABLE).map(Zeroizing::new),
            configured_file,
        ) {
            (Some(_), Some(_)) => Err(KeyError::Both),
            (Some(key), None) => Ok(Self::Environment(key)),
            (None, Some(path)) => Ok(Self::File(path)),
            (None, None) => environment("CREDENTIALS_DIRECTORY")
                .into_iter()
                .flat_map(|directory| CREDENTIAL_NAMES.map(|name| Path::new(&directory).join(name)))
                .find(|path| is_credential(path))
                .or(enrolled)
                .map(Self::File)
                .ok_or(KeyError::Missing),
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Environment(_) => None,
            Self::File(path) => Some(path),
        }
    }

    /// Reads the key.
    pub fn read(&self) -> Result<ApiKey, KeyError> {
        let path = match self {
            Self::Environment(text) => {
                return ApiKey::new(text).map_err(|why| KeyError::Invalid {
                    place: KEY_VARIABLE.to_owned(),
                    why,
                });
            }
            Self::File(path) => path,
        };
        let unreadable = |why| KeyError::Unreadable {
            path: path.clone(),
            why,
        };
        let size = fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_FILE_BYTES {
            return Err(KeyError::Invalid {
                place: path.display().to_string(),
                why: InvalidKey::TooLong,
            });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
        ApiKey::new(&text).map_err(|why| KeyError::Invalid {
            place: path.display().to_string(),
            why,
        })
    }

    /// Reads the key again; some when it is another one than `current`.
    #[must_use]
    pub fn changed(&self, current: &ApiKey) -> Option<ApiKey> {
        match self {
            Self::Environment(_) => None,
            Self::File(_) => self.read().ok().filter(|key| !key.is_same_as(current)),
        }
    }

    /// What to do when the dashboard refuses the key.
    #[must_use]
    pub fn explain_refusal(&self) -> String {
        let place = match self {
            Self::Environment(_) => {
                format!("set {KEY_VARIABLE} to a valid one and start the agent again")
            }
            Self::File(path) => format!("write a valid one to {}", path.display()),
        };
        format!("the dashboard does not know the agent key, or has revoked it; {place}")
    }

    /// The key file's path and mode when others than its owner may read it. The service manager's
    /// credentials are exempt: it guards their directory.
    #[must_use]
    pub fn exposed(&self, credentials: Option<&Path>) -> Option<(&Path, u32)> {
        let Self::File(path) = self else {
            return None;
        };
        if credentials.is_some_and(|directory| path.starts_with(directory)) {
            return None;
        }
        let mode = fs::metadata(path).ok()?.mode() & 0o777;
        (mode & 0o077 != 0).then_some((path, mode))
    }
}

/// Whether a credential holds something: the unit sets a blank one where no key file is given.
fn is_credential(path: &Path) -> bool {
    let blank = |text: String| Zeroizing::new(text).trim_ascii().is_empty();
    path.is_file() && !fs::read_to_string(path).is_ok_and(blank)
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key and a file with a key are both given.
    #[error("both {KEY_VARIABLE} and a key file are given; give only one of them")]
    Both,
    /// What was found is no key.
    #[error("{place} {why}")]
    Invalid {
        /// The variable or the file.
        place: String,
        /// What is wrong with it.
        why: InvalidKey,
    },
    /// No place holds a key.
    #[error(
        "no agent key is given: enrol with a code of the dashboard's (`server-scout-agent enrol`), or \
         set {KEY_VARIABLE}_FILE to a file that holds the key, or {KEY_VARIABLE} to the key itself"
    )]
    Missing,
    /// The key file cannot be read.
    #[error("cannot read the agent key from {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
}

/// Why a text cannot be a key. Says nothing of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidKey {
    /// It holds what a header cannot carry.
    #[error("holds a character that no key has; expected one line of visible ASCII")]
    Character,
    /// It holds nothing.
    #[error("is empty; expected the agent key")]
    Empty,
    /// It is too long.
    #[error("is longer than an agent key can be ({MAX_KEY_BYTES} bytes); is it the right file?")]
    TooLong,
}

/// The variable that holds the key itself.
pub const KEY_VARIABLE: &str = "SERVERSCOUT_API_KEY";

const CREDENTIAL_NAMES: [&str; 2] = ["api-key", "api_key"];
const MAX_KEY_BYTES: usize = 256;
/// Room for white space around the key, and not for the wrong file.
const MAX_FILE_BYTES: u64 = 4096;
