//! Channels. What is secret of them is sealed; nobody but the sender opens it.

use std::fmt;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::channel;
use super::{Scope, StoreError};
use crate::alerting::Severity;
use crate::id::{Channel, Id, Organisation};
use crate::sealing::Place;

/// A channel as people see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChannelRow {
    /// Its id.
    pub id: Id<Channel>,
    /// What it is called.
    pub name: String,
    /// The word of its kind.
    pub kind: String,
    /// Whether anything goes there.
    pub enabled: bool,
    /// A host and the last four characters of what is secret.
    pub shown: String,
    /// What matters less is not told there.
    pub severity: Severity,
    /// Only within these hours; at any time without.
    pub hours: Option<HoursRow>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when anything may go there; none while its address has not agreed.
    pub confirmed_at: Option<Timestamp>,
}

impl ChannelRow {
    /// Whether nothing goes there yet, as its address was asked and has not agreed.
    #[must_use]
    pub fn waits_for_confirmation(&self) -> bool {
        self.confirmed_at.is_none()
    }
}

/// Hours as they are stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HoursRow {
    /// Minutes after midnight.
    pub from: i32,
    /// Minutes after midnight; before `from` it is the next day's.
    pub to: i32,
    /// The name of the time zone.
    pub zone: String,
}

impl HoursRow {
    /// `HH:MM` of a minute of the day.
    #[must_use]
    pub fn clock(minute: i32) -> String {
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }
}

impl fmt::Display for HoursRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (Self::clock(self.from), Self::clock(self.to));
        write!(f, "{from} to {to} {}", self.zone)
    }
}

/// A channel to make.
pub struct NewChannel {
    /// What it is called.
    pub name: String,
    /// The word of its kind.
    pub kind: &'static str,
    /// What people may see of its settings.
    pub shown: String,
    /// What matters less is not told there.
    pub severity: Severity,
    /// Only within these hours.
    pub hours: Option<HoursRow>,
    /// Whether anything may go there at once.
    pub confirmed: bool,
}

/// What may change of a channel, whole.
pub struct ChangedChannel {
    /// What it is called.
    pub name: String,
    /// Whether anything goes there.
    pub enabled: bool,
    /// What matters less is not told there.
    pub severity: Severity,
    /// Only within these hours.
    pub hours: Option<HoursRow>,
}

/// The place of a channel's sealed settings.
#[must_use]
pub fn settings_place(id: Id<Channel>) -> Place {
    Place::new("channel", "sealed_settings", id)
}

/// The organisation's channels, by name.
pub fn list(
    connection: &mut SqliteConnection,
    scope: Scope,
) -> Result<Vec<ChannelRow>, StoreError> {
    of_organisation(connection, scope.organisation())
}

/// One channel.
pub fn get(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Channel>,
) -> Result<ChannelRow, StoreError> {
    let stored: Stored = ours(scope, id)
        .select(Stored::as_select())
        .first(connection)?;
    stored.row().ok_or(StoreError::NotFound)
}

/// How many channels the organisation has.
pub fn count(connection: &mut SqliteConnection, scope: Scope) -> Result<i64, StoreError> {
    let all = channel::table.filter(channel::organisation_id.eq(scope.organisation()));
    Ok(all.count().get_result(connection)?)
}

/// Makes a channel; `seal` seals its settings for the place that it is given.
pub fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    new: &NewChannel,
    seal: impl FnOnce(&Place) -> Result<Vec<u8>, StoreError>,
    now: Timestamp,
) -> Result<ChannelRow, StoreError> {
    let id: Id<Channel> = Id::random();
    let sealed = seal(&settings_place(id))?;
    let hours = new.hours.as_ref();
    diesel::insert_into(channel::table)
        .values((
            channel::id.eq(id),
            channel::organisation_id.eq(scope.organisation()),
            channel::name.eq(&new.name),
            channel::kind.eq(new.kind),
            channel::enabled.eq(true),
            channel::sealed_settings.eq(sealed),
            channel::shown.eq(&new.shown),
            channel::severity.eq(new.severity.as_str()),
            channel::from_minute.eq(hours.map(|hours| hours.from)),
            channel::to_minute.eq(hours.map(|hours| hours.to)),
            channel::zone.eq(hours.map(|hours| hours.zone.as_str())),
            channel::created_at.eq(now.as_millis()),
            channel::confirmed_at.eq(new.confirmed.then_some(now.as_millis())),
        ))
        .execute(connection)?;
    get(connection, scope, id)
}

/// Changes what may change of a channel.
pub fn change(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Channel>,
    changed: &ChangedChannel,
) -> Result<ChannelRow, StoreError> {
    let hours = changed.hours.as_ref();
    diesel::update(ours(scope, id))
        .set((
            channel::name.eq(&changed.name),
            channel::enabled.eq(changed.enabled),
            channel::severity.eq(changed.severity.as_str()),
            channel::from_minute.eq(hours.map(|hours| hours.from)),
            channel::to_minute.eq(hours.map(|hours| hours.to)),
            channel::zone.eq(hours.map(|hours| hours.zone.as_str())),
        ))
        .execute(connection)?;
    get(connection, scope, id)
}

/// Lets deliveries go to a channel from now on; not found when they do already.
pub fn confirm(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Channel>,
    now: Timestamp,
) -> Result<ChannelRow, StoreError> {
    let waiting = ours(scope, id).filter(channel::confirmed_at.is_null());
    let set = channel::confirmed_at.eq(now.as_millis());
    match diesel::update(waiting).set(set).execute(connection)? {
        0 => Err(StoreError::NotFound),
        _ => get(connection, scope, id),
    }
}

/// The sealed settings of a channel.
pub fn sealed_settings(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Channel>,
) -> Result<Vec<u8>, StoreError> {
    Ok(ours(scope, id)
        .select(channel::sealed_settings)
        .first(connection)?)
}

/// Whether all of these are channels of the organisation; not found when one is none.
pub fn are_there(
    connection: &mut SqliteConnection,
    scope: Scope,
    ids: &[Id<Channel>],
) -> Result<(), StoreError> {
    let known: Vec<Id<Channel>> = channel::table
        .filter(channel::organisation_id.eq(scope.organisation()))
        .select(channel::id)
        .load(connection)?;
    if ids.iter().all(|id| known.contains(id)) {
        return Ok(());
    }
    Err(StoreError::NotFound)
}

/// Deletes a channel with its deliveries.
pub fn delete(
    connection: &mut SqliteConnection,
    scope: Scope,
    id: Id<Channel>,
) -> Result<(), StoreError> {
    match diesel::delete(ours(scope, id)).execute(connection)? {
        0 => Err(StoreError::NotFound),
        _ => Ok(()),
    }
}

/// Seals the settings of every channel anew, each as `again` says. Returns how many there are.
pub(super) fn seal_again(
    connection: &mut SqliteConnection,
    again: &mut impl FnMut(&Place, &[u8]) -> Result<Vec<u8>, StoreError>,
) -> Result<usize, StoreError> {
    let all: Vec<(Id<Channel>, Vec<u8>)> = channel::table
        .select((channel::id, channel::sealed_settings))
        .load(connection)?;
    for (id, sealed) in &all {
        let fresh = again(&settings_place(*id), sealed)?;
        diesel::update(channel::table.filter(channel::id.eq(id)))
            .set(channel::sealed_settings.eq(fresh))
            .execute(connection)?;
    }
    Ok(all.len())
}

pub(super) fn of_organisation(
    connection: &mut SqliteConnection,
    organisation: Id<Organisation>,
) -> Result<Vec<ChannelRow>, StoreError> {
    let stored: Vec<Stored> = channel::table
        .filter(channel::organisation_id.eq(organisation))
        .order((channel::name, channel::id))
        .select(Stored::as_select())
        .load(connection)?;
    Ok(stored.into_iter().filter_map(Stored::row).collect())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn ours(scope: Scope, id: Id<Channel>) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    channel::table
        .filter(channel::organisation_id.eq(organisation))
        .filter(channel::id.eq(id))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = channel)]
struct Stored {
    id: Id<Channel>,
    name: String,
    kind: String,
    enabled: bool,
    shown: String,
    severity: String,
    from_minute: Option<i32>,
    to_minute: Option<i32>,
    zone: Option<String>,
    created_at: i64,
    confirmed_at: Option<i64>,
}

impl Stored {
    fn row(self) -> Option<ChannelRow> {
        let hours = match (self.from_minute, self.to_minute, self.zone) {
            (Some(from), Some(to), Some(zone)) => Some(HoursRow { from, to, zone }),
            _ => None,
        };
        Some(ChannelRow {
            id: self.id,
            name: self.name,
            kind: self.kind,
            enabled: self.enabled,
            shown: self.shown,
            severity: Severity::from_word(&self.severity)?,
            hours,
            created_at: Timestamp::from_millis(self.created_at),
            confirmed_at: self.confirmed_at.map(Timestamp::from_millis),
        })
    }
}
