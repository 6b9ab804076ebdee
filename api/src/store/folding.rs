//! Folding, the first stage: the reports of a server go from the log into segments.
//!
//! What is prepared beside the writer is written in one transaction, together with the mark up to which
//! the log is folded. So a report is in the log or in a segment, and never in neither or both.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::heads::Position;
use super::schema::fold_mark;
use super::segments::{self, NewSegment};
use super::series;
use super::{Scope, StoreError, WriteContext, reports};
use crate::id::{Id, Server};
use crate::timeseries::Shown;
use crate::timeseries::segment::{Row, Segment, columns, period_of};
use crate::timeseries::summary::Summing;

/// Reports that fold at a time.
const AT_A_TIME: usize = 1000;
/// Samples that fold at a time.
const SAMPLES: usize = 400_000;

/// Segments that are ready to be written.
pub struct Fold {
    scope: Scope,
    server: Id<Server>,
    /// Up to where the log was folded before.
    mark: i64,
    to: i64,
    segments: Vec<NewSegment>,
}

impl Fold {
    /// Whose reports.
    #[must_use]
    pub fn server(&self) -> Id<Server> {
        self.server
    }

    /// Up to which place of the log they are folded.
    #[must_use]
    pub fn to(&self) -> i64 {
        self.to
    }

    /// How many rows it writes.
    #[must_use]
    pub fn rows(&self) -> usize {
        let chunks = self.segments.iter().map(|new| new.segment.chunks.len());
        chunks.sum::<usize>() + 1
    }
}

/// Up to which place of the log the reports of a server are folded.
pub(super) fn mark(
    connection: &mut SqliteConnection,
    server: Id<Server>,
) -> Result<i64, StoreError> {
    let mark = fold_mark::table.find(server.as_i64());
    let mark: Option<i64> = mark
        .select(fold_mark::report_id)
        .first(connection)
        .optional()?;
    Ok(mark.unwrap_or(0))
}

/// Makes segments of the first of these reports of the log; none when all are folded.
pub fn prepare(
    connection: &mut SqliteConnection,
    scope: Scope,
    server: Id<Server>,
    positions: &[Position],
) -> Result<Option<Fold>, StoreError> {
    let mark = mark(connection, server)?;
    let places = positions.iter().map(|position| position.id);
    let mut places: Vec<i64> = places.filter(|id| *id > mark).take(AT_A_TIME).collect();
    let mut rows = reports::at(connection, scope, server, &places, mark)?;
    let mut samples = 0;
    let enough = rows.iter().position(|row| {
        samples += row.samples.len();
        samples > SAMPLES
    });
    if let Some(enough) = enough.filter(|_| rows.len() == places.len()) {
        rows.truncate(enough + 1);
        places.truncate(enough + 1);
    }
    let Some(to) = places.last() else {
        return Ok(None);
    };
    let mut periods: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for row in rows {
        periods.entry(period_of(row.at)).or_default().push(row);
    }
    let shown_as = series::shown_of_server(connection, scope, server)?;
    let segments = periods
        .into_iter()
        .map(|(period, rows)| small(period, rows, &shown_as));
    Ok(Some(Fold {
        scope,
        server,
        mark,
        to: *to,
        segments: segments.collect(),
    }))
}

/// A segment of these reports of a half-day, with its summary.
fn small(period: i64, mut rows: Vec<Row>, shown_as: &HashMap<i64, Shown>) -> NewSegment {
    rows.sort_by_key(|row| row.at);
    let columns = columns(&rows);
    let mut summing = Summing::default();
    for column in &columns {
        let places = column.places.iter().zip(&column.values);
        let samples = places.filter_map(|(place, v)| Some((rows.get(*place as usize)?.at, *v)));
        let samples: Vec<(i64, f64)> = samples.collect();
        summing.add(
            column.series,
            series::shown(shown_as, column.series),
            &samples,
        );
    }
    NewSegment {
        period,
        merged: false,
        segment: Segment::with(&rows, &columns),
        summary: Some(summing.seal()),
    }
}

/// Writes what was prepared, all or nothing. False when the log was folded by somebody else meanwhile.
pub fn write(
    context: &mut WriteContext<'_>,
    fold: &Fold,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let folded = context.connection.transaction(|c| {
        if mark(c, fold.server)? != fold.mark {
            return Ok(false);
        }
        for new in &fold.segments {
            segments::insert(c, fold.scope, fold.server, new, now)?;
        }
        diesel::insert_into(fold_mark::table)
            .values((
                fold_mark::server_id.eq(fold.server.as_i64()),
                fold_mark::organisation_id.eq(fold.scope.organisation().as_i64()),
                fold_mark::report_id.eq(fold.to),
            ))
            .on_conflict(fold_mark::server_id)
            .do_update()
            .set(fold_mark::report_id.eq(fold.to))
            .execute(c)?;
        Ok::<_, StoreError>(true)
    })?;
    let mut frames = fold.segments.iter().map(|new| &new.segment.frame);
    if frames.any(|frame| !frame.moments.is_empty()) {
        context.intake.forget(fold.server);
    }
    Ok(folded)
}
