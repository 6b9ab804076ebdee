//! The pieces of the dashboard's hot paths: reading a report, and answering a chart.

#![expect(clippy::unwrap_used, reason = "a measurement may fail loudly")]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use server_scout::store::reports::LoggedReport;
use server_scout::store::series::SeriesKey;
use server_scout::timeseries::{Aggregator, Window};
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Label, Metric, Report, Timestamp};

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
    let mut names: HashMap<i64, SeriesKey> = HashMap::new();
    let logged: Vec<LoggedReport> = (0..720)
        .map(|seq| {
            let report = full_report(seq);
            let samples = report.samples().iter().zip(0..).map(|(sample, id)| {
                let key = SeriesKey {
                    metric: sample.metric,
                    label: sample.label.clone(),
                };
                names.insert(id, key);
                (id, sample.value)
            });
            let samples = samples.collect();
            let at = report.timestamp();
            LoggedReport {
                at,
                received_at: at,
                samples,
            }
        })
        .collect();
    let from = Timestamp::from_millis(START);
    let window = Window::new(from, from.after(Duration::from_hours(1)), 300).unwrap();
    let metrics = [
        Metric::CpuUsage,
        Metric::CpuUser,
        Metric::CpuSystem,
        Metric::CpuIowait,
    ];
    c.bench_function("an hour of four metrics from 720 reports", |b| {
        b.iter(|| {
            let interval = Some(Duration::from_secs(5));
            let mut answer = Aggregator::new(window, interval, &names, &metrics);
            for report in black_box(&logged) {
                answer.add(report);
            }
            answer.finish()
        });
    });
}

criterion_group!(benches, reading, charting);
criterion_main!(benches);
