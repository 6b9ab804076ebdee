//! The pieces of the dashboard's hot paths: reading a report, comparing it with rules, and answering a
//! chart.

#![expect(clippy::unwrap_used, reason = "a measurement may fail loudly")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use server_scout::alerting::{
    Comparison, Configuration, Engine, Labels, Measure, Placement, Reach, Rule, Terms,
};
use server_scout::id::Id;
use server_scout::store::series::SeriesKey;
use server_scout::timeseries::{Grid, Row, Shown, Window};
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Kind, Label, Metric, Report, Timestamp};

const START: i64 = 1_790_000_000_000;

/// A report of 49 series: everything without a label, four interfaces, four disks, three mounts.
fn full_report(seq: u64) -> Report {
    let at = Timestamp::from_millis(START).after(Duration::from_secs(5 * seq));
    let mut report = Report::new(at, Identity { boot: Boot(7), seq });
    for metric in Metric::ALL {
        let names: &[&str] = match metric.describe().label {
            None => {
                report.push(*metric, None, 42.5);
                continue;
            }
            Some(server_scout_wire::LabelName::Mount) => &["/", "/home", "/var"],
            Some(_) => &["eth0", "eth1", "sda", "nvme0n1"],
        };
        for name in names {
            report.push(*metric, Some(Label::new(name).unwrap()), 1_234_567_890.0);
        }
    }
    report
}

fn reading(c: &mut Criterion) {
    let json = full_report(1).to_json();
    let mut group = c.benchmark_group("a report");
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("read", |b| {
        b.iter(|| Report::from_json(black_box(&json)).unwrap());
    });
    group.bench_function("written", |b| {
        let report = full_report(1);
        b.iter(|| black_box(&report).to_json());
    });
    group.finish();
}

fn charting(c: &mut Criterion) {
    let samples: Vec<(i64, f64)> = (0..720)
        .map(|seq| {
            (
                START + 5000 * seq,
                f64::from(i32::try_from(seq % 97).unwrap()),
            )
        })
        .collect();
    let from = Timestamp::from_millis(START);
    let window = Window::new(from, from.after(Duration::from_hours(1)), 300).unwrap();
    let grid = Grid::new(window, Some(Duration::from_secs(5)), 1, None);
    c.bench_function("an hour of one series from 720 samples", |b| {
        b.iter(|| {
            let mut row = Row::new(grid, Shown::Values);
            row.add(black_box(&samples));
            let metric = Metric::CpuUsage;
            row.finish(SeriesKey {
                metric,
                label: None,
            })
        });
    });
}

/// Twenty rules, of which some are about labels, some about rates, and none is breached.
fn rules() -> Vec<Rule> {
    let gauges = Metric::ALL.iter().filter(|metric| {
        let described = metric.describe();
        described.label.is_none() || described.kind == Kind::Counter
    });
    let rule = |metric: &Metric| Rule {
        id: Id::random(),
        reach: Reach::Organisation,
        terms: Terms {
            measure: Measure::Metric(*metric),
            labels: Labels::Any,
            comparison: Comparison::Above,
            warning: Some(1e15),
            critical: Some(2e15),
            recovery: None,
            sustain: Duration::from_mins(2),
            share: 100,
            cooldown: Duration::ZERO,
            remind_every: None,
            remind_limit: 0,
        },
    };
    gauges.step_by(2).take(20).map(rule).collect()
}

fn alerting(c: &mut Criterion) {
    let (organisation, server) = (Id::random(), Id::random());
    let now = Timestamp::from_millis(START);
    let mut engine = Engine::new(now);
    let rules = rules();
    assert_eq!(rules.len(), 20);
    let configuration = Configuration {
        rules,
        windows: Vec::new(),
        placements: vec![Placement {
            server,
            groups: Vec::new(),
            tags: Vec::new(),
            paused: false,
        }],
    };
    engine.configure(organisation, configuration, now);
    let mut seq = 0;
    c.bench_function("a report against 20 rules", |b| {
        let next = || {
            seq += 1;
            full_report(seq)
        };
        let take = |report: Report| {
            let now = report.timestamp();
            engine.report(server, black_box(&report), now)
        };
        b.iter_batched(next, take, BatchSize::SmallInput);
    });
}

criterion_group!(benches, reading, charting, alerting);
criterion_main!(benches);
