//! Segments: some reports of one server as columns, all of one half-day.

use serde::{Deserialize, Serialize};
use server_scout_wire::Timestamp;

use super::Starts;
use super::codec::{Damaged, Numbers, Places, Values, open, seal};

/// Milliseconds of a period: half a day. A segment lies within one.
pub const PERIOD_MILLIS: i64 = 12 * 60 * 60 * 1000;

/// The most reports of one server that a period holds, more than three a second: a column of them is read
/// into memory as a whole.
pub const MOST_REPORTS: i64 = 50_000;
/// The most bytes of one server that a period holds, counted as the log holds them until they are folded,
/// which makes them fewer. A thousand series that never repeat a value take 95 MB at a report every five
/// seconds.
pub const MOST_BYTES: i64 = 128 * 1024 * 1024;

/// One report that becomes part of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When the values were read, by the host's clock, in milliseconds.
    pub at: i64,
    /// When it arrived, in milliseconds.
    pub received_at: i64,
    /// Start and number, where the agent gave them.
    pub identity: Option<(u64, u64)>,
    /// Series id and value.
    pub samples: Vec<(i64, f64)>,
}

/// Reports as columns.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Segment {
    /// What all series share.
    pub frame: Frame,
    /// Series id and its samples, sealed.
    pub chunks: Vec<(i64, Vec<u8>)>,
}

/// What the series of a segment share: when its reports were made and what tells them apart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frame {
    /// When each was made, ascending, in milliseconds.
    pub times: Vec<i64>,
    /// When the newest of them arrived.
    pub received_at: i64,
    /// The identities of those that have a start and a number.
    pub starts: Starts,
    /// The times of those that have none, ascending.
    pub moments: Vec<i64>,
}

/// The samples of one series in a segment.
#[derive(Deserialize, Serialize)]
struct Chunk {
    /// Which of the segment's reports have one.
    places: Places,
    values: Values,
}

/// The period of a moment.
#[must_use]
pub fn period_of(at: i64) -> i64 {
    at.div_euclid(PERIOD_MILLIS)
}

/// When a period begins.
#[must_use]
pub fn begin_of(period: i64) -> Timestamp {
    Timestamp::from_millis(period.saturating_mul(PERIOD_MILLIS))
}

impl Segment {
    /// Makes columns of reports, which must be in order of time.
    #[must_use]
    pub fn of(rows: &[Row]) -> Self {
        Self::with(rows, &columns(rows))
    }

    /// The same, where the columns are known already.
    #[must_use]
    pub fn with(rows: &[Row], columns: &[Column]) -> Self {
        let chunks = columns
            .iter()
            .map(|column| (column.series, pack(&column.places, &column.values)));
        Self {
            frame: Frame::of(rows),
            chunks: chunks.collect(),
        }
    }
}

/// The samples of one series in some reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Which series.
    pub series: i64,
    /// Which of the reports have one, ascending.
    pub places: Vec<u32>,
    /// Its value in each of them.
    pub values: Vec<f64>,
}

/// The columns of reports, by series. A series has one value in a report; the first of several counts.
#[must_use]
pub fn columns(rows: &[Row]) -> Vec<Column> {
    let mut samples: Vec<(i64, u32, f64)> = Vec::new();
    for (place, row) in (0_u32..).zip(rows) {
        samples.extend(row.samples.iter().map(|(id, value)| (*id, place, *value)));
    }
    samples.sort_by_key(|(id, place, _)| (*id, *place));
    samples.dedup_by_key(|(id, place, _)| (*id, *place));
    let series = samples.chunk_by(|(a, ..), (b, ..)| a == b);
    let columns = series.filter_map(|samples| {
        let (series, ..) = *samples.first()?;
        Some(Column {
            series,
            places: samples.iter().map(|(_, place, _)| *place).collect(),
            values: samples.iter().map(|(.., value)| *value).collect(),
        })
    });
    columns.collect()
}

impl Frame {
    fn of(rows: &[Row]) -> Self {
        let mut frame = Self {
            times: rows.iter().map(|row| row.at).collect(),
            received_at: rows.last().map_or(0, |row| row.received_at),
            ..Self::default()
        };
        for row in rows {
            match row.identity {
                Some((boot, seq)) => frame.starts.insert(boot, seq),
                None => frame.moments.push(row.at),
            }
        }
        frame
    }

    /// One frame of several of the same period, and for each of those where its reports are in it.
    /// Of two of the same time, the one of the earlier frame comes first.
    #[must_use]
    pub fn merge(frames: &[Self]) -> (Self, Vec<Vec<u32>>) {
        let mut merged = Self::default();
        let mut all: Vec<(i64, usize)> = Vec::new();
        for (number, frame) in frames.iter().enumerate() {
            if merged.times.last() <= frame.times.last() {
                merged.times = frame.times.last().copied().into_iter().collect();
                merged.received_at = frame.received_at;
            }
            merged.starts.merge(&frame.starts);
            merged.moments.extend(&frame.moments);
            all.extend(frame.times.iter().map(|at| (*at, number)));
        }
        merged.moments.sort_unstable();
        all.sort_by_key(|(at, _)| *at);
        let mut places = vec![Vec::new(); frames.len()];
        for (place, (_, number)) in (0_u32..).zip(&all) {
            if let Some(places) = places.get_mut(*number) {
                places.push(place);
            }
        }
        merged.times = all.into_iter().map(|(at, _)| at).collect();
        (merged, places)
    }

    /// The times, sealed.
    #[must_use]
    pub fn seal_times(&self) -> Vec<u8> {
        seal(&Numbers::pack(&self.times))
    }

    /// The identities, sealed.
    #[must_use]
    pub fn seal_starts(&self) -> Vec<u8> {
        seal(&self.starts)
    }

    /// The moments, sealed; nothing when there is none.
    #[must_use]
    pub fn seal_moments(&self) -> Vec<u8> {
        let count = u32::try_from(self.moments.len()).unwrap_or(u32::MAX);
        match count {
            0 => Vec::new(),
            count => seal(&(count, Numbers::pack(&self.moments))),
        }
    }
}

/// The times of a segment of so many reports.
pub fn open_times(bytes: &[u8], reports: usize) -> Result<Vec<i64>, Damaged> {
    open::<Numbers>(bytes)?.unpack(reports)
}

/// The identities of a segment.
pub fn open_starts(bytes: &[u8]) -> Result<Starts, Damaged> {
    open(bytes)
}

/// The moments of a segment.
pub fn open_moments(bytes: &[u8]) -> Result<Vec<i64>, Damaged> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let (count, numbers): (u32, Numbers) = open(bytes)?;
    numbers.unpack(count as usize)
}

/// The samples of a series, sealed: the places of its reports in the segment, ascending, and a
/// value for each.
#[must_use]
pub fn pack(places: &[u32], values: &[f64]) -> Vec<u8> {
    seal(&Chunk {
        places: Places::pack(places),
        values: Values::pack(values),
    })
}

/// Places and values of a series in a segment of so many reports.
pub fn unpack(bytes: &[u8], reports: usize) -> Result<(Vec<u32>, Vec<f64>), Damaged> {
    let chunk: Chunk = open(bytes)?;
    let places = chunk.places.unpack(reports)?;
    let values = chunk.values.unpack(places.len())?;
    Ok((places, values))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(at: i64, identity: Option<(u64, u64)>, samples: &[(i64, f64)]) -> Row {
        Row {
            at,
            received_at: at + 1,
            identity,
            samples: samples.to_vec(),
        }
    }

    #[test]
    fn reports_come_back_from_their_columns() -> Result<(), Damaged> {
        let rows = [
            row(10, Some((7, 1)), &[(1, 0.5), (2, 9.0)]),
            row(20, None, &[(1, 0.25)]),
            row(30, Some((7, 2)), &[(1, 1.0), (2, 8.0)]),
        ];
        let segment = Segment::of(&rows);
        let frame = &segment.frame;
        assert_eq!(open_times(&frame.seal_times(), 3)?, [10, 20, 30]);
        assert_eq!(open_moments(&frame.seal_moments())?, [20]);
        assert!(open_starts(&frame.seal_starts())?.contains(7, 2));
        assert_eq!(frame.received_at, 31);
        let chunks: Vec<_> = segment.chunks.iter().map(|(id, _)| *id).collect();
        assert_eq!(chunks, [1, 2]);
        let second = segment.chunks.get(1).ok_or(Damaged)?;
        assert_eq!(unpack(&second.1, 3)?, (vec![0, 2], vec![9.0, 8.0]));
        Ok(())
    }

    proptest! {
        #[test]
        fn merged_frames_say_where_every_report_is(
            mut ours in proptest::collection::vec(0_i64..50, 0..30),
            mut theirs in proptest::collection::vec(0_i64..50, 0..30),
        ) {
            ours.sort_unstable();
            theirs.sort_unstable();
            let frames = [&ours, &theirs].map(|times| Frame { times: times.clone(), ..Frame::default() });
            let (merged, places) = Frame::merge(&frames);
            prop_assert!(merged.times.is_sorted());
            for (places, times) in places.iter().zip([ours, theirs]) {
                let found: Vec<_> = places.iter().filter_map(|place| merged.times.get(*place as usize).copied()).collect();
                prop_assert_eq!(found, times);
            }
        }

        #[test]
        fn arbitrary_bytes_are_no_segment(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(open_times(&bytes, 9), Err(Damaged));
            prop_assert_eq!(open_starts(&bytes), Err(Damaged));
            prop_assert_eq!(unpack(&bytes, 9), Err(Damaged));
        }
    }
}
