//! A name that came from a host: an interface, a device, a mount.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::limits::MAX_LABEL_BYTES;

/// One to 128 bytes of UTF-8 without control, format or other invisible characters.
///
/// Names on a host are chosen by whoever may mount, plug or load something there, so they are
/// hostile input. What a label can hold is safe to store, to log on one line and to escape.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Label(Arc<str>);

impl Label {
    /// Takes `text` as it is, or says why it cannot be a label.
    pub fn new(text: &str) -> Result<Self, InvalidLabel> {
        if text.trim().is_empty() {
            return Err(InvalidLabel::Empty);
        }
        if text.len() > MAX_LABEL_BYTES {
            return Err(InvalidLabel::TooLong);
        }
        if !text.chars().all(is_visible) {
            return Err(InvalidLabel::Invisible);
        }
        Ok(Self(text.into()))
    }

    /// Makes a label of any text: what would be refused is escaped as `\u{…}`, and a long name is
    /// cut and ends in `…`. The flag tells whether anything was changed.
    #[must_use]
    pub fn escaped(text: &str) -> (Self, bool) {
        if let Ok(label) = Self::new(text) {
            return (label, false);
        }
        let mut out = String::with_capacity(MAX_LABEL_BYTES);
        for c in text.chars() {
            let piece: Cow<'_, str> = if is_visible(c) {
                Cow::Owned(c.to_string())
            } else {
                Cow::Owned(c.escape_unicode().to_string())
            };
            if out.len() + piece.len() > MAX_LABEL_BYTES - CUT.len() {
                out.push_str(CUT);
                break;
            }
            out.push_str(&piece);
        }
        if out.trim().is_empty() {
            "(empty)".clone_into(&mut out);
        }
        (Self(out.into()), true)
    }

    /// The label's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot be a label.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLabel {
    /// It has no character.
    #[error("is empty, expected 1 to {MAX_LABEL_BYTES} bytes")]
    Empty,
    /// It holds a control, format, bidirectional or other invisible character.
    #[error("holds a control or invisible character")]
    Invisible,
    /// It is longer than a label may be.
    #[error("is longer than {MAX_LABEL_BYTES} bytes")]
    TooLong,
}

/// Whether a person can see that `c` is there.
///
/// Refused are controls (Unicode category Cc), line separators, and the format characters that
/// reorder or hide text (UAX #9, UTS #39): the ways in which one name can be made to look like another.
#[must_use]
pub fn is_visible(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{13430}'..='\u{1345F}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'))
}

/// How a label ends that was longer.
const CUT: &str = "…";
