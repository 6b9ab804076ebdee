//! The audit log as people read it.

use diesel::SqliteConnection;
use server_scout_wire::Timestamp;

use super::{Action, Object};
use crate::access::Right;
use crate::domain::acting::Acting;
use crate::domain::principal::PersonPrincipal;
use crate::domain::{ServiceError, Services};
use crate::id::{Id, Person};
use crate::store::audit::{self, EventRow, Filter};

/// An audit event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its place in the organisation's chain, from 1.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What is stored of it.
    pub row: EventRow,
}

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    /// Of this person alone.
    pub person: Option<Id<Person>>,
    /// Of this action, `server.added`, or of all that begin with a word, `server`.
    pub action: Option<String>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// With smaller numbers alone: where a page before ended.
    pub before: Option<i64>,
}

/// Some events, newest first, and where to go on.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// The number to go on before, when there are more.
    pub next: Option<i64>,
}

impl Services {
    /// The newest events of the organisation that the query lets through, at most `limit` (1 to
    /// 1,000). Who is no admin sees the own ones.
    pub async fn audit_events(
        &self,
        person: &PersonPrincipal,
        query: EventQuery,
        limit: usize,
    ) -> Result<EventPage, ServiceError> {
        if !(1..=MAX_PAGE).contains(&limit) {
            let reason = format!("must be 1 to {MAX_PAGE}");
            return Err(ServiceError::invalid("limit", reason));
        }
        let Acting { scope, by } = person.acting(Right::Read)?;
        if let Some(asked) = query.person {
            let known = move |c: &mut SqliteConnection| audit::knows(c, scope, asked);
            if !self.store().read(known).await? {
                return Err(ServiceError::NotFound);
            }
        }
        let own = (!person.may(Right::Administer)).then(|| person.person());
        if own.is_some() && query.person.is_some_and(|asked| Some(asked) != own) {
            return Err(ServiceError::Forbidden);
        }
        let filter = Filter {
            person: own.or(query.person),
            action: query.action,
            from: query.from,
            to: query.to,
            before: query.before,
        };
        let more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut rows = self
            .store()
            .read_long(move |c| {
                // An export asks for page after page with what it was let in by at first.
                by.ask_again(c)?;
                audit::list(c, scope, &filter, more)
            })
            .await?;
        let there_is_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|row| row.number).filter(|_| there_is_more);
        let events = rows.into_iter().map(Event::from).collect();
        Ok(EventPage { events, next })
    }

    /// Records that somebody takes the audit log with them.
    pub async fn note_audit_export(&self, person: &PersonPrincipal) -> Result<(), ServiceError> {
        let acting = person.acting(Right::Read)?;
        self.count_change(person.person())?;
        let (audit, now) = (self.audit(), self.clock().now());
        let note = move |c: &mut SqliteConnection| {
            let nothing = Object::none();
            audit.record(c, now, &acting, Action::AuditExported, &nothing, "")
        };
        Ok(self.store().write(note).await?)
    }
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            number: row.number,
            at: Timestamp::from_millis(row.at),
            row,
        }
    }
}

const MAX_PAGE: usize = 1000;
