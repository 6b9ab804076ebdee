//! `enrol`: exchange a single-use code for this server's own key.
//!
//! Everything that can fail is tried before the code is sent: the state directory is written to,
//! and the dashboard is verified, by the fingerprint in the code where it has a CA of its own.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::StartError;
use crate::arguments::Enrol;
use crate::bundle::{Bundle, BundleError};
use crate::config::{ConfigError, Settings, parse_url};
use crate::connection::{AGENT, Connection, Reply, host_of};
use crate::failure::{Failure, FailureKind, printable};
use crate::key::{ApiKey, InvalidKey, KeySource};
use crate::pin::Pin;
use crate::state::{Kept, State, StateError, UNIT_STATE_DIR};
use crate::tls::{self, TlsError};

/// Why there is no key. One line for people, without the code.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The dashboard's CA.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The code opens nothing.
    #[error(
        "{host} does not take the code: it has been used, has expired, or was replaced by a newer \
         one; have a new one made"
    )]
    Closed {
        /// The dashboard's host and port.
        host: String,
    },
    /// The code is given twice, or not at all.
    #[error("give the code with --code, --code - (standard input) or --code-file, one of them")]
    CodeGiven,
    /// What was given is no code.
    #[error("what is given is no enrolment code; copy it whole, it begins with sse_")]
    CodeForm,
    /// The code cannot be read.
    #[error("cannot read the code from {place}: {why}")]
    CodeUnreadable {
        /// The file, or standard input.
        place: String,
        /// What the system says.
        why: io::Error,
    },
    /// There is a key already.
    #[error(
        "{} holds an agent key already; to replace it, add --force (the code was not sent)",
        .0.display()
    )]
    KeyThere(PathBuf),
    /// The answer did not come, or is none.
    #[error("{why}. The code may be used up all the same: if it is, have a new one made")]
    Lost {
        /// What happened.
        why: String,
    },
    /// The CA that the code names is not the one that the dashboard shows.
    #[error(
        "{host} does not prove to be the dashboard that the code was made by: {why}; the code was \
         not sent"
    )]
    NotPinned {
        /// The dashboard's host and port.
        host: String,
        /// What differs.
        why: String,
    },
    /// The dashboard refuses.
    #[error("{host} refuses: {why}; the code is not used up")]
    Refused {
        /// The dashboard's host and port.
        host: String,
        /// What it says.
        why: String,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Enrols this host and prints what it is called.
pub async fn enrol(options: &Enrol, settings: &Settings) -> Result<(), StartError> {
    let url = url(options, settings)?;
    let code = Code::read(options)?;
    let state = State::at(settings.state_dir().unwrap_or(Path::new(UNIT_STATE_DIR)));
    refuse_to_overwrite(&state, options.force)?;
    state.create().map_err(EnrolError::from)?;
    let mut pending = state.begin();
    // Where the key cannot be written, the code must not be used up.
    pending.write(Kept::Key, b"").map_err(EnrolError::from)?;

    let ca_file = options.ca_file.as_deref().or(settings.ca_file());
    let mut dashboard = Verified::connect(&url, &code, ca_file).await?;
    if let Some(pem) = &dashboard.ca {
        pending.write(Kept::Ca, pem).map_err(EnrolError::from)?;
    }
    let address = url.as_str().trim_end_matches('/');
    pending
        .write(Kept::Url, address.as_bytes())
        .map_err(EnrolError::from)?;

    let enrolled = dashboard.exchange(&code).await?;
    pending
        .write(Kept::Key, enrolled.key.as_bytes())
        .and_then(|()| pending.keep())
        .map_err(|why| EnrolError::Lost {
            why: why.to_string(),
        })?;
    if dashboard.ca.is_none() {
        // A CA of an enrolment before would refuse this dashboard.
        let _ = fs::remove_file(state.path(Kept::Ca));
    }
    println!(
        "enrolled at {} as {}; the key is in {}",
        dashboard.connection.host(),
        enrolled.name,
        state.path(Kept::Key).display()
    );
    Ok(())
}

fn url(options: &Enrol, settings: &Settings) -> Result<Url, ConfigError> {
    match &options.url {
        Some(url) => parse_url("--url", url),
        None => settings.url(),
    }
}

fn refuse_to_overwrite(state: &State, force: bool) -> Result<(), EnrolError> {
    let path = state.path(Kept::Key);
    let there = KeySource::File(path.clone()).read().is_ok();
    if there && !force {
        return Err(EnrolError::KeyThere(path));
    }
    Ok(())
}

/// The code: what is sent, and the fingerprint of the dashboard's CA where it has one of its own.
struct Code {
    secret: Zeroizing<String>,
    pin: Option<Pin>,
}

impl Code {
    fn read(options: &Enrol) -> Result<Self, EnrolError> {
        let text = match (options.code.as_deref(), &options.code_file) {
            (Some("-"), None) => read_text("standard input", io::stdin())?,
            (Some(code), None) => Zeroizing::new(code.to_owned()),
            (None, Some(path)) => {
                let place = path.display().to_string();
                let file = fs::File::open(path).map_err(|why| EnrolError::CodeUnreadable {
                    place: place.clone(),
                    why,
                })?;
                read_text(&place, file)?
            }
            (None, None) | (Some(_), Some(_)) => return Err(EnrolError::CodeGiven),
        };
        Self::parse(text.trim_ascii()).ok_or(EnrolError::CodeForm)
    }

    fn parse(text: &str) -> Option<Self> {
        let (secret, pin) = match text.split_once('.') {
            Some((secret, pin)) => (secret, Some(Pin::parse(pin)?)),
            None => (text, None),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let whole = secret.starts_with(PREFIX)
            && secret.len() <= MAX_CODE_BYTES
            && secret.bytes().all(plain);
        whole.then(|| Self {
            secret: Zeroizing::new(secret.to_owned()),
            pin,
        })
    }
}

fn read_text(place: &str, from: impl io::Read) -> Result<Zeroizing<String>, EnrolError> {
    let mut text = Zeroizing::new(String::new());
    from.take(MAX_CODE_BYTES as u64 * 2)
        .read_to_string(&mut text)
        .map_err(|why| EnrolError::CodeUnreadable {
            place: place.to_owned(),
            why,
        })?;
    Ok(text)
}

/// A dashboard that has proved who it is.
struct Verified {
    connection: Connection,
    /// What to trust from now on; none for the system's CAs.
    ca: Option<Vec<u8>>,
}

impl Verified {
    /// Verifies the dashboard by the code's fingerprint, else by the CA file, else by the system's.
    async fn connect(url: &Url, code: &Code, ca_file: Option<&Path>) -> Result<Self, StartError> {
        let given = ca_file.map(Ca::read).transpose()?;
        let (connection, ca) = match (code.pin, given) {
            (Some(pin), given) => {
                if given.is_some_and(|given| !given.has(pin)) {
                    let host = host_of(url);
                    let why = "its CA is not in the CA file that was given".to_owned();
                    return Err(EnrolError::NotPinned { host, why }.into());
                }
                let mut connection = Connection::new(url, tls::pinned_config(pin)?);
                let ca = pinned_ca(&mut connection, pin).await?;
                (connection, Some(ca))
            }
            (None, Some(given)) => (Connection::new(url, given.config()?), Some(given.pem)),
            (None, None) => {
                let tls = tls::client_config(tls::roots_of_system()?)?;
                (Connection::new(url, tls), None)
            }
        };
        Ok(Self { connection, ca })
    }

    /// Exchanges the code. From here on it is used up, whatever happens.
    async fn exchange(&mut self, code: &Code) -> Result<Enrolled, EnrolError> {
        let body = Zeroizing::new(
            json!({
                "code": code.secret.as_str(),
                "hostname": hostname(),
                "agent_version": env!("CARGO_PKG_VERSION"),
            })
            .to_string(),
        );
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (USER_AGENT, AGENT),
        ]);
        let body = Bytes::copy_from_slice(body.as_bytes());
        let sent = self.connection.post("/api/v1/enrolments", headers, body);
        let reply = sent.await.map_err(|failure| self.explain(&failure))?;
        match reply.status.as_u16() {
            201 => Enrolled::read(&reply).ok_or_else(|| EnrolError::Lost {
                why: format!("what {} answers is no agent key", self.connection.host()),
            }),
            410 => Err(EnrolError::Closed {
                host: self.connection.host().to_owned(),
            }),
            _ => Err(EnrolError::Refused {
                host: self.connection.host().to_owned(),
                why: said(&reply),
            }),
        }
    }

    /// What could not even be connected to has not taken the code.
    fn explain(&self, failure: &Failure) -> EnrolError {
        let why = failure.to_string();
        match failure.kind() {
            FailureKind::AnswerTooLong
            | FailureKind::Closed
            | FailureKind::Other
            | FailureKind::Timeout => EnrolError::Lost { why },
            FailureKind::Certificate
            | FailureKind::CertificateTime
            | FailureKind::Name
            | FailureKind::NotTls
            | FailureKind::Refused
            | FailureKind::Tls
            | FailureKind::UnknownCa
            | FailureKind::WrongName => EnrolError::NotPinned {
                host: self.connection.host().to_owned(),
                why,
            },
        }
    }
}

/// The dashboard's CAs, over a connection that was verified by the fingerprint of one of them.
async fn pinned_ca(dashboard: &mut Connection, pin: Pin) -> Result<Vec<u8>, EnrolError> {
    let host = dashboard.host().to_owned();
    let not_pinned = |why: &str| EnrolError::NotPinned {
        host: host.clone(),
        why: why.to_owned(),
    };
    let bundle = match Bundle::fetch(dashboard).await {
        Ok(bundle) => bundle,
        Err(BundleError::Failure(failure)) if failure.kind() == FailureKind::UnknownCa => {
            return Err(not_pinned(
                "it shows no certificate of the CA whose fingerprint the code carries; is the \
                 address right, or does somebody stand in between?",
            ));
        }
        Err(why) => return Err(why.into()),
    };
    bundle
        .filter(|bundle| bundle.certificates().iter().any(|ca| pin.is_of(ca)))
        .map(|bundle| bundle.pem().to_owned())
        .ok_or_else(|| not_pinned("what it gives at /trust.pem does not hold the CA of the code"))
}

/// A CA file that was given.
struct Ca {
    path: PathBuf,
    pem: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Ca {
    fn read(path: &Path) -> Result<Self, TlsError> {
        let unusable = |why: String| TlsError::CaFile {
            path: path.to_owned(),
            why,
        };
        let pem = fs::read(path).map_err(|why| unusable(why.to_string()))?;
        let certificates = tls::certificates(&pem).map_err(unusable)?;
        Ok(Self {
            path: path.to_owned(),
            pem,
            certificates,
        })
    }

    fn has(&self, pin: Pin) -> bool {
        self.certificates.iter().any(|ca| pin.is_of(ca))
    }

    fn config(&self) -> Result<rustls::ClientConfig, TlsError> {
        let roots = tls::roots_of(self.certificates.clone());
        tls::client_config(roots.map_err(|why| TlsError::CaFile {
            path: self.path.clone(),
            why,
        })?)
    }
}

/// What the dashboard gave.
struct Enrolled {
    key: Zeroizing<String>,
    name: String,
}

impl Enrolled {
    fn read(reply: &Reply) -> Option<Self> {
        let answer: Value = serde_json::from_slice(&reply.body).ok()?;
        let key = Zeroizing::new(answer.get("agent_key")?.as_str()?.to_owned());
        let valid: Result<ApiKey, InvalidKey> = ApiKey::new(&key);
        valid.ok()?;
        let name = answer.get("server")?.get("name")?.as_str()?;
        Some(Self {
            key,
            name: printable(name),
        })
    }
}

fn said(reply: &Reply) -> String {
    match reply.problem() {
        Some(problem) => printable(problem.detail.as_ref().unwrap_or(&problem.title)),
        None => format!("status {}", reply.status.as_u16()),
    }
}

fn hostname() -> String {
    let name = rustix::system::uname();
    printable(&name.nodename().to_string_lossy())
}

const PREFIX: &str = "sse_";
/// A code has 56 bytes, and as many as 65 for the fingerprint.
const MAX_CODE_BYTES: usize = 256;
