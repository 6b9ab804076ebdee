//! The report log.

use std::ops::Range;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use server_scout_wire::{Report, Sample, Timestamp};

use super::schema::report;
use super::{Scope, StoreError, WriteContext, series, servers};
use crate::id::{Id, Server};

/// What became of the reports of one request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Appended {
    /// For each report whether it is new.
    pub new: Vec<bool>,
    /// Values that were dropped because their series would be one too many.
    pub dropped: u64,
}

/// Appends the reports of one request to the log.
pub fn append(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    reports: &[Report],
    received_at: Timestamp,
    max_series: usize,
) -> Result<Appended, StoreError> {
    let mut appended = Appended::default();
    for report in reports {
        let (samples, dropped) = encode(context, scope, server, report.samples(), max_series)?;
        let identity = report.identity();
        let rows = diesel::insert_into(report::table)
            .values((
                report::organisation_id.eq(scope.organisation()),
                report::server_id.eq(server),
                report::at.eq(report.timestamp().as_millis()),
                report::received_at.eq(received_at.as_millis()),
                report::boot.eq(identity.map(|identity| identity.boot.0.cast_signed())),
                report::seq.eq(identity.map(|identity| identity.seq.cast_signed())),
                report::samples.eq(samples),
            ))
            .on_conflict_do_nothing()
            .execute(context.connection)?;
        let new = rows == 1;
        appended.new.push(new);
        if new {
            appended.dropped += dropped;
            if let Some(host) = report.host() {
                let host = serde_json::to_string(host).unwrap_or_default();
                servers::set_host(context.connection, scope, server, &host)?;
            }
        }
    }
    Ok(appended)
}

/// A report as it comes out of the log.
#[derive(Clone, Debug)]
pub struct LoggedReport {
    /// When the values were read, by the host's clock.
    pub at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Series id and value.
    pub samples: Vec<(i64, f64)>,
}

/// Goes through the reports of a server in order of time, one in memory at a time.
pub fn each(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    range: Range<Timestamp>,
    mut visit: impl FnMut(LoggedReport),
) -> Result<(), StoreError> {
    let rows = report::table
        .filter(report::organisation_id.eq(scope.organisation()))
        .filter(report::server_id.eq(server))
        .filter(report::at.ge(range.start.as_millis()))
        .filter(report::at.lt(range.end.as_millis()))
        .order((report::at, report::id))
        .select((report::at, report::received_at, report::samples))
        .load_iter::<(i64, i64, Vec<u8>), DefaultLoadingMode>(connection)?;
    for row in rows {
        visit(logged(row?)?);
    }
    Ok(())
}

/// When the last reports of a server before `before` were made, newest first.
pub fn newest_moments(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Timestamp>, StoreError> {
    let moments: Vec<i64> = report::table
        .filter(report::organisation_id.eq(scope.organisation()))
        .filter(report::server_id.eq(server))
        .filter(report::at.lt(before.as_millis()))
        .order(report::at.desc())
        .limit(limit)
        .select(report::at)
        .load(connection)?;
    Ok(moments.into_iter().map(Timestamp::from_millis).collect())
}

/// The newest report of a server by its own time.
pub fn newest(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<Option<LoggedReport>, StoreError> {
    let row: Option<(i64, i64, Vec<u8>)> = report::table
        .filter(report::organisation_id.eq(scope.organisation()))
        .filter(report::server_id.eq(server))
        .order(report::at.desc())
        .select((report::at, report::received_at, report::samples))
        .first(connection)
        .optional()?;
    row.map(logged).transpose()
}

/// Removes reports older than `before`, at most `limit` at a time. Returns how many.
pub fn remove_old(
    connection: &mut SqliteConnection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, StoreError> {
    // The log is in order of arrival, so what has expired is found near its beginning.
    let old: Vec<i64> = report::table
        .filter(report::received_at.lt(before.as_millis()))
        .order(report::id)
        .limit(limit)
        .select(report::id)
        .load(connection)?;
    Ok(diesel::delete(report::table.filter(report::id.eq_any(old))).execute(connection)?)
}

fn encode(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    samples: &[Sample],
    max_series: usize,
) -> Result<(Vec<u8>, u64), StoreError> {
    let mut pairs: Vec<(i64, f64)> = Vec::with_capacity(samples.len());
    let mut dropped = 0;
    for sample in samples {
        let label = sample.label.as_ref();
        match series::id(context, scope, server, sample.metric, label, max_series)? {
            Some(id) => pairs.push((id, sample.value)),
            None => dropped += 1,
        }
    }
    let bytes =
        postcard::to_allocvec(&pairs).map_err(|error| StoreError::Database(error.to_string()))?;
    Ok((bytes, dropped))
}

fn logged((at, received_at, samples): (i64, i64, Vec<u8>)) -> Result<LoggedReport, StoreError> {
    let samples = postcard::from_bytes(&samples).map_err(|error| {
        StoreError::Database(format!("a report of the log is damaged: {error}"))
    })?;
    Ok(LoggedReport {
        at: Timestamp::from_millis(at),
        received_at: Timestamp::from_millis(received_at),
        samples,
    })
}
