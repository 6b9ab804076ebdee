//! Audit events: a chain for each organisation and one for the installation.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{audit_chain, audit_event, audit_inbox, member};
use super::{Scope, StoreError};
use crate::id::{Id, Person};

/// Whose chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chain {
    /// The installation's own: what belongs to no organisation.
    Installation,
    /// An organisation's.
    Organisation(Scope),
}

impl Chain {
    /// The chain's number: the organisation's, or 0.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        match self {
            Self::Installation => INSTALLATION,
            Self::Organisation(scope) => scope.organisation().as_i64(),
        }
    }
}

/// An event as it is stored.
#[derive(Clone, Debug, Insertable, Queryable, Selectable)]
#[diesel(table_name = audit_event)]
pub struct EventRow {
    /// Whose chain: an organisation's number, or 0 for the installation's.
    pub organisation_id: i64,
    /// Its place in the chain, from 1.
    pub number: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// By what kind of actor.
    pub actor_kind: String,
    /// By whom.
    pub actor_name: String,
    /// By which person.
    pub person_id: Option<Id<Person>>,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which.
    pub object_id: String,
    /// How it was called then.
    pub object_name: String,
    /// What else there is to know.
    pub detail: String,
    /// From where; empty when that is not known.
    pub address: String,
    /// With which browser or program; empty when it said nothing.
    pub user_agent: String,
    /// The HMAC over it and the seal of the one before.
    pub seal: Vec<u8>,
}

/// Where a chain stands.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_chain)]
pub struct ChainRow {
    /// Whose chain: an organisation's number, or 0 for the installation's.
    pub organisation_id: i64,
    /// Events ever recorded.
    pub count: i64,
    /// The seal of the last event; zeros before the first.
    pub head: Vec<u8>,
    /// The number of the last event that was removed after its retention; 0 when none was.
    pub checkpoint_number: i64,
    /// Its seal.
    pub checkpoint_head: Option<Vec<u8>>,
    /// The seal over both.
    pub checkpoint_seal: Option<Vec<u8>>,
}

impl ChainRow {
    /// Whose chain it is.
    #[must_use]
    pub fn chain(&self) -> Chain {
        match Id::from_number(self.organisation_id) {
            Some(organisation) if self.organisation_id != INSTALLATION => {
                Chain::Organisation(Scope::of(organisation))
            }
            _ => Chain::Installation,
        }
    }
}

/// What a command did while it had no key to seal it.
#[derive(Clone, Debug, Queryable)]
pub struct InboxRow {
    /// Its place.
    pub id: i64,
    /// For which chain.
    pub chain: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// What was done.
    pub action: String,
    /// To what kind of thing.
    pub object_kind: String,
    /// To which.
    pub object_id: String,
    /// How it was called then.
    pub object_name: String,
    /// What else there is to know.
    pub detail: String,
}

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this person alone.
    pub person: Option<Id<Person>>,
    /// Of this action, or of all actions that begin with it and a dot.
    pub action: Option<String>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// With smaller numbers alone: where a page before ended.
    pub before: Option<i64>,
}

/// Where the chain of that number stands; a new one stands at its beginning.
pub fn chain(connection: &mut SqliteConnection, chain: i64) -> Result<ChainRow, StoreError> {
    let found = audit_chain::table
        .filter(audit_chain::organisation_id.eq(chain))
        .select(ChainRow::as_select())
        .first(connection)
        .optional()?;
    Ok(found.unwrap_or(ChainRow {
        organisation_id: chain,
        count: 0,
        head: vec![0; 32],
        checkpoint_number: 0,
        checkpoint_head: None,
        checkpoint_seal: None,
    }))
}

/// Every chain, for the operator's verification.
pub fn chains(connection: &mut SqliteConnection) -> Result<Vec<ChainRow>, StoreError> {
    Ok(audit_chain::table
        .order(audit_chain::organisation_id)
        .select(ChainRow::as_select())
        .load(connection)?)
}

/// Adds an event at the end of its chain.
pub fn append(connection: &mut SqliteConnection, event: &EventRow) -> Result<(), StoreError> {
    diesel::insert_into(audit_event::table)
        .values(event)
        .execute(connection)?;
    diesel::insert_into(audit_chain::table)
        .values((
            audit_chain::organisation_id.eq(event.organisation_id),
            audit_chain::count.eq(event.number),
            audit_chain::head.eq(&event.seal),
        ))
        .on_conflict(audit_chain::organisation_id)
        .do_update()
        .set((
            audit_chain::count.eq(event.number),
            audit_chain::head.eq(&event.seal),
        ))
        .execute(connection)?;
    Ok(())
}

/// The newest events of an organisation that the filter lets through.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    let mut query = audit_event::table
        .filter(audit_event::organisation_id.eq(scope.organisation().as_i64()))
        .into_boxed();
    if let Some(person) = filter.person {
        query = query.filter(audit_event::person_id.eq(person));
    }
    if let Some(action) = &filter.action {
        // Everything that begins with the word and a dot sorts between the dot and its successor.
        let (first, last) = (format!("{action}."), format!("{action}/"));
        let below = audit_event::action
            .ge(first)
            .and(audit_event::action.lt(last));
        query = query.filter(audit_event::action.eq(action.clone()).or(below));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_event::at.ge(from.as_millis()));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_event::at.lt(to.as_millis()));
    }
    if let Some(before) = filter.before {
        query = query.filter(audit_event::number.lt(before));
    }
    Ok(query
        .order(audit_event::number.desc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(connection)?)
}

/// Whether an organisation knows a person: as a member, or from its events.
pub fn knows(
    connection: &mut SqliteConnection,
    scope: Scope,
    person: Id<Person>,
) -> Result<bool, StoreError> {
    let members = member::table
        .filter(member::organisation_id.eq(scope.organisation()))
        .filter(member::person_id.eq(person));
    let events = audit_event::table
        .filter(audit_event::organisation_id.eq(scope.organisation().as_i64()))
        .filter(audit_event::person_id.eq(person));
    let member = diesel::select(diesel::dsl::exists(members)).get_result(connection)?;
    Ok(member || diesel::select(diesel::dsl::exists(events)).get_result(connection)?)
}

/// The events of a chain after `number`, oldest first, for the operator's verification.
pub fn after(
    connection: &mut SqliteConnection,
    chain: i64,
    number: i64,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    Ok(audit_event::table
        .filter(audit_event::organisation_id.eq(chain))
        .filter(audit_event::number.gt(number))
        .order(audit_event::number)
        .limit(limit)
        .select(EventRow::as_select())
        .load(connection)?)
}

/// The last event of a chain that is older than `before`, counting only those that are all older up
/// to it.
pub fn last_before(
    connection: &mut SqliteConnection,
    chain: i64,
    before: Timestamp,
) -> Result<Option<EventRow>, StoreError> {
    let first_kept: Option<i64> = audit_event::table
        .filter(audit_event::organisation_id.eq(chain))
        .filter(audit_event::at.ge(before.as_millis()))
        .select(diesel::dsl::min(audit_event::number))
        .first(connection)?;
    let mut old = audit_event::table
        .filter(audit_event::organisation_id.eq(chain))
        .into_boxed();
    if let Some(first) = first_kept {
        old = old.filter(audit_event::number.lt(first));
    }
    Ok(old
        .order(audit_event::number.desc())
        .select(EventRow::as_select())
        .first(connection)
        .optional()?)
}

/// Removes the events up to `last` and keeps their end as the chain's checkpoint.
pub fn close(
    connection: &mut SqliteConnection,
    last: &EventRow,
    seal: &[u8],
) -> Result<(), StoreError> {
    let chain = last.organisation_id;
    let old = audit_event::table
        .filter(audit_event::organisation_id.eq(chain))
        .filter(audit_event::number.le(last.number));
    diesel::delete(old).execute(connection)?;
    diesel::update(audit_chain::table.filter(audit_chain::organisation_id.eq(chain)))
        .set((
            audit_chain::checkpoint_number.eq(last.number),
            audit_chain::checkpoint_head.eq(&last.seal),
            audit_chain::checkpoint_seal.eq(seal),
        ))
        .execute(connection)?;
    Ok(())
}

/// Removes an organisation's whole chain, and says where it stood.
pub fn remove(connection: &mut SqliteConnection, scope: Scope) -> Result<ChainRow, StoreError> {
    let number = scope.organisation().as_i64();
    let stood = chain(connection, number)?;
    diesel::delete(audit_event::table.filter(audit_event::organisation_id.eq(number)))
        .execute(connection)?;
    diesel::delete(audit_chain::table.filter(audit_chain::organisation_id.eq(number)))
        .execute(connection)?;
    diesel::delete(audit_inbox::table.filter(audit_inbox::organisation_id.eq(number)))
        .execute(connection)?;
    Ok(stood)
}

/// Leaves what a command did for the dashboard to seal.
pub fn leave(connection: &mut SqliteConnection, left: &InboxRow) -> Result<(), StoreError> {
    diesel::insert_into(audit_inbox::table)
        .values((
            audit_inbox::organisation_id.eq(left.chain),
            audit_inbox::at.eq(left.at),
            audit_inbox::action.eq(&left.action),
            audit_inbox::object_kind.eq(&left.object_kind),
            audit_inbox::object_id.eq(&left.object_id),
            audit_inbox::object_name.eq(&left.object_name),
            audit_inbox::detail.eq(&left.detail),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes what commands have left, oldest first.
pub fn take_left(
    connection: &mut SqliteConnection,
    limit: i64,
) -> Result<Vec<InboxRow>, StoreError> {
    let left: Vec<InboxRow> = audit_inbox::table
        .order(audit_inbox::id)
        .limit(limit)
        .load(connection)?;
    if let Some(last) = left.last() {
        diesel::delete(audit_inbox::table.filter(audit_inbox::id.le(last.id)))
            .execute(connection)?;
    }
    Ok(left)
}

/// Whether commands have left anything.
pub fn anything_left(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let any = audit_inbox::table.select(audit_inbox::id);
    Ok(diesel::select(diesel::dsl::exists(any)).get_result(connection)?)
}

const INSTALLATION: i64 = 0;
