//! Notices: what is to be told to channels, written in the transaction of what they tell of.
//!
//! Whoever sends takes the bundles that are due, oldest first and part by part: the rows of a bundle are
//! one message, and a bundle that is due gets no more. Each row says all that there is to tell, so it is of use whatever is
//! deleted meanwhile. What cannot be read, such as what a newer dashboard wrote, is set aside, so that it
//! keeps nothing behind it from going.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use server_scout_wire::Timestamp;

use super::schema::{alert_bundle, alert_notice};
use super::{Scope, StoreError};
use crate::alerting::{Notice, NoticeKind, Severity};
use crate::id::{AlertRule, Bundle, Id, Incident, Organisation};

/// What a notice tells of an incident.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Tells {
    /// The server's id.
    pub server: String,
    /// The server's name.
    pub server_name: String,
    /// The rule's name.
    pub rule_name: String,
    /// The word of the rule's kind.
    pub kind: String,
    /// The word of the measure.
    pub measure: String,
    /// The unit of the values.
    pub unit: String,
    /// The value's label; none where the measure has none.
    pub label: Option<String>,
    /// `above` or `below`.
    pub comparison: String,
    /// The threshold that was breached.
    pub threshold: f64,
    /// The value that led to the notice, where one did.
    pub value: Option<f64>,
    /// The value that was furthest beyond so far.
    pub worst: f64,
    /// When the incident was opened, RFC 3339.
    pub opened_at: String,
    /// Why it is over; only when it is.
    pub end_reason: Option<String>,
    /// How often it came back soon after its end.
    pub flaps: u8,
}

/// A notice to send.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeRow {
    /// Its number.
    pub number: i64,
    /// Whose.
    pub scope: Scope,
    /// Of which incident.
    pub incident: Id<Incident>,
    /// Of which rule.
    pub rule: Id<AlertRule>,
    /// What it tells.
    pub kind: NoticeKind,
    /// How much the incident matters.
    pub severity: Severity,
    /// When it happened, by the clock of the samples.
    pub at: Timestamp,
    /// When it is to be sent.
    pub due_at: Timestamp,
    /// What has the same is one message.
    pub bundle: Id<Bundle>,
    /// The ids of the channels to tell.
    pub channels: Vec<String>,
    /// What it tells of the incident.
    pub tells: Tells,
}

/// A bundle that is due.
#[derive(Clone, Copy, Debug)]
pub struct DueBundle {
    /// Which.
    pub bundle: Id<Bundle>,
    /// Whose.
    pub scope: Scope,
}

/// Notices of a bundle that go the same way: to the same channels, with the same severity.
#[derive(Clone, Debug)]
pub struct Way {
    /// How much their incidents matter.
    pub severity: Severity,
    /// The ids of the channels to tell.
    pub channels: Vec<String>,
    /// How many there are.
    pub count: i64,
    stored_channels: String,
}

/// Some notices of a bundle.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Those that can be read.
    pub notices: Vec<NoticeRow>,
    /// The numbers of the others.
    pub unreadable: Vec<i64>,
}

/// Whose and of what a notice is.
pub(super) struct About<'a> {
    pub(super) organisation: Id<Organisation>,
    pub(super) incident: Id<Incident>,
    pub(super) rule: Id<AlertRule>,
    pub(super) severity: Severity,
    pub(super) at: Timestamp,
    pub(super) channels: &'a str,
}

pub(super) fn add(
    connection: &mut SqliteConnection,
    about: &About<'_>,
    notice: Notice,
    tells: &Tells,
) -> Result<(), StoreError> {
    let tells = serde_json::to_string(tells).unwrap_or_default();
    diesel::insert_into(alert_notice::table)
        .values((
            alert_notice::organisation_id.eq(about.organisation),
            alert_notice::incident_id.eq(about.incident),
            alert_notice::rule_id.eq(about.rule),
            alert_notice::kind.eq(notice.kind.as_str()),
            alert_notice::severity.eq(about.severity.as_str()),
            alert_notice::at.eq(about.at.as_millis()),
            alert_notice::due_at.eq(notice.due_at.as_millis()),
            alert_notice::bundle.eq(notice.bundle),
            alert_notice::channels.eq(about.channels),
            alert_notice::tells.eq(tells),
        ))
        .execute(connection)?;
    Ok(())
}

/// The bundle that has been due longest at `now`; none when none is. Those that were begun come last, so that
/// a long one keeps nobody waiting.
pub fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<DueBundle>, StoreError> {
    let begun: Vec<Id<Bundle>> = alert_bundle::table
        .select(alert_bundle::bundle)
        .load(connection)?;
    let first = due_without(connection, now, &begun)?;
    if first.is_some() || begun.is_empty() {
        return Ok(first);
    }
    due_without(connection, now, &[])
}

fn due_without(
    connection: &mut SqliteConnection,
    now: Timestamp,
    without: &[Id<Bundle>],
) -> Result<Option<DueBundle>, StoreError> {
    let found: Option<(Id<Bundle>, Id<Organisation>)> = alert_notice::table
        .filter(alert_notice::due_at.le(now.as_millis()))
        .filter(alert_notice::set_aside.eq(0))
        .filter(alert_notice::bundle.ne_all(without))
        .order((alert_notice::due_at, alert_notice::bundle))
        .select((alert_notice::bundle, alert_notice::organisation_id))
        .first(connection)
        .optional()?;
    Ok(found.map(|(bundle, organisation)| DueBundle {
        bundle,
        scope: Scope::of(organisation),
    }))
}

/// The ways that the notices of a bundle go, those that matter most first.
pub fn ways(connection: &mut SqliteConnection, bundle: Id<Bundle>) -> Result<Vec<Way>, StoreError> {
    let rows: Vec<(String, String, i64)> = of_bundle(bundle)
        .group_by((alert_notice::severity, alert_notice::channels))
        .order((alert_notice::severity, alert_notice::channels))
        .select((
            alert_notice::severity,
            alert_notice::channels,
            diesel::dsl::count_star(),
        ))
        .load(connection)?;
    let way = |(severity, stored_channels, count): (String, String, i64)| {
        Some(Way {
            severity: Severity::from_word(&severity)?,
            channels: serde_json::from_str(&stored_channels).ok()?,
            count,
            stored_channels,
        })
    };
    Ok(rows.into_iter().filter_map(way).collect())
}

/// The oldest notices of a bundle that go some way, at most `limit`.
pub fn first_of(
    connection: &mut SqliteConnection,
    bundle: Id<Bundle>,
    way: &Way,
    limit: i64,
) -> Result<Part, StoreError> {
    let rows = of_bundle(bundle)
        .filter(alert_notice::severity.eq(way.severity.as_str()))
        .filter(alert_notice::channels.eq(&way.stored_channels))
        .order(alert_notice::id)
        .limit(limit)
        .select(Stored::as_select())
        .load(connection)?;
    Ok(Part::of(rows))
}

/// The oldest notices of a bundle, at most `limit`.
pub fn part(
    connection: &mut SqliteConnection,
    bundle: Id<Bundle>,
    limit: i64,
) -> Result<Part, StoreError> {
    let rows = of_bundle(bundle)
        .order(alert_notice::id)
        .limit(limit)
        .select(Stored::as_select())
        .load(connection)?;
    Ok(Part::of(rows))
}

/// Whether messages of a bundle were made already.
pub fn is_told(connection: &mut SqliteConnection, bundle: Id<Bundle>) -> Result<bool, StoreError> {
    let mark = alert_bundle::table.filter(alert_bundle::bundle.eq(bundle));
    Ok(diesel::select(diesel::dsl::exists(mark)).get_result(connection)?)
}

/// Keeps that messages of a bundle were made, for as long as some of its notices are left.
pub fn set_told(connection: &mut SqliteConnection, due: DueBundle) -> Result<(), StoreError> {
    diesel::insert_into(alert_bundle::table)
        .values((
            alert_bundle::bundle.eq(due.bundle),
            alert_bundle::organisation_id.eq(due.scope.organisation()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Removes notices of a bundle, which somebody has taken over, and with the last what was kept of it.
pub fn remove(
    connection: &mut SqliteConnection,
    bundle: Id<Bundle>,
    notices: &[NoticeRow],
) -> Result<(), StoreError> {
    let numbers = notices.iter().map(|notice| notice.number);
    let taken = alert_notice::table.filter(alert_notice::id.eq_any(numbers));
    diesel::delete(taken).execute(connection)?;
    let more: bool =
        diesel::select(diesel::dsl::exists(of_bundle(bundle))).get_result(connection)?;
    if !more {
        let mark = alert_bundle::table.filter(alert_bundle::bundle.eq(bundle));
        diesel::delete(mark).execute(connection)?;
    }
    Ok(())
}

/// Passes notices over until [`take_up_again`]. Gives how many are passed over in all.
pub fn set_aside(connection: &mut SqliteConnection, numbers: &[i64]) -> Result<i64, StoreError> {
    diesel::update(alert_notice::table.filter(alert_notice::id.eq_any(numbers)))
        .set(alert_notice::set_aside.eq(1))
        .execute(connection)?;
    Ok(alert_notice::table
        .filter(alert_notice::set_aside.eq(1))
        .count()
        .get_result(connection)?)
}

/// Passes nothing over any more: another program may read what its predecessor could not.
pub fn take_up_again(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    diesel::update(alert_notice::table.filter(alert_notice::set_aside.eq(1)))
        .set(alert_notice::set_aside.eq(0))
        .execute(connection)?;
    Ok(())
}

/// Removes notices that were due before `before` and that nobody took.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    let old = alert_notice::due_at.lt(before.as_millis());
    diesel::delete(alert_notice::table.filter(old)).execute(connection)?;
    let left = alert_notice::table.filter(alert_notice::bundle.eq(alert_bundle::bundle));
    let over = alert_bundle::table.filter(diesel::dsl::not(diesel::dsl::exists(left)));
    diesel::delete(over).execute(connection)?;
    Ok(())
}

/// What is due of a bundle.
#[diesel::dsl::auto_type(no_type_alias)]
fn of_bundle(bundle: Id<Bundle>) -> _ {
    alert_notice::table
        .filter(alert_notice::bundle.eq(bundle))
        .filter(alert_notice::set_aside.eq(0_i32))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = alert_notice)]
struct Stored {
    id: i64,
    organisation_id: Id<Organisation>,
    incident_id: Id<Incident>,
    rule_id: Id<AlertRule>,
    kind: String,
    severity: String,
    at: i64,
    due_at: i64,
    bundle: Id<Bundle>,
    channels: String,
    tells: String,
}

impl Part {
    fn of(rows: Vec<Stored>) -> Self {
        let mut part = Self::default();
        for row in rows {
            let number = row.id;
            match row.row() {
                Some(notice) => part.notices.push(notice),
                None => part.unreadable.push(number),
            }
        }
        part
    }
}

impl Stored {
    /// None where a word is unknown or a text is damaged.
    fn row(self) -> Option<NoticeRow> {
        Some(NoticeRow {
            number: self.id,
            scope: Scope::of(self.organisation_id),
            incident: self.incident_id,
            rule: self.rule_id,
            kind: NoticeKind::from_word(&self.kind)?,
            severity: Severity::from_word(&self.severity)?,
            at: Timestamp::from_millis(self.at),
            due_at: Timestamp::from_millis(self.due_at),
            bundle: self.bundle,
            channels: serde_json::from_str(&self.channels).ok()?,
            tells: serde_json::from_str(&self.tells).ok()?,
        })
    }
}
