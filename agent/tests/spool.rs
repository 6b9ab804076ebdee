//! The spool: oldest first, within its bound, and nothing lost without being counted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use server_scout_agent::spool::{MAX_REPORTS, Spool};

#[test]
fn one_report_is_an_object_and_more_are_an_array() {
    let mut spool = Spool::new(1000);
    assert!(spool.oldest(10).is_none());
    spool.push(b"{1}".to_vec());
    assert_eq!(body(&mut spool, 10), "{1}");
    spool.push(b"{2}".to_vec());
    spool.push(b"{3}".to_vec());
    assert_eq!(body(&mut spool, 10), "[{1},{2},{3}]");
    assert_eq!(body(&mut spool, 2), "[{1},{2}]");
    assert_eq!(body(&mut spool, 0), "{1}");
}

#[test]
fn what_is_acknowledged_goes_and_the_next_comes() {
    let mut spool = filled(5);
    let batch = spool.oldest(3).unwrap();
    spool.acknowledge(&batch);
    assert_eq!(
        (body(&mut spool, 9), spool.len()),
        ("[{3},{4}]".to_owned(), 2)
    );
    // An acknowledgement that comes twice takes nothing else.
    spool.acknowledge(&batch);
    assert_eq!(spool.len(), 2);
    assert_eq!(spool.counts().set_aside, 0);
}

#[test]
fn what_is_set_aside_is_counted() {
    let mut spool = filled(3);
    let batch = spool.oldest(1).unwrap();
    spool.set_aside(&batch);
    assert_eq!((spool.len(), spool.counts().set_aside), (2, 1));
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_it() {
    let mut spool = Spool::new(9);
    for n in 0..5 {
        spool.push(format!("{{{n}}}").into_bytes());
    }
    assert_eq!(
        (body(&mut spool, 9), spool.counts().dropped),
        ("[{2},{3},{4}]".to_owned(), 2)
    );
    spool.push(b"{too long}".to_vec());
    assert_eq!((spool.len(), spool.counts().dropped), (3, 3));
}

#[test]
fn what_was_dropped_while_on_its_way_takes_nothing_with_it() {
    let mut spool = Spool::new(9);
    for n in 0..3 {
        spool.push(format!("{{{n}}}").into_bytes());
    }
    let batch = spool.oldest(2).unwrap();
    for n in 3..5 {
        spool.push(format!("{{{n}}}").into_bytes());
    }
    spool.acknowledge(&batch);
    assert_eq!(body(&mut spool, 9), "[{2},{3},{4}]");
}

#[test]
fn a_batch_has_bounds() {
    let mut spool = filled(1000);
    assert_eq!(spool.oldest(usize::MAX).unwrap().len(), MAX_REPORTS);
    spool = Spool::new(10_000_000);
    for _ in 0..10 {
        spool.push(vec![b'x'; 100_000]);
    }
    assert_eq!(spool.oldest(usize::MAX).unwrap().len(), 2);
    spool = Spool::new(10_000_000);
    spool.push(vec![b'x'; 1_000_000]);
    assert_eq!(spool.oldest(usize::MAX).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn every_report_is_sent_once_in_order_or_counted(
        steps in proptest::collection::vec((0..4_usize, 1..60_usize), 0..200),
    ) {
        let mut spool = Spool::new(300);
        let (mut pushed, mut sent) = (0_u64, Vec::new());
        let mut set_aside = 0;
        for (step, size) in steps {
            match step {
                0 | 1 => {
                    spool.push(format!("{pushed}:{}", "x".repeat(size)).into_bytes());
                    pushed += 1;
                }
                _ => if let Some(batch) = spool.oldest(size) {
                    let text = String::from_utf8(batch.body().to_vec()).unwrap();
                    let numbers: Vec<u64> = text
                        .trim_matches(['[', ']'])
                        .split(',')
                        .map(|report| report.split(':').next().unwrap().parse().unwrap())
                        .collect();
                    prop_assert_eq!(numbers.len(), batch.len());
                    if step == 2 {
                        sent.extend(numbers);
                        spool.acknowledge(&batch);
                    } else {
                        set_aside += batch.len() as u64;
                        spool.set_aside(&batch);
                    }
                },
            }
            prop_assert!(spool.bytes() <= 300);
            let counts = spool.counts();
            prop_assert_eq!(counts.set_aside, set_aside);
            prop_assert_eq!(
                sent.len() as u64 + counts.dropped + counts.set_aside + spool.len() as u64,
                pushed
            );
        }
        prop_assert!(sent.is_sorted_by(|a, b| a < b));
    }
}

fn filled(reports: usize) -> Spool {
    let mut spool = Spool::new(1_000_000);
    for n in 0..reports {
        spool.push(format!("{{{n}}}").into_bytes());
    }
    spool
}

fn body(spool: &mut Spool, max_reports: usize) -> String {
    String::from_utf8(spool.oldest(max_reports).unwrap().body().to_vec()).unwrap()
}
