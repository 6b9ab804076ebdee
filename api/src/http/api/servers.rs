//! Servers and their agent keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::schema::{
    AddedAgentKey, AddedServer, AgentKey, AgentKeyList, NewServer, Server, ServerChange,
    ServerDetails, ServerList,
};
use crate::access::Right;
use crate::id::{self, Id};

pub(super) struct ServersApi(pub(super) App);

#[derive(ApiResponse)]
enum AddedServerResponse {
    /// The server was added.
    #[oai(status = 201)]
    Added(Json<AddedServer>),
}

#[derive(ApiResponse)]
enum AddedAgentKeyResponse {
    /// The key was made.
    #[oai(status = 201)]
    Added(Json<AddedAgentKey>),
}

#[derive(ApiResponse)]
pub(super) enum Gone {
    /// Done.
    #[oai(status = 204)]
    Gone,
}

#[OpenApi]
impl ServersApi {
    /// List servers
    ///
    /// By name, at most `limit` (1 to 200) at a time.
    #[oai(path = "/servers", method = "get", operation_id = "list_servers")]
    async fn list_servers(
        &self,
        person: PersonAuth,
        /// How many at most; 100 unless said otherwise.
        limit: Query<Option<u32>>,
        /// Where to go on: `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Json<ServerList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let after = cursor.0.map(|cursor| read_cursor(&cursor)).transpose()?;
        let limit = limit.0.unwrap_or(100) as usize;
        let page = self.0.services().servers(scope, after, limit).await?;
        Ok(Json(ServerList {
            items: page.servers.iter().map(Server::from).collect(),
            next_cursor: page.next.map(|name| URL_SAFE_NO_PAD.encode(name)),
        }))
    }

    /// Add a server
    ///
    /// The answer holds its first agent key, which is shown this once.
    #[oai(path = "/servers", method = "post", operation_id = "add_server")]
    async fn add_server(
        &self,
        person: PersonAuth,
        new: Json<NewServer>,
    ) -> Result<AddedServerResponse, Failure> {
        let acting = person.0.acting(Right::Write)?;
        let (server, key) = self.0.services().add_server(&acting, &new.0.name).await?;
        Ok(AddedServerResponse::Added(Json(AddedServer {
            server: (&server).into(),
            agent_key: key.expose().to_owned(),
        })))
    }

    /// Look at a server
    ///
    /// With all its newest values.
    #[oai(path = "/servers/:id", method = "get", operation_id = "get_server")]
    async fn get_server(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
    ) -> Result<Json<ServerDetails>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let server = self.0.services().server(scope, server_id(&id.0)?).await?;
        Ok(Json((&server).into()))
    }

    /// Change a server
    ///
    /// Rename it, pause it, or let it go on.
    #[oai(
        path = "/servers/:id",
        method = "patch",
        operation_id = "change_server"
    )]
    async fn change_server(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
        change: Json<ServerChange>,
    ) -> Result<Json<Server>, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        let ServerChange { name, paused } = change.0;
        let server = self
            .0
            .services()
            .change_server(&acting, id, name, paused)
            .await?;
        Ok(Json((&server).into()))
    }

    /// Delete a server
    ///
    /// With its keys and all its data, for good.
    #[oai(
        path = "/servers/:id",
        method = "delete",
        operation_id = "delete_server"
    )]
    async fn delete_server(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        self.0.services().delete_server(&acting, id).await?;
        Ok(Gone::Gone)
    }

    /// List the agent keys of a server
    #[oai(
        path = "/servers/:id/agent-keys",
        method = "get",
        operation_id = "list_agent_keys"
    )]
    async fn list_agent_keys(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
    ) -> Result<Json<AgentKeyList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let keys = self
            .0
            .services()
            .agent_keys(scope, server_id(&id.0)?)
            .await?;
        Ok(Json(AgentKeyList {
            items: keys.iter().map(AgentKey::from).collect(),
        }))
    }

    /// Make another agent key for a server
    ///
    /// The keys before stay good until they are revoked.
    #[oai(
        path = "/servers/:id/agent-keys",
        method = "post",
        operation_id = "add_agent_key"
    )]
    async fn add_agent_key(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
    ) -> Result<AddedAgentKeyResponse, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        let (key, secret) = self.0.services().add_agent_key(&acting, id).await?;
        Ok(AddedAgentKeyResponse::Added(Json(AddedAgentKey {
            key: (&key).into(),
            agent_key: secret.expose().to_owned(),
        })))
    }

    /// Revoke an agent key
    ///
    /// It counts from the next request on.
    #[oai(
        path = "/servers/:id/agent-keys/:key_id",
        method = "delete",
        operation_id = "revoke_agent_key"
    )]
    async fn revoke_agent_key(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
        /// The key's id.
        key_id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = self.visible(&person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        let key: Id<id::AgentKey> = key_id.0.parse().map_err(|_| Failure::not_found())?;
        self.0.services().revoke_agent_key(&acting, id, key).await?;
        Ok(Gone::Gone)
    }
}

impl ServersApi {
    /// The object first, then the right: what a person may not see does not exist for them, and only
    /// what exists can be forbidden.
    async fn visible(&self, person: &PersonAuth, id: &str) -> Result<Id<id::Server>, Failure> {
        let id = server_id(id)?;
        let scope = person.0.scope(Right::Read)?;
        self.0.services().server(scope, id).await?;
        Ok(id)
    }
}

/// What is no id names nothing.
pub(super) fn server_id(text: &str) -> Result<Id<id::Server>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

pub(super) fn read_cursor(cursor: &str) -> Result<String, Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| Failure::invalid("cursor", "must be the next_cursor of the page before"))
}
