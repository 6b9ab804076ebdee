//! Incidents.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use super::super::App;
use super::super::incident_cursor::{read_cursor, write_cursor};
use super::super::incident_export;
use super::super::problem::Failure;
use super::alert_rules::rule_id;
use super::auth::PersonAuth;
use super::download::{Download, ExportFormat};
use super::incident_schema::{Incident, IncidentEvent};
use super::schema::Time;
use super::servers::server_id;
use crate::access::Right;
use crate::alerting::Severity;
use crate::domain::alerts::{IncidentQuery, Timeline};
use crate::id::{self, Id};
use crate::store::incidents::{Deed, Filter};

pub(super) struct IncidentsApi(pub(super) App);

/// Some incidents, the newest first.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct IncidentList {
    /// The incidents.
    items: Vec<Incident>,
    /// Where to go on, when there are more.
    next_cursor: Option<String>,
}

/// An incident with all that happened.
#[derive(Clone, Debug, Object)]
pub(super) struct IncidentTimeline {
    /// The incident.
    incident: Incident,
    /// What happened, in order.
    events: Vec<IncidentEvent>,
}

/// What somebody does about an incident.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub(super) struct IncidentDeed {
    /// What.
    action: DeedWord,
    /// With `snooze`: until when nobody is told of it, within the next 30 days.
    until: Option<Time>,
    /// What there is to say: at most 500 characters.
    #[oai(validator(max_length = 2048))]
    note: Option<String>,
}

/// What can be done about an incident.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
enum DeedWord {
    /// Takes it in hand: no reminders come any more.
    Acknowledge,
    /// Lets it go again, and ends a snooze.
    Release,
    /// Wants to hear nothing of it for a while.
    Snooze,
    /// Says something about it.
    Note,
}

/// Which incidents.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum IncidentState {
    /// Those that are open.
    Open,
    /// Those that are over.
    Resolved,
}

#[OpenApi]
impl IncidentsApi {
    /// List incidents
    ///
    /// The newest first, of the servers that one sees.
    #[oai(path = "/incidents", method = "get", operation_id = "list_incidents")]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation"
    )]
    async fn list_incidents(
        &self,
        person: PersonAuth,
        /// Only those that are open, or over.
        state: Query<Option<IncidentState>>,
        /// Only those that were that severe at their worst: `warning` or `critical`.
        severity: Query<Option<String>>,
        /// Only those of this server.
        server: Query<Option<String>>,
        /// Only those of this rule, by its id.
        rule: Query<Option<String>>,
        /// From this time on.
        from: Query<Option<Time>>,
        /// Before this time.
        to: Query<Option<Time>>,
        /// How many at most, 1 to 200; 100 unless said otherwise.
        limit: Query<Option<u32>>,
        /// Where to go on: `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Json<IncidentList>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let services = self.0.services();
        let mut filter = filter(state.0, severity.0, server.0, from.0, to.0)?;
        if let Some(server) = filter.server {
            services.server(scope, server).await?;
        }
        filter.rule = rule.0.map(|id| rule_id(&id)).transpose()?;
        filter.after = cursor.0.map(|cursor| read_cursor(&cursor)).transpose()?;
        let limit = limit.0.map(|limit| limit as usize);
        let (found, next) = services
            .incidents(scope, IncidentQuery { filter, limit })
            .await?;
        Ok(Json(IncidentList {
            items: found.iter().map(Incident::from).collect(),
            next_cursor: next.map(write_cursor),
        }))
    }

    /// Export incidents
    ///
    /// Every one that the filter lets through, the newest first. The export is an audit event.
    #[oai(
        path = "/incidents/export",
        method = "get",
        operation_id = "export_incidents"
    )]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation"
    )]
    async fn export_incidents(
        &self,
        person: PersonAuth,
        /// CSV or newline-delimited JSON.
        format: Query<ExportFormat>,
        /// Only those that are open, or over.
        state: Query<Option<IncidentState>>,
        /// Only those that were that severe at their worst: `warning` or `critical`.
        severity: Query<Option<String>>,
        /// Only those of this server.
        server: Query<Option<String>>,
        /// From this time on.
        from: Query<Option<Time>>,
        /// Before this time.
        to: Query<Option<Time>>,
    ) -> Result<Download, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let services = self.0.services();
        let filter = filter(state.0, severity.0, server.0, from.0, to.0)?;
        if let Some(server) = filter.server {
            services.server(scope, server).await?;
        }
        let export = incident_export::export(services, &person.0, filter, format.0.into()).await?;
        Ok(Download(export))
    }

    /// Look at an incident
    ///
    /// With all that happened.
    #[oai(path = "/incidents/:id", method = "get", operation_id = "get_incident")]
    async fn get_incident(
        &self,
        person: PersonAuth,
        /// The incident's id.
        id: Path<String>,
    ) -> Result<Json<IncidentTimeline>, Failure> {
        let scope = person.0.scope(Right::Read)?;
        let timeline = self
            .0
            .services()
            .incident(scope, incident_id(&id.0)?)
            .await?;
        Ok(Json((&timeline).into()))
    }

    /// Do something about an incident
    ///
    /// Acknowledge it, snooze it, let it go again, or leave a note. One that is over takes notes alone.
    #[oai(
        path = "/incidents/:id",
        method = "post",
        operation_id = "act_on_incident"
    )]
    async fn act_on_incident(
        &self,
        person: PersonAuth,
        /// The incident's id.
        id: Path<String>,
        deed: Json<IncidentDeed>,
    ) -> Result<Json<IncidentTimeline>, Failure> {
        let id = incident_id(&id.0)?;
        let services = self.0.services();
        services.incident(person.0.scope(Right::Read)?, id).await?;
        let acting = person.0.acting(Right::Write)?;
        let IncidentDeed {
            action,
            until,
            note,
        } = deed.0;
        let deed = match (action, until) {
            (DeedWord::Snooze, Some(until)) => Deed::Snooze(until.0),
            (DeedWord::Snooze, None) => {
                return Err(Failure::invalid("until", "must be there with snooze"));
            }
            (_, Some(_)) => return Err(Failure::invalid("until", "goes with snooze alone")),
            (DeedWord::Acknowledge, None) => Deed::Acknowledge,
            (DeedWord::Release, None) => Deed::Release,
            (DeedWord::Note, None) => Deed::Note,
        };
        let note = note.unwrap_or_default();
        let timeline = services.act_on_incident(&acting, id, deed, &note).await?;
        Ok(Json((&timeline).into()))
    }
}

fn filter(
    state: Option<IncidentState>,
    severity: Option<String>,
    server: Option<String>,
    from: Option<Time>,
    to: Option<Time>,
) -> Result<Filter, Failure> {
    let severity = severity.map(|word| {
        let expected = || Failure::invalid("severity", "must be warning or critical");
        Severity::from_word(&word).ok_or_else(expected)
    });
    Ok(Filter {
        open: state.map(|state| matches!(state, IncidentState::Open)),
        severity: severity.transpose()?,
        server: server.map(|id| server_id(&id)).transpose()?,
        rule: None,
        from: from.map(|time| time.0),
        to: to.map(|time| time.0),
        after: None,
    })
}

impl From<&Timeline> for IncidentTimeline {
    fn from(timeline: &Timeline) -> Self {
        Self {
            incident: (&timeline.incident).into(),
            events: timeline.events.iter().map(IncidentEvent::from).collect(),
        }
    }
}

/// What is no id names nothing.
pub(super) fn incident_id(text: &str) -> Result<Id<id::Incident>, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}
