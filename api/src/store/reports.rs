//! The report log: what was acknowledged and is not folded yet.

use diesel::dsl::auto_type;
use diesel::prelude::*;
use server_scout_wire::{Host, Report, Sample, Tags, Timestamp};

use super::heads::Position;
use super::intake::Entry;
use super::log::{Half, LogRow};
use super::schema::report;
use super::scope::shows;
use super::series::SeriesLimits;
use super::tags::{self, Origin};
use super::{Scope, StoreError, WriteContext, folding, log, log_row, segments, series, servers};
use crate::id::{Id, Organisation, Server};
use crate::timeseries::segment::Row;

/// What became of one report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Appended {
    /// It was there before.
    Duplicate,
    /// Its half-day has [`MOST_REPORTS`](crate::timeseries::segment::MOST_REPORTS) or
    /// [`MOST_BYTES`](crate::timeseries::segment::MOST_BYTES) of the server already.
    TooMany,
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
    limits: SeriesLimits,
) -> Result<Vec<Appended>, StoreError> {
    let mut appended = Vec::with_capacity(reports.len());
    for report in reports {
        appended.push(append_one(
            context,
            scope,
            server,
            report,
            received_at,
            limits,
        )?);
    }
    let hosts = reports
        .iter()
        .filter_map(|report| Some((report.timestamp(), report.host()?)));
    if let Some((at, host)) = hosts.max_by_key(|(at, _)| *at) {
        keep_host(context.connection, scope, server, host, at)?;
    }
    Ok(appended)
}

/// What the agent says of the host; its tags stand apart, to be asked for.
fn keep_host(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    host: &Host,
    at: Timestamp,
) -> Result<(), StoreError> {
    let facts = Host {
        tags: Tags::default(),
        ..host.clone()
    };
    let facts = serde_json::to_string(&facts).unwrap_or_default();
    if servers::set_host(connection, scope, server, &facts, at)? {
        tags::replace(connection, scope, server, Origin::Agent, &host.tags)?;
    }
    Ok(())
}

fn append_one(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    report: &Report,
    received_at: Timestamp,
    limits: SeriesLimits,
) -> Result<Appended, StoreError> {
    let arrived = received_at.as_millis();
    let place = context
        .intake
        .enter(context.connection, scope, server, report, arrived)?;
    let (half, place) = match place {
        Entry::At(half, place) => (half, place),
        Entry::Duplicate => return Ok(Appended::Duplicate),
        Entry::TooMany => return Ok(Appended::TooMany),
    };
    let limits = (limits, received_at);
    let (samples, dropped) = encode(context, scope, server, report.samples(), limits)?;
    let at = report.timestamp().as_millis();
    context.intake.fill(server, at, samples.len());
    let identity = report.identity();
    let row = LogRow {
        id: place,
        organisation: scope.organisation(),
        server,
        at,
        received_at: arrived,
        identity: identity.map(|identity| (identity.boot.0, identity.seq)),
        samples,
    };
    log::append(context.connection, half, &row)?;
    Ok(Appended::New { dropped })
}

/// The reports at these places of the log, of a server and after `mark`, in the order of the log. What
/// is damaged is left out.
pub(super) fn at(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    places: &[i64],
    mark: i64,
) -> Result<Vec<Row>, StoreError> {
    type Logged = (i64, i64, i64, Option<i64>, Option<i64>, Vec<u8>);
    let mut rows = Vec::with_capacity(places.len());
    for places in places.chunks(AT_A_TIME) {
        let logged: Vec<Logged> = of(scope, server)
            .filter(report::id.eq_any(places))
            .filter(report::id.gt(mark))
            .order(report::id)
            .select((
                report::id,
                report::at,
                report::received_at,
                report::boot,
                report::seq,
                report::samples,
            ))
            .load(connection)?;
        for (id, at, received_at, boot, seq, samples) in logged {
            let Some(samples) = log_row::decode(&samples) else {
                tracing::error!(id, "a report of the log is damaged; it is left out");
                continue;
            };
            let identity = boot.zip(seq);
            rows.push(Row {
                at,
                received_at,
                identity: identity.map(|(boot, seq)| (boot.cast_unsigned(), seq.cast_unsigned())),
                samples,
            });
        }
    }
    Ok(rows)
}

/// A report as it was stored.
#[derive(Clone, Debug)]
pub struct StoredReport {
    /// When the values were read, by the host's clock.
    pub at: Timestamp,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Series id and value.
    pub samples: Vec<(i64, f64)>,
}

/// The newest report of a server by its own time. `positions` are those of the log, asked for before.
pub fn newest(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    positions: &[Position],
) -> Result<Option<StoredReport>, StoreError> {
    connection.transaction(|c| {
        let mark = folding::mark(c, server)?;
        let unfolded = positions.iter().filter(|position| position.id > mark);
        let place = unfolded.max_by_key(|position| (position.at, position.id));
        let places: Vec<i64> = place.map(|position| position.id).into_iter().collect();
        let logged = at(c, scope, server, &places, mark)?.into_iter().next();
        let folded = segments::newest(c, scope, server, i64::MAX)?;
        let folded = folded.filter(|info| logged.as_ref().is_none_or(|row| row.at < info.last_at));
        match folded {
            Some(info) => segments::last_report(c, scope, &info).map(Some),
            None => Ok(logged.map(|row| StoredReport {
                at: Timestamp::from_millis(row.at),
                received_at: Timestamp::from_millis(row.received_at),
                samples: row.samples,
            })),
        }
    })
}

/// Empties what is folded of the log, half by half, and appends to the empty half from then on, so that the
/// other one is folded soon, too.
pub fn cut(context: &mut WriteContext<'_>) -> Result<(), StoreError> {
    let end = context.intake.first(context.connection)?;
    for half in Half::ALL {
        let last = log::last(context.connection, half)?;
        if last.is_some_and(|last| last < end) {
            log::empty(context.connection, half)?;
        }
    }
    context.intake.turn(context.connection)
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
    log::remove(connection, scope, &some)
}

fn encode(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
    samples: &[Sample],
    limits: (SeriesLimits, Timestamp),
) -> Result<(Vec<u8>, Vec<usize>), StoreError> {
    let mut pairs: Vec<(i64, f64)> = Vec::with_capacity(samples.len());
    let mut dropped = Vec::new();
    for (place, sample) in samples.iter().enumerate() {
        let label = sample.label.as_ref();
        match series::id(context, scope, server, sample.metric, label, limits)? {
            Some(id) => pairs.push((id, sample.metric.round(sample.value))),
            None => dropped.push(place),
        }
    }
    Ok((log_row::encode(&pairs), dropped))
}

const AT_A_TIME: usize = 500;
