//! Segments and their chunks: folded reports.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use diesel::dsl::auto_type;
use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::reports::StoredReport;
use super::schema::{chunk, segment, summary};
use super::scope::shows;
use super::{Scope, StoreError};
use crate::id::{Id, Organisation, Server};
use crate::timeseries::segment::{
    Frame, Segment, open_moments, open_starts, open_times, period_of, unpack,
};
use crate::timeseries::summary::Summaries;

/// What is known of a segment without its columns.
#[derive(Clone, Copy, Debug, Queryable)]
pub(super) struct Info {
    pub(super) id: i64,
    pub(super) period: i64,
    pub(super) merged: bool,
    pub(super) rolled: bool,
    pub(super) reports: i64,
    pub(super) first_at: i64,
    pub(super) last_at: i64,
}

impl Info {
    pub(super) fn reports(&self) -> usize {
        usize::try_from(self.reports).unwrap_or(0)
    }
}

/// The segments of a server, if the scope shows it.
#[auto_type(no_type_alias)]
fn of(scope: Scope, server: Id<Server>) -> _ {
    let organisation: Id<Organisation> = scope.organisation();
    let shown: shows = shows(scope, server);
    segment::table
        .filter(segment::organisation_id.eq(organisation))
        .filter(segment::server_id.eq(server))
        .filter(shown)
}

/// The segments of some periods: the periods in order, within each the merged one first, then by age.
pub(super) fn of_periods(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    periods: RangeInclusive<i64>,
) -> Result<Vec<Info>, StoreError> {
    Ok(of(scope, server)
        .filter(segment::period.between(*periods.start(), *periods.end()))
        .order((segment::period, segment::merged.desc(), segment::id))
        .select((
            segment::id,
            segment::period,
            segment::merged,
            segment::rolled,
            segment::reports,
            segment::first_at,
            segment::last_at,
        ))
        .load(connection)?)
}

/// The first period with a report at or after a moment.
pub(super) fn first_period(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    since: i64,
) -> Result<Option<i64>, StoreError> {
    let first = of(scope, server)
        .filter(segment::period.ge(period_of(since)))
        .filter(segment::last_at.ge(since))
        .order(segment::period)
        .select(segment::period);
    Ok(first.first(connection).optional()?)
}

/// The segment with the newest report before a moment.
pub(super) fn newest(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    before: i64,
) -> Result<Option<Info>, StoreError> {
    let newest = of(scope, server)
        .filter(segment::first_at.lt(before))
        .order((segment::period.desc(), segment::last_at.desc()))
        .select((
            segment::id,
            segment::period,
            segment::merged,
            segment::rolled,
            segment::reports,
            segment::first_at,
            segment::last_at,
        ));
    Ok(newest.first(connection).optional()?)
}

/// When a segment's reports were made, and when the newest of them arrived.
pub(super) fn times(
    connection: &mut SqliteConnection,
    info: &Info,
) -> Result<(Vec<i64>, i64), StoreError> {
    let (times, received_at): (Vec<u8>, i64) = segment::table
        .find(info.id)
        .select((segment::times, segment::received_at))
        .first(connection)?;
    let times = open_times(&times, info.reports()).unwrap_or_else(|_| {
        damaged(info.id);
        Vec::new()
    });
    Ok((times, received_at))
}

/// All that the series of a segment share.
pub(super) fn frame(connection: &mut SqliteConnection, info: &Info) -> Result<Frame, StoreError> {
    let (starts, moments): (Vec<u8>, Vec<u8>) = segment::table
        .find(info.id)
        .select((segment::starts, segment::moments))
        .first(connection)?;
    let (times, received_at) = times(connection, info)?;
    Ok(Frame {
        times,
        received_at,
        starts: open_starts(&starts).unwrap_or_default(),
        moments: open_moments(&moments).unwrap_or_default(),
    })
}

/// A segment's chunk of one series.
pub(super) struct StoredChunk {
    pub(super) segment: i64,
    pub(super) series: i64,
    pub(super) samples: Vec<u8>,
}

/// The chunks of some series in some segments.
pub(super) fn chunks(
    connection: &mut SqliteConnection,
    scope: Scope,
    segments: &[i64],
    series: &[i64],
) -> Result<Vec<StoredChunk>, StoreError> {
    let mut found = Vec::new();
    for segments in segments.chunks(AT_A_TIME) {
        let rows: Vec<(i64, i64, Vec<u8>)> = chunk::table
            .filter(chunk::organisation_id.eq(scope.organisation()))
            .filter(chunk::segment_id.eq_any(segments))
            .filter(chunk::series_id.eq_any(series))
            .select((chunk::segment_id, chunk::series_id, chunk::samples))
            .load(connection)?;
        found.extend(
            rows.into_iter()
                .map(|(segment, series, samples)| StoredChunk {
                    segment,
                    series,
                    samples,
                }),
        );
    }
    Ok(found)
}

/// The series that have a chunk in any of the segments.
pub(super) fn series_of(
    connection: &mut SqliteConnection,
    segments: &[i64],
) -> Result<Vec<i64>, StoreError> {
    Ok(chunk::table
        .filter(chunk::segment_id.eq_any(segments))
        .select(chunk::series_id)
        .distinct()
        .order(chunk::series_id)
        .load(connection)?)
}

/// The newest report of a segment.
pub(super) fn last_report(
    connection: &mut SqliteConnection,
    scope: Scope,
    info: &Info,
) -> Result<StoredReport, StoreError> {
    let (_, received_at) = times(connection, info)?;
    let series = series_of(connection, &[info.id])?;
    let mut samples = Vec::new();
    for chunk in chunks(connection, scope, &[info.id], &series)? {
        let Ok((places, values)) = unpack(&chunk.samples, info.reports()) else {
            damaged(info.id);
            continue;
        };
        let is_last = places
            .last()
            .is_some_and(|place| *place as usize + 1 == info.reports());
        samples.extend(
            values
                .last()
                .filter(|_| is_last)
                .map(|v| (chunk.series, *v)),
        );
    }
    Ok(StoredReport {
        at: Timestamp::from_millis(info.last_at),
        received_at: Timestamp::from_millis(received_at),
        samples,
    })
}

/// A segment to be stored.
pub(super) struct NewSegment {
    pub(super) period: i64,
    pub(super) merged: bool,
    pub(super) segment: Segment,
    /// What the series of a small one come to.
    pub(super) summary: Option<Vec<u8>>,
}

/// Stores a segment with its chunks.
pub(super) fn insert(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    new: &NewSegment,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Frame { times, .. } = &new.segment.frame;
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Ok(());
    };
    let reports = i64::try_from(times.len()).unwrap_or(i64::MAX);
    let times = new.segment.frame.seal_times();
    let chunks = new.segment.chunks.iter().map(|(_, samples)| samples.len());
    let summary = new.summary.iter();
    let bytes = chunks.sum::<usize>() + times.len() + summary.map(Vec::len).sum::<usize>();
    let id: i64 = diesel::insert_into(segment::table)
        .values((
            segment::organisation_id.eq(scope.organisation()),
            segment::server_id.eq(server),
            segment::period.eq(new.period),
            segment::merged.eq(new.merged),
            segment::rolled.eq(new.merged),
            segment::made_at.eq(now.as_millis()),
            segment::reports.eq(reports),
            segment::first_at.eq(first),
            segment::last_at.eq(last),
            segment::received_at.eq(new.segment.frame.received_at),
            segment::bytes.eq(i64::try_from(bytes).unwrap_or(i64::MAX)),
            segment::times.eq(times),
            segment::starts.eq(new.segment.frame.seal_starts()),
            segment::moments.eq(new.segment.frame.seal_moments()),
        ))
        .returning(segment::id)
        .get_result(connection)?;
    for (series, samples) in &new.segment.chunks {
        diesel::insert_into(chunk::table)
            .values((
                chunk::organisation_id.eq(scope.organisation()),
                chunk::segment_id.eq(id),
                chunk::series_id.eq(series),
                chunk::samples.eq(samples),
            ))
            .execute(connection)?;
    }
    if let Some(series) = &new.summary {
        diesel::insert_into(summary::table)
            .values((
                summary::segment_id.eq(id),
                summary::organisation_id.eq(scope.organisation()),
                summary::series.eq(series),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// The summaries of some series, of those of the segments that have readable ones.
pub(super) fn summaries(
    connection: &mut SqliteConnection,
    scope: Scope,
    segments: &[i64],
    series: &[i64],
) -> Result<HashMap<i64, Summaries>, StoreError> {
    let mut found = HashMap::new();
    for segments in segments.chunks(AT_A_TIME) {
        let rows: Vec<(i64, Vec<u8>)> = summary::table
            .filter(summary::organisation_id.eq(scope.organisation()))
            .filter(summary::segment_id.eq_any(segments))
            .select((summary::segment_id, summary::series))
            .load(connection)?;
        for (segment, bytes) in rows {
            match Summaries::open(&bytes, series) {
                Ok(summaries) => drop(found.insert(segment, summaries)),
                Err(_) => damaged(segment),
            }
        }
    }
    Ok(found)
}

/// Removes segments with their chunks. Returns how many there were.
pub(super) fn remove(
    connection: &mut SqliteConnection,
    scope: Scope,
    segments: &[i64],
) -> Result<usize, StoreError> {
    let gone = segment::table
        .filter(segment::organisation_id.eq(scope.organisation()))
        .filter(segment::id.eq_any(segments));
    Ok(diesel::delete(gone).execute(connection)?)
}

/// Removes some segments of one server. Returns how many.
pub(super) fn remove_of_server(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    limit: i64,
) -> Result<usize, StoreError> {
    let some: Vec<i64> = of(scope, server)
        .limit(limit)
        .select(segment::id)
        .load(connection)?;
    remove(connection, scope, &some)
}

/// Says that a segment is damaged; what can be read of it is.
pub(super) fn damaged(segment: i64) {
    tracing::error!(
        segment,
        "a segment is damaged; what is lost of it is left out"
    );
}

const AT_A_TIME: usize = 200;
