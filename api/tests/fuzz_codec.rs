//! Fuzzing of what reads the store's columns: segments, summaries and roll-ups, for as long as
//! `SERVERSCOUT_FUZZ_SECONDS` says: a moment, unless `tests/run fuzz` asks for more. What was found once is
//! in the file of regressions beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../wire/tests/support/damage.rs"]
mod damage;

use std::sync::Once;
use std::time::{Duration, Instant};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server_scout::timeseries::codec::{Damaged, MAX_NUMBERS, open, seal};
use server_scout::timeseries::roll_up::{Buckets, Resolution, coarser, gather};
use server_scout::timeseries::segment::{
    Row, Segment, open_moments, open_starts, open_times, pack, unpack,
};
use server_scout::timeseries::summary::{Summaries, Summing};
use server_scout::timeseries::{LONGEST_GAP, Shown, Starts, roll_up};

use self::damage::{Damage, damage, damaged};

#[test]
fn columns_that_are_damaged_are_refused_or_read_within_bounds() {
    fuzz(&blobs(), |(blobs, count)| {
        for blob in blobs {
            judge(blob, *count)?;
        }
        Ok(())
    });
}

#[test]
fn what_is_written_is_read_back_the_same() {
    fuzz(&(vec(row(), 1..80), any::<bool>()), |(rows, counters)| {
        let mut rows = rows.clone();
        rows.sort_by_key(|row| row.at);
        let segment = Segment::of(&rows);
        let times: Vec<i64> = rows.iter().map(|row| row.at).collect();
        prop_assert_eq!(
            open_times(&segment.frame.seal_times(), rows.len()),
            Ok(times)
        );
        let starts = open_starts(&segment.frame.seal_starts()).unwrap();
        let mut moments = Vec::new();
        for row in &rows {
            match row.identity {
                Some((boot, seq)) => prop_assert!(starts.contains(boot, seq)),
                None => moments.push(row.at),
            }
        }
        prop_assert_eq!(open_moments(&segment.frame.seal_moments()), Ok(moments));
        for (series, chunk) in &segment.chunks {
            let (places, values) = unpack(chunk, rows.len()).unwrap();
            let expected: Vec<(u32, f64)> = (0..)
                .zip(&rows)
                .filter_map(|(place, row)| {
                    let value = row.samples.iter().find(|(id, _)| id == series)?.1;
                    Some((place, value))
                })
                .collect();
            prop_assert_eq!(places.into_iter().zip(values).collect::<Vec<_>>(), expected);
        }
        // Roll-ups are rounded once, and then say the same for ever.
        let what = if *counters {
            Shown::Rates(LONGEST_GAP)
        } else {
            Shown::Values
        };
        if let Some(buckets) = buckets(&rows, what) {
            for resolution in Resolution::ALL {
                let once = roll_up::pack(what, resolution, &coarser(resolution, &buckets));
                let read = roll_up::unpack(resolution, 0, &once).unwrap();
                let twice = roll_up::pack(what, resolution, &read);
                let again = roll_up::unpack(resolution, 0, &twice).unwrap();
                prop_assert_eq!(counts(&again), counts(&read));
                prop_assert_eq!(counts(&read).len(), read.len());
            }
        }
        Ok(())
    });
}

fn counts(buckets: &Buckets) -> Vec<(i64, u32)> {
    let counts = buckets.iter().map(|(at, bucket)| (*at, bucket.count));
    counts.collect()
}

/// The minutes of the first series.
fn buckets(rows: &[Row], what: Shown) -> Option<Buckets> {
    let samples: Vec<(i64, f64)> = samples(rows, 1);
    let buckets = gather(Resolution::Minute, roll_up::shown(what, None, &samples));
    (!buckets.is_empty()).then_some(buckets)
}

fn samples(rows: &[Row], series: i64) -> Vec<(i64, f64)> {
    let samples = rows.iter().filter_map(|row| {
        let (_, value) = row.samples.iter().find(|(id, _)| *id == series)?;
        Some((row.at, *value))
    });
    samples.collect()
}

/// Reads bytes as everything that they could be.
fn judge(bytes: &[u8], count: usize) -> Result<(), TestCaseError> {
    if let Ok(times) = open_times(bytes, count) {
        prop_assert!(times.len() == count && count <= MAX_NUMBERS);
    }
    if let Ok(moments) = open_moments(bytes) {
        prop_assert!(moments.len() <= MAX_NUMBERS);
    }
    let _ = open_starts(bytes);
    if let Ok((places, values)) = unpack(bytes, count) {
        prop_assert!(places.len() == values.len() && places.len() <= count.min(MAX_NUMBERS));
        prop_assert!(places.is_sorted() && places.iter().all(|place| (*place as usize) < count));
    }
    for resolution in Resolution::ALL {
        for span in [0, i64::MAX] {
            if let Ok(buckets) = roll_up::unpack(resolution, span, bytes) {
                prop_assert!(buckets.len() <= 720);
            }
        }
    }
    if let Ok(summaries) = Summaries::open(bytes, &[1, 2]) {
        for series in [1, 2, 3] {
            let _ = summaries.of(series);
        }
    }
    Ok(())
}

/// Sealed columns of every kind, each as it is and damaged; with a right checksum and without.
fn blobs() -> impl Strategy<Value = (Vec<Vec<u8>>, usize)> {
    let count = prop_oneof![
        0..100_usize,
        Just(MAX_NUMBERS),
        Just(MAX_NUMBERS + 1),
        Just(usize::MAX)
    ];
    let damages = vec(vec(breakage(), 1..4), 1..20);
    let parts = (
        vec(row(), 1..60),
        damages,
        vec(any::<u8>(), 0..200),
        any::<u32>(),
    );
    (parts, count).prop_map(|((rows, damages, noise, claimed), count)| {
        let mut whole = sealed(&rows);
        // Columns that claim more than they hold.
        whole.push(seal(&(claimed, &noise)));
        whole.push(seal(&noise));
        let mut blobs: Vec<Vec<u8>> = vec![noise];
        for blob in &whole {
            for damage in &damages {
                blobs.push(damaged(blob, damage));
                blobs.push(resealed(blob, damage));
            }
        }
        blobs.extend(whole);
        (blobs, count)
    })
}

fn sealed(rows: &[Row]) -> Vec<Vec<u8>> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.at);
    let segment = Segment::of(&rows);
    let frame = &segment.frame;
    let mut sealed = vec![
        frame.seal_times(),
        frame.seal_starts(),
        frame.seal_moments(),
    ];
    sealed.extend(segment.chunks.into_iter().map(|(_, chunk)| chunk));
    sealed.push(pack(&[5], &[0.1]));
    let mut summing = Summing::default();
    for (series, what) in [(1, Shown::Values), (2, Shown::Rates(LONGEST_GAP))] {
        let samples = samples(&rows, series);
        summing.add(series, what, &samples);
        let buckets = gather(Resolution::Minute, roll_up::shown(what, None, &samples));
        sealed.push(roll_up::pack(what, Resolution::Minute, &buckets));
    }
    sealed.push(summing.seal());
    sealed
}

/// Damage below a right checksum, which the decoders behind it see.
fn resealed(blob: &[u8], damage: &[Damage]) -> Vec<u8> {
    let content = blob
        .split_last_chunk::<4>()
        .map_or(blob, |(content, _)| content);
    let mut bytes = damaged(content, damage);
    if let Some(format) = bytes.first_mut() {
        *format = 1;
    }
    let sum = crc32fast::hash(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn row() -> impl Strategy<Value = Row> {
    let value = prop_oneof![
        4 => (0_i64..1_000_000).prop_map(|n| n as f64 / 100.0),
        2 => (0_u64..1 << 53).prop_map(|n| n as f64),
        1 => 0.0..1e15_f64,
    ];
    let samples = (btree_set(1_i64..5, 1..5), vec(value, 5));
    let identity = proptest::option::weighted(0.8, (0_u64..3, any::<u64>()));
    (0_i64..43_200_000, identity, samples).prop_map(|(at, identity, (series, values))| Row {
        at,
        received_at: at,
        identity,
        samples: series.into_iter().zip(values).collect(),
    })
}

fn breakage() -> impl Strategy<Value = Damage> {
    damage(vec(prop_oneof![any::<u8>(), Just(0xff)], 1..8))
}

/// More than this beside what the program takes anyway cannot be allocated: it would abort.
fn bound_memory() {
    static BOUND: Once = Once::new();
    BOUND.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
        let limit = getrlimit(Resource::As);
        let bound = pages * rustix::param::page_size() as u64 + MOST_BYTES;
        setrlimit(
            Resource::As,
            Rlimit {
                current: Some(bound),
                ..limit
            },
        )
        .unwrap();
        // Twice as much, as threads that are just beginning reserve for a moment what they give back.
        assert!(
            Vec::<u8>::new()
                .try_reserve_exact(usize::try_from(2 * MOST_BYTES).unwrap())
                .is_err()
        );
    });
}

/// Tries case after case until the time is up.
fn fuzz<S: Strategy>(strategy: &S, test: impl Fn(&S::Value) -> Result<(), TestCaseError>) {
    bound_memory();
    let seconds = std::env::var("SERVERSCOUT_FUZZ_SECONDS");
    let seconds = seconds.map_or(1, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < end {
        let mut runner = TestRunner::new(Config {
            cases: CASES,
            source_file: Some(file!()),
            failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
            ..Config::default()
        });
        runner.run(strategy, |value| test(&value)).unwrap();
        rounds += 1;
    }
    println!("{} cases", rounds * CASES);
}

#[test]
fn a_changed_byte_is_noticed() {
    let bytes = pack(&[0, 1], &[1.0, 2.5]);
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        *changed.get_mut(place).unwrap() ^= 1;
        assert_eq!(unpack(&changed, 2), Err(Damaged));
    }
    assert_eq!(open::<Starts>(&[]), Err(Damaged));
}

/// Cases between two looks at the clock.
const CASES: u32 = 20;
/// A few columns of the most numbers there may be, and what the test's own threads reserve.
const MOST_BYTES: u64 = 512 * 1024 * 1024;
