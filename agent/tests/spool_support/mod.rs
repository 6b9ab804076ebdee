//! A small spool on disk, and what is in it.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::fs;
use std::path::PathBuf;

use server_scout_agent::spool::disk::{Disk, Options};
use server_scout_agent::spool::{Batch, Spool};
use tempfile::TempDir;

/// Small, so that a test sees many segments.
pub(crate) fn options() -> Options {
    Options {
        max_bytes: 8 * 1024,
        segment_bytes: 512,
        ..Options::default()
    }
}

pub(crate) fn open(directory: &TempDir, options: Options) -> Spool {
    Spool::on_disk(1024 * 1024, Disk::open(directory.path(), options).unwrap())
}

/// A spool with reports 0, 1, 2 … on disk.
pub(crate) fn filled(directory: &TempDir, reports: u64) -> Spool {
    let mut spool = open(directory, options());
    for n in 0..reports {
        spool.push(report(n));
    }
    spool.end();
    spool
}

/// A spool of one segment with this content.
pub(crate) fn with_segment(bytes: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("spool")).unwrap();
    let name = format!("spool/seg-{:020}.log", 3);
    fs::write(directory.path().join(name), bytes).unwrap();
    directory
}

pub(crate) fn report(n: u64) -> Vec<u8> {
    format!("{{\"seq\":{n}}}").into_bytes()
}

/// Takes all that is on disk.
pub(crate) fn backlog(spool: &mut Spool) -> Vec<u64> {
    let mut all = Vec::new();
    while let Some(batch) = spool.oldest_of_backlog(7) {
        all.extend(numbers(&batch));
        spool.acknowledge(&batch);
    }
    all
}

pub(crate) fn numbers(batch: &Batch) -> Vec<u64> {
    let text = std::str::from_utf8(batch.body()).unwrap();
    let numbers: Vec<u64> = text
        .trim_matches(['[', ']'])
        .split(',')
        .map(|report| {
            report
                .trim_matches(['{', '}'])
                .replace("\"seq\":", "")
                .parse()
                .unwrap()
        })
        .collect();
    assert_eq!(numbers.len(), batch.len());
    numbers
}

pub(crate) fn segments(directory: &TempDir) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory.path().join("spool"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    paths.sort();
    paths
}

pub(crate) fn disk_bytes(directory: &TempDir) -> u64 {
    segments(directory)
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum()
}
