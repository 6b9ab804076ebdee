//! Servers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use server_scout_wire::Protection;

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::schema::{AddedServer, NewServer, Server, ServerChange, ServerDetails, ServerList};
use crate::access::Right;
use crate::domain::servers::{self, ServerQuery};
use crate::domain::status::Status;
use crate::id::{self, Id};

pub(super) struct ServersApi(pub(super) App);

#[derive(ApiResponse)]
enum AddedServerResponse {
    /// The server was added.
    #[oai(status = 201)]
    Added(Json<AddedServer>),
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
    /// By name, at most `limit` (1 to 200) at a time, and those alone that everything fits that is
    /// asked for. A cursor goes with the same filters.
    #[oai(path = "/servers", method = "get", operation_id = "list_servers")]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation"
    )]
    async fn list_servers(
        &self,
        person: PersonAuth,
        /// How many at most; 100 unless said otherwise.
        limit: Query<Option<u32>>,
        /// Where to go on: `next_cursor` of the page before.
        cursor: Query<Option<String>>,
        /// Only servers in this group, by its id.
        group: Query<Option<String>>,
        /// Only servers with this tag, whoever set it.
        tag: Query<Option<String>>,
        /// Only servers in this condition: `online`, `late`, `offline`, `paused`, `waiting` or
        /// `clock-wrong`.
        status: Query<Option<String>>,
        /// Only servers whose agent says this of its sandbox: `protected`, `unprotected` or `unsaid`.
        protection: Query<Option<String>>,
        /// Only servers with this in their name, in capitals or not.
        search: Query<Option<String>>,
    ) -> Result<Json<ServerList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let query = ServerQuery {
            group: group.0.map(|id| group_id(&id)).transpose()?,
            tag: tag.0,
            status: status.0.map(|word| read_status(&word)).transpose()?,
            protection: protection
                .0
                .map(|word| read_protection(&word))
                .transpose()?,
            search: search.0,
            after: cursor.0.map(|cursor| read_cursor(&cursor)).transpose()?,
            limit: limit.0.map(|limit| limit as usize),
        };
        let page = self.0.services().servers(scope, query).await?;
        Ok(Json(ServerList {
            items: page.servers.iter().map(Server::from).collect(),
            next_cursor: page.next.map(|name| URL_SAFE_NO_PAD.encode(name)),
        }))
    }

    /// Add a server
    ///
    /// The answer holds its first agent key, which is shown this once. A session must have lately
    /// proved whose it is.
    #[oai(path = "/servers", method = "post", operation_id = "add_server")]
    async fn add_server(
        &self,
        person: PersonAuth,
        new: Json<NewServer>,
    ) -> Result<AddedServerResponse, Failure> {
        let NewServer { name, groups } = new.0;
        let groups = group_ids(&groups.unwrap_or_default())?;
        let services = self.0.services();
        services
            .see_groups(person.0.scope(Right::Read)?, &groups)
            .await?;
        // A key is made with it.
        let acting = person.0.acting_fresh(Right::Write)?;
        let (server, key) = services.add_server_to(&acting, &name, groups).await?;
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
    /// Rename it, describe it, give it tags, pause it, or let it go on.
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
        let id = visible(&self.0, &person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        let change = servers::ServerChange {
            name: change.0.name,
            description: change.0.description,
            paused: change.0.paused,
            tags: change.0.tags,
        };
        let server = self.0.services().change_server(&acting, id, change).await?;
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
        let id = visible(&self.0, &person, &id.0).await?;
        let acting = person.0.acting(Right::Write)?;
        self.0.services().delete_server(&acting, id).await?;
        Ok(Gone::Gone)
    }
}

/// The object first, then the right: what a person may not see does not exist for them, and only
/// what exists can be forbidden.
pub(super) async fn visible(
    app: &App,
    person: &PersonAuth,
    id: &str,
) -> Result<Id<id::Server>, Failure> {
    let id = server_id(id)?;
    let scope = person.0.scope(Right::Read)?;
    app.services().server(scope, id).await?;
    Ok(id)
}

/// What is no id names nothing.
pub(super) fn group_id(text: &str) -> Result<Id<id::Group>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

/// One that is no id names nothing.
pub(super) fn group_ids(texts: &[String]) -> Result<Vec<Id<id::Group>>, Failure> {
    texts.iter().map(|text| group_id(text)).collect()
}

pub(super) fn read_status(word: &str) -> Result<Status, Failure> {
    Status::from_word(word).ok_or_else(|| {
        Failure::invalid(
            "status",
            "must be online, late, offline, paused, waiting or clock-wrong",
        )
    })
}

pub(super) fn read_protection(word: &str) -> Result<Protection, Failure> {
    Protection::from_word(word)
        .ok_or_else(|| Failure::invalid("protection", "must be protected, unprotected or unsaid"))
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
