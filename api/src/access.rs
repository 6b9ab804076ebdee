//! Who may do what: roles of members, scopes of access tokens, and the rights that follow.

use std::fmt;
use std::str::FromStr;

/// What a member may do in an organisation; each role includes those below it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Changes servers.
    Member,
    /// Manages people, keys, channels and settings.
    Admin,
    /// Everything, with deletion and transfer.
    Owner,
}

/// What an access token may do at most; its person's role is a second bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenScope {
    /// Everything that an admin may do; what only owners may do asks for a session.
    Admin,
    /// Reads `/metrics` and nothing else.
    Metrics,
    /// Looks.
    Read,
    /// Changes servers.
    Write,
}

/// What an operation asks for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Right {
    /// To look.
    Read,
    /// To change servers.
    Write,
    /// To manage people, keys, channels and settings.
    Administer,
    /// To delete or hand over the organisation, and to make owners.
    Own,
}

impl Role {
    /// The highest right that the role has.
    #[must_use]
    pub fn right(self) -> Right {
        match self {
            Self::Viewer => Right::Read,
            Self::Member => Right::Write,
            Self::Admin => Right::Administer,
            Self::Owner => Right::Own,
        }
    }

    /// The role's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Owner => "owner",
            Self::Viewer => "viewer",
        }
    }
}

impl TokenScope {
    /// The highest right that the scope has; none for `metrics`.
    #[must_use]
    pub fn right(self) -> Option<Right> {
        match self {
            Self::Admin => Some(Right::Administer),
            Self::Metrics => None,
            Self::Read => Some(Right::Read),
            Self::Write => Some(Right::Write),
        }
    }

    /// The scope's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Metrics => "metrics",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Viewer, Self::Member, Self::Admin, Self::Owner]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or("expected owner, admin, member or viewer")
    }
}

impl FromStr for TokenScope {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Admin, Self::Metrics, Self::Read, Self::Write]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or("expected read, write, admin or metrics")
    }
}
