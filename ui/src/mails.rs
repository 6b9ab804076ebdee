//! What a mail says, as text and as HTML.

use std::fmt;

use handlebars::Handlebars;
use serde::{Deserialize, Serialize};

use crate::helpers;
use crate::pages::UiError;

/// A mail to one person. Its words may hold what other people typed; its link never does.
#[derive(Clone, Deserialize, Serialize)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The text.
    pub paragraphs: Vec<String>,
    /// What to open.
    pub link: Option<Link>,
    /// Why this came, and what to do when it should not have.
    pub end: String,
}

/// Something to open: an address of the dashboard's own.
#[derive(Clone, Deserialize, Serialize)]
pub struct Link {
    /// What happens there.
    pub words: String,
    /// The whole address, with its secret.
    pub address: String,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The link stays out of logs.
        f.debug_struct("Letter")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// The template of mails, ready to use. Make it once and share it.
#[derive(Debug)]
pub struct Mails(Handlebars<'static>);

impl Mails {
    /// Registers the embedded template in strict mode.
    pub fn new() -> Result<Self, UiError> {
        let mut templates = Handlebars::new();
        templates.set_strict_mode(true);
        helpers::register(&mut templates);
        templates
            .register_template_string(NAME, include_str!("../mails/letter.hbs"))
            .map_err(|error| UiError::Template(Box::new(error)))?;
        Ok(Self(templates))
    }

    /// The mail for programs that show HTML.
    pub fn html(&self, letter: &Letter) -> Result<String, UiError> {
        self.0
            .render(NAME, letter)
            .map_err(|error| UiError::Render(Box::new(error)))
    }

    /// The mail as plain text, in lines of its own.
    #[must_use]
    pub fn text(letter: &Letter) -> String {
        let link = letter
            .link
            .as_ref()
            .map(|link| format!("{}:\n{}", link.words, link.address));
        let mut parts: Vec<&str> = letter.paragraphs.iter().map(String::as_str).collect();
        parts.extend(link.as_deref());
        parts.extend(["-- ", letter.end.as_str()]);
        let mut text = parts.join("\n\n");
        text.push('\n');
        text
    }
}

const NAME: &str = "letter";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn letter(text: &str) -> Letter {
        Letter {
            subject: text.to_owned(),
            paragraphs: vec![text.to_owned(), "second".to_owned()],
            link: Some(Link {
                words: text.to_owned(),
                address: "https://scout.example.org/invitation/ssl_x".to_owned(),
            }),
            end: text.to_owned(),
        }
    }

    #[test]
    fn hostile_words_stay_text_in_a_mail() {
        let mails = Mails::new().unwrap();
        let plain = mails.html(&letter("plain")).unwrap();
        let hostile = "\"><img src=x onerror='alert(1)'>\u{202e}{{end}}";
        let html = mails.html(&letter(hostile)).unwrap();
        for mark in ['<', '>', '"', '\''] {
            assert_eq!(html.matches(mark).count(), plain.matches(mark).count());
        }
        assert!(!html.contains('\u{202e}'));
        assert!(html.contains("{{end}}"), "a value is no template");
    }

    #[test]
    fn the_text_holds_the_link_on_a_line_of_its_own() {
        let text = Mails::text(&letter("plain"));
        let address = "https://scout.example.org/invitation/ssl_x";
        assert!(text.lines().any(|line| line == address), "{text}");
    }

    #[test]
    fn a_letter_is_not_printed_with_its_link() {
        assert!(!format!("{:?}", letter("plain")).contains("ssl_x"));
    }
}
