//! Notices: what is to be told to channels, written in the transaction of what they tell of.
//!
//! Whoever sends takes the bundles that are due, oldest first: the rows of a bundle are one message, and
//! a bundle that is due gets no more. Each row says all that there is to tell, so it is of use whatever is
//! deleted meanwhile.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use server_scout_wire::Timestamp;

use super::schema::alert_notice;
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

/// The notices of the bundle that has been due longest at `now`; none when none is.
pub fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Vec<NoticeRow>, StoreError> {
    type Row = (
        (
            i64,
            Id<Organisation>,
            Id<Incident>,
            Id<AlertRule>,
            String,
            String,
        ),
        (i64, i64, Id<Bundle>, String, String),
    );
    let bundle: Option<Id<Bundle>> = alert_notice::table
        .filter(alert_notice::due_at.le(now.as_millis()))
        .order((alert_notice::due_at, alert_notice::bundle))
        .select(alert_notice::bundle)
        .first(connection)
        .optional()?;
    let Some(bundle) = bundle else {
        return Ok(Vec::new());
    };
    let rows: Vec<Row> = alert_notice::table
        .filter(alert_notice::bundle.eq(bundle))
        .order(alert_notice::id)
        .select((
            (
                alert_notice::id,
                alert_notice::organisation_id,
                alert_notice::incident_id,
                alert_notice::rule_id,
                alert_notice::kind,
                alert_notice::severity,
            ),
            (
                alert_notice::at,
                alert_notice::due_at,
                alert_notice::bundle,
                alert_notice::channels,
                alert_notice::tells,
            ),
        ))
        .load(connection)?;
    let row = |(about, told): Row| {
        let (number, organisation, incident, rule, kind, severity) = about;
        let (at, due_at, bundle, channels, tells) = told;
        Some(NoticeRow {
            number,
            scope: Scope::of(organisation),
            incident,
            rule,
            kind: NoticeKind::from_word(&kind)?,
            severity: Severity::from_word(&severity)?,
            at: Timestamp::from_millis(at),
            due_at: Timestamp::from_millis(due_at),
            bundle,
            channels: serde_json::from_str(&channels).unwrap_or_default(),
            tells: serde_json::from_str(&tells).ok()?,
        })
    };
    Ok(rows.into_iter().filter_map(row).collect())
}

/// Removes the notices of a bundle, which somebody has taken over.
pub fn remove(connection: &mut SqliteConnection, bundle: Id<Bundle>) -> Result<(), StoreError> {
    diesel::delete(alert_notice::table.filter(alert_notice::bundle.eq(bundle)))
        .execute(connection)?;
    Ok(())
}

/// Removes notices that were due before `before` and that nobody took.
pub fn sweep(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), StoreError> {
    let old = alert_notice::due_at.lt(before.as_millis());
    diesel::delete(alert_notice::table.filter(old)).execute(connection)?;
    Ok(())
}
