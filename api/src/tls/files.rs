//! The operator's own certificate files.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Pair, TlsError};

/// Two files and when they were last read.
#[derive(Debug)]
pub(super) struct Files {
    cert_file: PathBuf,
    key_file: PathBuf,
    read_at: Option<Modified>,
}

type Modified = (Option<SystemTime>, Option<SystemTime>);

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what} from {}: {reason}", path.display())]
pub struct FilesError {
    what: &'static str,
    path: PathBuf,
    reason: String,
}

impl Files {
    pub(super) fn new(cert_file: &Path, key_file: &Path) -> Self {
        Self {
            cert_file: cert_file.to_owned(),
            key_file: key_file.to_owned(),
            read_at: None,
        }
    }

    /// Reads both files and remembers which state of them was read, so that a bad pair is
    /// complained about once and not at every look.
    pub(super) fn read(&mut self) -> Result<Pair, FilesError> {
        self.read_at = Some(self.modified());
        let chain = CertificateDer::pem_file_iter(&self.cert_file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| failure("a certificate chain", &self.cert_file, &error.to_string()))?;
        if chain.is_empty() {
            return Err(failure(
                "a certificate chain",
                &self.cert_file,
                "it holds no certificate",
            ));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key_file)
            .map_err(|error| failure("a private key", &self.key_file, &error.to_string()))?;
        Ok(Pair { chain, key })
    }

    /// The error of a certificate and a key that cannot be used together.
    pub(super) fn unfit(&self, reason: rustls::Error) -> TlsError {
        TlsError::Unfit {
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            reason,
        }
    }

    pub(super) fn changed(&self) -> bool {
        self.read_at != Some(self.modified())
    }

    fn modified(&self) -> Modified {
        let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).ok();
        (modified(&self.cert_file), modified(&self.key_file))
    }
}

fn failure(what: &'static str, path: &Path, reason: &str) -> FilesError {
    FilesError {
        what,
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
