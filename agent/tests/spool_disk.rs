//! The spool on disk: whatever happens to the agent or to the files, what is whole comes back once
//! and in order, and what is not harms nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod spool_support;

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use server_scout_agent::spool::disk::{Disk, DiskError, OVERDUE_CHECKS, Options};
use spool_support::{backlog, disk_bytes, filled, numbers, open, options, report, segments};

#[test]
fn what_waits_longer_than_one_report_is_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory, options());
    spool.push(report(0));
    assert_eq!((spool.len(), spool.backlog()), (1, 0));
    assert!(segments(&directory).is_empty(), "nothing is written yet");
    spool.push(report(1));
    assert_eq!((spool.len(), spool.backlog()), (2, 1));
    drop(spool);

    let mut spool = open(&directory, options());
    assert_eq!(backlog(&mut spool), [0], "the newest was in memory alone");
}

#[test]
fn what_is_acknowledged_at_once_never_touches_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let writes = |_: &File, _: &[u8], _| -> io::Result<()> { panic!("something was written") };
    let mut spool = open(
        &directory,
        Options {
            write: writes,
            ..options()
        },
    );
    for n in 0..100 {
        spool.push(report(n));
        let batch = spool.oldest(10).unwrap();
        spool.acknowledge(&batch);
    }
    assert_eq!(spool.end(), 0);
    assert!(segments(&directory).is_empty());
}

#[test]
fn a_report_on_its_way_keeps_its_place_and_its_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory, options());
    spool.push(report(0));
    let batch = spool.oldest(10).unwrap();
    spool.push(report(1));
    spool.push(report(2));
    assert_eq!(spool.backlog(), 0, "the dashboard is slow, not gone");
    spool.acknowledge(&batch);
    assert_eq!(numbers(&spool.oldest(10).unwrap()), [1, 2]);
    spool.failed();
    assert_eq!(numbers(&spool.oldest(10).unwrap()), [2]);
    assert_eq!(backlog(&mut spool), [1]);
}

#[test]
fn the_end_leaves_everything_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory, options());
    for n in 0..5 {
        spool.push(report(n));
    }
    let _on_its_way = spool.oldest(10);
    assert_eq!(spool.end(), 0);
    drop(spool);
    assert_eq!(backlog(&mut open(&directory, options())), [0, 1, 2, 3, 4]);
}

#[test]
fn files_are_for_their_owner_alone_and_go_when_they_are_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = filled(&directory, 50);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("spool")), 0o700);
    assert!(segments(&directory).len() > 2);
    for path in segments(&directory) {
        assert_eq!(mode(&path), 0o600);
    }
    assert_eq!(mode(&directory.path().join("spool/lock")), 0o600);
    assert_eq!(backlog(&mut spool), (0..50).collect::<Vec<_>>());
    assert!(segments(&directory).is_empty());
}

#[test]
fn two_agents_do_not_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = Disk::open(directory.path(), options()).unwrap();
    let second = Disk::open(directory.path(), options());
    assert!(matches!(second, Err(DiskError::InUse { .. })));
    drop(first);
    assert!(Disk::open(directory.path(), options()).is_ok());
}

#[test]
fn a_directory_that_cannot_be_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Disk::open(&file, options()).err().unwrap().to_string();
    assert!(error.contains("file/spool: "), "{error}");
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = filled(&directory, 1000);
    let dropped = spool.counts().dropped;
    assert!(dropped > 0 && disk_bytes(&directory) <= options().max_bytes);
    assert_eq!(backlog(&mut spool), (dropped..1000).collect::<Vec<_>>());
}

#[test]
fn a_smaller_bound_holds_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    drop(filled(&directory, 50));
    let smaller = Options {
        max_bytes: 1024,
        segment_bytes: 256,
        ..options()
    };
    let mut spool = open(&directory, smaller);
    let dropped = spool.counts().dropped;
    assert!(dropped > 0 && disk_bytes(&directory) <= 1024);
    assert_eq!(backlog(&mut spool), (dropped..50).collect::<Vec<_>>());
}

#[test]
fn what_is_too_old_goes_unless_the_clock_only_jumped() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(&directory, options());
    for n in 0..50 {
        spool.push_at(report(n), 1000);
    }
    let later = 1000 + i64::try_from(options().max_age.as_millis()).unwrap() + 1;
    spool.push_at(report(50), later);
    spool.push_at(report(51), 1000);
    for n in 52..60 {
        spool.push_at(report(n), later);
    }
    assert_eq!(spool.counts().dropped, 0);
    for n in 60..u64::from(OVERDUE_CHECKS) + 60 {
        spool.push_at(report(n), later);
    }
    let dropped = spool.counts().dropped;
    assert!((32..50).contains(&dropped), "{dropped} of the first 50");
    let left = backlog(&mut spool);
    assert_eq!(left.first(), Some(&dropped), "only the oldest");
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_nothing_but_memory() {
    thread_local! { static FULL: Cell<bool> = const { Cell::new(false) } }
    let write = |file: &File, bytes: &[u8], place| {
        if FULL.get() {
            // As a full disk does: half of it arrives.
            let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
            file.write_all_at(half, place)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all_at(bytes, place)
    };
    let directory = tempfile::tempdir().unwrap();
    let options = Options { write, ..options() };
    let mut spool = open(&directory, options);
    for n in 0..30 {
        FULL.set((10..20).contains(&n));
        spool.push(report(n));
    }
    assert_eq!((spool.len(), spool.backlog()), (30, 29));
    spool.end();
    drop(spool);
    let mut spool = open(&directory, options);
    assert_eq!(spool.counts(), server_scout_agent::spool::Counts::default());
    assert_eq!(backlog(&mut spool), (0..30).collect::<Vec<_>>());
}
