//! Finding servers, what people say of one, and groups.

use serde::Serialize;

use super::{Frame, Settings};

/// Something to choose, and whether it is chosen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Choice {
    /// What the form sends.
    pub id: String,
    /// What people read.
    pub name: String,
    /// Whether it is chosen now.
    pub chosen: bool,
}

/// A tag of a server.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TagView {
    /// The tag.
    pub tag: String,
    /// Whether it is of the agent's configuration.
    pub of_agent: bool,
}

/// A group by id and name.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupLink {
    /// The opaque id, safe in a path.
    pub id: String,
    /// The name that people gave it.
    pub name: String,
}

/// Which servers are asked for, as it was chosen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServersFilter {
    /// A part of the name.
    pub search: String,
    /// The tag; empty for any.
    pub tag: String,
    /// The id of the group; empty for any.
    pub group: String,
    /// The word of the status; empty for any.
    pub status: String,
    /// `protected`, `unprotected` or `unsaid`; empty for any.
    pub protection: String,
    /// The groups to choose from.
    pub groups: Vec<GroupLink>,
    /// The tags to choose from.
    pub tags: Vec<String>,
}

/// What people say of a server, to be changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServerSettingsView {
    /// What stands around it.
    pub frame: Frame,
    /// The opaque id, safe in a path.
    pub id: String,
    /// The server's name.
    pub name: String,
    /// The name in the form.
    pub typed_name: String,
    /// The description in the form.
    pub description: String,
    /// The tags of people in the form, with spaces between them.
    pub tags: String,
    /// The tags of the agent's configuration.
    pub agent_tags: Vec<String>,
    /// The groups, and which the server is in.
    pub groups: Vec<Choice>,
    /// Whether the viewer may change them.
    pub may_group: bool,
    /// What was just done.
    pub notice: Option<String>,
    /// Why it was not done.
    pub error: Option<String>,
}

/// Deleting a server.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServerDeletionView {
    /// What stands around it.
    pub frame: Frame,
    /// The opaque id, safe in a path.
    pub id: String,
    /// The name, to be typed.
    pub name: String,
    /// Why it was not deleted.
    pub error: Option<String>,
}

/// A group in the list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GroupRow {
    /// The opaque id, safe in a path.
    pub id: String,
    /// The name.
    pub name: String,
    /// How many servers are in it.
    pub servers: usize,
}

/// The groups.
#[derive(Clone, Debug, Serialize)]
pub struct GroupsView {
    /// What stands around it.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// The groups, by name.
    pub groups: Vec<GroupRow>,
    /// Whether the viewer may make and change them.
    pub may_change: bool,
    /// The name typed before, when it was refused.
    pub typed_name: String,
    /// What was just done.
    pub notice: Option<String>,
    /// Why it was refused.
    pub error: Option<String>,
}

/// One group, to be changed.
#[derive(Clone, Debug, Serialize)]
pub struct GroupView {
    /// What stands around it.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// The opaque id, safe in a path.
    pub id: String,
    /// The name.
    pub name: String,
    /// The name in the form.
    pub typed_name: String,
    /// Why it was refused.
    pub error: Option<String>,
}

/// Which servers a member sees.
#[derive(Clone, Debug, Serialize)]
pub struct MemberGroupsView {
    /// What stands around it.
    pub frame: Frame,
    /// The sections of the settings.
    pub settings: Settings,
    /// The person's opaque id, safe in a path.
    pub id: String,
    /// Their address.
    pub email: String,
    /// Whether they see the servers of some groups alone.
    pub limited: bool,
    /// The groups, and which they see.
    pub groups: Vec<Choice>,
}
