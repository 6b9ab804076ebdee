//! What the operations on agent keys and enrolment codes take and give.

use poem_openapi::{Enum, Object};

use super::schema::Time;
use crate::domain::agent_keys::AgentKeyOverview;
use crate::store::agent_keys::KeyState;

/// An agent key without its secret.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AgentKey {
    /// Its opaque id.
    pub id: String,
    /// The last four characters of the key.
    pub ending: String,
    /// How it stands.
    pub state: AgentKeyState,
    /// When it was made.
    pub created_at: Time,
    /// When it ended, in whatever way.
    pub revoked_at: Option<Time>,
    /// Of a successor that was not used yet: when it expires.
    pub unseen_until: Option<Time>,
    /// When it was last used, to the minute.
    pub last_used: Option<Time>,
    /// The address that it was last used from.
    pub last_used_from: Option<String>,
    /// The version of the agent that last used it.
    pub agent_version: Option<String>,
}

/// How an agent key stands.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[oai(rename_all = "kebab-case")]
pub enum AgentKeyState {
    /// It is good.
    Good,
    /// It is good until its successor is used.
    Leaving,
    /// Its successor was used.
    Replaced,
    /// Somebody revoked it.
    Revoked,
    /// It is a successor that was not used yet.
    Successor,
    /// It was a successor that was not used in time.
    Unseen,
}

/// The agent keys of a server.
#[derive(Clone, Debug, Object)]
pub struct AgentKeyList {
    /// The keys, oldest first; those that ended more than 90 days ago are forgotten.
    pub items: Vec<AgentKey>,
}

/// An agent key that was made.
#[derive(Clone, Debug, Object)]
pub struct AddedAgentKey {
    /// The key's description.
    pub key: AgentKey,
    /// The key itself. It is shown here and never again.
    pub agent_key: String,
}

/// What an enrolment code is to be for: a server that is there, or a new one.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct NewEnrolmentCode {
    /// The id of the server.
    pub server: Option<String>,
    /// What a new server is called; without it, what its host is called.
    pub name: Option<String>,
}

/// An enrolment code that was made.
#[derive(Clone, Debug, Object)]
pub struct EnrolmentCode {
    /// The code. It is shown here and never again. Behind a dot it carries the SHA-256 of the
    /// dashboard's own CA, if it has one.
    pub code: String,
    /// When it expires.
    pub expires_at: Time,
}

/// What an agent sends to enrol.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct EnrolmentExchange {
    /// The code.
    #[oai(validator(max_length = 256))]
    pub code: String,
    /// What the host is called.
    #[oai(validator(max_length = 255))]
    pub hostname: String,
    /// The agent's version, 1 to 32 characters.
    pub agent_version: String,
}

/// What an agent gets for its code.
#[derive(Clone, Debug, Object)]
pub struct Enrolment {
    /// The server that it reports for.
    pub server: EnrolledServer,
    /// The server's own agent key. It is given here and never again.
    pub agent_key: String,
}

/// The server that an agent reports for.
#[derive(Clone, Debug, Object)]
pub struct EnrolledServer {
    /// Its opaque id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl From<&AgentKeyOverview> for AgentKey {
    fn from(key: &AgentKeyOverview) -> Self {
        let known = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let last = key.last_use.as_ref();
        Self {
            id: key.row.id.to_string(),
            ending: key.row.ending.clone(),
            state: key.row.state().into(),
            created_at: Time(key.row.created_at()),
            revoked_at: key.row.revoked_at().map(Time),
            unseen_until: key.row.unseen_until().map(Time),
            last_used: last.map(|last| Time(last.at)),
            last_used_from: last.and_then(|last| known(&last.from)),
            agent_version: last.and_then(|last| known(&last.agent_version)),
        }
    }
}

impl From<KeyState> for AgentKeyState {
    fn from(state: KeyState) -> Self {
        match state {
            KeyState::Good => Self::Good,
            KeyState::Leaving => Self::Leaving,
            KeyState::Replaced => Self::Replaced,
            KeyState::Revoked => Self::Revoked,
            KeyState::Successor => Self::Successor,
            KeyState::Unseen => Self::Unseen,
        }
    }
}
