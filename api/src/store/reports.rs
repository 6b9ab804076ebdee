//! The report log and the series that name its values.

use std::collections::HashMap;

use diesel::prelude::*;
use server_scout_wire::{Label, Metric, Report, Sample, Timestamp};

use super::schema::{report, series};
use super::{Scope, StoreError, WriteContext, servers};
use crate::id::{Id, Server};

/// How many series the writer remembers; beyond that it forgets all and looks them up again.
const REMEMBERED: usize = 500_000;

/// A series: one metric of one server, with its label where it has one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SeriesKey {
    /// Which metric.
    pub metric: Metric,
    /// Which interface, device or mount.
    pub label: Option<Label>,
}

/// The ids of known series, by server.
#[derive(Default)]
pub struct SeriesCache {
    servers: HashMap<Id<Server>, HashMap<SeriesKey, i64>>,
    size: usize,
}

impl SeriesCache {
    /// Forgets everything, for example because a transaction was rolled back.
    pub fn forget(&mut self) {
        self.servers.clear();
        self.size = 0;
    }
}

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

/// The reports of a server from `from` until before `to`, in order of time.
pub fn range(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<LoggedReport>, StoreError> {
    let rows: Vec<(i64, i64, Vec<u8>)> = report::table
        .filter(report::organisation_id.eq(scope.organisation()))
        .filter(report::server_id.eq(server))
        .filter(report::at.ge(from.as_millis()))
        .filter(report::at.lt(to.as_millis()))
        .order((report::at, report::id))
        .select((report::at, report::received_at, report::samples))
        .load(connection)?;
    rows.into_iter().map(logged).collect()
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

/// The names of a server's series by id. Series of metrics that this version does not know are
/// left out.
pub fn series_of(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
) -> Result<HashMap<i64, SeriesKey>, StoreError> {
    let rows: Vec<(i64, String, String)> = series::table
        .filter(series::organisation_id.eq(scope.organisation()))
        .filter(series::server_id.eq(server))
        .select((series::id, series::metric, series::label))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, metric, label)| Some((id, key(&metric, &label)?)))
        .collect())
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
    if !context.series.servers.contains_key(&server) {
        remember(context, scope, server)?;
    }
    let mut pairs: Vec<(i64, f64)> = Vec::with_capacity(samples.len());
    let mut dropped = 0;
    for sample in samples {
        let key = SeriesKey {
            metric: sample.metric,
            label: sample.label.clone(),
        };
        let known = context.series.servers.entry(server).or_default();
        let id = match known.get(&key) {
            Some(id) => *id,
            None if known.len() >= max_series => {
                dropped += 1;
                continue;
            }
            None => {
                let id = create(context.connection, scope, server, &key)?;
                known.insert(key, id);
                context.series.size += 1;
                id
            }
        };
        pairs.push((id, sample.value));
    }
    let bytes =
        postcard::to_allocvec(&pairs).map_err(|error| StoreError::Database(error.to_string()))?;
    Ok((bytes, dropped))
}

fn remember(
    context: &mut WriteContext<'_>,
    scope: Scope,
    server: Id<Server>,
) -> Result<(), StoreError> {
    if context.series.size > REMEMBERED {
        context.series.forget();
    }
    let known: HashMap<SeriesKey, i64> = series_of(context.connection, scope, server)?
        .into_iter()
        .map(|(id, key)| (key, id))
        .collect();
    context.series.size += known.len();
    context.series.servers.insert(server, known);
    Ok(())
}

fn create(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    key: &SeriesKey,
) -> Result<i64, StoreError> {
    Ok(diesel::insert_into(series::table)
        .values((
            series::organisation_id.eq(scope.organisation()),
            series::server_id.eq(server),
            series::metric.eq(key.metric.name()),
            series::label.eq(key.label.as_ref().map_or("", Label::as_str)),
        ))
        .returning(series::id)
        .get_result(connection)?)
}

fn key(metric: &str, label: &str) -> Option<SeriesKey> {
    let metric = Metric::from_name(metric)?;
    let label = if label.is_empty() {
        None
    } else {
        Some(Label::new(label).ok()?)
    };
    Some(SeriesKey { metric, label })
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
