//! The audit log.

use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::super::App;
use super::super::event_export;
use super::super::problem::Failure;
use super::auth::PersonAuth;
use super::download::{Download, ExportFormat};
use super::schema::Time;
use crate::domain::audit::{Event, EventQuery};

pub(super) struct AuditApi(pub(super) App);

/// An audit event.
#[derive(Clone, Debug, Object)]
pub(super) struct AuditEvent {
    /// Its place in the organisation's chain, from 1 without a gap.
    number: i64,
    /// When.
    at: Time,
    /// `person`, `token`, `agent`, `operator`, `dashboard` or `stranger`.
    actor_kind: String,
    /// Who: the e-mail address of a person, the name of an agent's server; else empty.
    actor: String,
    /// What was done, such as `server.added`.
    action: String,
    /// What kind of thing it was done to; empty for nothing in particular.
    object_kind: String,
    /// Its id.
    object_id: String,
    /// How it was called then.
    object: String,
    /// What else there is to know.
    detail: String,
    /// From which address; empty when that is not known.
    address: String,
    /// With which browser or program; empty when it said nothing.
    user_agent: String,
}

/// Some audit events, newest first.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct AuditEventList {
    /// The events.
    items: Vec<AuditEvent>,
    /// Where to go on, when there are more.
    next_cursor: Option<String>,
}

#[OpenApi]
impl AuditApi {
    /// List audit events
    ///
    /// The newest first. Who is no admin sees the own ones.
    #[oai(
        path = "/audit-events",
        method = "get",
        operation_id = "list_audit_events"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation"
    )]
    async fn list_audit_events(
        &self,
        person: PersonAuth,
        /// Only this action, `server.added`, or all that begin with a word, `server`.
        action: Query<Option<String>>,
        /// Only events of this person, by id.
        person_id: Query<Option<String>>,
        /// From this time on.
        from: Query<Option<Time>>,
        /// Before this time.
        to: Query<Option<Time>>,
        /// How many at most, 1 to 1000; 100 unless said otherwise.
        limit: Query<Option<u32>>,
        /// Where to go on: `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Json<AuditEventList>, Failure> {
        let mut query = query(action.0, person_id.0.as_deref(), from.0, to.0)?;
        query.before = cursor.0.map(|cursor| read_cursor(&cursor)).transpose()?;
        let limit = limit.0.unwrap_or(100) as usize;
        let page = self
            .0
            .services()
            .audit_events(&person.0, query, limit)
            .await?;
        Ok(Json(AuditEventList {
            items: page.events.into_iter().map(AuditEvent::from).collect(),
            next_cursor: page.next.map(|number| number.to_string()),
        }))
    }

    /// Export audit events
    ///
    /// Every one that the filter lets through, newest first. The export is an audit event itself.
    #[oai(
        path = "/audit-events/export",
        method = "get",
        operation_id = "export_audit_events"
    )]
    async fn export_audit_events(
        &self,
        person: PersonAuth,
        /// CSV or newline-delimited JSON.
        format: Query<ExportFormat>,
        /// Only this action, or all that begin with a word.
        action: Query<Option<String>>,
        /// From this time on.
        from: Query<Option<Time>>,
        /// Before this time.
        to: Query<Option<Time>>,
    ) -> Result<Download, Failure> {
        let query = query(action.0, None, from.0, to.0)?;
        let services = self.0.services();
        let export = event_export::export(services, &person.0, query, format.0.into()).await?;
        Ok(Download(export))
    }
}

fn query(
    action: Option<String>,
    person: Option<&str>,
    from: Option<Time>,
    to: Option<Time>,
) -> Result<EventQuery, Failure> {
    let unknown = |_| Failure::invalid("person_id", "must be an id of 16 hexadecimal digits");
    Ok(EventQuery {
        person: person.map(|id| id.parse().map_err(unknown)).transpose()?,
        action,
        from: from.map(|time| time.0),
        to: to.map(|time| time.0),
        before: None,
    })
}

fn read_cursor(cursor: &str) -> Result<i64, Failure> {
    let number = cursor.parse().ok();
    number.ok_or_else(|| Failure::invalid("cursor", "must be the next_cursor of the page before"))
}

impl From<Event> for AuditEvent {
    fn from(event: Event) -> Self {
        let row = event.row;
        Self {
            number: event.number,
            at: Time(event.at),
            actor_kind: row.actor_kind,
            actor: row.actor_name,
            action: row.action,
            object_kind: row.object_kind,
            object_id: row.object_id,
            object: row.object_name,
            detail: row.detail,
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}
