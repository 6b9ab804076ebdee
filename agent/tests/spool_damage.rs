//! A damaged spool: what is whole comes back once and in order, and what is not harms nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod spool_support;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::time::Duration;

use proptest::prelude::*;
use server_scout_agent::spool::disk::Options;
use server_scout_agent::spool::record::{MAX_REPORT_BYTES, Records, write};
use spool_support::{
    backlog, disk_bytes, filled, numbers, open, options, report, segments, with_segment,
};

#[test]
fn a_spool_cut_off_at_any_byte_gives_what_is_whole() {
    let original = tempfile::tempdir().unwrap();
    let mut spool = filled(&original, 6);
    let batch = spool.oldest_of_backlog(2).unwrap();
    spool.acknowledge(&batch);
    drop(spool);
    let [path] = &segments(&original)[..] else {
        panic!("more than one segment")
    };
    let bytes = fs::read(path).unwrap();
    let mut most = 0;
    for length in 0..=bytes.len() {
        let directory = with_segment(&bytes[..length]);
        let mut spool = open(&directory, options());
        // It takes more, too.
        spool.push(report(77));
        spool.end();
        drop(spool);
        let left = backlog(&mut open(&directory, options()));
        assert_eq!(left.last(), Some(&77));
        let expected: Vec<u64> = (2..).take(left.len() - 1).collect();
        // Cut before what is acknowledged the place of it is gone or behind the end.
        let cut = left.len() > 1 && left[0] < 2;
        assert!(
            cut || left[..left.len() - 1] == expected,
            "{length}: {left:?}"
        );
        most = most.max(left.len() - 1);
    }
    assert_eq!(most, 4);
}

#[test]
fn a_flipped_bit_costs_one_report() {
    let original = tempfile::tempdir().unwrap();
    drop(filled(&original, 6));
    let path = segments(&original).remove(0);
    let bytes = fs::read(path).unwrap();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            let directory = with_segment(&damaged);
            let mut spool = open(&directory, options());
            let in_header = place < 8;
            assert_eq!(spool.counts().damaged, u64::from(!in_header));
            let left = backlog(&mut spool);
            assert!(left.is_sorted_by(|a, b| a < b), "{left:?}");
            assert_eq!(left.len(), if in_header { 6 } else { 5 }, "byte {place}");
        }
    }
}

#[test]
fn damage_while_the_agent_runs_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = filled(&directory, 50);
    let paths = segments(&directory);
    // One emptied, one gone, one with a torn report in its middle.
    File::options()
        .write(true)
        .open(&paths[0])
        .unwrap()
        .set_len(0)
        .unwrap();
    fs::remove_file(&paths[1]).unwrap();
    let file = File::options().write(true).open(&paths[2]).unwrap();
    file.write_all_at(b"????", 100).unwrap();
    let left = backlog(&mut spool);
    assert!(
        left.is_sorted_by(|a, b| a < b) && left.contains(&49),
        "{left:?}"
    );
    assert_eq!(left.len() as u64 + spool.counts().damaged, 50);
    assert!(spool.is_empty() && !spool.has_backlog());
}

#[test]
fn strange_files_harm_nothing() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(&directory, 50));
    let spool_dir = directory.path().join("spool");
    let strange = |n: u64| spool_dir.join(format!("seg-{n:020}.log"));
    let other = directory.path().join("other");
    fs::write(&other, "not ours").unwrap();
    symlink(&other, strange(900)).unwrap();
    fs::create_dir(strange(901)).unwrap();
    File::create(strange(902))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    // What claims to be a record at every step, each longer than a record may be or than the file.
    let mut endless = Vec::new();
    for n in 0..20_000_u32 {
        endless.extend_from_slice(&[0xff, b'S', b'S', b'1']);
        endless.extend_from_slice(&(n % 3 * 200_000).to_le_bytes());
    }
    fs::write(strange(903), endless).unwrap();
    fs::write(spool_dir.join("seg-1.log"), "another name").unwrap();

    let start = std::time::Instant::now();
    let mut spool = open(&directory, options());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(spool.counts().damaged >= 4);
    spool.push(report(50));
    spool.end();
    assert_eq!(backlog(&mut spool), (0..=50).collect::<Vec<_>>());
    assert_eq!(fs::read_to_string(&other).unwrap(), "not ours");
}

#[test]
fn a_report_too_long_for_the_disk_is_counted_and_holds_up_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let roomy = Options {
        max_bytes: 8 * 1024 * 1024,
        segment_bytes: 256 * 1024,
        ..options()
    };
    let mut spool = open(&directory, roomy);
    spool.push(vec![b'x'; MAX_REPORT_BYTES + 1]);
    spool.push(vec![b'1'; MAX_REPORT_BYTES]);
    spool.push(report(2));
    spool.end();
    assert_eq!(spool.counts().dropped, 1);
    let batch = spool.oldest_of_backlog(10).unwrap();
    assert_eq!(batch.body().len(), MAX_REPORT_BYTES);
    spool.acknowledge(&batch);
    assert_eq!(backlog(&mut spool), [2]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut end = 0;
        for record in Records::new(&bytes) {
            prop_assert!(record.start >= end && record.end <= bytes.len());
            end = record.end;
        }
        let directory = with_segment(&bytes);
        let mut spool = open(&directory, options());
        while let Some(batch) = spool.oldest_of_backlog(10) {
            spool.set_aside(&batch);
        }
        prop_assert!(spool.is_empty());
    }

    #[test]
    fn records_survive_what_stands_between_them(
        parts in proptest::collection::vec((any::<bool>(), proptest::collection::vec(0..=0xfe_u8, 1..50)), 0..20),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (whole, part) in &parts {
            if *whole {
                write(&mut bytes, 7, part).unwrap();
                expected.push(part.as_slice());
            } else {
                bytes.extend_from_slice(part);
            }
        }
        let found: Vec<&[u8]> = Records::new(&bytes).map(|record| record.json).collect();
        prop_assert_eq!(found, expected);
    }

    /// Against a plain list: what waits, of which the last so many are in memory.
    #[test]
    fn whatever_happens_exactly_what_is_not_acknowledged_comes_back_in_order(
        steps in proptest::collection::vec((0..12_u8, 1..40_usize), 0..300),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = open(&directory, options());
        let (mut waiting, mut pushed, mut dropped) = (Vec::new(), 0, 0);
        for (step, size) in steps {
            match step {
                0..=4 => for _ in 0..size {
                    spool.push(report(pushed));
                    waiting.push(pushed);
                    pushed += 1;
                },
                // The dashboard takes what is in memory, or does not.
                5 | 6 => {
                    let in_memory = waiting.len() - spool.backlog();
                    if let Some(batch) = spool.oldest(size) {
                        let first = waiting.len() - in_memory;
                        let sent: Vec<u64> = waiting.drain(first..first + batch.len()).collect();
                        prop_assert_eq!(numbers(&batch), sent);
                        spool.acknowledge(&batch);
                    }
                }
                7 => if spool.oldest(size).is_some() {
                    spool.failed();
                },
                // The dashboard takes what is on disk.
                8 | 9 => if let Some(batch) = spool.oldest_of_backlog(size) {
                    let sent: Vec<u64> = waiting.drain(..batch.len()).collect();
                    prop_assert_eq!(numbers(&batch), sent);
                    spool.acknowledge(&batch);
                    spool.acknowledge(&batch);
                },
                10 => {
                    prop_assert_eq!(spool.end(), 0);
                    let more = spool.counts().dropped - dropped;
                    waiting.drain(..usize::try_from(more).unwrap());
                    drop(spool);
                    spool = open(&directory, options());
                    dropped = 0;
                }
                // A crash, perhaps in the middle of a write.
                _ => {
                    waiting.truncate(spool.backlog());
                    let newest = segments(&directory).pop();
                    drop(spool);
                    if let Some(path) = newest && size % 2 == 0 {
                        let mut torn = Vec::new();
                        write(&mut torn, 0, &report(999_999)).unwrap();
                        let mut bytes = fs::read(&path).unwrap();
                        bytes.extend_from_slice(torn.get(..size.min(torn.len() - 1)).unwrap());
                        fs::write(&path, bytes).unwrap();
                    }
                    spool = open(&directory, options());
                    dropped = 0;
                }
            }
            // The oldest are dropped, and counted.
            let more = spool.counts().dropped - dropped;
            dropped += more;
            waiting.drain(..usize::try_from(more).unwrap());
            prop_assert_eq!(spool.len(), waiting.len());
            prop_assert!(disk_bytes(&directory) <= options().max_bytes);
        }
        spool.end();
        let more = spool.counts().dropped - dropped;
        waiting.drain(..usize::try_from(more).unwrap());
        prop_assert_eq!(backlog(&mut spool), waiting);
    }
}
