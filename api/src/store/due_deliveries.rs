//! Deliveries that are due: the first of each channel, and what is needed to send those that are chosen.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::deliveries::WAITING;
use super::schema::{channel, delivery, delivery_message, organisation};
use crate::id::{Channel, Delivery, Id, Organisation};

/// What of a channel is due first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// The delivery.
    pub delivery: Id<Delivery>,
    /// To which channel.
    pub channel: Id<Channel>,
    /// Whose.
    pub organisation: Id<Organisation>,
    /// Since when.
    pub due_at: Timestamp,
}

/// A delivery that is due, with all that is needed for it.
pub struct Due {
    /// Its id.
    pub id: Id<Delivery>,
    /// Whose.
    pub organisation: Id<Organisation>,
    /// What that organisation is called.
    pub organisation_name: String,
    /// To which channel.
    pub channel: Id<Channel>,
    /// How often it was tried.
    pub attempts: i32,
    /// The message, JSON.
    pub message: String,
    /// The word of the channel's kind.
    pub kind: String,
    /// The channel's sealed settings.
    pub sealed: Vec<u8>,
}

/// What of each channel is due first, without the channels that are busy, off or not
/// confirmed. No message is read.
pub fn heads(
    connection: &mut SqliteConnection,
    now: Timestamp,
    busy: &[Id<Channel>],
) -> Result<Vec<Head>, StoreError> {
    type Row = (
        Id<Channel>,
        Id<Organisation>,
        Option<Id<Delivery>>,
        Option<i64>,
    );
    let any = delivery::table
        .filter(delivery::state.eq(WAITING))
        .filter(delivery::due_at.le(now.as_millis()));
    if !diesel::select(diesel::dsl::exists(any)).get_result::<bool>(connection)? {
        return Ok(Vec::new());
    }
    let due = delivery::table
        .filter(delivery::channel_id.eq(channel::id))
        .filter(delivery::state.eq(WAITING))
        .filter(delivery::due_at.le(now.as_millis()))
        .order((delivery::due_at, delivery::created_at))
        .limit(1);
    let there = organisation::table
        .filter(organisation::deleted_at.is_null())
        .select(organisation::id);
    let rows: Vec<Row> = channel::table
        .filter(channel::enabled.eq(true))
        .filter(channel::confirmed_at.is_not_null())
        .filter(channel::id.ne_all(busy))
        .filter(channel::organisation_id.eq_any(there))
        .select((
            channel::id,
            channel::organisation_id,
            due.select(delivery::id).single_value(),
            due.select(delivery::due_at).single_value(),
        ))
        .load(connection)?;
    let head = |(channel, organisation, delivery, due_at): Row| {
        Some(Head {
            delivery: delivery?,
            channel,
            organisation,
            due_at: Timestamp::from_millis(due_at?),
        })
    };
    Ok(rows.into_iter().filter_map(head).collect())
}

/// All that is needed to send some deliveries.
pub fn load(
    connection: &mut SqliteConnection,
    chosen: &[Id<Delivery>],
) -> Result<Vec<Due>, StoreError> {
    type Row = (
        (Id<Delivery>, Id<Channel>, Id<Organisation>, String),
        (i32, String, String, Vec<u8>),
    );
    let rows: Vec<Row> = delivery::table
        .inner_join(organisation::table)
        .inner_join(channel::table)
        .inner_join(delivery_message::table)
        .filter(delivery::id.eq_any(chosen))
        .filter(delivery::state.eq(WAITING))
        .select((
            (
                delivery::id,
                delivery::channel_id,
                delivery::organisation_id,
                organisation::name,
            ),
            (
                delivery::attempts,
                delivery_message::content,
                channel::kind,
                channel::sealed_settings,
            ),
        ))
        .load(connection)?;
    let due = |((id, channel, organisation, organisation_name), rest): Row| {
        let (attempts, message, kind, sealed) = rest;
        Due {
            id,
            organisation,
            organisation_name,
            channel,
            attempts,
            message,
            kind,
            sealed,
        }
    };
    Ok(rows.into_iter().map(due).collect())
}
