//! Incidents as people see them, and what they do about them.

use server_scout_wire::{Label, Timestamp};

use crate::access::Right;
use crate::alerting::Condition;
use crate::domain::acting::Acting;
use crate::domain::audit::{Action, Object};
use crate::domain::principal::PersonPrincipal;
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Incident};
use crate::store::incidents::{self, Deed, EventRow, Filter, IncidentRow};
use crate::store::{Scope, StoreError};

/// Which incidents to list, and how many.
#[derive(Clone, Debug, Default)]
pub struct IncidentQuery {
    /// Which.
    pub filter: Filter,
    /// How many at most, 1 to 200; 100 unless said otherwise.
    pub limit: Option<usize>,
}

/// An incident with the state of its value.
#[derive(Clone, Debug)]
pub struct IncidentView {
    /// What is stored.
    pub row: IncidentRow,
    /// In which state it is now; none when it is over.
    pub condition: Option<Condition>,
}

/// Some incidents, and where to go on when there are more.
pub type IncidentPage = (Vec<IncidentView>, Option<(Timestamp, Id<Incident>)>);

/// An incident with all that happened.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The incident.
    pub incident: IncidentView,
    /// What happened, in order.
    pub events: Vec<EventRow>,
}

impl IncidentView {
    /// The word of its state: `firing`, `recovering`, `unknown` without data, or `resolved`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.condition.map_or("resolved", Condition::as_str)
    }
}

impl Services {
    /// Records that somebody takes the history along.
    pub async fn note_incident_export(&self, person: &PersonPrincipal) -> Result<(), ServiceError> {
        let acting = person.acting(Right::Read)?;
        self.count_change(person.person())?;
        let (audit, now) = (self.audit(), self.clock().now());
        Ok(self
            .store()
            .write(move |c| {
                let nothing = Object::none();
                audit.record(c, now, &acting, Action::IncidentsExported, &nothing, "")
            })
            .await?)
    }

    /// Some incidents, the newest first, and where to go on.
    pub async fn incidents(
        &self,
        scope: Scope,
        query: IncidentQuery,
    ) -> Result<IncidentPage, ServiceError> {
        let limit = query.limit.unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            let reason = format!("must be 1 to {MAX_PAGE}");
            return Err(ServiceError::invalid("limit", reason));
        }
        let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut rows = self
            .store()
            .read(move |c| incidents::list(c, scope, &query.filter, more))
            .await?;
        let there_is_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| there_is_more);
        let next = last.map(|row| (row.noticed_at(), row.id));
        Ok((
            rows.into_iter()
                .map(|row| self.incident_view(row))
                .collect(),
            next,
        ))
    }

    /// How many incidents are open.
    pub async fn count_open_incidents(&self, scope: Scope) -> Result<u64, ServiceError> {
        let count = self
            .store()
            .read(move |c| incidents::count_open(c, scope))
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// One incident with all that happened.
    pub async fn incident(&self, scope: Scope, id: Id<Incident>) -> Result<Timeline, ServiceError> {
        let (row, events) = self
            .store()
            .read(move |c| {
                Ok((
                    incidents::get(c, scope, id)?,
                    incidents::events(c, scope, id)?,
                ))
            })
            .await?;
        Ok(Timeline {
            incident: self.incident_view(row),
            events,
        })
    }

    /// Takes an incident in hand, lets it go, snoozes it or says something about it.
    pub async fn act_on_incident(
        &self,
        acting: &Acting,
        id: Id<Incident>,
        deed: Deed,
        note: &str,
    ) -> Result<Timeline, ServiceError> {
        let note = crate::domain::names::Description::parse("note", note)?;
        if deed == Deed::Note && note.as_str().is_empty() {
            return Err(ServiceError::invalid("note", "must say something"));
        }
        let (scope, now) = (acting.scope, self.clock().now());
        if let Deed::Snooze(until) = deed
            && (until <= now || until.since(now) > LONGEST_SNOOZE)
        {
            let reason = "must be within the next 30 days";
            return Err(ServiceError::invalid("until", reason));
        }
        let (audit, acting) = (self.audit(), acting.clone());
        let done = deed.clone();
        let row = self
            .store()
            .write(move |c| {
                let who = acting.by.who.name().to_owned();
                let row = incidents::act(c, scope, id, (&deed, &who, note.as_str()), now)?;
                let what = format!("{} at {}", row.rule_name, row.server_name);
                let object = Object::incident(id, &what);
                let action = match deed {
                    Deed::Acknowledge => Action::IncidentAcknowledged,
                    Deed::Release => Action::IncidentReleased,
                    Deed::Snooze(_) => Action::IncidentSnoozed,
                    Deed::Note => Action::IncidentNoted,
                };
                audit.record(c, now, &acting, action, &object, note.as_str())?;
                Ok(row)
            })
            .await
            .map_err(|error| match error {
                StoreError::Conflict => ServiceError::Conflict {
                    member: "incident",
                    reason: "is over, or so much was done to it that no more is kept",
                },
                other => other.into(),
            })?;
        {
            let mut engine = self.alerts().engine();
            engine.acknowledge(row.server, id, row.acknowledged_at().is_some());
            engine.snooze(row.server, id, row.snoozed_until());
        }
        tracing::debug!(?done, "an incident was acted on");
        self.incident(scope, id).await
    }

    fn incident_view(&self, row: IncidentRow) -> IncidentView {
        let condition = row.ended_at().is_none().then(|| {
            let standings = self
                .alerts()
                .engine()
                .standings(row.server, self.clock().now());
            let this = standings.iter().find(|standing| {
                let label = standing.label.as_ref().map_or("", Label::as_str);
                standing.rule == row.rule && label == row.label
            });
            this.map_or(Condition::Unknown, |standing| standing.condition)
        });
        IncidentView { row, condition }
    }
}

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 200;
const LONGEST_SNOOZE: std::time::Duration = std::time::Duration::from_hours(30 * 24);
