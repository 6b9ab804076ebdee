//! Names that people give, checked once, where they come in.

use std::fmt;

use server_scout_wire::label::is_visible;

use super::ServiceError;

/// A name of an organisation, a server or a person: 1 to 64 visible characters without space at the ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name(String);

impl Name {
    /// Checks a name that somebody typed. Space around it is not part of it.
    pub fn parse(member: &'static str, text: &str) -> Result<Self, ServiceError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_NAME {
            let reason = format!("must have 1 to {MAX_NAME} characters");
            return Err(ServiceError::invalid(member, reason));
        }
        if !text.chars().all(is_visible) {
            return Err(ServiceError::invalid(
                member,
                "holds a control or invisible character",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The same where nothing may be given; empty then.
    pub fn parse_optional(member: &'static str, text: &str) -> Result<String, ServiceError> {
        if text.trim().is_empty() {
            return Ok(String::new());
        }
        Self::parse(member, text).map(|name| name.0)
    }

    /// Makes a name of a host's own, as far as one can be made.
    #[must_use]
    pub fn from_hostname(text: &str) -> Self {
        let kept: String = text
            .chars()
            .filter(|c| is_visible(*c))
            .take(MAX_NAME)
            .collect();
        let kept = kept.trim();
        Self(if kept.is_empty() {
            "this machine".to_owned()
        } else {
            kept.to_owned()
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address: lower case, one `@` with something on both sides, at most 254 bytes
/// (RFC 5321 section 4.5.3.1). Whether it exists only a mail can tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Email(String);

impl Email {
    /// Checks an address that somebody typed.
    pub fn parse(text: &str) -> Result<Self, ServiceError> {
        let text = text.trim().to_lowercase();
        let plain = text.chars().all(|c| is_visible(c) && !c.is_whitespace());
        let split = text.split_once('@');
        let shaped = split.is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        });
        if plain && shaped && text.len() <= MAX_EMAIL {
            Ok(Self(text))
        } else {
            Err(ServiceError::invalid("email", "must be an e-mail address"))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const MAX_EMAIL: usize = 254;
const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_must_be_visible() {
        let name = Name::parse("name", "  web 1 ");
        assert!(name.is_ok_and(|name| name.as_str() == "web 1"));
        for bad in [
            "",
            "   ",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}b",
            &"x".repeat(65),
        ] {
            assert!(Name::parse("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_is_lowered_and_has_two_sides() {
        assert!(Email::parse(" Ada@Example.org ").is_ok_and(|e| e.as_str() == "ada@example.org"));
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "a b@c",
            "a\u{0}@b",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
