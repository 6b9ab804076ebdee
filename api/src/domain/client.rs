//! Where somebody comes from, as it is kept with a session for its person to recognise.

use std::net::IpAddr;

use server_scout_wire::label::is_visible;

/// The address and the browser behind a request.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address, as far as it can be trusted.
    pub address: Option<IpAddr>,
    /// What the browser says it is.
    pub user_agent: UserAgent,
}

/// What a browser says it is: at most 160 visible characters. Nothing is decided by it; it may say
/// what it likes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UserAgent(String);

impl UserAgent {
    /// Takes the header as it came; what cannot be seen goes, and the rest is cut.
    #[must_use]
    pub fn cleaned(header: &[u8]) -> Self {
        let text = String::from_utf8_lossy(header.get(..MAX_BYTES).unwrap_or(header));
        let visible = text.chars().filter(|c| is_visible(*c)).take(MAX_CHARS);
        Self(visible.collect::<String>().trim().to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Client {
    /// The address in words; empty when it is not known.
    pub(super) fn shown_address(&self) -> String {
        self.address
            .map(|address| address.to_string())
            .unwrap_or_default()
    }
}

/// The migration that made the column has the same number.
const MAX_CHARS: usize = 160;
/// More of a header is not even looked at.
const MAX_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_visible_and_short() {
        let cleaned = |header: &str| UserAgent::cleaned(header.as_bytes()).0;
        assert_eq!(cleaned("Mozilla/5.0 (X11)"), "Mozilla/5.0 (X11)");
        assert_eq!(cleaned(" a\u{202e}b\u{200b}c\td\u{7}\u{feff} "), "abcd");
        assert_eq!(cleaned(""), "");
        assert_eq!(cleaned(&"x".repeat(100_000)).chars().count(), 160);
        assert_eq!(cleaned(&"ü".repeat(100_000)).chars().count(), 160);
        assert_eq!(UserAgent::cleaned(&[b'a', 0xff, b'b']).0, "a\u{fffd}b");
    }
}
