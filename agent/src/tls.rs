//! TLS as the agent speaks it: verified, versions 1.2 and 1.3, nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::pin::{Pin, PinnedCa};

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

/// The client's side of TLS. `roots` are trusted, and they alone.
pub fn client_config(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    Ok(finish(builder()?.with_root_certificates(roots)))
}

/// The same for one CA that is known by its fingerprint alone.
pub fn pinned_config(pin: Pin) -> Result<ClientConfig, TlsError> {
    let verifier = Arc::new(PinnedCa::new(pin, provider()));
    Ok(finish(
        builder()?
            .dangerous()
            .with_custom_certificate_verifier(verifier),
    ))
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsError> {
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    Ok(ClientConfig::builder_with_provider(provider()).with_protocol_versions(&versions)?)
}

fn finish(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> ClientConfig {
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // There is one dashboard: the default of 256 remembered servers would be memory for nothing.
    config.resumption = Resumption::in_memory_sessions(1);
    config
}

/// The certificates of a PEM file.
pub fn roots_of_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let unusable = |why: String| TlsError::CaFile {
        path: path.to_owned(),
        why,
    };
    let text = fs::read(path).map_err(|why| unusable(why.to_string()))?;
    let certificates = certificates(&text).map_err(unusable)?;
    roots_of(certificates).map_err(unusable)
}

/// The certificates of a PEM text, at least one.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| why.to_string())?;
    if found.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(found)
}

/// The CAs to trust, each of which must be usable as one.
pub fn roots_of(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|why| why.to_string())?;
    }
    Ok(roots)
}

/// What the system trusts.
pub fn roots_of_system() -> Result<RootCertStore, TlsError> {
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
