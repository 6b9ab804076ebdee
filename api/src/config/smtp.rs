//! Outgoing mail: the operator's alone.

use std::net::IpAddr;
use std::path::PathBuf;

use lettre::message::Mailbox;

use super::settings::{ConfigError, Settings};

/// How mail leaves.
#[derive(Clone, Debug)]
pub struct Smtp {
    /// The server's name or address, as its certificate says it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who sends: an address, perhaps with a name before it.
    pub from: Mailbox,
    /// How the connection is kept private.
    pub tls: SmtpTls,
    /// The only CA to trust, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Who logs in there, and the file that holds the password.
    pub login: Option<(String, PathBuf)>,
}

/// How the connection to the mail server is kept private.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SmtpTls {
    /// TLS from the first byte.
    Implicit,
    /// Not at all: only for a mail server on this machine.
    None,
    /// TLS after a word in the clear; without it nothing is sent.
    StartTls,
}

impl SmtpTls {
    fn default_port(self) -> usize {
        match self {
            Self::Implicit => 465,
            Self::None => 25,
            Self::StartTls => 587,
        }
    }
}

/// Reads what is said of outgoing mail; none when no host is named.
pub(super) fn read(settings: &mut Settings) -> Result<Option<Smtp>, ConfigError> {
    let host = settings.parse("smtp.host", "a name or an address of a mail server")?;
    let Some(host): Option<url::Host> = host.map(|host: HostName| host.0) else {
        let alone = settings.any("smtp.");
        return if alone {
            Err(ConfigError::SmtpHostMissing)
        } else {
            Ok(None)
        };
    };
    let tls = match settings.parse::<String>("smtp.tls", "")?.as_deref() {
        None | Some("implicit") => SmtpTls::Implicit,
        Some("starttls") => SmtpTls::StartTls,
        Some("none") if is_loopback(&host) => SmtpTls::None,
        Some("none") => return Err(ConfigError::SmtpInTheClear),
        Some(other) => {
            return Err(settings.invalid("smtp.tls", other, "implicit, starttls or none"));
        }
    };
    let port = settings.number("smtp.port", 1..=65_535, tls.default_port())?;
    let expected = "an e-mail address, perhaps as Name <address>";
    let from = settings.parse("smtp.from", expected)?;
    let username: Option<String> = settings.parse("smtp.username", "a name")?;
    let password_file: Option<PathBuf> = settings.parse("smtp.password_file", "a file")?;
    let login = match (username, password_file) {
        (Some(username), Some(file)) => Some((username, file)),
        (None, None) => None,
        _ => return Err(ConfigError::SmtpLoginHalf),
    };
    Ok(Some(Smtp {
        // An address of version 6 without the brackets that it has in a URL.
        host: match &host {
            url::Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        },
        port: u16::try_from(port).unwrap_or(u16::MAX),
        from: from.ok_or(ConfigError::SmtpFromMissing)?,
        tls,
        ca_file: settings.parse("smtp.ca_file", "a file")?,
        login,
    }))
}

struct HostName(url::Host);

impl std::str::FromStr for HostName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        super::parse_host(text).map(Self).ok_or(())
    }
}

fn is_loopback(host: &url::Host) -> bool {
    match host {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}
