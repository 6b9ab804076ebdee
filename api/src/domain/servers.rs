//! Servers: adding, listing, looking, pausing, deleting.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::SqliteConnection;

use super::acting::Acting;
use super::audit::{Action, Object};
use super::live::Newest;
use super::names::Name;
use super::server_change::Change;
pub use super::server_change::ServerChange;
pub use super::server_query::ServerQuery;
use super::status::Status;
use super::{ServiceError, Services};
use crate::id::{Group, Id, Server};
use crate::secret::{Purpose, Secret};
use crate::store::groups::GroupRow;
use crate::store::live::Sight;
use crate::store::servers::ServerRow;
use crate::store::tags::ServerTags;
use crate::store::{Scope, StoreError, agent_keys, groups, incidents, servers, tags};

/// A server as people see it.
#[derive(Clone, Debug)]
pub struct ServerOverview {
    /// What is stored.
    pub row: ServerRow,
    /// Its condition now.
    pub status: Status,
    /// Its tags, by who set them.
    pub tags: ServerTags,
    /// The groups that it is in, as far as the scope shows them.
    pub groups: Vec<GroupRow>,
    /// Its newest values.
    pub newest: Newest,
}

/// Some servers, by name, and where to go on.
#[derive(Clone, Debug)]
pub struct ServerPage {
    /// The servers.
    pub servers: Vec<ServerOverview>,
    /// The name to go on after, when there are more.
    pub next: Option<String>,
}

impl Services {
    /// The names of all servers that the scope shows, by name.
    pub async fn server_names(
        &self,
        scope: Scope,
    ) -> Result<Vec<(Id<Server>, String)>, ServiceError> {
        Ok(self.store().read(move |c| servers::names(c, scope)).await?)
    }

    /// Adds a server and makes its first agent key. What a limited member adds goes into their only
    /// group.
    pub async fn add_server(
        &self,
        acting: &Acting,
        name: &str,
    ) -> Result<(ServerOverview, Secret), ServiceError> {
        self.add_server_to(acting, name, Vec::new()).await
    }

    /// Adds a server to these groups and makes its first agent key.
    pub async fn add_server_to(
        &self,
        acting: &Acting,
        name: &str,
        groups: Vec<Id<Group>>,
    ) -> Result<(ServerOverview, Secret), ServiceError> {
        let name = Name::parse("name", name)?;
        let groups = self.groups_of_new(acting.scope, groups).await?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        let limit = self.0.limits.servers;
        let key = Secret::generate(Purpose::AgentKey);
        let (hash, ending) = (key.hash(), key.ending().to_owned());
        let row = self
            .store()
            .write(move |c| {
                if servers::count(c, scope)? >= limit {
                    return Ok(None);
                }
                let row = servers::create_in(c, scope, name.as_str(), &groups, now)?;
                agent_keys::create(c, scope, row.id, &hash, &ending, now)?;
                let server = Object::server(row.id, &row.name);
                audit.record(c, now, &acting, Action::ServerAdded, &server, "")?;
                Ok(Some(row))
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))?
            .ok_or_else(|| {
                let reason = format!("is one too many: an organisation may have {limit} servers");
                ServiceError::invalid("name", reason)
            })?;
        self.live().put(scope, row.id, false);
        self.refresh_alerts(scope).await?;
        Ok((self.server(scope, row.id).await?, key))
    }

    /// For the quickstart: the server of this machine, with a new agent key, whatever was before.
    pub async fn local_server(&self, scope: Scope, name: &Name) -> Result<Secret, ServiceError> {
        let now = self.clock().now();
        let key = Secret::generate(Purpose::AgentKey);
        let (hash, ending, name) = (key.hash(), key.ending().to_owned(), name.clone());
        let (audit, acting) = (self.audit(), Acting::operator(scope));
        self.store()
            .write(move |c| {
                let row = match servers::by_name(c, scope, name.as_str()) {
                    Ok(row) => row,
                    Err(StoreError::NotFound) => {
                        let row = servers::create(c, scope, name.as_str(), now)?;
                        let server = Object::server(row.id, &row.name);
                        audit.record(c, now, &acting, Action::ServerAdded, &server, "")?;
                        row
                    }
                    Err(error) => return Err(error),
                };
                let id = agent_keys::create(c, scope, row.id, &hash, &ending, now)?;
                let made = Object::agent_key(id, &ending);
                audit.record(c, now, &acting, Action::AgentKeyAdded, &made, &row.name)
            })
            .await?;
        Ok(key)
    }

    /// One server.
    pub async fn server(
        &self,
        scope: Scope,
        id: Id<Server>,
    ) -> Result<ServerOverview, ServiceError> {
        let found = self
            .store()
            .read(move |c| {
                let row = servers::get(c, scope, id)?;
                Described::of(c, scope, vec![row])
            })
            .await?;
        let mut found = self.overviews(scope, found);
        found.pop().ok_or(ServiceError::NotFound)
    }

    /// Which servers the scope shows, for what is kept in memory.
    pub async fn sight(&self, scope: Scope) -> Result<Sight, ServiceError> {
        Ok(self.store().read(move |c| Sight::of(c, scope)).await?)
    }

    /// Some servers, by name. A group that the scope does not show is not found.
    pub async fn servers(
        &self,
        scope: Scope,
        query: ServerQuery,
    ) -> Result<ServerPage, ServiceError> {
        let limit = query.limit.unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            let reason = format!("must be 1 to {MAX_PAGE}");
            return Err(ServiceError::invalid("limit", reason));
        }
        let filter = query.filter()?;
        let (live, now) = (Arc::clone(self.live()), self.clock().now());
        let (found, next) = self
            .store()
            .read(move |c| {
                if let Some(group) = filter.group {
                    groups::get(c, scope, group)?;
                }
                let after = query.after.as_deref().unwrap_or_default();
                let wanted = |row: &ServerRow| query.keeps(row, &live, now);
                let mut rows = servers::list(c, scope, &filter, after, limit + 1, wanted)?;
                let more = rows.len() > limit;
                rows.truncate(limit);
                let next = rows.last().filter(|_| more).map(|row| row.name.clone());
                Ok((Described::of(c, scope, rows)?, next))
            })
            .await?;
        Ok(ServerPage {
            servers: self.overviews(scope, found),
            next,
        })
    }

    /// Every tag that a server has, for people to choose from; the first 200.
    pub async fn tags(&self, scope: Scope) -> Result<Vec<String>, ServiceError> {
        let found = self.store().read(move |c| tags::all(c, scope, MAX_CHOICE));
        Ok(found.await?)
    }

    /// Changes what people say of a server; what is none stays.
    pub async fn change_server(
        &self,
        acting: &Acting,
        id: Id<Server>,
        change: ServerChange,
    ) -> Result<ServerOverview, ServiceError> {
        let paused = change.paused;
        let change = Change::parse(change)?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let before = servers::get(c, scope, id)?;
                let server = Object::server(id, &before.name);
                for (action, detail) in change.apply(c, scope, &before, now)? {
                    audit.record(c, now, &acting, action, &server, &detail)?;
                }
                Ok(())
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))?;
        if let Some(paused) = paused {
            self.live().set_paused(id, paused);
        }
        self.refresh_alerts(scope).await?;
        self.server(scope, id).await
    }

    /// Deletes a server: it and its keys at once, its reports in portions, so that nobody waits.
    pub async fn delete_server(&self, acting: &Acting, id: Id<Server>) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let server = Object::server(id, &servers::get(c, scope, id)?.name);
                incidents::end_of_server(c, scope, id, now)?;
                servers::delete(c, scope, id, now)?;
                audit.record(c, now, &acting, Action::ServerDeleted, &server, "")
            })
            .await?;
        self.live().remove(id);
        self.wake_upkeep();
        self.refresh_alerts(scope).await
    }

    fn overviews(&self, scope: Scope, found: Described) -> Vec<ServerOverview> {
        let now = self.clock().now();
        let Described {
            rows,
            mut tags,
            mut groups,
        } = found;
        let sight = Sight::just(scope, &rows);
        let overview = |row: ServerRow| {
            let mut newest = self.live().newest(&sight, row.id);
            newest.signs.paused = row.is_paused();
            ServerOverview {
                status: newest.signs.status(now),
                tags: tags.remove(&row.id).unwrap_or_default(),
                groups: groups.remove(&row.id).unwrap_or_default(),
                newest,
                row,
            }
        };
        rows.into_iter().map(overview).collect()
    }
}

/// Servers with what stands in other tables.
struct Described {
    rows: Vec<ServerRow>,
    tags: HashMap<Id<Server>, ServerTags>,
    groups: HashMap<Id<Server>, Vec<GroupRow>>,
}

impl Described {
    fn of(
        connection: &mut SqliteConnection,
        scope: Scope,
        rows: Vec<ServerRow>,
    ) -> Result<Self, StoreError> {
        let ids: Vec<Id<Server>> = rows.iter().map(|row| row.id).collect();
        Ok(Self {
            tags: tags::of(connection, scope, &ids)?,
            groups: groups::of(connection, scope, &ids)?,
            rows,
        })
    }
}

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 200;
const MAX_CHOICE: i64 = 200;
const NAME_TAKEN: &str = "is the name of another server already";
