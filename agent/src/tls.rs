//! TLS as the agent speaks it: verified, versions 1.2 and 1.3, nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, RootCertStore};

/// The one place that chooses the cryptography.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        key_provider: &NoKeys,
        ..rustls::crypto::ring::default_provider()
    })
}

/// The agent shows no certificate of its own, so it can load no private key.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General(
            "an agent has no private key".to_owned(),
        ))
    }
}

/// The client's side of TLS. The certificates of `ca_file` are trusted, and they alone; without
/// one, those of the system.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let roots = match ca_file {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system()?,
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // There is one dashboard: the default of 256 remembered servers would be memory for nothing.
    config.resumption = Resumption::in_memory_sessions(1);
    Ok(config)
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let unusable = |why: String| TlsError::CaFile {
        path: path.to_owned(),
        why,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|why| unusable(why.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|why| unusable(why.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = found.errors.first().map(ToString::to_string);
    Err(TlsError::NoSystemRoots(
        why.unwrap_or_else(|| "none is installed".to_owned()),
    ))
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the CA is of no use.
    #[error("cannot use {} as CA file: {why}; expected PEM certificates", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system trusts no CA.
    #[error(
        "the system has no trusted CA certificates ({0}); install them (ca-certificates) or set \
         SERVERSCOUT_CA_FILE"
    )]
    NoSystemRoots(String),
    /// The provider lacks what the agent asks for.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}
