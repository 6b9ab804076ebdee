//! What goes out to addresses that people typed.

use std::path::PathBuf;

use super::settings::{ConfigError, Settings};
use crate::outbound::{Opening, Policy};

/// How notices leave.
#[derive(Clone, Debug)]
pub struct OutboundSettings {
    /// Which process sends.
    pub mode: OutboundMode,
    /// What may be reached.
    pub policy: Policy,
    /// CAs to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Which process sends what goes to channels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OutboundMode {
    /// The dashboard itself.
    Inline,
    /// `server-scout notify`, beside it.
    Separate,
}

/// Reads what is said of outgoing requests.
pub(super) fn read(settings: &mut Settings) -> Result<OutboundSettings, ConfigError> {
    let mode = match settings.parse::<String>("outbound.mode", "")?.as_deref() {
        None | Some("inline") => OutboundMode::Inline,
        Some("separate") => OutboundMode::Separate,
        Some(other) => return Err(settings.invalid("outbound.mode", other, "inline or separate")),
    };
    let ports = settings.list(
        "outbound.ports",
        "ports such as 443, separated by commas",
        |text| text.parse().ok().filter(|port| *port != 0),
    )?;
    let opened = settings.list(
        "outbound.allow",
        "organisation=network or organisation=host, such as Example=10.1.0.0/16, separated by commas",
        |text| text.parse::<Opening>().ok(),
    )?;
    Ok(OutboundSettings {
        mode,
        policy: Policy {
            ports: ports.unwrap_or_else(|| vec![HTTPS]),
            opened: opened.unwrap_or_default(),
        },
        ca_file: settings.parse("outbound.ca_file", "a file")?,
    })
}

const HTTPS: u16 = 443;
