//! View models: all that a page can show. They hold plain values; templates escape every one.

mod agent_keys;
mod alerts;
mod channels;
mod fleet;
mod people;
mod second_factor;
mod settings;
mod tokens;

use std::fmt;

use serde::Serialize;

pub use self::agent_keys::{AgentKeyMadeView, AgentKeyRow, AgentKeysView, EnrolmentView};
pub use self::alerts::{
    AlertPreview, AlertRuleAsks, AlertRuleRow, AlertRuleTyped, AlertRuleView, AlertRulesView,
    AlertsView, IncidentEventRow, IncidentFilter, IncidentRow, IncidentView, MaintenanceRow,
    MaintenanceTyped, MaintenanceView, ServerRuleRow,
};
pub use self::channels::{
    ChannelDeletionView, ChannelField, ChannelKeyView, ChannelRow, ChannelTyped, ChannelView,
    ChannelsView, ConfirmChannelView, DeliveryRow, HeartbeatRow, HeartbeatView, ListedChannel,
    NewChannelView,
};
pub use self::fleet::{
    Choice, GroupLink, GroupRow, GroupView, GroupsView, MemberGroupsView, ServerDeletionView,
    ServerSettingsView, ServersFilter, TagView,
};
pub use self::people::{
    ConfirmEmailView, ForgotPasswordView, InvitationJoinView, InvitationRow, InvitationView,
    OrganisationRow, OrganisationView, OrganisationsView, PeopleView, PersonRow, ProfileView,
    ResetPasswordView, RoleOption,
};
pub use self::second_factor::{
    FactorRow, RecoveryCodesView, RequirementView, SecondFactorView, SecondStepView, TotpSetupView,
};
pub use self::settings::{
    AuditFilter, AuditRow, AuditView, ConfirmView, DataView, RetentionRow, RetentionView, Section,
    Settings,
};
pub use self::tokens::{NewTokenView, TokenMadeView, TokenRow, TokensView};

/// What every page behind the login shows around its own content.
#[derive(Clone, Default, Serialize)]
pub struct Frame {
    /// The organisation that is looked at.
    pub organisation: String,
    /// The e-mail address of who is logged in.
    pub person: String,
    /// The token that every form carries back; pages without a session have none.
    pub csrf_token: String,
    /// How many incidents are open at the servers that are seen.
    pub open_incidents: u64,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token stays out of logs.
        f.debug_struct("Frame")
            .field("organisation", &self.organisation)
            .field("person", &self.person)
            .field("open_incidents", &self.open_incidents)
            .finish_non_exhaustive()
    }
}

/// The login page.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoginView {
    /// The address typed before, when the attempt failed.
    pub email: String,
    /// Whether passkeys can be used at this dashboard's address.
    pub passkeys: bool,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// The page behind the one-time link that creates the first owner.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FirstOwnerView {
    /// The address typed before, when the attempt failed.
    pub email: String,
    /// The organisation's name to start from.
    pub organisation: String,
    /// The least number of characters of a password.
    pub password_min: usize,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// A server's condition, as word and as badge.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Its reports are refused because its clock is ahead.
    ClockWrong,
    /// The last report is 15 to 60 s old.
    Late,
    /// The last report is older than 60 s.
    Offline,
    /// The last report is younger than 15 s.
    Online,
    /// Somebody paused it.
    Paused,
    /// No report has ever come.
    #[default]
    Waiting,
}

impl Status {
    /// Every status, in the order in which pages count them.
    pub const ALL: [Self; 6] = [
        Self::Online,
        Self::Late,
        Self::Offline,
        Self::ClockWrong,
        Self::Waiting,
        Self::Paused,
    ];

    /// The word in the API, on the pages and in style classes: `online`, `clock-wrong`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClockWrong => "clock-wrong",
            Self::Late => "late",
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
        }
    }

    /// The words for people: `Clock wrong`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ClockWrong => "Clock wrong",
            Self::Late => "Late",
            Self::Offline => "Offline",
            Self::Online => "Online",
            Self::Paused => "Paused",
            Self::Waiting => "Waiting",
        }
    }
}

/// One server in the list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServerRow {
    /// The opaque id, safe in a path.
    pub id: String,
    /// The name that people gave it.
    pub name: String,
    /// Its tags, those of people first.
    pub tags: Vec<TagView>,
    /// Its condition now.
    pub status: Status,
    /// Whether its agent says that it runs without its sandbox.
    pub unprotected: bool,
    /// When its last report arrived, RFC 3339.
    pub last_seen: Option<String>,
    /// The age of its last report when the page is made, by the dashboard's clock.
    pub last_seen_seconds_ago: Option<u64>,
    /// CPU in use, percent.
    pub cpu_usage: Option<f64>,
    /// Memory in use, percent.
    pub memory_usage: Option<f64>,
    /// Root file system in use, percent.
    pub disk_usage: Option<f64>,
    /// Load average over one minute.
    pub load1: Option<f64>,
}

/// The list of servers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServersView {
    /// What stands around it.
    pub frame: Frame,
    /// The servers of this page, by name.
    pub servers: Vec<ServerRow>,
    /// Which servers are asked for.
    pub filter: ServersFilter,
    /// The cursor of the next page, when there are more: the parameter `after` beside the filter.
    pub next_after: Option<String>,
    /// Whether the viewer may add a server.
    pub may_add: bool,
}

/// One newest value, ready to read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ValueRow {
    /// The metric's name.
    pub metric: String,
    /// What it means, one sentence.
    pub meaning: String,
    /// Of what kind its label is: `interface`, `device`; empty for a metric without labels.
    pub by: String,
    /// Which interface, device or mount.
    pub label: Option<String>,
    /// The value as sent, for programs; a counter's is its rate per second.
    pub value: f64,
    /// The unit's word: `percent`, `bytes`, `seconds`, `count`, `bytes_per_second`.
    pub unit: String,
}

/// One server's page.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServerView {
    /// What stands around it.
    pub frame: Frame,
    /// The server as in the list.
    pub server: ServerRow,
    /// What the host is: `Kernel` and `6.12.1`, in the order to show.
    pub facts: Vec<(String, String)>,
    /// What people say about it, with line breaks; empty when nobody said anything.
    pub description: String,
    /// The groups that it is in.
    pub groups: Vec<GroupLink>,
    /// The newest values.
    pub values: Vec<ValueRow>,
    /// Series that were dropped because the server has too many.
    pub dropped_series: u64,
    /// Whether the viewer may pause, resume or change it.
    pub may_change: bool,
    /// Whether the last successor of its agent keys was not used in time.
    pub successor_expired: bool,
    /// Its open incidents.
    pub incidents: Vec<IncidentRow>,
    /// The alert rules that are for it.
    pub rules: Vec<ServerRuleRow>,
}

/// The form that adds a server.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewServerView {
    /// What stands around it.
    pub frame: Frame,
    /// The name typed before, when it was refused.
    pub name: String,
    /// The groups that it can go into.
    pub groups: Vec<Choice>,
    /// Whether one must be chosen.
    pub must_choose: bool,
    /// Why it was refused.
    pub error: Option<String>,
}

/// The page that shows a new server's key, once.
#[derive(Clone, Default, Serialize)]
pub struct ServerAddedView {
    /// What stands around it.
    pub frame: Frame,
    /// The new server's id, safe in a path.
    pub id: String,
    /// The new server's name.
    pub name: String,
    /// The agent key. It is on this page and nowhere else.
    pub agent_key: String,
    /// An enrolment code for the server. It is on this page and nowhere else.
    pub code: String,
    /// When the code expires, RFC 3339.
    pub expires_at: String,
    /// The dashboard's address for agents.
    pub url: String,
    /// The CA that agents must trust, PEM, when the dashboard made its own certificate.
    pub ca_pem: Option<String>,
    /// That CA's SHA-256, hexadecimal.
    pub ca_sha256: Option<String>,
}

impl fmt::Debug for ServerAddedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Key and code stay out of logs.
        f.debug_struct("ServerAddedView")
            .field("frame", &self.frame)
            .field("id", &self.id)
            .field("name", &self.name)
            .field("url", &self.url)
            .field("ca_sha256", &self.ca_sha256)
            .finish_non_exhaustive()
    }
}

/// One of a person's own sessions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SessionRow {
    /// The opaque id that the form names it by.
    pub id: String,
    /// When it began, RFC 3339.
    pub since: String,
    /// How long ago that was when the page is made, by the dashboard's clock.
    pub since_seconds_ago: u64,
    /// When it was last used, RFC 3339.
    pub last_used: String,
    /// How long ago that was.
    pub last_used_seconds_ago: u64,
    /// Where it was opened from; empty when that is not known.
    pub address: String,
    /// What the browser says it is; empty when it says nothing.
    pub user_agent: String,
    /// Whether it is the one that looks at the page.
    pub current: bool,
}

/// A person's own account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AccountView {
    /// What stands around it, with the person's address.
    pub frame: Frame,
    /// The person's role in the organisation.
    pub role: String,
    /// The person's sessions, the one used last first.
    pub sessions: Vec<SessionRow>,
    /// Whether the person has a second factor.
    pub has_factor: bool,
    /// The least number of characters of a password.
    pub password_min: usize,
    /// What was just done.
    pub notice: Option<String>,
    /// Why the password was not changed.
    pub error: Option<String>,
}

/// A page that only says something: not found, not allowed, link used up.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MessageView {
    /// The HTTP status.
    pub status: u16,
    /// What happened, a few words.
    pub title: String,
    /// What it means and what to do.
    pub detail: String,
}
