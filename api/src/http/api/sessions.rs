//! A person's own sessions.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::schema::{Session, SessionList};
use super::servers::Gone;

pub(super) struct SessionsApi(pub(super) App);

#[OpenApi]
impl SessionsApi {
    /// List own sessions
    ///
    /// The browsers that the person is logged in with, the one used last first; at most 100. A
    /// token sees those of its organisation.
    #[oai(path = "/sessions", method = "get", operation_id = "list_sessions")]
    async fn list_sessions(&self, person: PersonAuth) -> Result<Json<SessionList>, Failure> {
        let sessions = self.0.services().own_sessions(&person.0).await?;
        Ok(Json(SessionList {
            items: sessions.iter().map(Session::from).collect(),
        }))
    }

    /// End one of the own sessions
    ///
    /// It counts from the next request on, and its live streams end. A token needs the scope
    /// `admin`, whatever its person's role.
    #[oai(
        path = "/sessions/:id",
        method = "delete",
        operation_id = "end_session"
    )]
    async fn end_session(
        &self,
        person: PersonAuth,
        /// The session's id.
        id: Path<String>,
    ) -> Result<Gone, Failure> {
        let id = id.0.parse().map_err(|_| Failure::not_found())?;
        self.0.services().end_own_session(&person.0, id).await?;
        Ok(Gone::Gone)
    }
}
