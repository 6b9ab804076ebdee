//! The report log.

use std::ops::Range;

use diesel::connection::DefaultLoadingMode;
use diesel::dsl::auto_type;
use diesel::prelude::*;
use server_scout_wire::{Host, Report, Sample, Tags, Timestamp};

use super::schema::report;
use super::scope::shows;
use super::tags::{self, Origin};
use super::{Scope, StoreError, WriteContext, series, servers};
use crate::id::{Id, Organisation, Server};

/// What became of one report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It was there before.
    Duplicate,
    /// It is new.
    New {
        /// The places of the values that were dropped because their series would be one too many,
        /// in order.
        dropped: Vec<usize>,
    },
}

/// The reports of a server, if the scope shows it.
#[auto_type(no_type_alias)]
fn of(scope: Scope, server: Id<Server>) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    let shown: shows = shows(scope, server);
    report::table
        .filter(report::organisation_id.eq(organisation))
        .filter(report::server_id.eq(server))
        .filter(shown)
}

/// Appends the reports of one request to the log.
pub fn append(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    reports: &[Report],
    received_at: Timestamp,
    max_series: usize,
) -> Result<Vec<Appended>, StoreError> {
    let mut appended = Vec::with_capacity(reports.len());
    for report in reports {
        appended.push(append_one(
            context,
            scope,
            server,
            report,
            received_at,
            max_series,
        )?);
    }
    let host = reports.iter().rev().find_map(Report::host);
    if let Some(host) = host {
        keep_host(context.connection, scope, server, host)?;
    }
    Ok(appended)
}

/// What the agent says of the host; its tags stand apart, to be asked for.
fn keep_host(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    host: &Host,
) -> Result<(), StoreError> {
    let facts = Host {
        tags: Tags::default(),
        ..host.clone()
    };
    let facts = serde_json::to_string(&facts).unwrap_or_default();
    servers::set_host(connection, scope, server, &facts)?;
    tags::replace(connection, scope, server, Origin::Agent, &host.tags)?;
    Ok(())
}

fn append_one(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    report: &Report,
    received_at: Timestamp,
    max_series: usize,
) -> Result<Appended, StoreError> {
    // A duplicate must not make series, and only one with unknown labels could.
    let unknown = series::lacks(context, scope, server, report.samples())?;
    if unknown && exists(context.connection, scope, server, report)? {
        return Ok(Appended::Duplicate);
    }
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
    Ok(if rows == 1 {
        Appended::New { dropped }
    } else {
        Appended::Duplicate
    })
}

/// Whether a report of the same identity is there.
fn exists(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    report: &Report,
) -> Result<bool, StoreError> {
    let ours = of(scope, server);
    Ok(match report.identity() {
        Some(identity) => diesel::select(diesel::dsl::exists(
            ours.filter(report::boot.eq(identity.boot.0.cast_signed()))
                .filter(report::seq.eq(identity.seq.cast_signed())),
        ))
        .get_result(connection)?,
        None => diesel::select(diesel::dsl::exists(
            ours.filter(report::boot.is_null())
                .filter(report::at.eq(report.timestamp().as_millis())),
        ))
        .get_result(connection)?,
    })
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
    let rows = of(scope, server)
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
    let moments: Vec<i64> = of(scope, server)
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
    let row: Option<(i64, i64, Vec<u8>)> = of(scope, server)
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

/// Removes reports of one server, at most `limit` at a time. Returns how many.
pub(super) fn remove_of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    limit: i64,
) -> Result<usize, StoreError> {
    let some: Vec<i64> = of(scope, server)
        .limit(limit)
        .select(report::id)
        .load(connection)?;
    Ok(diesel::delete(report::table.filter(report::id.eq_any(some))).execute(connection)?)
}

fn encode(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    samples: &[Sample],
    max_series: usize,
) -> Result<(Vec<u8>, Vec<usize>), StoreError> {
    let mut pairs: Vec<(i64, f64)> = Vec::with_capacity(samples.len());
    let mut dropped = Vec::new();
    for (place, sample) in samples.iter().enumerate() {
        let label = sample.label.as_ref();
        match series::id(context, scope, server, sample.metric, label, max_series)? {
            Some(id) => pairs.push((id, sample.value)),
            None => dropped.push(place),
        }
    }
    let bytes =
        postcard::to_allocvec(&pairs).map_err(|error| StoreError::Database(error.to_string()))?;
    Ok((bytes, dropped))
}

/// The pairs of series and value of a logged report.
pub(super) fn decode(samples: &[u8]) -> Result<Vec<(i64, f64)>, StoreError> {
    postcard::from_bytes(samples)
        .map_err(|error| StoreError::Database(format!("a report of the log is damaged: {error}")))
}

fn logged((at, received_at, samples): (i64, i64, Vec<u8>)) -> Result<LoggedReport, StoreError> {
    let samples = decode(&samples)?;
    Ok(LoggedReport {
        at: Timestamp::from_millis(at),
        received_at: Timestamp::from_millis(received_at),
        samples,
    })
}
