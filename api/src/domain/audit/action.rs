//! What can be done, as the audit log calls it, and what it can be done to.

use std::fmt::Display;

use crate::id::{AccessToken, AgentKey, Id, Person, Server, Session};
use crate::store::Scope;

/// What was done. Each has one word, which never changes: people filter and count by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// An agent key was made.
    AgentKeyAdded,
    /// An agent key was revoked.
    AgentKeyRevoked,
    /// The audit log was exported.
    AuditExported,
    /// Old events of a chain were removed after their retention.
    AuditClosed,
    /// A login with a wrong password or an unknown address.
    LoginFailed,
    /// A login.
    LoginSucceeded,
    /// A logout.
    LoggedOut,
    /// Somebody proved again who they are.
    Proved,
    /// Somebody failed to prove again who they are.
    ProofFailed,
    /// The master key was rotated.
    MasterKeyRotated,
    /// An organisation was made.
    OrganisationAdded,
    /// An organisation's whole data was exported.
    OrganisationExported,
    /// An organisation was deleted.
    OrganisationDeleted,
    /// A password was changed.
    PasswordChanged,
    /// A person was added to an organisation.
    PersonAdded,
    /// A recovery code was used in the place of a second factor.
    RecoveryCodeUsed,
    /// New recovery codes were made; those before are void.
    RecoveryCodesRenewed,
    /// A second factor was set up.
    SecondFactorAdded,
    /// An organisation does not require a second factor any more.
    SecondFactorOptional,
    /// A second factor was removed.
    SecondFactorRemoved,
    /// A second factor was given another name.
    SecondFactorRenamed,
    /// An organisation requires a second factor.
    SecondFactorRequired,
    /// The operator removed every second factor of a person.
    SecondFactorReset,
    /// A server was added.
    ServerAdded,
    /// A server was deleted.
    ServerDeleted,
    /// A server was paused.
    ServerPaused,
    /// A server was given another name.
    ServerRenamed,
    /// A paused server goes on.
    ServerResumed,
    /// Sessions were ended by their person.
    SessionEnded,
    /// An access token was made.
    TokenAdded,
}

impl Action {
    /// Its word: what it is about, a dot, and what happened.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AgentKeyAdded => "agent-key.added",
            Self::AgentKeyRevoked => "agent-key.revoked",
            Self::AuditExported => "audit.exported",
            Self::AuditClosed => "audit.closed",
            Self::LoginFailed => "login.failed",
            Self::LoginSucceeded => "login.succeeded",
            Self::LoggedOut => "login.ended",
            Self::Proved => "proof.succeeded",
            Self::ProofFailed => "proof.failed",
            Self::MasterKeyRotated => "master-key.rotated",
            Self::OrganisationAdded => "organisation.added",
            Self::OrganisationExported => "organisation.exported",
            Self::OrganisationDeleted => "organisation.deleted",
            Self::PasswordChanged => "password.changed",
            Self::PersonAdded => "person.added",
            Self::RecoveryCodeUsed => "recovery-code.used",
            Self::RecoveryCodesRenewed => "recovery-codes.renewed",
            Self::SecondFactorAdded => "second-factor.added",
            Self::SecondFactorOptional => "second-factor.optional",
            Self::SecondFactorRemoved => "second-factor.removed",
            Self::SecondFactorRenamed => "second-factor.renamed",
            Self::SecondFactorRequired => "second-factor.required",
            Self::SecondFactorReset => "second-factor.reset",
            Self::ServerAdded => "server.added",
            Self::ServerDeleted => "server.deleted",
            Self::ServerPaused => "server.paused",
            Self::ServerRenamed => "server.renamed",
            Self::ServerResumed => "server.resumed",
            Self::SessionEnded => "session.ended",
            Self::TokenAdded => "access-token.added",
        }
    }
}

/// What something was done to: kind, id and the name it had then.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) name: String,
}

impl Object {
    /// Nothing in particular.
    #[must_use]
    pub fn none() -> Self {
        Self::of("", "", "")
    }

    /// A thing of a kind.
    #[must_use]
    pub fn of(kind: &'static str, id: impl Display, name: &str) -> Self {
        Self {
            kind,
            id: id.to_string(),
            name: name.to_owned(),
        }
    }

    /// A server.
    #[must_use]
    pub fn server(id: Id<Server>, name: &str) -> Self {
        Self::of("server", id, name)
    }

    /// An agent key, by its last four characters.
    #[must_use]
    pub fn agent_key(id: Id<AgentKey>, ending: &str) -> Self {
        Self::of("agent-key", id, ending)
    }

    /// A person.
    #[must_use]
    pub fn person(id: Id<Person>, email: &str) -> Self {
        Self::of("person", id, email)
    }

    /// An organisation.
    #[must_use]
    pub fn organisation(scope: Scope, name: &str) -> Self {
        Self::of("organisation", scope.organisation(), name)
    }

    /// An access token.
    #[must_use]
    pub fn token(id: Id<AccessToken>, name: &str) -> Self {
        Self::of("access-token", id, name)
    }

    /// A session.
    #[must_use]
    pub fn session(id: Id<Session>) -> Self {
        Self::of("session", id, "")
    }
}
