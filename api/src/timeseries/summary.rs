//! Summaries of small segments: the minutes of each series, and its first and last reading where rates are
//! shown of it. Taken together in order of time they are what the samples would be, so that a chart of
//! a half-day that is not over need not read those.
//!
//! They are written once, read often and soon gone, so they are made to be read fast: plain numbers of
//! variable length, and the times once for all series that share them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Shown;
use super::codec::{Damaged, open, seal};
use super::roll_up::{Bucket, Buckets, Resolution, Scale, gather, shown};

/// What a series' samples of a segment come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// First and last reading, where rates are shown: what lies between segments hangs on them.
    pub edges: Option<[(i64, f64); 2]>,
    /// Values, or the rates between its readings, by minute.
    pub minutes: Buckets,
}

/// The summaries of some series of a segment.
#[derive(Debug)]
pub struct Summaries {
    times: Vec<Times>,
    series: HashMap<i64, Vec<u8>>,
}

/// Where a series has samples; many have the same.
#[derive(Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct Times {
    first: i64,
    last: i64,
    /// The first minute, and how far each is from the one before.
    minutes: Vec<i64>,
    counts: Vec<u32>,
}

/// A series as it is stored.
#[derive(Deserialize, Serialize)]
struct Packed {
    times: u32,
    edges: Option<[f64; 2]>,
    scale: Scale,
    /// Of each minute the average's distance to the one before, and the extremes' to the average; one
    /// number alone where nothing changes.
    numbers: Vec<i64>,
}

/// Makes summaries of series: id, what is shown of it, and its samples in order of time.
#[derive(Default)]
pub struct Summing {
    known: HashMap<Times, u32>,
    series: Vec<(i64, Vec<u8>)>,
}

impl Summing {
    /// Takes in a series.
    pub fn add(&mut self, id: i64, what: Shown, samples: &[(i64, f64)]) {
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
            return;
        };
        let minutes = gather(Resolution::Minute, shown(what, None, samples));
        let mut before = 0;
        let times = Times {
            first: first.0,
            last: last.0,
            minutes: minutes
                .iter()
                .map(|(at, _)| {
                    let minute = at.div_euclid(Resolution::Minute.millis());
                    minute - std::mem::replace(&mut before, minute)
                })
                .collect(),
            counts: minutes.iter().map(|(_, bucket)| bucket.count).collect(),
        };
        let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        let times = *self.known.entry(times).or_insert(next);
        let scale = Scale::of(what, &minutes);
        let packed = Packed {
            times,
            edges: (what != Shown::Values).then_some([first.1, last.1]),
            scale,
            numbers: numbers(scale, &minutes),
        };
        // Writing numbers to memory does not fail.
        let bytes = postcard::to_allocvec(&packed).unwrap_or_default();
        self.series.push((id, bytes));
    }

    /// All of them, sealed.
    #[must_use]
    pub fn seal(self) -> Vec<u8> {
        let mut times: Vec<(Times, u32)> = self.known.into_iter().collect();
        times.sort_by_key(|(_, place)| *place);
        let times: Vec<Times> = times.into_iter().map(|(times, _)| times).collect();
        seal(&(times, self.series))
    }
}

fn numbers(scale: Scale, minutes: &Buckets) -> Vec<i64> {
    let mut numbers = Vec::with_capacity(minutes.len() * 3);
    let mut before = 0_i64;
    for (_, bucket) in minutes {
        let average = scale.whole(bucket.average().unwrap_or_default());
        numbers.push(average.wrapping_sub(before));
        numbers.push(average.wrapping_sub(scale.whole(bucket.min)));
        numbers.push(scale.whole(bucket.max).wrapping_sub(average));
        before = average;
    }
    if numbers.iter().skip(1).all(|number| *number == 0) {
        numbers.truncate(1);
    }
    numbers
}

impl Summaries {
    /// Opens what [`Summing::seal`] made, for some series.
    pub fn open(bytes: &[u8], asked: &[i64]) -> Result<Self, Damaged> {
        let (times, series): (Vec<Times>, Vec<(i64, &[u8])>) = open(bytes)?;
        let asked = series.into_iter().filter(|(id, _)| asked.contains(id));
        Ok(Self {
            times,
            series: asked.map(|(id, bytes)| (id, bytes.to_vec())).collect(),
        })
    }

    /// What a series' samples come to; none when it has none.
    pub fn of(&self, series: i64) -> Result<Option<Summary>, Damaged> {
        let Some(bytes) = self.series.get(&series) else {
            return Ok(None);
        };
        let packed: Packed = postcard::from_bytes(bytes).map_err(|_| Damaged)?;
        let times = self.times.get(packed.times as usize).ok_or(Damaged)?;
        let edges = packed
            .edges
            .map(|[first, last]| [(times.first, first), (times.last, last)]);
        Ok(Some(Summary {
            edges,
            minutes: packed.minutes(times)?,
        }))
    }
}

impl Packed {
    fn minutes(&self, times: &Times) -> Result<Buckets, Damaged> {
        let count = times.minutes.len();
        let constant = self.numbers.len() == 1;
        if count != times.counts.len() || !constant && self.numbers.len() != count * 3 {
            return Err(Damaged);
        }
        let (mut minute, mut average) = (0_i64, 0_i64);
        let mut triples = self.numbers.chunks_exact(3);
        if constant {
            average = self.numbers.first().copied().ok_or(Damaged)?;
        }
        let mut minutes = Buckets::with_capacity(count);
        for (apart, count) in times.minutes.iter().zip(&times.counts) {
            minute = minute.checked_add(*apart).ok_or(Damaged)?;
            let at = minute.checked_mul(Resolution::Minute.millis());
            let (mut below, mut above) = (0, 0);
            if let Some([step, low, high]) = triples.next() {
                average = average.wrapping_add(*step);
                (below, above) = (*low, *high);
            }
            let bucket = Bucket {
                count: *count,
                sum: self.scale.value(average) * f64::from(*count),
                min: self.scale.value(average.wrapping_sub(below)),
                max: self.scale.value(average.wrapping_add(above)),
            };
            minutes.push((at.ok_or(Damaged)?, bucket));
        }
        Ok(minutes)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::timeseries::LONGEST_GAP;

    proptest! {
        #[test]
        fn summaries_come_back(
            mut samples in proptest::collection::vec((0_i64..1_800_000, 0_u32..10_000), 1..300),
            constant in any::<bool>(),
        ) {
            samples.sort_unstable();
            let samples: Vec<(i64, f64)> = samples
                .into_iter()
                .map(|(at, n)| (at, if constant { 12.5 } else { f64::from(n) / 100.0 }))
                .collect();
            let mut summing = Summing::default();
            summing.add(1, Shown::Values, &samples);
            summing.add(2, Shown::Rates(LONGEST_GAP), &samples);
            let bytes = summing.seal();
            let summaries = Summaries::open(&bytes, &[1, 2]).unwrap();
            prop_assert_eq!(summaries.of(3), Ok(None));
            let largest = samples.iter().map(|(_, value)| *value).fold(0.0, f64::max);
            for (series, what, unit) in [(1, Shown::Values, largest / 900.0), (2, Shown::Rates(LONGEST_GAP), 0.0)] {
                let summary = summaries.of(series).unwrap().unwrap();
                let expected = gather(Resolution::Minute, shown(what, None, &samples));
                prop_assert_eq!(summary.minutes.len(), expected.len());
                for ((at, ours), (expected_at, bucket)) in summary.minutes.iter().zip(&expected) {
                    prop_assert_eq!((at, ours.count), (expected_at, bucket.count));
                    let close = |a: f64, b: f64| (a - b).abs() <= unit + b.abs() / 1000.0;
                    prop_assert!(close(ours.min, bucket.min) && close(ours.max, bucket.max));
                    prop_assert!(close(ours.average().unwrap(), bucket.average().unwrap()));
                }
                let edges = (series == 2).then(|| [*samples.first().unwrap(), *samples.last().unwrap()]);
                prop_assert_eq!(summary.edges, edges);
            }
        }
    }
}
