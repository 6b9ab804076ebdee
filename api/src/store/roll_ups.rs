//! Roll-ups as they are stored: a row for each series, resolution and span.

use std::ops::Range;

use diesel::prelude::*;

use super::schema::{roll_up, series};
use super::{Scope, StoreError};
use crate::id::{Id, Server};
use crate::timeseries::Shown;
use crate::timeseries::roll_up::{Buckets, Resolution, pack, unpack};

/// A row to be stored; without buckets there shall be none.
pub(super) struct NewRollUp {
    pub(super) series: i64,
    pub(super) resolution: Resolution,
    pub(super) span: i64,
    pub(super) buckets: Option<Vec<u8>>,
}

/// The span of a moment.
fn span_of(resolution: Resolution, at: i64) -> i64 {
    at.div_euclid(resolution.span_millis())
}

/// The buckets of a series that begin in a range.
pub(super) fn buckets(
    connection: &mut SqliteConnection,
    scope: Scope,
    series: i64,
    resolution: Resolution,
    range: &Range<i64>,
) -> Result<Buckets, StoreError> {
    let (first, last) = (
        span_of(resolution, range.start),
        span_of(resolution, range.end.saturating_sub(1)),
    );
    let rows: Vec<(i64, Vec<u8>)> = roll_up::table
        .filter(roll_up::organisation_id.eq(scope.organisation().as_i64()))
        .filter(roll_up::series_id.eq(series))
        .filter(roll_up::seconds.eq(resolution.seconds()))
        .filter(roll_up::span.between(first, last))
        .order(roll_up::span)
        .select((roll_up::span, roll_up::buckets))
        .load(connection)?;
    let mut buckets = Buckets::new();
    for (span, bytes) in rows {
        let Ok(found) = unpack(resolution, span, &bytes) else {
            tracing::error!(series, span, "a roll-up is damaged; it is left out");
            continue;
        };
        buckets.extend(found.iter().filter(|(at, _)| range.contains(at)));
    }
    Ok(buckets)
}

/// When the first stored span of a server's series begins that ends after a moment.
pub(super) fn first_span(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    resolution: Resolution,
    since: i64,
) -> Result<Option<i64>, StoreError> {
    let ours = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .select(series::id);
    let first: Option<i64> = roll_up::table
        .filter(roll_up::organisation_id.eq(scope.organisation().as_i64()))
        .filter(roll_up::series_id.eq_any(ours))
        .filter(roll_up::seconds.eq(resolution.seconds()))
        .filter(roll_up::span.ge(span_of(resolution, since)))
        .select(diesel::dsl::min(roll_up::span))
        .first(connection)?;
    Ok(first.map(|span| span * resolution.span_millis()))
}

/// What a row becomes when the buckets of a range are replaced, which lies within one span.
pub(super) fn replaced(
    connection: &mut SqliteConnection,
    scope: Scope,
    series: i64,
    resolution: Resolution,
    range: &Range<i64>,
    what: Shown,
    new: &Buckets,
) -> Result<NewRollUp, StoreError> {
    let span = span_of(resolution, range.start);
    let begin = span * resolution.span_millis();
    let whole = begin..begin + resolution.span_millis();
    // A span that is one range is new from end to end.
    let mut all = if whole == *range {
        Buckets::new()
    } else {
        buckets(connection, scope, series, resolution, &whole)?
    };
    all.retain(|(at, _)| !range.contains(at));
    all.extend(new);
    all.sort_by_key(|(at, _)| *at);
    Ok(NewRollUp {
        series,
        resolution,
        span,
        buckets: (!all.is_empty()).then(|| pack(what, resolution, &all)),
    })
}

/// Stores a row instead of the one that was there.
pub(super) fn put(
    connection: &mut SqliteConnection,
    scope: Scope,
    new: &NewRollUp,
) -> Result<(), StoreError> {
    let Some(buckets) = &new.buckets else {
        let gone = roll_up::table
            .filter(roll_up::organisation_id.eq(scope.organisation().as_i64()))
            .filter(roll_up::series_id.eq(new.series))
            .filter(roll_up::seconds.eq(new.resolution.seconds()))
            .filter(roll_up::span.eq(new.span));
        diesel::delete(gone).execute(connection)?;
        return Ok(());
    };
    diesel::insert_into(roll_up::table)
        .values((
            roll_up::organisation_id.eq(scope.organisation().as_i64()),
            roll_up::series_id.eq(new.series),
            roll_up::seconds.eq(new.resolution.seconds()),
            roll_up::span.eq(new.span),
            roll_up::buckets.eq(buckets),
        ))
        .on_conflict((roll_up::series_id, roll_up::seconds, roll_up::span))
        .do_update()
        .set(roll_up::buckets.eq(buckets))
        .execute(connection)?;
    Ok(())
}

/// Removes some roll-ups of one server. Returns how many.
pub(super) fn remove_of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    limit: i64,
) -> Result<usize, StoreError> {
    let ours = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .select(series::id);
    let some: Vec<i64> = roll_up::table
        .filter(roll_up::series_id.eq_any(ours))
        .limit(limit)
        .select(roll_up::id)
        .load(connection)?;
    Ok(diesel::delete(roll_up::table.filter(roll_up::id.eq_any(some))).execute(connection)?)
}
