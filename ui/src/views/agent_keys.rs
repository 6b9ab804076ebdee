//! A server's agent keys, and enrolment.

use std::fmt;

use serde::Serialize;

use super::Frame;

/// One agent key.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AgentKeyRow {
    /// The opaque id that the form names it by.
    pub id: String,
    /// Its last four characters.
    pub ending: String,
    /// How it stands, a few words.
    pub state: String,
    /// Whether it has not ended.
    pub good: bool,
    /// When it was made, RFC 3339.
    pub since: String,
    /// How long ago that was when the page is made, by the dashboard's clock.
    pub since_seconds_ago: u64,
    /// When it was last used, RFC 3339.
    pub last_used: Option<String>,
    /// How long ago that was.
    pub last_used_seconds_ago: u64,
    /// Where it was last used from; empty when that is not known.
    pub address: String,
    /// The version of the agent that last used it; empty when it says none.
    pub agent_version: String,
}

/// A server's agent keys.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AgentKeysView {
    /// What stands around it.
    pub frame: Frame,
    /// The server's id, safe in a path.
    pub id: String,
    /// The server's name.
    pub name: String,
    /// The keys, the newest first.
    pub keys: Vec<AgentKeyRow>,
    /// Until when a successor has to be used, RFC 3339; none when there is none.
    pub successor_until: Option<String>,
    /// Whether the last successor was not used in time.
    pub successor_expired: bool,
    /// Whether the viewer may make and revoke keys.
    pub may_change: bool,
    /// Why nothing was done.
    pub error: Option<String>,
}

/// The page that shows a key of a server that has others, once.
#[derive(Clone, Default, Serialize)]
pub struct AgentKeyMadeView {
    /// What stands around it.
    pub frame: Frame,
    /// The server's id, safe in a path.
    pub id: String,
    /// The server's name.
    pub name: String,
    /// The agent key. It is on this page and nowhere else.
    pub agent_key: String,
    /// Of a successor, until when it has to be used, RFC 3339.
    pub successor_until: Option<String>,
}

/// The page that shows an enrolment code, once.
#[derive(Clone, Default, Serialize)]
pub struct EnrolmentView {
    /// What stands around it.
    pub frame: Frame,
    /// The server's id, safe in a path; none for a new one.
    pub id: Option<String>,
    /// The server's name, or the new one's; none for its host's name.
    pub name: Option<String>,
    /// The code. It is on this page and nowhere else.
    pub code: String,
    /// When it expires, RFC 3339.
    pub expires_at: String,
    /// The dashboard's address for agents.
    pub url: String,
    /// Whether the code carries the fingerprint of the dashboard's own CA.
    pub pinned: bool,
}

impl fmt::Debug for AgentKeyMadeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of logs.
        f.debug_struct("AgentKeyMadeView")
            .field("frame", &self.frame)
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EnrolmentView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The code stays out of logs.
        f.debug_struct("EnrolmentView")
            .field("frame", &self.frame)
            .field("id", &self.id)
            .field("name", &self.name)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
