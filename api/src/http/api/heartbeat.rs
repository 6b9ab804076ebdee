//! The dead man's switch.

use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::super::App;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::schema::Time;
use super::servers::Gone;
use crate::access::Right;
use crate::domain::channels::heartbeat;
use crate::store::heartbeats::HeartbeatRow;

pub(super) struct HeartbeatApi(pub(super) App);

/// A heartbeat as it is to be.
#[derive(Clone, Object)]
#[oai(deny_unknown_fields)]
struct NewHeartbeat {
    /// Where it goes, `https://…`, such as the address that a ping service gives. It may be left out when
    /// there is one already, which then stays.
    #[oai(validator(max_length = 2048))]
    address: Option<String>,
    /// `GET`, unless said otherwise, or `POST`. There is no body.
    #[oai(validator(max_length = 8))]
    method: Option<String>,
    /// Minutes from one to the next: 1 to 1440.
    every_minutes: u32,
}

/// The heartbeat.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
struct Heartbeat {
    /// A host, and the last four characters of the address.
    shown: String,
    /// `GET` or `POST`.
    method: String,
    /// Minutes from one to the next.
    every_minutes: i32,
    /// When its address was set.
    created_at: Time,
    /// When the next one is due. It is not sent while the dashboard does not evaluate alerts.
    next_at: Time,
    /// When the last one arrived.
    arrived_at: Option<Time>,
    /// When it was last tried.
    tried_at: Option<Time>,
    /// The status of the last answer.
    status: Option<i32>,
    /// What went wrong the last time.
    problem: Option<String>,
    /// How long the last try took, milliseconds.
    took_milliseconds: Option<i32>,
}

#[OpenApi]
impl HeartbeatApi {
    /// Look at the heartbeat
    ///
    /// A dead man's switch: an address outside hears at intervals that alerts are evaluated here. When it
    /// hears nothing, it tells people. Not found when none is set up.
    #[oai(path = "/heartbeat", method = "get", operation_id = "get_heartbeat")]
    async fn get_heartbeat(&self, person: PersonAuth) -> Result<Json<Heartbeat>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let row = self.0.services().heartbeat(scope).await?;
        let row = row.ok_or_else(Failure::not_found)?;
        Ok(Json((&row).into()))
    }

    /// Set the heartbeat up, or change it
    ///
    /// There is one. The next is sent at once, then at the interval; what does not arrive is tried again
    /// after a minute.
    #[oai(path = "/heartbeat", method = "put", operation_id = "set_heartbeat")]
    async fn set_heartbeat(
        &self,
        person: PersonAuth,
        new: Json<NewHeartbeat>,
    ) -> Result<Json<Heartbeat>, Failure> {
        let acting = person.0.acting_fresh(Right::Administer)?;
        let new = heartbeat::NewHeartbeat {
            address: new.0.address,
            method: new.0.method,
            every_minutes: new.0.every_minutes,
        };
        let row = self.0.services().set_heartbeat(&acting, new).await?;
        Ok(Json((&row).into()))
    }

    /// Remove the heartbeat
    ///
    /// Tell the service that listens before, or it will raise its alarm.
    #[oai(
        path = "/heartbeat",
        method = "delete",
        operation_id = "remove_heartbeat"
    )]
    async fn remove_heartbeat(&self, person: PersonAuth) -> Result<Gone, Failure> {
        let acting = person.0.acting_fresh(Right::Administer)?;
        self.0.services().remove_heartbeat(&acting).await?;
        Ok(Gone::Gone)
    }
}

impl From<&HeartbeatRow> for Heartbeat {
    fn from(row: &HeartbeatRow) -> Self {
        Self {
            shown: row.shown.clone(),
            method: row.method.clone(),
            every_minutes: row.every_minutes,
            created_at: Time(row.created_at()),
            next_at: Time(row.due_at()),
            arrived_at: row.arrived_at().map(Time),
            tried_at: row.tried_at().map(Time),
            status: row.status,
            problem: row.problem.clone(),
            took_milliseconds: row.took,
        }
    }
}
