//! Access tokens.

use std::fmt;

use serde::Serialize;

use super::fleet::Choice;
use super::{Frame, Settings};

/// One access token, without its secret.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TokenRow {
    /// The opaque id that the form names it by.
    pub id: String,
    /// What its maker called it.
    pub name: String,
    /// What it may do at most.
    pub scope: String,
    /// The address of its person.
    pub email: String,
    /// When it ends, RFC 3339.
    pub expires: String,
    /// Whether it has ended.
    pub expired: bool,
    /// When it was last used, RFC 3339.
    pub last_used: Option<String>,
    /// How long ago that was when the page is made.
    pub last_used_seconds_ago: u64,
    /// From where it was last used; empty when that is not known.
    pub last_address: String,
}

/// The access tokens.
#[derive(Clone, Debug, Serialize)]
pub struct TokensView {
    /// What stands around it.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// The tokens, those made last first.
    pub tokens: Vec<TokenRow>,
    /// Whether those of every member are shown.
    pub everybody: bool,
    /// Whether the viewer may see those of every member.
    pub may_see_all: bool,
    /// The cursor of the next page, when there are more.
    pub next_after: Option<String>,
    /// What was just done.
    pub notice: Option<String>,
}

/// The form that makes an access token.
#[derive(Clone, Debug, Serialize)]
pub struct NewTokenView {
    /// What stands around it.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// The name typed before, when it was refused.
    pub name: String,
    /// The scopes that the person's role allows.
    pub scopes: Vec<Choice>,
    /// For how many days.
    pub days: String,
    /// The most days that it can be.
    pub max_days: u32,
    /// Why it was refused.
    pub error: Option<String>,
}

/// The page that shows a new access token, once.
#[derive(Clone, Serialize)]
pub struct TokenMadeView {
    /// What stands around it.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// What its maker called it.
    pub name: String,
    /// What it may do at most.
    pub scope: String,
    /// When it ends, RFC 3339.
    pub expires: String,
    /// The token. It is on this page and nowhere else.
    pub access_token: String,
}

impl fmt::Debug for TokenMadeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token stays out of logs.
        f.debug_struct("TokenMadeView")
            .field("frame", &self.frame)
            .field("name", &self.name)
            .field("scope", &self.scope)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
