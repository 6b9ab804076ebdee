//! Names that people give, checked once, where they come in.

use std::fmt;

use lettre::Address;
use server_scout_wire::label::is_visible;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::MixedScript as _;

use super::ServiceError;

/// A name of an organisation, a group, a server, a person or an access token: 1 to 64 visible characters
/// without space at the ends, and no word that mixes scripts.
///
/// Letters of two scripts in one word (UTS #39, section 5.1) are how one name is made to look like
/// another. The rule is about the name alone, so it holds wherever the name goes and nothing has to be
/// compared; comparing skeletons would also keep `modem` from living beside `modern`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name(String);

impl Name {
    /// The most characters of a name.
    pub const MAX: usize = 64;

    /// Checks a name that somebody typed. Space around it is not part of it.
    pub fn parse(member: &'static str, text: &str) -> Result<Self, ServiceError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::MAX {
            let reason = format!("must have 1 to {} characters", Self::MAX);
            return Err(ServiceError::invalid(member, reason));
        }
        if !text.chars().all(is_visible) {
            return Err(ServiceError::invalid(
                member,
                "holds a control or invisible character",
            ));
        }
        let text: String = text.nfc().collect();
        if stacks_marks(&text) {
            return Err(ServiceError::invalid(
                member,
                "stacks signs over one letter",
            ));
        }
        if mixes_scripts(&text) {
            return Err(ServiceError::invalid(
                member,
                "mixes scripts within a word, which makes names look alike",
            ));
        }
        Ok(Self(text))
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
            .nfc()
            .take(Self::MAX)
            .collect();
        let kept = kept.trim();
        Self(
            if kept.is_empty() || stacks_marks(kept) || mixes_scripts(kept) {
                "this machine".to_owned()
            } else {
                kept.to_owned()
            },
        )
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

fn mixes_scripts(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| !word.is_single_script())
}

/// Whether more signs stand over one letter than any language needs.
fn stacks_marks(text: &str) -> bool {
    let mut marks = 0;
    text.chars().any(|c| {
        marks = if is_combining_mark(c) { marks + 1 } else { 0 };
        marks > MAX_MARKS
    })
}

/// What people say about a server: at most 500 visible characters, and line breaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description(String);

impl Description {
    /// Checks a text that somebody typed. Space around it is not part of it; browsers send line breaks
    /// as two characters.
    pub fn parse(member: &'static str, text: &str) -> Result<Self, ServiceError> {
        let text = text.trim().replace("\r\n", "\n");
        if text.chars().count() > MAX_DESCRIPTION {
            let reason = format!("must have at most {MAX_DESCRIPTION} characters");
            return Err(ServiceError::invalid(member, reason));
        }
        if !text.chars().all(|c| c == '\n' || is_visible(c)) {
            return Err(ServiceError::invalid(
                member,
                "holds a control or invisible character",
            ));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address: lower case, of a form that mail programs take, no word of mixed scripts, at most
/// 254 bytes (RFC 5321 section 4.5.3.1). Whether it exists only a mail can tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Email(String);

impl Email {
    /// Checks an address that somebody typed.
    pub fn parse(text: &str) -> Result<Self, ServiceError> {
        let text: String = text.trim().to_lowercase().nfc().collect();
        let plain = text.chars().all(|c| is_visible(c) && !c.is_whitespace());
        let shaped = text.parse::<Address>().is_ok() && !text.ends_with('.');
        let one_script = !mixes_scripts(&text) && !stacks_marks(&text);
        if plain && shaped && one_script && text.len() <= MAX_EMAIL {
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

const MAX_MARKS: u32 = 3;
const MAX_DESCRIPTION: usize = 500;
const MAX_EMAIL: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_must_be_visible() {
        let name = Name::parse("name", "  web 1 ");
        assert!(name.is_ok_and(|name| name.as_str() == "web 1"));
        let one = Name::parse("name", "Cafe\u{301}");
        assert!(one.is_ok_and(|name| name.as_str() == "Café"));
        for bad in [
            "a\u{301}\u{301}\u{301}\u{301}\u{301}",
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
    fn a_word_of_a_name_has_letters_of_one_script() {
        for good in [
            "web-1.example",
            "Müller & Söhne",
            "Tokyo 東京",
            "ひらがな漢字カタカナ",
            "한국어",
            "Москва-1",
            "m² 😀 (a/b)",
        ] {
            assert!(Name::parse("name", good).is_ok(), "{good:?}");
        }
        // Cyrillic а, Greek ο, Cyrillic ԝ.
        for bad in [
            "p\u{430}ypal",
            "g\u{3bf}\u{3bf}gle",
            "my \u{51d}eb",
            "db-pr\u{43e}d",
        ] {
            assert!(Name::parse("name", bad).is_err(), "{bad:?}");
        }
        assert_eq!(Name::from_hostname("p\u{430}y").as_str(), "this machine");
    }

    #[test]
    fn a_description_has_lines_and_nothing_invisible() {
        let text = Description::parse("description", " a\r\n\r\nb ");
        assert!(text.is_ok_and(|text| text.as_str() == "a\n\nb"));
        for bad in ["a\tb", "a\u{202e}b", "a\u{0}", &"x".repeat(501)] {
            assert!(Description::parse("description", bad).is_err(), "{bad:?}");
        }
        assert!(Description::parse("description", &"x\n".repeat(250)).is_ok());
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
            "a,b@example.org",
            "a\"b<script>@example.org",
            "ada@example.org.",
            "\u{43e}wner@example.org",
            "ada@ex\u{430}mple.org",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
