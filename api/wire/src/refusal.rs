//! Why a report is refused.

use crate::limits::MAX_DETAIL_BYTES;

/// A report was refused: which member, and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{member}: {reason}")]
pub struct Refusal {
    member: String,
    reason: String,
}

impl Refusal {
    /// A refusal of `member` because of `reason`, both cut to what an answer can carry and
    /// stripped of what a terminal or a log would obey.
    #[must_use]
    pub fn new(member: &str, reason: impl Into<String>) -> Self {
        Self {
            member: printable(member, 64),
            reason: printable(&reason.into(), MAX_DETAIL_BYTES),
        }
    }

    /// The member's name, with the label where it has one: `mount_total_bytes./home`.
    #[must_use]
    pub fn member(&self) -> &str {
        &self.member
    }

    /// What was found and what was expected.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

fn printable(text: &str, max_bytes: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let c = if crate::label::is_visible(c) {
            c
        } else {
            '\u{FFFD}'
        };
        if out.len() + c.len_utf8() > max_bytes {
            break;
        }
        out.push(c);
    }
    out
}
