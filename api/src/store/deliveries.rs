//! Deliveries: one message to one channel each, until it arrived or was given up, and the log of them.

use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{delivery, delivery_message, sender_lease};
use super::{Scope, StoreError};
use crate::id::{Channel, Delivery, DeliveryMessage, Id, Incident, Organisation};

/// A delivery as the log shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeliveryRow {
    /// Its id, which the receiver gets as the message's.
    pub id: Id<Delivery>,
    /// What it tells: `opened`, `escalated`, `reminder`, `resolved` or `test`.
    pub kind: String,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
    /// Since when it is to be delivered.
    pub created_at: Timestamp,
    /// When it is tried next, or was tried last.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: i32,
    /// The status of the last answer.
    pub status: Option<i32>,
    /// What went wrong the last time.
    pub problem: Option<String>,
    /// How long the last try took, milliseconds.
    pub took: Option<i32>,
}

impl DeliveryRow {
    /// Whether something of the same incident comes first.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.due_at.as_millis() == HELD
    }
}

/// A delivery to make.
pub struct NewDelivery {
    /// To which channel.
    pub channel: Id<Channel>,
    /// The incident, where the order of what is told of one matters.
    pub incident: Option<Id<Incident>>,
    /// What it tells.
    pub kind: &'static str,
    /// The message.
    pub message: Id<DeliveryMessage>,
}

/// What became of a try.
#[derive(Clone, Debug)]
pub struct Tried {
    /// When to try again; none when it waits no more.
    pub again_at: Option<Timestamp>,
    /// Whether it arrived.
    pub delivered: bool,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub problem: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Keeps a message, JSON, for the deliveries that are going to tell it.
pub fn add_message(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
    content: &str,
) -> Result<Id<DeliveryMessage>, StoreError> {
    let id: Id<DeliveryMessage> = Id::random();
    diesel::insert_into(delivery_message::table)
        .values((
            delivery_message::id.eq(id),
            delivery_message::organisation_id.eq(organisation),
            delivery_message::bytes.eq(i64::try_from(content.len()).unwrap_or(i64::MAX)),
            delivery_message::content.eq(content),
        ))
        .execute(connection)?;
    Ok(id)
}

/// Adds a delivery that is due at once, or after what is still to be told of the same incident.
pub fn add(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
    new: &NewDelivery,
    now: Timestamp,
) -> Result<Id<Delivery>, StoreError> {
    let id: Id<Delivery> = Id::random();
    let behind = next_of(connection, new.channel, new.incident)?.is_some();
    let due_at = if behind { HELD } else { now.as_millis() };
    diesel::insert_into(delivery::table)
        .values((
            delivery::id.eq(id),
            delivery::organisation_id.eq(organisation),
            delivery::channel_id.eq(new.channel),
            delivery::incident_id.eq(new.incident),
            delivery::kind.eq(new.kind),
            delivery::state.eq(WAITING),
            delivery::created_at.eq(now.as_millis()),
            delivery::due_at.eq(due_at),
            delivery::attempts.eq(0),
            delivery::message_id.eq(new.message),
        ))
        .execute(connection)?;
    Ok(id)
}

/// The newest deliveries of a channel, at most `limit`.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
    channel: Id<Channel>,
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let stored: Vec<Stored> = delivery::table
        .filter(delivery::organisation_id.eq(scope.organisation()))
        .filter(delivery::channel_id.eq(channel))
        .order((delivery::created_at.desc(), delivery::id))
        .limit(limit)
        .select(Stored::as_select())
        .load(connection)?;
    Ok(stored.into_iter().map(Stored::row).collect())
}

/// How many deliveries of each channel were given up; channels without any are left out.
pub fn count_dead(
    connection: &mut SqliteConnection,
    scope: Scope,
) -> Result<Vec<(Id<Channel>, i64)>, StoreError> {
    Ok(delivery::table
        .filter(delivery::organisation_id.eq(scope.organisation()))
        .filter(delivery::state.eq(DEAD))
        .group_by(delivery::channel_id)
        .select((delivery::channel_id, diesel::dsl::count_star()))
        .load(connection)?)
}

/// How many deliveries of a channel wait.
pub fn count_waiting(
    connection: &mut SqliteConnection,
    scope: Scope,
    channel: Id<Channel>,
) -> Result<i64, StoreError> {
    Ok(delivery::table
        .filter(delivery::organisation_id.eq(scope.organisation()))
        .filter(delivery::channel_id.eq(channel))
        .filter(delivery::state.eq(WAITING))
        .count()
        .get_result(connection)?)
}

/// What is to be told next of an incident to a channel.
fn next_of(
    connection: &mut SqliteConnection,
    channel: Id<Channel>,
    incident: Option<Id<Incident>>,
) -> Result<Option<Id<Delivery>>, StoreError> {
    let Some(incident) = incident else {
        return Ok(None);
    };
    Ok(delivery::table
        .filter(delivery::channel_id.eq(channel))
        .filter(delivery::state.eq(WAITING))
        .filter(delivery::incident_id.eq(incident))
        .order(delivery::created_at)
        .select(delivery::id)
        .first(connection)
        .optional()?)
}

/// Keeps what became of a try. The message goes when it waits no more. What was given up meanwhile stays so,
/// unless it arrived.
pub fn note(
    connection: &mut SqliteConnection,
    id: Id<Delivery>,
    tried: &Tried,
    now: Timestamp,
) -> Result<(), StoreError> {
    let took = i32::try_from(tried.took.as_millis()).unwrap_or(i32::MAX);
    let due_at = tried.again_at.unwrap_or(now);
    let state = match (tried.delivered, tried.again_at) {
        (true, _) => DELIVERED,
        (false, Some(_)) => WAITING,
        (false, None) => DEAD,
    };
    let open: &[&str] = if tried.delivered {
        &[WAITING, DEAD]
    } else {
        &[WAITING]
    };
    let this = delivery::table
        .filter(delivery::id.eq(id))
        .filter(delivery::state.eq_any(open));
    let noted = diesel::update(this)
        .set((
            delivery::state.eq(state),
            delivery::due_at.eq(due_at.as_millis()),
            delivery::attempts.eq(delivery::attempts + 1),
            delivery::status.eq(tried.status.map(i32::from)),
            delivery::problem.eq(&tried.problem),
            delivery::took.eq(took),
        ))
        .execute(connection)?;
    if noted > 0 && state != WAITING {
        end(connection, id, now)?;
        let channel = delivery::table.filter(delivery::id.eq(id));
        let channel = channel.select(delivery::channel_id).first(connection)?;
        forget_oldest(connection, channel)?;
    }
    Ok(())
}

/// Gives a delivery up that waits.
pub(super) fn give_up(
    connection: &mut SqliteConnection,
    id: Id<Delivery>,
    problem: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(delivery::table.filter(delivery::id.eq(id)))
        .set((
            delivery::state.eq(DEAD),
            delivery::due_at.eq(now.as_millis()),
            delivery::problem.eq(problem),
        ))
        .execute(connection)?;
    end(connection, id, now)
}

/// The message of what ended goes, and what was behind it is due now.
fn end(
    connection: &mut SqliteConnection,
    ended: Id<Delivery>,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(delivery::table.filter(delivery::id.eq(ended)))
        .set(delivery::message_id.eq(None::<Id<DeliveryMessage>>))
        .execute(connection)?;
    release_next(connection, ended, now)
}

/// Forgets all but the newest that arrived, and the newest that were given up, of a channel.
pub(super) fn forget_oldest(
    connection: &mut SqliteConnection,
    channel: Id<Channel>,
) -> Result<(), StoreError> {
    for state in [DELIVERED, DEAD] {
        let old: Vec<Id<Delivery>> = delivery::table
            .filter(delivery::channel_id.eq(channel))
            .filter(delivery::state.eq(state))
            .order(delivery::due_at.desc())
            .limit(-1)
            .offset(ENDED_KEPT)
            .select(delivery::id)
            .load(connection)?;
        for portion in old.chunks(IDS_AT_ONCE) {
            let old = delivery::table.filter(delivery::id.eq_any(portion));
            diesel::delete(old).execute(connection)?;
        }
    }
    Ok(())
}

/// What was behind a delivery that ended is due now.
fn release_next(
    connection: &mut SqliteConnection,
    ended: Id<Delivery>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let of: Option<(Id<Channel>, Option<Id<Incident>>)> = delivery::table
        .filter(delivery::id.eq(ended))
        .select((delivery::channel_id, delivery::incident_id))
        .first(connection)
        .optional()?;
    let Some((channel, incident)) = of else {
        return Ok(());
    };
    if let Some(next) = next_of(connection, channel, incident)? {
        diesel::update(delivery::table.filter(delivery::id.eq(next)))
            .set(delivery::due_at.eq(now.as_millis()))
            .execute(connection)?;
    }
    Ok(())
}

/// Removes deliveries that ended before `before`.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    let over = delivery::table
        .filter(delivery::state.ne(WAITING))
        .filter(delivery::due_at.lt(before.as_millis()));
    diesel::delete(over).execute(connection)?;
    Ok(())
}

/// Takes or renews the lease of the one sender. False while another one has it.
pub fn lease(
    connection: &mut SqliteConnection,
    holder: i64,
    now: Timestamp,
    length: Duration,
) -> Result<bool, StoreError> {
    let free = sender_lease::holder
        .eq(holder)
        .or(sender_lease::until.le(now.as_millis()));
    let taken = diesel::update(sender_lease::table.filter(free))
        .set((
            sender_lease::holder.eq(holder),
            sender_lease::until.eq(now.after(length).as_millis()),
        ))
        .execute(connection)?;
    Ok(taken > 0)
}

/// Gives the lease back, so that another sender need not wait for its end.
pub fn release(connection: &mut SqliteConnection, holder: i64) -> Result<(), StoreError> {
    diesel::update(sender_lease::table.filter(sender_lease::holder.eq(holder)))
        .set(sender_lease::until.eq(0))
        .execute(connection)?;
    Ok(())
}

/// Whether somebody sends.
pub fn is_leased(connection: &mut SqliteConnection, now: Timestamp) -> Result<bool, StoreError> {
    let until: i64 = sender_lease::table
        .select(sender_lease::until)
        .first(connection)?;
    Ok(until > now.as_millis())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = delivery)]
pub(super) struct Stored {
    pub(super) id: Id<Delivery>,
    pub(super) channel_id: Id<Channel>,
    kind: String,
    state: String,
    created_at: i64,
    due_at: i64,
    attempts: i32,
    status: Option<i32>,
    problem: Option<String>,
    took: Option<i32>,
}

impl Stored {
    pub(super) fn row(self) -> DeliveryRow {
        DeliveryRow {
            id: self.id,
            kind: self.kind,
            state: self.state,
            created_at: Timestamp::from_millis(self.created_at),
            due_at: Timestamp::from_millis(self.due_at),
            attempts: self.attempts,
            status: self.status,
            problem: self.problem,
            took: self.took,
        }
    }
}

/// When what comes behind something else is due: not before that has ended.
const HELD: i64 = 253_402_300_799_000;
pub(super) const WAITING: &str = "waiting";
const DELIVERED: &str = "delivered";
const DEAD: &str = "dead";
/// Deliveries of a channel that the log keeps: so many that arrived, and so many that were given up.
const ENDED_KEPT: i64 = 1_000;
/// Ids in one statement.
const IDS_AT_ONCE: usize = 500;
