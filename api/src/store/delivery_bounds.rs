//! How much may wait for channels that take it slowly or not at all.
//!
//! Beyond a bound the oldest is given up for the newest. What tells of the end of an incident to those who
//! keep incidents goes last: it would stay open there for ever.

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::StoreError;
use super::deliveries::{self, WAITING};
use super::schema::{delivery, delivery_message};
use crate::id::{Channel, Delivery, Id, Organisation};

/// The most that waits.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Deliveries of a channel.
    pub of_channel: i64,
    /// Deliveries of a channel whose receiver keeps incidents, as each incident is told by itself.
    pub of_keeping: i64,
    /// Deliveries of an organisation.
    pub of_organisation: i64,
    /// Bytes of an organisation's messages.
    pub bytes: i64,
}

/// A channel to which something was added.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Which.
    pub channel: Id<Channel>,
    /// Whether its receiver keeps incidents.
    pub keeps_state: bool,
}

impl Bounds {
    /// Those that hold.
    pub const ALL: Self = Self {
        of_channel: 500,
        of_keeping: 5_000,
        of_organisation: 10_000,
        bytes: 16 * 1024 * 1024,
    };
}

/// Gives up what is beyond the bounds after something was added, in the same transaction.
pub fn keep(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
    filled: &[Filled],
    bounds: Bounds,
    now: Timestamp,
) -> Result<(), StoreError> {
    for one in filled {
        let most = if one.keeps_state {
            bounds.of_keeping
        } else {
            bounds.of_channel
        };
        let place = Place::Channel(one.channel);
        let over = place.count(connection)? - most;
        give_up_oldest(connection, place, over, now)?;
        deliveries::forget_oldest(connection, one.channel)?;
    }
    let place = Place::Organisation(organisation);
    let over = place.count(connection)? - bounds.of_organisation;
    give_up_oldest(connection, place, over, now)?;
    while bytes(connection, organisation)? > bounds.bytes {
        if give_up_oldest(connection, place, AT_ONCE, now)? == 0 {
            break;
        }
    }
    Ok(())
}

/// Where something waits.
#[derive(Clone, Copy)]
enum Place {
    Channel(Id<Channel>),
    Organisation(Id<Organisation>),
}

type Waiting = delivery::BoxedQuery<'static, diesel::sqlite::Sqlite>;

impl Place {
    fn waiting(self) -> Waiting {
        let all = delivery::table
            .filter(delivery::state.eq(WAITING))
            .into_boxed();
        match self {
            Self::Channel(id) => all.filter(delivery::channel_id.eq(id)),
            Self::Organisation(id) => all.filter(delivery::organisation_id.eq(id)),
        }
    }

    fn count(self, connection: &mut SqliteConnection) -> Result<i64, StoreError> {
        Ok(self.waiting().count().get_result(connection)?)
    }
}

/// Gives up so many, the oldest first and ends of incidents last. Returns how many there were.
fn give_up_oldest(
    connection: &mut SqliteConnection,
    place: Place,
    over: i64,
    now: Timestamp,
) -> Result<usize, StoreError> {
    if over <= 0 {
        return Ok(0);
    }
    let is_end = || {
        delivery::incident_id
            .is_not_null()
            .and(delivery::kind.eq(RESOLVED))
    };
    let mut oldest: Vec<Id<Delivery>> = { place.waiting() }
        .filter(diesel::dsl::not(is_end()))
        .order(delivery::created_at)
        .limit(over)
        .select(delivery::id)
        .load(connection)?;
    let missing = over - i64::try_from(oldest.len()).unwrap_or(over);
    if missing > 0 {
        let ends: Vec<Id<Delivery>> = { place.waiting() }
            .filter(is_end())
            .order(delivery::created_at)
            .limit(missing)
            .select(delivery::id)
            .load(connection)?;
        oldest.extend(ends);
    }
    for id in &oldest {
        deliveries::give_up(connection, *id, TOO_MANY, now)?;
    }
    Ok(oldest.len())
}

/// Of the messages that wait.
fn bytes(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
) -> Result<i64, StoreError> {
    let all: Vec<i64> = delivery_message::table
        .filter(delivery_message::organisation_id.eq(organisation))
        .select(delivery_message::bytes)
        .load(connection)?;
    Ok(all.into_iter().sum())
}

const RESOLVED: &str = "resolved";
const TOO_MANY: &str = "Too much waited: it was given up for what is newer.";
/// Given up at a time, until the rest is small enough.
const AT_ONCE: i64 = 20;
