//! TLS of the dashboard itself: one provider, one certificate that can be changed while it serves.

pub mod authority;
mod files;
pub mod rotation;
pub mod verdict;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use self::authority::{Authority, AuthorityError};
use self::files::FilesError;
use crate::clock::Clock;
use crate::config::{Config, Tls};
use crate::data_dir::DataDir;

/// The provider of all cryptography of TLS in this program.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What an agent must be given to trust this dashboard's own CA.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgentsTrust {
    /// The CA's certificate, PEM; while it is replaced also the next CA's.
    pub pem: String,
    /// The SHA-256 of the CA that signs now, hexadecimal.
    pub sha256: String,
}

/// What agents must be given now; it changes while the dashboard runs.
#[derive(Clone, Debug)]
pub struct SharedTrust(Arc<RwLock<Arc<AgentsTrust>>>);

impl SharedTrust {
    fn new(trust: AgentsTrust) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(trust))))
    }

    /// What agents must be given now.
    #[must_use]
    pub fn now(&self) -> Arc<AgentsTrust> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, trust: AgentsTrust) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trust);
    }
}

/// The certificate that is served now, and where a newer one comes from.
#[derive(Debug)]
pub struct Certificates {
    current: Arc<Current>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Authority(Box<Authority>, SharedTrust),
    Files(files::Files),
}

/// Why there is no certificate to serve.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The own CA or its leaf.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The operator's files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The operator's files cannot be used together.
    #[error(
        "the certificate in {} and the key in {} cannot be used together: {reason}",
        cert_file.display(), key_file.display()
    )]
    Unfit {
        /// The chain.
        cert_file: PathBuf,
        /// The key.
        key_file: PathBuf,
        /// What the TLS library says.
        reason: rustls::Error,
    },
    /// The TLS library refused what we made ourselves.
    #[error("TLS cannot be set up")]
    Unusable(#[from] rustls::Error),
}

impl Certificates {
    /// The certificates that the configuration asks for; none behind a proxy.
    pub fn open(
        config: &Config,
        data_dir: &DataDir,
        clock: &Clock,
    ) -> Result<Option<Self>, TlsError> {
        let (first, source) = match &config.tls {
            Tls::Proxy => return Ok(None),
            Tls::SelfSigned => {
                let authority = Authority::open(data_dir, &config.hosts, clock)?;
                let trust = SharedTrust::new(authority.trust());
                let leaf = authority.leaf()?;
                (leaf, Source::Authority(Box::new(authority), trust))
            }
            Tls::Files {
                cert_file,
                key_file,
            } => {
                let mut files = files::Files::new(cert_file, key_file);
                (files.read()?, Source::Files(files))
            }
        };
        let first = certified(first).map_err(|error| source.explain(error))?;
        let current = Arc::new(Current(RwLock::new(Arc::new(first))));
        Ok(Some(Self { current, source }))
    }

    /// What the acceptor needs. TLS 1.2 and 1.3; HTTP/2 and HTTP/1.1.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// What agents must be given to trust the own CA; none when the operator brought certificates.
    #[must_use]
    pub fn trust(&self) -> Option<SharedTrust> {
        match &self.source {
            Source::Authority(_, trust) => Some(trust.clone()),
            Source::Files(_) => None,
        }
    }

    /// Renews the leaf or reads changed files, for as long as the program runs. What cannot be
    /// used is logged and refused, and the certificate before it stays.
    pub async fn keep_fresh(mut self, clock: Clock) {
        let mut complaint = String::new();
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            match self.newer(&clock) {
                Ok(None) => complaint.clear(),
                Ok(Some(pair)) => match certified(pair) {
                    Ok(key) => {
                        self.current.replace(key);
                        tracing::info!("now serving a new certificate");
                    }
                    Err(error) => {
                        let error = self.source.explain(error);
                        tracing::error!("{error}; the certificate before it stays");
                    }
                },
                // Said once, not at every look.
                Err(error) if error.to_string() == complaint => {}
                Err(error) => {
                    complaint = error.to_string();
                    tracing::error!("{error}; the certificate before it stays");
                }
            }
        }
    }

    fn newer(&mut self, clock: &Clock) -> Result<Option<Pair>, TlsError> {
        match &mut self.source {
            Source::Authority(authority, trust) => {
                if !authority.tend(clock)? {
                    return Ok(None);
                }
                trust.replace(authority.trust());
                Ok(Some(authority.leaf()?))
            }
            Source::Files(files) if files.changed() => Ok(Some(files.read()?)),
            Source::Files(_) => Ok(None),
        }
    }
}

impl Source {
    /// Says of which certificate and key the TLS library complains.
    fn explain(&self, reason: rustls::Error) -> TlsError {
        match self {
            Self::Authority(..) => reason.into(),
            Self::Files(files) => files.unfit(reason),
        }
    }
}

/// A certificate chain, leaf first, and the leaf's key.
#[derive(Debug)]
pub struct Pair {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn certified(pair: Pair) -> Result<CertifiedKey, rustls::Error> {
    // Checks also that the key belongs to the certificate.
    CertifiedKey::from_der(pair.chain, pair.key, &provider())
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    fn replace(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

const CHECK_EVERY: Duration = Duration::from_secs(5);
