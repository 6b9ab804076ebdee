//! Agent keys of a server.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::key_schema::{AddedAgentKey, AgentKey, AgentKeyList};
use super::servers::{Gone, server_id, visible};
use crate::access::Right;
use crate::id::{self, Id};

pub(super) struct AgentKeysApi(pub(super) App);

#[derive(ApiResponse)]
enum AddedAgentKeyResponse {
    /// The key was made.
    #[oai(status = 201)]
    Added(Json<AddedAgentKey>),
}

#[OpenApi]
impl AgentKeysApi {
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
        let id = visible(&self.0, &person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        let (key, secret) = self.0.services().add_agent_key(&acting, id).await?;
        Ok(AddedAgentKeyResponse::Added(Json(AddedAgentKey {
            key: (&key).into(),
            agent_key: secret.expose().to_owned(),
        })))
    }

    /// Rotate the agent keys of a server
    ///
    /// Makes a successor. The keys before stay good until its first report is durable, and end then
    /// by themselves. A successor that is not used within the overlap (7 days unless the operator
    /// says otherwise) expires instead, and the keys before stay. One rotation at a time.
    #[oai(
        path = "/servers/:id/agent-keys/rotate",
        method = "post",
        operation_id = "rotate_agent_keys"
    )]
    async fn rotate_agent_keys(
        &self,
        person: PersonAuth,
        /// The server's id.
        id: Path<String>,
    ) -> Result<AddedAgentKeyResponse, Failure> {
        let id = visible(&self.0, &person, &id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        let (key, secret) = self.0.services().rotate_agent_keys(&acting, id).await?;
        Ok(AddedAgentKeyResponse::Added(Json(AddedAgentKey {
            key: (&key).into(),
            agent_key: secret.expose().to_owned(),
        })))
    }

    /// Revoke an agent key
    ///
    /// It counts from the next request on. Revoking a successor that was not used yet ends the
    /// rotation, and the keys before it stay.
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
        let id = visible(&self.0, &person, &id.0).await?;
        let key = self.visible_key(&person, id, &key_id.0).await?;
        let acting = person.0.acting_fresh(Right::Administer)?;
        self.0.services().revoke_agent_key(&acting, id, key).await?;
        Ok(Gone::Gone)
    }
}

impl AgentKeysApi {
    /// The object first, then the right.
    async fn visible_key(
        &self,
        person: &PersonAuth,
        server: Id<id::Server>,
        key: &str,
    ) -> Result<Id<id::AgentKey>, Failure> {
        let key = key.parse().map_err(|_| Failure::not_found())?;
        let scope = person.0.scope(Right::Read)?;
        let found = self.0.services().agent_key(scope, server, key).await?;
        Ok(found.row.id)
    }
}
