//! Fuzzing of the spool's reader, for as long as `SERVERSCOUT_FUZZ_SECONDS` says: a moment, unless
//! `tests/run fuzz` asks for more. What was found once is in the file of regressions beside it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod spool_support;

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use server_scout_agent::spool::record::{Records, write};
use spool_support::{filled, numbers, open, options, report, segments};

#[test]
fn whatever_lies_in_the_spool_nothing_is_made_up_and_what_is_whole_arrives() {
    let seconds = std::env::var("SERVERSCOUT_FUZZ_SECONDS");
    let seconds = seconds.map_or(1, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let strategy = vec((any::<Index>(), damage()), 0..6);
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < end {
        let mut runner = TestRunner::new(Config {
            cases: CASES,
            source_file: Some(file!()),
            failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
            ..Config::default()
        });
        runner.run(&strategy, |damage| judge(&damage)).unwrap();
        rounds += 1;
    }
    println!("{} cases", rounds * CASES);
}

/// Damages some segments of a spool with reports 0 to 99, and reads it as an agent does.
fn judge(damage: &[(Index, Damage)]) -> Result<(), TestCaseError> {
    let mut files = WHOLE.clone();
    let mut whole: BTreeSet<u64> = (0..REPORTS).collect();
    for (file, damage) in damage {
        let place = file.index(files.len());
        let bytes = &mut files[place];
        for record in Records::new(bytes) {
            whole.remove(&number(record.json));
        }
        damage.apply(bytes);
    }
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("spool")).unwrap();
    for (place, bytes) in files.iter().enumerate() {
        let name = format!("spool/seg-{place:020}.log");
        fs::write(directory.path().join(name), bytes).unwrap();
    }

    let start = Instant::now();
    let mut spool = open(&directory, options());
    let mut read = Vec::new();
    while let Some(batch) = spool.oldest_of_backlog(7) {
        prop_assert!(!batch.is_empty());
        read.extend(numbers(&batch));
        spool.acknowledge(&batch);
    }
    prop_assert!(start.elapsed() < Duration::from_secs(5));
    prop_assert!(read.iter().all(|number| *number < REPORTS), "{read:?}");
    let arrived: BTreeSet<u64> = read.iter().copied().collect();
    prop_assert!(whole.is_subset(&arrived), "{whole:?} {read:?}");
    prop_assert!(spool.is_empty() && !spool.has_backlog());

    // It goes on, and the next start finds what came, and nothing of what was sent.
    spool.push(report(REPORTS));
    spool.end();
    drop(spool);
    let mut spool = open(&directory, options());
    let batch = spool.oldest_of_backlog(7);
    prop_assert_eq!(batch.map(|batch| numbers(&batch)), Some(vec![REPORTS]));
    Ok(())
}

/// The segments of a spool with reports 0 to 99.
static WHOLE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(&directory, REPORTS));
    let files = segments(&directory);
    files.iter().map(|path| fs::read(path).unwrap()).collect()
});

fn number(json: &[u8]) -> u64 {
    let text = std::str::from_utf8(json).unwrap();
    let digits = text.trim_matches(|c: char| !c.is_ascii_digit());
    digits.parse().unwrap()
}

/// What a disk, or somebody else, does to a file.
#[derive(Clone, Debug)]
enum Damage {
    Begin(Vec<u8>),
    Cut(Index),
    Double(Index, Index),
    Insert(Index, Vec<u8>),
    Move(Index, Index),
    Overwrite(Index, Vec<u8>),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        match self {
            Self::Begin(with) => {
                bytes.splice(..with.len().min(length), with.iter().copied());
            }
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Double(a, b) => {
                let (a, b) = (a.index(length), b.index(length));
                bytes.extend_from_within(a.min(b)..a.max(b));
            }
            Self::Insert(at, with) => {
                let at = at.index(length);
                bytes.splice(at..at, with.iter().copied());
            }
            Self::Move(a, b) => {
                let rest = &mut bytes[a.index(length)..];
                rest.rotate_left(b.index(rest.len()));
            }
            Self::Overwrite(at, with) => {
                let at = at.index(length);
                bytes.splice(at..(at + with.len()).min(length), with.iter().copied());
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let mut record = Vec::new();
    write(&mut record, 7, &report(3)).unwrap();
    let half = record[..record.len() / 2].to_vec();
    let bytes = prop_oneof![
        vec(any::<u8>(), 1..40),
        vec(Just(0_u8), 1..600),
        // What looks like a record, and one of which the length is a lie.
        select(vec![
            half,
            b"\xff\x53\x53\x31".to_vec(),
            b"\xff\x53\x53\x31\xff\xff\x07\x00".to_vec()
        ]),
        // The place up to which a segment was acknowledged, and its complement.
        (0..700_u32).prop_map(|place| [place.to_le_bytes(), (!place).to_le_bytes()].concat()),
    ];
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::Double(a, b)),
        (any::<Index>(), bytes.clone()).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Damage::Move(a, b)),
        (any::<Index>(), bytes.clone()).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        bytes.prop_map(Damage::Begin),
    ]
}

const REPORTS: u64 = 100;
/// Cases between two looks at the clock.
const CASES: u32 = 50;
