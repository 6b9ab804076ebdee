//! The dashboard's own CAs, as it gives them to whoever has verified it: `/trust.pem`.
//!
//! While a CA is replaced there are two, the one that signs and the one that will.

use std::path::Path;

use hyper::StatusCode;
use rustls::pki_types::CertificateDer;

use crate::StartError;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::state::{Kept, State, StateError};
use crate::tls;

/// CA certificates, PEM: few, no longer than an answer may be, and each usable as a CA.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bundle {
    pem: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
}

/// Why there are no CAs to take.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The dashboard cannot be reached, or not be verified.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// What came holds no CAs.
    #[error("what {host} gives as its CA is none: {why}")]
    NoCa {
        /// The dashboard's host and port.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// The client cannot be made.
    #[error(transparent)]
    Start(#[from] Box<StartError>),
    /// The file cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Bundle {
    /// Takes a PEM text of at most four certificates.
    pub fn parse(pem: &[u8]) -> Result<Self, String> {
        if !pem.is_ascii() {
            return Err("it is no PEM text".to_owned());
        }
        let certificates = tls::certificates(pem)?;
        if certificates.len() > MAX_CAS {
            return Err(format!("it holds more than {MAX_CAS} certificates"));
        }
        tls::roots_of(certificates.clone())?;
        Ok(Self {
            pem: pem.to_owned(),
            certificates,
        })
    }

    /// Asks the dashboard; none when it has no CA of its own.
    pub async fn fetch(dashboard: &mut Connection) -> Result<Option<Self>, BundleError> {
        let reply = dashboard.get("/trust.pem").await?;
        if reply.status != StatusCode::OK {
            return Ok(None);
        }
        let parsed = Self::parse(&reply.body);
        parsed.map(Some).map_err(|why| no_ca(dashboard, why))
    }

    /// The text.
    #[must_use]
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// The certificates.
    #[must_use]
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

/// Brings the stored CAs up to date. New ones are taken only when they verify this dashboard on a
/// connection of their own, so that nothing that comes this way can lock the agent out.
pub async fn renew(known: &mut Connection, file: &Path) -> Result<(), BundleError> {
    let Some(bundle) = Bundle::fetch(known).await? else {
        return Ok(());
    };
    if std::fs::read(file).is_ok_and(|stored| stored == bundle.pem) {
        return Ok(());
    }
    let roots = tls::roots_of(bundle.certificates.clone()).map_err(|why| no_ca(known, why))?;
    let config = tls::client_config(roots).map_err(|why| Box::new(StartError::Tls(why)))?;
    let mut fresh = Connection::new(known.url(), config);
    if Bundle::fetch(&mut fresh).await?.as_ref() != Some(&bundle) {
        return Ok(());
    }
    let state = State::at(file.parent().unwrap_or(Path::new(".")));
    let mut pending = state.begin();
    pending.write(Kept::Ca, &bundle.pem)?;
    pending.keep()?;
    tracing::info!(
        certificates = bundle.certificates.len(),
        "the dashboard's CA has changed; the stored one is up to date"
    );
    Ok(())
}

fn no_ca(dashboard: &Connection, why: String) -> BundleError {
    BundleError::NoCa {
        host: dashboard.host().to_owned(),
        why,
    }
}

/// While a CA is replaced there are two; more make no sense.
const MAX_CAS: usize = 4;
