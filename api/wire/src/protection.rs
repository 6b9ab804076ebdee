//! Whether an agent runs in its sandbox.

use crate::Fact;

/// Whether an agent runs in its sandbox, as far as it says so. It agrees with the metric `agent_confined`,
/// and stands for as long as the facts do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection {
    /// It runs in it.
    Protected,
    /// It lacks a part of it at least.
    Unprotected,
    /// It does not say, or not enough.
    Unsaid,
}

impl Protection {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Protected, Self::Unprotected, Self::Unsaid];

    /// What the facts come to; `said` gives what is said of one.
    pub fn of<'a>(said: impl Fn(Fact) -> Option<&'a str>) -> Self {
        let as_expected = EXPECTED.map(|(fact, expected)| said(fact).map(|text| text == expected));
        if as_expected.contains(&Some(false)) {
            Self::Unprotected
        } else if as_expected.contains(&None) {
            Self::Unsaid
        } else {
            Self::Protected
        }
    }

    /// The one of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// Its word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protected => "protected",
            Self::Unprotected => "unprotected",
            Self::Unsaid => "unsaid",
        }
    }
}

/// What an agent in its sandbox says of itself.
const EXPECTED: [(Fact, &str); 4] = [
    (Fact::SandboxCapabilities, "none"),
    (Fact::SandboxNewPrivileges, "impossible"),
    (Fact::SandboxSystemCalls, "filtered"),
    (Fact::SandboxUser, "another"),
];
