//! What can be done, as the audit log calls it, and what it can be done to.

use std::fmt::Display;

use crate::id::{
    AccessToken, AgentKey, AlertRule, Channel, Group, Heartbeat, Id, Incident, Invitation,
    MaintenanceWindow, Person, Server, Session,
};
use crate::store::Scope;

/// What was done. Each has one word, which never changes: people filter and count by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// An alert rule was made.
    AlertRuleAdded,
    /// An alert rule was changed, switched on or off.
    AlertRuleChanged,
    /// An alert rule was deleted.
    AlertRuleDeleted,
    /// A channel was made.
    ChannelAdded,
    /// A channel was renamed, switched on or off.
    ChannelChanged,
    /// The address of a channel was asked whether it agrees.
    ChannelConfirmationAsked,
    /// The address of a channel agreed.
    ChannelConfirmed,
    /// A channel was deleted.
    ChannelDeleted,
    /// A message was sent to try a channel.
    ChannelTested,
    /// The heartbeat was set up or changed.
    HeartbeatSet,
    /// The heartbeat was removed.
    HeartbeatRemoved,
    /// Somebody has an incident in hand.
    IncidentAcknowledged,
    /// Somebody said something about an incident.
    IncidentNoted,
    /// Nobody has an incident in hand any more.
    IncidentReleased,
    /// Nobody wants to hear of an incident for a while.
    IncidentSnoozed,
    /// The history of incidents was exported.
    IncidentsExported,
    /// A maintenance window was made.
    MaintenanceAdded,
    /// A maintenance window was deleted.
    MaintenanceDeleted,
    /// A maintenance window was ended.
    MaintenanceEnded,
    /// An agent key was made.
    AgentKeyAdded,
    /// A successor of agent keys was not used in time, and the keys before it stay.
    AgentKeyExpired,
    /// A successor was used, and the agent keys before it ended.
    AgentKeyReplaced,
    /// An agent key was revoked.
    AgentKeyRevoked,
    /// An agent key got a successor.
    AgentKeyRotated,
    /// The audit log was exported.
    AuditExported,
    /// A person wants another address; it waits for its link.
    EmailChangeAsked,
    /// A person has another address.
    EmailChanged,
    /// Somebody was invited.
    InvitationAdded,
    /// An invitation was taken back.
    InvitationEnded,
    /// Old events of a chain were removed after their retention.
    AuditClosed,
    /// A group was made.
    GroupAdded,
    /// A group was deleted.
    GroupDeleted,
    /// A group was given another name.
    GroupRenamed,
    /// A server was put into a group.
    GroupServerAdded,
    /// A server was taken out of a group.
    GroupServerRemoved,
    /// An enrolment code was made.
    EnrolmentAdded,
    /// An agent exchanged an enrolment code for its own key.
    EnrolmentUsed,
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
    /// Metrics of a range were exported.
    MetricsExported,
    /// The master key was rotated.
    MasterKeyRotated,
    /// An organisation was made.
    OrganisationAdded,
    /// An organisation's whole data was exported.
    OrganisationExported,
    /// An organisation was given another name.
    OrganisationRenamed,
    /// An organisation was deleted.
    OrganisationDeleted,
    /// A password was changed.
    PasswordChanged,
    /// A password was changed by a link.
    PasswordReset,
    /// A link to another password was made.
    PasswordResetAsked,
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
    /// A person left an organisation.
    PersonLeft,
    /// A person was taken out of an organisation.
    PersonRemoved,
    /// A suspended person goes on.
    PersonResumed,
    /// A person was given another role.
    PersonRoleChanged,
    /// A person was suspended.
    PersonSuspended,
    /// A person is called otherwise.
    ProfileChanged,
    /// A member was limited to the servers of some groups, or sees all again.
    PersonGroupsChanged,
    /// A server was added.
    ServerAdded,
    /// A server was deleted.
    ServerDeleted,
    /// A server was described.
    ServerDescribed,
    /// A server was paused.
    ServerPaused,
    /// A server was given another name.
    ServerRenamed,
    /// A paused server goes on.
    ServerResumed,
    /// A server was given other tags by people.
    ServerTagged,
    /// Sessions were ended by their person.
    SessionEnded,
    /// It was changed how long an organisation keeps what.
    RetentionChanged,
    /// A session goes on in another organisation.
    SessionMoved,
    /// An access token was made.
    TokenAdded,
    /// An access token was revoked.
    TokenRevoked,
}

impl Action {
    /// Its word: what it is about, a dot, and what happened.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlertRuleAdded => "alert-rule.added",
            Self::AlertRuleChanged => "alert-rule.changed",
            Self::AlertRuleDeleted => "alert-rule.deleted",
            Self::ChannelAdded => "channel.added",
            Self::ChannelChanged => "channel.changed",
            Self::ChannelConfirmationAsked => "channel.confirmation-asked",
            Self::ChannelConfirmed => "channel.confirmed",
            Self::ChannelDeleted => "channel.deleted",
            Self::ChannelTested => "channel.tested",
            Self::HeartbeatSet => "heartbeat.set",
            Self::HeartbeatRemoved => "heartbeat.removed",
            Self::IncidentAcknowledged => "incident.acknowledged",
            Self::IncidentNoted => "incident.noted",
            Self::IncidentReleased => "incident.released",
            Self::IncidentSnoozed => "incident.snoozed",
            Self::IncidentsExported => "incidents.exported",
            Self::MaintenanceAdded => "maintenance-window.added",
            Self::MaintenanceDeleted => "maintenance-window.deleted",
            Self::MaintenanceEnded => "maintenance-window.ended",
            Self::AgentKeyAdded => "agent-key.added",
            Self::AgentKeyExpired => "agent-key.expired",
            Self::AgentKeyReplaced => "agent-key.replaced",
            Self::AgentKeyRevoked => "agent-key.revoked",
            Self::AgentKeyRotated => "agent-key.rotated",
            Self::AuditExported => "audit.exported",
            Self::EmailChangeAsked => "email.change-asked",
            Self::EmailChanged => "email.changed",
            Self::InvitationAdded => "invitation.added",
            Self::InvitationEnded => "invitation.ended",
            Self::AuditClosed => "audit.closed",
            Self::GroupAdded => "group.added",
            Self::GroupDeleted => "group.deleted",
            Self::GroupRenamed => "group.renamed",
            Self::GroupServerAdded => "group.server-added",
            Self::GroupServerRemoved => "group.server-removed",
            Self::EnrolmentAdded => "enrolment.added",
            Self::EnrolmentUsed => "enrolment.used",
            Self::LoginFailed => "login.failed",
            Self::LoginSucceeded => "login.succeeded",
            Self::LoggedOut => "login.ended",
            Self::Proved => "proof.succeeded",
            Self::ProofFailed => "proof.failed",
            Self::MasterKeyRotated => "master-key.rotated",
            Self::MetricsExported => "metrics.exported",
            Self::OrganisationAdded => "organisation.added",
            Self::OrganisationExported => "organisation.exported",
            Self::OrganisationRenamed => "organisation.renamed",
            Self::RetentionChanged => "organisation.retention-changed",
            Self::OrganisationDeleted => "organisation.deleted",
            Self::PasswordChanged => "password.changed",
            Self::PasswordReset => "password.reset",
            Self::PasswordResetAsked => "password.reset-asked",
            Self::PersonAdded => "person.added",
            Self::RecoveryCodeUsed => "recovery-code.used",
            Self::RecoveryCodesRenewed => "recovery-codes.renewed",
            Self::SecondFactorAdded => "second-factor.added",
            Self::SecondFactorOptional => "second-factor.optional",
            Self::SecondFactorRemoved => "second-factor.removed",
            Self::SecondFactorRenamed => "second-factor.renamed",
            Self::SecondFactorRequired => "second-factor.required",
            Self::SecondFactorReset => "second-factor.reset",
            Self::PersonLeft => "person.left",
            Self::PersonRemoved => "person.removed",
            Self::PersonResumed => "person.resumed",
            Self::PersonRoleChanged => "person.role-changed",
            Self::PersonSuspended => "person.suspended",
            Self::ProfileChanged => "profile.changed",
            Self::PersonGroupsChanged => "person.groups-changed",
            Self::ServerAdded => "server.added",
            Self::ServerDeleted => "server.deleted",
            Self::ServerDescribed => "server.described",
            Self::ServerPaused => "server.paused",
            Self::ServerRenamed => "server.renamed",
            Self::ServerResumed => "server.resumed",
            Self::ServerTagged => "server.tagged",
            Self::SessionEnded => "session.ended",
            Self::SessionMoved => "session.moved",
            Self::TokenAdded => "access-token.added",
            Self::TokenRevoked => "access-token.revoked",
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

    /// An invitation, by who is invited.
    #[must_use]
    pub fn invitation(id: Id<Invitation>, email: &str) -> Self {
        Self::of("invitation", id, email)
    }

    /// An alert rule.
    #[must_use]
    pub fn alert_rule(id: Id<AlertRule>, name: &str) -> Self {
        Self::of("alert-rule", id, name)
    }

    /// A channel.
    #[must_use]
    pub fn channel(id: Id<Channel>, name: &str) -> Self {
        Self::of("channel", id, name)
    }

    /// A heartbeat, by what is shown of its address.
    #[must_use]
    pub fn heartbeat(id: Id<Heartbeat>, shown: &str) -> Self {
        Self::of("heartbeat", id, shown)
    }

    /// An incident, by its rule and server.
    #[must_use]
    pub fn incident(id: Id<Incident>, what: &str) -> Self {
        Self::of("incident", id, what)
    }

    /// A maintenance window.
    #[must_use]
    pub fn maintenance_window(id: Id<MaintenanceWindow>, name: &str) -> Self {
        Self::of("maintenance-window", id, name)
    }

    /// A group of servers.
    #[must_use]
    pub fn group(id: Id<Group>, name: &str) -> Self {
        Self::of("group", id, name)
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
