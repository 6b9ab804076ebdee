//! Whose certificates are trusted, and how that changes while the agent runs.
//!
//! A file of CAs that somebody replaces is read again. What enrolment stored is kept up to date by
//! the agent itself, so that the dashboard can change its CA: now and then it asks the dashboard,
//! over the connection that it has verified, for the CAs of today. What it takes is certificates
//! and nothing else, at most as long as any answer, and only if they verify this very dashboard
//! on a connection of its own. It decides whom the agent reports to, and never what it does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::Instant;

use crate::backoff::random_unit;
use crate::tls::{self, TlsError};
use crate::watched::Watched;

/// Whose certificates are trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Anchor {
    /// The CAs that enrolment stored in this file.
    Enrolled(PathBuf),
    /// The CAs in this file, which is somebody else's.
    File(PathBuf),
    /// The system's CAs.
    System,
}

/// The CAs that are trusted now.
#[derive(Debug)]
pub struct Trust {
    anchor: Anchor,
    file: Option<Watched>,
    /// When the dashboard is asked for its CAs.
    ask_at: Instant,
}

impl Anchor {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::Enrolled(path) | Self::File(path) => Some(path),
            Self::System => None,
        }
    }

    /// The client's side of TLS with these CAs.
    pub fn config(&self) -> Result<ClientConfig, TlsError> {
        tls::client_config(match self.file() {
            Some(path) => tls::roots_of_file(path)?,
            None => tls::roots_of_system()?,
        })
    }
}

impl Trust {
    /// Trust in `anchor`, and the TLS that follows.
    pub fn new(anchor: Anchor) -> Result<(Self, ClientConfig), TlsError> {
        let file = anchor.file().map(|path| Watched::new(path.to_owned()));
        let config = anchor.config()?;
        let trust = Self {
            anchor,
            file,
            ask_at: Instant::now(),
        };
        Ok((trust, config))
    }

    /// What TLS needs when the file was replaced. One that cannot be used is complained about once,
    /// and what was trusted before stays.
    pub fn changed(&mut self) -> Option<ClientConfig> {
        if !self.file.as_mut().is_some_and(Watched::changed) {
            return None;
        }
        match self.anchor.config() {
            Ok(config) => {
                tracing::info!("the CA file was changed; going on with the new one");
                Some(config)
            }
            Err(why) => {
                tracing::warn!("{why}; going on with the CA before");
                None
            }
        }
    }

    /// The file to renew, when it is time to ask the dashboard for its CAs. The next time is in an
    /// hour, more or less, so that a fleet does not ask as one.
    pub fn due(&mut self) -> Option<&Path> {
        let Anchor::Enrolled(path) = &self.anchor else {
            return None;
        };
        let now = Instant::now();
        if now < self.ask_at {
            return None;
        }
        self.ask_at = now + ASK_EVERY.mul_f64(0.5 + random_unit());
        Some(path)
    }
}

/// On average.
const ASK_EVERY: Duration = Duration::from_hours(1);
