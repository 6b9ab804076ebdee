//! Enrolment: codes for people to make, and the exchange for the agent.

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::super::problem::Failure;
use super::super::{App, client};
use super::auth::PersonAuth;
use super::key_schema::{
    EnrolledServer, Enrolment, EnrolmentCode, EnrolmentExchange, NewEnrolmentCode,
};
use super::schema::Time;
use super::servers::visible;
use crate::access::Right;
use crate::domain::enrolments::{EnrolmentFor, Exchange};

pub(super) struct EnrolmentsApi(pub(super) App);

#[derive(ApiResponse)]
enum MadeCode {
    /// The code was made.
    #[oai(status = 201)]
    Made(Json<EnrolmentCode>),
}

#[derive(ApiResponse)]
enum EnrolmentResponse {
    /// The agent is enrolled.
    #[oai(status = 201)]
    Enrolled(Json<Enrolment>),
}

#[OpenApi]
impl EnrolmentsApi {
    /// Make an enrolment code
    ///
    /// An agent exchanges it for its own key, once, within an hour. For a server that is there, it
    /// takes the right to administer, and its key becomes the successor of those that the server
    /// has; a newer code for the server takes the place of an older one. For a new server, which is
    /// added when the code is used, it takes the right to add servers.
    #[oai(
        path = "/enrolment-codes",
        method = "post",
        operation_id = "add_enrolment_code"
    )]
    async fn add_enrolment_code(
        &self,
        person: PersonAuth,
        new: Json<NewEnrolmentCode>,
    ) -> Result<MadeCode, Failure> {
        let (acting, for_what) = match new.0 {
            NewEnrolmentCode {
                server: Some(_),
                name: Some(_),
            } => return Err(Failure::invalid("name", "is for a new server alone")),
            NewEnrolmentCode {
                server: Some(id),
                name: None,
            } => {
                let id = visible(&self.0, &person, &id).await?;
                let acting = person.0.acting_fresh(Right::Administer)?;
                (acting, EnrolmentFor::Server(id))
            }
            NewEnrolmentCode { server: None, name } => (
                person.0.acting_fresh(Right::Write)?,
                EnrolmentFor::New(name),
            ),
        };
        let made = self.0.services().add_enrolment(&acting, for_what).await?;
        let trust = self.0.agents_trust();
        Ok(MadeCode::Made(Json(EnrolmentCode {
            code: made.shown(trust.as_ref().map(|trust| trust.sha256.as_str())),
            expires_at: Time(made.expires_at),
        })))
    }

    /// Enrol an agent
    ///
    /// Exchanges a code for the server's own agent key, exactly once. If the answer is lost, the
    /// code is used up all the same, and a new one is needed. Codes that open nothing are answered
    /// 410, whatever the reason.
    #[oai(path = "/enrolments", method = "post", operation_id = "enrol")]
    async fn enrol(
        &self,
        request: &Request,
        new: Json<EnrolmentExchange>,
    ) -> Result<EnrolmentResponse, Failure> {
        let EnrolmentExchange {
            code,
            hostname,
            agent_version,
        } = new.0;
        let exchange = Exchange {
            code,
            hostname,
            agent_version,
            client: client::of(request),
        };
        let enrolled = self.0.services().enrol(exchange).await?;
        Ok(EnrolmentResponse::Enrolled(Json(Enrolment {
            server: EnrolledServer {
                id: enrolled.server.id.to_string(),
                name: enrolled.server.name,
            },
            agent_key: enrolled.key.expose().to_owned(),
        })))
    }
}
