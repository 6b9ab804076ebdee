//! Texts that both sides know before the first byte, so that what a report has in common with every
//! other need not travel: preset dictionaries of zlib streams (RFC 1950, section 2.2).
//!
//! A stream names its dictionary by its Adler-32. A released dictionary never changes, as agents
//! of the last year speak it; a new metric works without and only travels longer until there is
//! a next one.

/// A preset dictionary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dictionary {
    /// Its Adler-32, by which streams name it.
    pub id: u32,
    /// The text. What is likeliest to recur stands at the end.
    pub text: &'static [u8],
}

impl Dictionary {
    /// Every dictionary that was ever released, oldest first.
    pub const ALL: &'static [Self] = &[Self::NEWEST];

    /// What an agent of this version speaks: a report with every member, in the order in which they are
    /// written, but the fast tier last.
    pub const NEWEST: Self = Self {
        id: 0x3bf5_f8d3,
        text: include_bytes!("dictionary/1.txt"),
    };

    /// The dictionary that a stream names.
    #[must_use]
    pub fn of(id: u32) -> Option<Self> {
        Self::ALL.iter().find(|known| known.id == id).copied()
    }
}
