//! Removing what is older than its retention, in portions, so that no transaction is long.

use std::time::Duration;

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::schema::{roll_up, segment};
use super::{Scope, StoreError, segments};
use crate::timeseries::roll_up::Resolution;
use crate::timeseries::segment::period_of;

/// A portion of what has expired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Portion {
    /// Whether anything was removed.
    pub any: bool,
    /// Whether there may be more.
    pub more: bool,
}

impl Portion {
    fn of(removed: usize, limit: i64) -> Self {
        Self {
            any: removed > 0,
            more: i64::try_from(removed).is_ok_and(|removed| removed == limit),
        }
    }
}

/// Removes some segments of half-days that were over before `before`. One that is not rolled up waits a
/// day for that.
pub fn remove_samples(
    connection: &mut SqliteConnection,
    scope: Scope,
    before: Timestamp,
) -> Result<Portion, StoreError> {
    let gone = period_of(before.as_millis());
    let long_gone = period_of(before.before(WAIT).as_millis());
    let old: Vec<i64> = segment::table
        .filter(segment::organisation_id.eq(scope.organisation()))
        .filter(segment::period.lt(gone))
        .filter(segment::rolled.eq(true).or(segment::period.lt(long_gone)))
        .limit(SEGMENTS)
        .select(segment::id)
        .load(connection)?;
    let removed = segments::remove(connection, scope, &old)?;
    Ok(Portion::of(removed, SEGMENTS))
}

/// Removes some roll-ups of spans that were over before `before`.
pub fn remove_roll_ups(
    connection: &mut SqliteConnection,
    scope: Scope,
    resolution: Resolution,
    before: Timestamp,
) -> Result<Portion, StoreError> {
    let gone = before.as_millis().div_euclid(resolution.span_millis());
    let old: Vec<i64> = roll_up::table
        .filter(roll_up::organisation_id.eq(scope.organisation().as_i64()))
        .filter(roll_up::seconds.eq(resolution.seconds()))
        .filter(roll_up::span.lt(gone))
        .limit(ROLL_UPS)
        .select(roll_up::id)
        .load(connection)?;
    let removed =
        diesel::delete(roll_up::table.filter(roll_up::id.eq_any(old))).execute(connection)?;
    Ok(Portion::of(removed, ROLL_UPS))
}

const SEGMENTS: i64 = 10;
const ROLL_UPS: i64 = 500;
const WAIT: Duration = Duration::from_hours(24);
