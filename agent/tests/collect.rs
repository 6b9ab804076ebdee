//! A report of the machine that the tests run on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::thread::sleep;
use std::time::Duration;

use server_scout_agent::collect::{Collector, Due};
use server_scout_agent::tiers::Tiers;
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Metric, Report, Tags, Timestamp};

#[test]
fn a_full_report_has_what_the_catalogue_names() {
    let report = collect(Due::ALL);
    let missing: Vec<_> = Metric::ALL
        .iter()
        .filter(|metric| {
            !report
                .samples()
                .iter()
                .any(|sample| sample.metric == **metric)
        })
        // A machine can be without a disk or a network of its own.
        .filter(|metric| metric.describe().label.is_none())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");

    let value = |metric| report.value(metric).unwrap();
    assert!(value(Metric::MemoryTotalBytes) >= value(Metric::MemoryUsedBytes));
    assert!(value(Metric::SwapTotalBytes) >= value(Metric::SwapUsedBytes));
    assert!(value(Metric::UptimeSeconds) > 0.0);
    let usage = 100.0 * value(Metric::MemoryUsedBytes) / value(Metric::MemoryTotalBytes);
    assert!((usage - value(Metric::MemoryUsage)).abs() < 0.01);
    assert!(
        report
            .timestamp()
            .since(Timestamp::now().before(Duration::from_mins(1)))
            > Duration::ZERO
    );

    let host = report.host().expect("the inventory");
    assert!(host.cores.unwrap() >= 1 && host.hostname.is_some() && host.kernel.is_some());
    assert_eq!(
        host.agent_version.as_ref().unwrap().as_str(),
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn a_report_is_one_that_the_dashboard_reads() {
    let report = collect(Due::ALL);
    let read = Report::from_json(&report.to_json()).unwrap();
    assert_eq!(read.samples().len(), report.samples().len());
    assert_eq!(read.host(), report.host());
}

#[test]
fn the_fast_tier_is_small_and_stands_alone() {
    let report = collect(Due {
        medium: false,
        inventory: false,
    });
    for metric in Metric::REQUIRED {
        assert!(report.value(metric).is_some());
    }
    assert_eq!(report.host(), None);
    assert_eq!(report.value(Metric::UptimeSeconds), None);
    assert!(Report::from_json(&report.to_json()).is_ok());
}

#[test]
fn the_number_of_processes_counts_at_least_those_that_can_be_seen() {
    let seen = std::fs::read_dir("/proc")
        .unwrap()
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
        })
        .count();
    let counted = collect(Due::ALL).value(Metric::Processes).unwrap();
    // Others start and end in between; in a container those outside count too.
    assert!(
        counted + 30.0 > f64::from(u32::try_from(seen).unwrap()),
        "{counted} of {seen}"
    );
}

#[test]
fn tiers_are_due_by_their_period() {
    let due = |interval, reports: usize| {
        let mut tiers = Tiers::new(Duration::from_secs(interval));
        let due: Vec<Due> = (0..reports).map(|_| tiers.advance()).collect();
        let count = |is: fn(&Due) -> bool| due.iter().filter(|due| is(due)).count();
        assert_eq!(due.first(), Some(&Due::ALL));
        (count(|due| due.medium), count(|due| due.inventory))
    };
    // An hour, with the first report of the next one.
    assert_eq!(due(5, 721), (121, 2));
    assert_eq!(due(1, 3601), (121, 2));
    assert_eq!(due(60, 61), (61, 2));
    assert_eq!(due(7, 516), (104, 2));
}

fn collect(due: Due) -> Report {
    let mut collector = Collector::new(Tags::parse(["web"]).unwrap()).unwrap();
    sleep(Duration::from_millis(50));
    collector
        .collect(
            Identity {
                boot: Boot(7),
                seq: 0,
            },
            due,
        )
        .unwrap()
}
