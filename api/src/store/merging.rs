//! Folding, the second stage: the segments of a half-day become one, with roll-ups beside it.
//!
//! Whatever arrives late becomes another small segment, and its half-day is merged again. Roll-ups are
//! always made of all samples, so the order of arrival makes no difference.

use std::time::Duration;

use diesel::dsl::{auto_type, count_star, min};
use diesel::prelude::*;
use server_scout_wire::Timestamp;

use super::roll_ups::{self, NewRollUp};
use super::schema::segment;
use super::segments::{self, Info, NewSegment, StoredChunk};
use super::{Scope, StoreError, WriteContext, free_pages, series};
use crate::id::{Id, Organisation, Server};
use crate::timeseries::roll_up::{Resolution, coarser, gather, shown};
use crate::timeseries::segment::{Frame, PERIOD_MILLIS, Segment, begin_of, pack, unpack};
use crate::timeseries::{LONGEST_GAP, Shown};

/// Small segments of a half-day that are merged before it is over.
const MANY: i64 = 256;
/// What came late waits so long for more.
const WAIT: Duration = Duration::from_mins(30);
/// After the end of a half-day its last reports are still to be folded.
const GRACE: Duration = Duration::from_mins(40);
/// A half-day with more reports, from before there was a bound, is left in small segments.
const MOST_REPORTS: i64 = 1_000_000;

/// A half-day whose segments are to be merged.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    scope: Scope,
    server: Id<Server>,
    period: i64,
}

/// A half-day that is ready to be written.
pub struct Merge {
    due: Due,
    /// The segments that it was made of.
    before: Vec<i64>,
    /// What they become; none where a single one stays as it is.
    after: Option<NewSegment>,
    roll_ups: Vec<NewRollUp>,
}

impl Merge {
    /// How many rows it writes.
    #[must_use]
    pub fn rows(&self) -> usize {
        let chunks = self.after.iter().map(|after| after.segment.chunks.len());
        chunks.sum::<usize>() + self.roll_ups.len()
    }
}

/// Half-days that are to be merged now, at most `limit`.
pub fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    type Row = (Id<Organisation>, Id<Server>, i64, i64, Option<i64>, bool);
    let rows: Vec<Row> = segment::table
        .filter(segment::rolled.eq(false))
        .group_by((
            segment::organisation_id,
            segment::server_id,
            segment::period,
            segment::merged,
        ))
        .select((
            segment::organisation_id,
            segment::server_id,
            segment::period,
            count_star(),
            min(segment::made_at),
            segment::merged,
        ))
        .load(connection)?;
    let ready = |(.., period, count, made_at, merged): &(_, _, i64, i64, Option<i64>, bool)| {
        let closed = begin_of(*period + 1).after(GRACE) <= now;
        let waited = made_at.is_none_or(|made_at| made_at <= now.before(WAIT).as_millis());
        *merged || *count >= MANY || closed && waited
    };
    let due = rows.iter().filter(|row| ready(row)).take(limit);
    Ok(due
        .map(|(organisation, server, period, ..)| Due {
            scope: Scope::of(*organisation),
            server: *server,
            period: *period,
        })
        .collect())
}

/// The segments of a half-day.
#[auto_type(no_type_alias)]
fn of(server: Id<Server>, period: i64) -> _ {
    segment::table
        .filter(segment::server_id.eq(server))
        .filter(segment::period.eq(period))
}

/// Merges the segments of a half-day, one series in memory at a time.
pub fn prepare(connection: &mut SqliteConnection, due: Due) -> Result<Option<Merge>, StoreError> {
    let Due {
        scope,
        server,
        period,
    } = due;
    let infos = segments::of_periods(connection, scope, server, period - 1..=period)?;
    let (earlier, infos): (Vec<Info>, Vec<Info>) =
        infos.into_iter().partition(|info| info.period < period);
    let reports: i64 = infos.iter().map(|info| info.reports).sum();
    if infos.is_empty() || reports > MOST_REPORTS {
        return Ok(None);
    }
    let mut frames = Vec::with_capacity(infos.len());
    for info in &infos {
        frames.push(segments::frame(connection, info)?);
    }
    let (frame, places) = Frame::merge(&frames);
    let before = Before::open(connection, earlier, begin_of(period).as_millis())?;
    let ids: Vec<i64> = infos.iter().map(|info| info.id).collect();
    let shown_as = series::shown_of_server(connection, scope, server)?;
    let single = infos.len() == 1 && infos.iter().all(|info| info.merged);
    let mut chunks = Vec::new();
    let mut roll_ups = Vec::new();
    for id in segments::series_of(connection, &ids)? {
        let stored = segments::chunks(connection, scope, &ids, &[id])?;
        let samples = joined(&infos, &places, &stored);
        if !single {
            let places: Vec<u32> = samples.iter().map(|(place, _)| *place).collect();
            let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
            chunks.push((id, pack(&places, &values)));
        }
        let at = |place: u32| frame.times.get(place as usize).copied();
        let samples = samples
            .iter()
            .filter_map(|(place, v)| Some((at(*place)?, *v)));
        let samples: Vec<(i64, f64)> = samples.collect();
        let what = series::shown(&shown_as, id);
        let reading = match what {
            Shown::Rates(_) => before.reading(connection, scope, id)?,
            Shown::Values => None,
        };
        let minutes = gather(Resolution::Minute, shown(what, reading, &samples));
        let begin = begin_of(period).as_millis();
        let range = begin..begin + PERIOD_MILLIS;
        for resolution in Resolution::ALL {
            let new = coarser(resolution, &minutes);
            roll_ups.push(roll_ups::replaced(
                connection, scope, id, resolution, &range, what, &new,
            )?);
        }
    }
    let after = (!single).then_some(NewSegment {
        period,
        merged: true,
        segment: Segment { frame, chunks },
        summary: None,
    });
    Ok(Some(Merge {
        due,
        before: ids,
        after,
        roll_ups,
    }))
}

/// The samples of a series in order of time, each with its place in the merged segment.
fn joined(infos: &[Info], places: &[Vec<u32>], chunks: &[StoredChunk]) -> Vec<(u32, f64)> {
    let mut samples = Vec::new();
    for (info, places) in infos.iter().zip(places) {
        let ours = chunks.iter().filter(|chunk| chunk.segment == info.id);
        for chunk in ours {
            let Ok((own, values)) = unpack(&chunk.samples, info.reports()) else {
                segments::damaged(info.id);
                continue;
            };
            let merged = own.iter().map(|place| places.get(*place as usize).copied());
            samples.extend(
                merged
                    .zip(values)
                    .filter_map(|(place, v)| Some((place?, v))),
            );
        }
    }
    samples.sort_by_key(|(place, _)| *place);
    samples
}

/// The end of the half-day before, for the first rates.
struct Before {
    infos: Vec<(Info, Vec<i64>)>,
    begin: i64,
}

impl Before {
    fn open(
        connection: &mut SqliteConnection,
        earlier: Vec<Info>,
        begin: i64,
    ) -> Result<Self, StoreError> {
        let gap = i64::try_from(LONGEST_GAP.as_millis()).unwrap_or(i64::MAX);
        let mut infos = Vec::new();
        for info in earlier {
            if info.last_at >= begin - gap {
                let (times, _) = segments::times(connection, &info)?;
                infos.push((info, times));
            }
        }
        Ok(Self { infos, begin })
    }

    /// The last reading of a series.
    fn reading(
        &self,
        connection: &mut SqliteConnection,
        scope: Scope,
        series: i64,
    ) -> Result<Option<(i64, f64)>, StoreError> {
        let ids: Vec<i64> = self.infos.iter().map(|(info, _)| info.id).collect();
        let chunks = segments::chunks(connection, scope, &ids, &[series])?;
        let mut last = None;
        for (info, times) in &self.infos {
            for chunk in chunks.iter().filter(|chunk| chunk.segment == info.id) {
                let Ok((places, values)) = unpack(&chunk.samples, info.reports()) else {
                    continue;
                };
                let at = places.last().and_then(|place| times.get(*place as usize));
                let found = at.copied().zip(values.last().copied());
                // Of two of the same time, the later one in the store counts.
                if found.is_some_and(|(at, _)| last.is_none_or(|(before, _)| at >= before)) {
                    last = found;
                }
            }
        }
        Ok(last.filter(|(at, _)| *at < self.begin))
    }
}

/// Writes what was prepared, all or nothing. False when its segments changed meanwhile.
pub fn write(
    context: &mut WriteContext<'_>,
    merge: &Merge,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Due {
        scope,
        server,
        period,
    } = merge.due;
    context.connection.transaction(|c| {
        let there: Vec<i64> = of(server, period)
            .filter(segment::id.eq_any(&merge.before))
            .select(segment::id)
            .load(c)?;
        if there.len() != merge.before.len() {
            return Ok(false);
        }
        if let Some(after) = &merge.after {
            free_pages::without_overwriting(c, |c| segments::remove(c, scope, &merge.before))?;
            segments::insert(c, scope, server, after, now)?;
            // Its first rates need the last readings of this one.
            diesel::update(of(server, period + 1).filter(segment::merged.eq(true)))
                .set(segment::rolled.eq(false))
                .execute(c)?;
        } else {
            diesel::update(of(server, period))
                .set(segment::rolled.eq(true))
                .execute(c)?;
        }
        for new in &merge.roll_ups {
            roll_ups::put(c, scope, new)?;
        }
        Ok(true)
    })
}
