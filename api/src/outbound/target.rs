//! An address that a person typed, once it is known to be one that could be spoken to.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::networks;

/// Where a request goes: a scheme, a host, a port, a path. It holds no user and no fragment. What stands in
/// its path may be a secret, so only [`Target::shown`] is for eyes.
#[derive(Clone, Eq, PartialEq)]
pub struct Target(Url);

/// Why a text is no address to send to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// Longer than [`MAX_BYTES`].
    #[error("An address has at most {MAX_BYTES} bytes.")]
    Long,
    /// No URL, or with characters that readers of URLs would silently leave out.
    #[error("This is not an address; it is expected to look like https://hooks.example.org/path.")]
    Malformed,
    /// Another scheme.
    #[error("An address begins with https://.")]
    Scheme,
    /// A user or a password before the host.
    #[error("An address holds no user and no password before the host.")]
    User,
    /// What stands behind a `#` is never sent.
    #[error("An address holds nothing behind a #.")]
    Fragment,
}

impl Target {
    /// Reads a text. Every spelling of a host becomes the one that is connected to: names are mapped by
    /// IDNA, and `0x7f.1` is `127.0.0.1`.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.len() > MAX_BYTES {
            return Err(TargetError::Long);
        }
        // Readers of URLs drop these, so what was looked at would not be what is used.
        if text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
        {
            return Err(TargetError::Malformed);
        }
        let url = Url::parse(text).map_err(|_| TargetError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() || has_user(text) {
            return Err(TargetError::User);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        match url.host() {
            Some(Host::Domain("")) | None => Err(TargetError::Malformed),
            Some(_) => Ok(Self(url)),
        }
    }

    /// The address whole, for sealing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// For people: the host, and of the rest the last four characters.
    #[must_use]
    pub fn shown(&self) -> String {
        let rest = self.request_path();
        let skip = rest.chars().count().saturating_sub(SHOWN_CHARS);
        let end: String = rest.chars().skip(skip).collect();
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port} …{end}"),
            None => format!("{host} …{end}"),
        }
    }

    /// Whether it goes over TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The port, also when it is not written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(HTTPS)
    }

    /// The host as the certificate must name it.
    #[must_use]
    pub fn host(&self) -> Host<&str> {
        self.0.host().unwrap_or(Host::Domain(""))
    }

    /// The address, where the host is one.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        match self.host() {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(networks::canonical(address.into())),
        }
    }

    /// The value of the header `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Path and query, as the first line of a request has them.
    #[must_use]
    pub fn request_path(&self) -> &str {
        self.0
            .as_str()
            .get(self.0[..url::Position::BeforePath].len()..)
            .unwrap_or("/")
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.shown()).finish()
    }
}

/// Whether something stands before an `@` in the authority, even nothing but the sign.
fn has_user(text: &str) -> bool {
    let rest = text
        .split_once(':')
        .map_or("", |(_, rest)| rest)
        .trim_start_matches('/');
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('@')
}

/// Longer ones are no service's.
pub const MAX_BYTES: usize = 2048;
const SHOWN_CHARS: usize = 4;
const HTTPS: u16 = 443;
