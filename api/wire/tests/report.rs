//! Reports, read and written: what is made can be read, and what breaks a bound is refused by name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fmt::Write as _;

use proptest::prelude::*;
use server_scout_wire::limits::{MAX_BATCH, MAX_LABEL_BYTES, MAX_LABELS, MAX_SAMPLES};
use server_scout_wire::report::{Boot, split_batch};
use server_scout_wire::{Fact, Host, Identity, Label, Metric, Report, Tags, Tier, Timestamp};

/// The smallest report there is.
const SEED: &str = r#"{"cpu_usage": 45.2, "memory_usage": 78.1, "disk_usage": 23.4, "timestamp": "2024-01-15T10:30:00Z"}"#;

#[test]
fn the_smallest_report_is_read() {
    let report = Report::from_json(SEED.as_bytes()).unwrap();
    assert_eq!(report.timestamp().to_string(), "2024-01-15T10:30:00.000Z");
    assert_eq!(report.value(Metric::CpuUsage), Some(45.2));
    assert_eq!(report.value(Metric::MemoryUsage), Some(78.1));
    assert_eq!(report.value(Metric::DiskUsage), Some(23.4));
    assert_eq!(report.samples().len(), 3);
    assert_eq!((report.identity(), report.host()), (None, None));
}

#[test]
fn what_breaks_a_bound_is_refused_by_its_name() {
    let long = "x".repeat(MAX_LABEL_BYTES + 1);
    let cases: &[(&str, &str)] = &[
        // Members.
        (r#""cpu_temperature": 1"#, "cpu_temperature"),
        (r#""cpu_usage": 1"#, "cpu_usage"),
        (r#""timestamp": "2024-01-15T10:30:00Z""#, "timestamp"),
        (r#""load1": 1, "load1": 1"#, "load1"),
        // Values.
        (r#""cpu_user": null"#, "cpu_user"),
        (r#""cpu_user": true"#, "cpu_user"),
        (r#""cpu_user": "1""#, "cpu_user"),
        (r#""cpu_user": [1]"#, "cpu_user"),
        (r#""cpu_user": -0.01"#, "cpu_user"),
        (r#""cpu_user": 100.01"#, "cpu_user"),
        (r#""cpu_user": NaN"#, "cpu_user"),
        (r#""cpu_user": 1e999"#, "cpu_user"),
        (r#""load1": -1"#, "load1"),
        (
            r#""memory_total_bytes": 9007199254740994"#,
            "memory_total_bytes",
        ),
        (r#""memory_total_bytes": 1e400"#, "memory_total_bytes"),
        // Labels.
        (r#""load1": {"a": 1}"#, "load1"),
        (r#""mount_used_bytes": 1"#, "mount_used_bytes"),
        (r#""mount_used_bytes": null"#, "mount_used_bytes"),
        (r#""mount_used_bytes": {"/": -1}"#, "mount_used_bytes./"),
        (
            r#""mount_used_bytes": {"/": 1, "/": 1}"#,
            "mount_used_bytes./",
        ),
        (r#""mount_used_bytes": {"": 1}"#, "mount_used_bytes"),
        (
            r#""mount_used_bytes": {"/\u202egpj": 1}"#,
            "mount_used_bytes",
        ),
        (r#""mount_used_bytes": {"/\u0000": 1}"#, "mount_used_bytes"),
        (r#""mount_used_bytes": {"/\n": 1}"#, "mount_used_bytes"),
        // Identity.
        (r#""boot": "0123456789abcdef""#, "seq"),
        (r#""seq": 1"#, "boot"),
        (r#""boot": "0123456789ABCDEF", "seq": 1"#, "boot"),
        (r#""boot": "0123", "seq": 1"#, "boot"),
        (r#""boot": 1, "seq": 1"#, "boot"),
        (r#""boot": "0123456789abcdef", "seq": -1"#, "seq"),
        (r#""boot": "0123456789abcdef", "seq": 1.5"#, "seq"),
        (
            r#""boot": "0123456789abcdef", "seq": 9223372036854775808"#,
            "seq",
        ),
        // Host.
        (r#""host": 1"#, "host"),
        (r#""host": {"serial": "1"}"#, "host.serial"),
        (r#""host": {"hostname": 1}"#, "host.hostname"),
        (r#""host": {"hostname": "a\u001bb"}"#, "host.hostname"),
        (
            r#""host": {"hostname": "a", "hostname": "a"}"#,
            "host.hostname",
        ),
        (r#""host": {"cores": 0}"#, "host.cores"),
        (r#""host": {"cores": 65537}"#, "host.cores"),
        (r#""host": {"cores": 1, "cores": 1}"#, "host.cores"),
        (r#""host": {}, "host": {}"#, "host"),
        (r#""host": {"tags": "web"}"#, "host.tags"),
        (r#""host": {"tags": [1]}"#, "host.tags"),
        (r#""host": {"tags": ["Web"]}"#, "host.tags"),
        (r#""host": {"tags": [""]}"#, "host.tags"),
        (r#""host": {"tags": ["<b>"]}"#, "host.tags"),
        (r#""host": {"tags": ["web", "web"]}"#, "host.tags"),
        (r#""host": {"tags": [], "tags": []}"#, "host.tags"),
        (
            r#""host": {"tags": ["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]}"#,
            "host.tags",
        ),
        (
            &format!(r#""network_sent_bytes_total": {{"{long}": 1}}"#),
            "network_sent_bytes_total",
        ),
    ];
    for (member, name) in cases {
        let json = SEED.replacen('{', &format!("{{{member}, "), 1);
        let refusal = Report::from_json(json.as_bytes()).expect_err(member);
        assert_eq!(refusal.member(), *name, "{member}: {refusal}");
    }
}

#[test]
fn what_every_report_has_must_be_there() {
    for name in ["cpu_usage", "memory_usage", "disk_usage", "timestamp"] {
        let json = SEED
            .replacen(&format!(r#""{name}": "#), r#""load1": "#, 1)
            .replacen(r#""load1": "2024-01-15T10:30:00Z""#, r#""load1": 1"#, 1);
        let refusal = Report::from_json(json.as_bytes()).unwrap_err();
        assert_eq!((refusal.member(), refusal.reason()), (name, "is missing"));
    }
}

#[test]
fn what_is_no_json_object_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "1",
        "\"a\"",
        "[]",
        "{",
        &format!("{SEED},"),
        &format!("{SEED}{SEED}"),
    ] {
        assert!(Report::from_json(text.as_bytes()).is_err(), "{text}");
    }
    let bad_utf8 = [&b"{\"\xff\": 1, "[..], &SEED.as_bytes()[1..]].concat();
    assert!(Report::from_json(&bad_utf8).is_err());
    assert!(Report::from_json("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn one_label_or_sample_too_many_is_refused() {
    let labels = |count: usize| {
        let mut text = String::new();
        for n in 0..count {
            let _ = write!(text, r#"{}"d{n}": 1"#, if n == 0 { "" } else { "," });
        }
        text
    };
    let with = |members: &str| SEED.replacen('{', &format!("{{{members}, "), 1);
    let one = |count| with(&format!(r#""mount_used_bytes": {{{}}}"#, labels(count)));
    assert!(Report::from_json(one(MAX_LABELS).as_bytes()).is_ok());
    let refusal = Report::from_json(one(MAX_LABELS + 1).as_bytes()).unwrap_err();
    assert_eq!(refusal.member(), "mount_used_bytes");

    let labelled = Metric::ALL
        .iter()
        .filter(|metric| metric.describe().label.is_some());
    let full: Vec<String> = labelled
        .take(MAX_SAMPLES / MAX_LABELS)
        .map(|metric| format!(r#""{metric}": {{{}}}"#, labels(MAX_LABELS)))
        .collect();
    let rest = MAX_SAMPLES - full.len() * MAX_LABELS - 3;
    let filled = |rest| {
        let last = format!(r#""tcp_connections": {{{}}}"#, labels(rest));
        with(&format!("{}, {last}", full.join(", ")))
    };
    assert!(Report::from_json(filled(rest).as_bytes()).is_ok());
    let refusal = Report::from_json(filled(rest + 1).as_bytes()).unwrap_err();
    assert!(refusal.reason().contains("one value too many"), "{refusal}");
}

#[test]
fn a_value_is_rounded_to_what_it_means() {
    for (metric, value, rounded) in [
        (Metric::CpuUsage, 12.345_67, 12.35),
        (Metric::CpuCoreUsage, 12.345_67, 12.3),
        (Metric::Load1, 0.126, 0.13),
        (Metric::DiskBusySecondsTotal, 1.234_5, 1.23),
        (Metric::MemoryUsedBytes, 123_456_789.0, 123_500_000.0),
        (Metric::MemoryTotalBytes, 123_456_789.0, 123_456_789.0),
        (Metric::TemperatureCelsius, -12.34, -12.3),
        (Metric::Processes, 7.6, 8.0),
    ] {
        assert!((metric.round(value) - rounded).abs() < 1e-9, "{metric}");
    }
}

#[test]
fn degrees_can_be_below_zero_and_nothing_else() {
    let with = |members: &str| SEED.replacen('{', &format!("{{{members}, "), 1);
    for (members, fits) in [
        (r#""temperature_celsius": {"chip a": -12.5}"#, true),
        (r#""temperature_celsius": {"chip a": -300}"#, false),
        (r#""load1": -0.1"#, false),
    ] {
        let read = Report::from_json(with(members).as_bytes());
        assert_eq!(read.is_ok(), fits, "{members}");
    }
}

#[test]
fn each_tier_is_slower_than_the_one_before() {
    for [faster, slower] in Tier::ALL.array_windows() {
        assert!(faster.default_seconds() < slower.default_seconds());
        assert!(faster.max_gap() <= slower.max_gap());
    }
    for tier in Tier::ALL {
        let (shortest, longest) = tier.bounds_seconds();
        assert!((shortest..=longest).contains(&tier.default_seconds()));
    }
}

#[test]
fn a_report_takes_nothing_that_would_be_refused() {
    let mut report = report(1);
    let label = |text: &str| Some(Label::new(text).unwrap());
    assert!(!report.push(Metric::CpuUser, None, f64::NAN));
    assert!(!report.push(Metric::CpuUser, None, f64::INFINITY));
    assert!(!report.push(Metric::CpuUser, label("a"), 1.0));
    assert!(!report.push(Metric::MountUsedBytes, None, 1.0));
    assert!(report.push(Metric::CpuUser, None, 104.2));
    assert!(!report.push(Metric::CpuUser, None, 1.0), "twice");
    assert_eq!(report.value(Metric::CpuUser), Some(100.0));
    for n in 0..MAX_LABELS {
        assert!(report.push(Metric::MountUsedBytes, label(&n.to_string()), 1e300));
    }
    assert!(!report.push(Metric::MountUsedBytes, label("one too many"), 1.0));
    assert!(
        !report.push(Metric::MountUsedBytes, label("0"), 1.0),
        "twice"
    );
    assert_eq!(Report::from_json(&report.to_json()), Ok(report));
}

#[test]
fn a_batch_is_split_into_its_reports() {
    let (reports, is_batch) = split_batch(SEED.as_bytes()).unwrap();
    assert_eq!((reports.len(), is_batch), (1, false));

    let body = format!(" \n[{SEED}, {{\"no\": \"report\"}}, 7]");
    let (reports, is_batch) = split_batch(body.as_bytes()).unwrap();
    assert!(is_batch);
    let texts: Vec<&str> = reports.iter().map(|report| report.get()).collect();
    assert_eq!(texts, [SEED, "{\"no\": \"report\"}", "7"]);

    assert!(split_batch(b"[]").unwrap().0.is_empty());
    for body in ["", "[", "[1,]", "[1] 2", "{} {}"] {
        assert_eq!(
            split_batch(body.as_bytes()).unwrap_err().member(),
            "body",
            "{body}"
        );
    }
}

#[test]
fn a_batch_has_a_bound() {
    let body = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    assert_eq!(
        split_batch(body(MAX_BATCH).as_bytes()).unwrap().0.len(),
        MAX_BATCH
    );
    let refusal = split_batch(body(MAX_BATCH + 1).as_bytes()).unwrap_err();
    assert_eq!(refusal.member(), "body");
    assert!(refusal.reason().contains("at most 1000"), "{refusal}");
}

#[test]
fn every_metric_keeps_its_name() {
    for metric in Metric::ALL.iter().copied() {
        assert_eq!(Metric::from_name(metric.name()), Some(metric));
        assert!(!metric.describe().meaning.is_empty() && metric.max() >= 100.0);
    }
    assert_eq!(Metric::from_name("CPU_USAGE"), None);
    let mut names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Metric::ALL.len());
    for fact in Fact::ALL.iter().copied() {
        assert_eq!(Fact::from_name(fact.name()), Some(fact));
        assert!(fact.name() != "cores" && !fact.describe().meaning.is_empty());
    }
}

proptest! {
    #[test]
    fn what_is_pushed_can_be_read_again(
        millis in 0..=Timestamp::MAX.as_millis(),
        boot: u64,
        seq in 0..=u64::try_from(i64::MAX).unwrap(),
        host in proptest::option::of(host()),
        values in proptest::collection::vec((0..Metric::ALL.len(), any_label(), value()), 0..200),
    ) {
        let identity = Identity { boot: Boot(boot), seq };
        let mut report = Report::new(Timestamp::from_millis(millis), identity);
        if let Some(host) = host {
            report.set_host(host);
        }
        for metric in Metric::REQUIRED {
            report.push(metric, None, 50.0);
        }
        // A report is written in the catalogue's order, so it is filled in that order too.
        let mut values = values;
        values.sort_by_key(|(metric, ..)| *metric);
        for (metric, label, value) in values {
            let metric = Metric::ALL[metric];
            report.push(metric, metric.describe().label.and(Some(label)), value);
        }
        let read = Report::from_json(&report.to_json());
        prop_assert_eq!(read, Ok(report));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        let _ = Report::from_json(text.as_bytes());
        let _ = split_batch(text.as_bytes());
    }

    #[test]
    fn no_damage_makes_the_reader_panic(
        place: prop::sample::Index,
        damage in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut json = report(1).to_json();
        let place = place.index(json.len());
        json.splice(place..(place + damage.len()).min(json.len()), damage);
        let _ = Report::from_json(&json);
        let _ = split_batch(&json);
    }
}

fn report(seq: u64) -> Report {
    let mut report = Report::new(Timestamp::from_millis(0), Identity { boot: Boot(1), seq });
    for metric in Metric::REQUIRED {
        assert!(report.push(metric, None, 1.0));
    }
    report
}

fn any_label() -> impl Strategy<Value = Label> {
    prop_oneof!["[a-c]", ".{0,40}"].prop_map(|text| Label::escaped(&text).0)
}

/// Mostly what hosts have, and anything at all.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.0..120.0,
        0.0..1e13,
        any::<f64>().prop_map(|value| value.min(1e13))
    ]
}

fn host() -> impl Strategy<Value = Host> {
    let facts = proptest::collection::vec((0..Fact::ALL.len(), any_label()), 0..6);
    let cores = proptest::option::of(1..=65_536_u32);
    let tags = proptest::collection::btree_set("[a-z0-9][a-z0-9._:-]{0,31}", 0..=16);
    (facts, cores, tags).prop_map(|(facts, cores, tags)| {
        let mut host = Host {
            cores,
            tags: Tags::parse(tags.iter().map(String::as_str)).unwrap_or_default(),
            ..Host::default()
        };
        for (fact, text) in facts {
            host.set(Fact::ALL[fact], text);
        }
        host
    })
}
