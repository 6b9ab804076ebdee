//! A report of the machine that the tests run on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::thread::sleep;
use std::time::Duration;

use server_scout_agent::collect::{Collector, Due, Options, Root};
use server_scout_agent::tiers::{Periods, Tiers};
use server_scout_wire::report::Boot;
use server_scout_wire::{Fact, Identity, Metric, Report, Tags, Tier, Timestamp};

#[test]
fn a_full_report_has_what_the_catalogue_names() {
    let report = collect(Due::ALL);
    let missing: Vec<&str> = Metric::ALL
        .iter()
        .filter(|metric| {
            !report
                .samples()
                .iter()
                .any(|sample| sample.metric == **metric)
        })
        .map(|metric| metric.name())
        // A machine can be without a disk or a network of its own, and without some files.
        .filter(|name| !MAY_LACK.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");

    let value = |metric| report.value(metric).unwrap();
    assert!(value(Metric::MemoryTotalBytes) >= value(Metric::MemoryUsedBytes));
    assert!(value(Metric::SwapTotalBytes) >= value(Metric::SwapUsedBytes));
    assert!(value(Metric::UptimeSeconds) > 0.0);
    // Each is rounded for itself.
    let usage = 100.0 * value(Metric::MemoryUsedBytes) / value(Metric::MemoryTotalBytes);
    assert!((usage - value(Metric::MemoryUsage)).abs() < 0.1);
    assert!(
        report
            .timestamp()
            .since(Timestamp::now().before(Duration::from_mins(1)))
            > Duration::ZERO
    );

    let host = report.host().expect("the inventory");
    assert!(host.cores.unwrap() >= 1);
    assert!(host.get(Fact::Hostname).is_some() && host.get(Fact::Kernel).is_some());
    assert_eq!(
        host.get(Fact::AgentVersion).unwrap().as_str(),
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
    let report = collect(Due::FAST);
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
    let due = |interval, seconds: u64| {
        let mut periods = Periods::default();
        periods.set(Tier::Fast, Duration::from_secs(interval));
        let mut tiers = Tiers::new(periods);
        let moments = (0..=seconds / interval).map(|n| Duration::from_secs(n * interval));
        let due: Vec<Due> = moments.map(|now| tiers.advance(now)).collect();
        assert_eq!(due.first(), Some(&Due::ALL));
        Tier::ALL.map(|tier| due.iter().filter(|due| due.has(tier)).count())
    };
    // An hour, with the first report of the next one. The second report shows what counters grew by.
    assert_eq!(due(5, 3600), [721, 122, 13, 2, 1]);
    assert_eq!(due(1, 3600), [3601, 122, 13, 2, 1]);
    assert_eq!(due(60, 3600), [61, 61, 13, 2, 1]);
    assert_eq!(due(7, 3600), [515, 122, 13, 2, 1]);
    assert_eq!(due(5, 86_400), [17_281, 2882, 289, 25, 2]);
}

#[test]
fn an_uneven_clock_shifts_no_tier() {
    let mut tiers = Tiers::new(Periods::default());
    let at = |tiers: &mut Tiers, millis| {
        tiers
            .advance(Duration::from_millis(millis))
            .has(Tier::Medium)
    };
    assert!(at(&mut tiers, 0));
    assert!(at(&mut tiers, 5_000), "counters need two readings");
    assert!(!at(&mut tiers, 25_100));
    assert!(at(&mut tiers, 29_700), "a little early");
    assert!(!at(&mut tiers, 34_900));
    assert!(at(&mut tiers, 60_200), "a little late");
    // The host slept: one reading, and the beat goes on.
    assert!(at(&mut tiers, 700_000));
    assert!(!at(&mut tiers, 705_000));
    assert!(at(&mut tiers, 720_000));
}

fn collect(due: Due) -> Report {
    let mut collector = Collector::new(Root::host(), options()).unwrap();
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

/// What a machine can be without, by the beginnings of names.
const MAY_LACK: [&str; 14] = [
    "clock_",
    "container_",
    "disk_",
    "entropy_",
    "fan_",
    "network_",
    "pool_",
    "pressure_",
    "raid_",
    "reboot_",
    "service_",
    "temperature_",
    "units",
    "updates_",
];

fn options() -> Options {
    Options {
        tags: Tags::parse(["web"]).unwrap(),
        ..Options::default()
    }
}
