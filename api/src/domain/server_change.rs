//! What people change of a server.

use diesel::SqliteConnection;
use server_scout_wire::{Tags, Timestamp};

use super::ServiceError;
use super::audit::Action;
use super::names::{Description, Name};
use crate::store::servers::ServerRow;
use crate::store::tags::Origin;
use crate::store::{Scope, StoreError, servers, tags};

/// What to change of a server; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct ServerChange {
    /// Another name.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Whether it is paused.
    pub paused: Option<bool>,
    /// The tags of people, all of them. Those of the agent stay as they are.
    pub tags: Option<Vec<String>>,
}

/// The same, checked.
pub(super) struct Change {
    name: Option<Name>,
    description: Option<Description>,
    paused: Option<bool>,
    tags: Option<Tags>,
}

impl Change {
    pub(super) fn parse(change: ServerChange) -> Result<Self, ServiceError> {
        let name = change.name.map(|name| Name::parse("name", &name));
        let description = change.description;
        let description = description.map(|text| Description::parse("description", &text));
        let tags = change.tags.map(|tags| {
            let tags = Tags::parse(tags.iter().map(String::as_str));
            tags.map_err(|why| ServiceError::invalid("tags", why.to_string()))
        });
        Ok(Self {
            name: name.transpose()?,
            description: description.transpose()?,
            paused: change.paused,
            tags: tags.transpose()?,
        })
    }

    /// Carries it out. Returns what was changed, for the audit log.
    pub(super) fn apply(
        self,
        connection: &mut SqliteConnection,
        scope: Scope,
        before: &ServerRow,
        now: Timestamp,
    ) -> Result<Vec<(Action, String)>, StoreError> {
        let id = before.id;
        let mut done = Vec::new();
        if let Some(name) = self.name.filter(|name| name.as_str() != before.name) {
            servers::rename(connection, scope, id, name.as_str())?;
            done.push((Action::ServerRenamed, name.as_str().to_owned()));
        }
        let other = |text: &Description| text.as_str() != before.description;
        if let Some(text) = self.description.filter(other) {
            servers::describe(connection, scope, id, text.as_str())?;
            done.push((Action::ServerDescribed, String::new()));
        }
        if let Some(paused) = self.paused.filter(|paused| *paused != before.is_paused()) {
            servers::set_paused(connection, scope, id, paused.then_some(now))?;
            let action = if paused {
                Action::ServerPaused
            } else {
                Action::ServerResumed
            };
            done.push((action, String::new()));
        }
        if let Some(wanted) = self.tags
            && tags::replace(connection, scope, id, Origin::Person, &wanted)?
        {
            let words: Vec<&str> = wanted.iter().map(server_scout_wire::Tag::as_str).collect();
            done.push((Action::ServerTagged, words.join(" ")));
        }
        Ok(done)
    }
}
