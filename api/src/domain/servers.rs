//! Servers: adding, listing, looking, pausing, deleting.

use server_scout_wire::Timestamp;

use super::acting::Acting;
use super::audit::{Action, Object};
use super::live::Newest;
use super::names::Name;
use super::status::Status;
use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::secret::{Purpose, Secret};
use crate::store::servers::ServerRow;
use crate::store::{Scope, StoreError, agent_keys, servers};

/// A server as people see it.
#[derive(Clone, Debug)]
pub struct ServerOverview {
    /// What is stored.
    pub row: ServerRow,
    /// Its condition now.
    pub status: Status,
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
    /// Adds a server and makes its first agent key.
    pub async fn add_server(
        &self,
        acting: &Acting,
        name: &str,
    ) -> Result<(ServerOverview, Secret), ServiceError> {
        let name = Name::parse("name", name)?;
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
                let row = servers::create(c, scope, name.as_str(), now)?;
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
        Ok((self.overview(scope, row, now), key))
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
        let row = self
            .store()
            .read(move |c| servers::get(c, scope, id))
            .await?;
        Ok(self.overview(scope, row, self.clock().now()))
    }

    /// The servers whose names come after `after`, at most `limit` (1 to 200).
    pub async fn servers(
        &self,
        scope: Scope,
        after: Option<String>,
        limit: usize,
    ) -> Result<ServerPage, ServiceError> {
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(ServiceError::invalid(
                "limit",
                format!("must be 1 to {MAX_PAGE}"),
            ));
        }
        let after = after.unwrap_or_default();
        let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut rows = self
            .store()
            .read(move |c| servers::list(c, scope, &after, more))
            .await?;
        let next = if rows.len() > limit {
            rows.truncate(limit);
            rows.last().map(|row| row.name.clone())
        } else {
            None
        };
        let now = self.clock().now();
        let servers = rows
            .into_iter()
            .map(|row| self.overview(scope, row, now))
            .collect();
        Ok(ServerPage { servers, next })
    }

    /// Changes the name, pauses or lets go on; what is none stays.
    pub async fn change_server(
        &self,
        acting: &Acting,
        id: Id<Server>,
        name: Option<String>,
        paused: Option<bool>,
    ) -> Result<ServerOverview, ServiceError> {
        let name = name.map(|name| Name::parse("name", &name)).transpose()?;
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let before = servers::get(c, scope, id)?;
                let server = Object::server(id, &before.name);
                if let Some(name) = name.filter(|name| name.as_str() != before.name) {
                    servers::rename(c, scope, id, name.as_str())?;
                    let renamed = Action::ServerRenamed;
                    audit.record(c, now, &acting, renamed, &server, name.as_str())?;
                }
                if let Some(paused) = paused.filter(|paused| *paused != before.is_paused()) {
                    servers::set_paused(c, scope, id, paused.then_some(now))?;
                    let action = if paused {
                        Action::ServerPaused
                    } else {
                        Action::ServerResumed
                    };
                    audit.record(c, now, &acting, action, &server, "")?;
                }
                Ok(())
            })
            .await
            .map_err(|error| ServiceError::or_taken(error, "name", NAME_TAKEN))?;
        if let Some(paused) = paused {
            self.live().set_paused(id, paused);
        }
        self.server(scope, id).await
    }

    /// Deletes a server: it and its keys at once, its reports in portions, so that nobody waits.
    pub async fn delete_server(&self, acting: &Acting, id: Id<Server>) -> Result<(), ServiceError> {
        let (scope, now) = (acting.scope, self.clock().now());
        let (audit, acting) = (self.audit(), acting.clone());
        self.store()
            .write(move |c| {
                let server = Object::server(id, &servers::get(c, scope, id)?.name);
                servers::delete(c, scope, id, now)?;
                audit.record(c, now, &acting, Action::ServerDeleted, &server, "")
            })
            .await?;
        self.live().remove(id);
        self.wake_upkeep();
        Ok(())
    }

    fn overview(&self, scope: Scope, row: ServerRow, now: Timestamp) -> ServerOverview {
        let mut newest = self.live().newest(scope, row.id);
        newest.signs.paused = row.is_paused();
        let status = newest.signs.status(now);
        ServerOverview {
            row,
            status,
            newest,
        }
    }
}

const MAX_PAGE: usize = 200;
const NAME_TAKEN: &str = "is the name of another server already";
