//! Fuzzing of the decoders of bodies and reports, for as long as `SERVERSCOUT_FUZZ_SECONDS` says: a moment, unless
//! `tests/run fuzz` asks for more. What was found once is in the file of regressions beside it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

#[path = "support/damage.rs"]
mod damage;

use std::time::{Duration, Instant};

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};
use server_scout_wire::coding::decode;
use server_scout_wire::limits::{MAX_BATCH, MAX_DETAIL_BYTES, MAX_LABELS, MAX_SAMPLES};
use server_scout_wire::report::split_batch;
use server_scout_wire::{Coding, Encoder, Fact, Metric, Report};

use self::damage::{Damage, damage, damaged};

#[test]
fn whatever_is_sent_is_a_report_within_every_bound_or_is_refused() {
    fuzz(&bodies(), |bytes| {
        judge(bytes)?;
        if let Ok((reports, is_batch)) = split_batch(bytes) {
            prop_assert!(reports.len() <= MAX_BATCH && (is_batch || reports.len() == 1));
            for report in reports {
                judge(report.get().as_bytes())?;
            }
        }
        Ok(())
    });
}

#[test]
fn whatever_is_said_to_be_compressed_is_a_body_within_its_bound_or_is_refused() {
    fuzz(&packed_bodies(), |bytes| {
        for coding in CODINGS {
            for limit in [10, 10_000] {
                if let Ok(body) = decode(coding, bytes, limit) {
                    prop_assert!(body.len() <= limit && body.capacity() <= 2 * limit + 8);
                }
            }
        }
        Ok(())
    });
}

/// Reads a text that may be a report, and holds what comes of it against a plain reader of JSON.
fn judge(bytes: &[u8]) -> Result<(), TestCaseError> {
    let report = match Report::from_json(bytes) {
        Ok(report) => report,
        Err(refusal) => {
            prop_assert!(refusal.member().len() <= 64);
            prop_assert!(refusal.reason().len() <= MAX_DETAIL_BYTES);
            let said = refusal.to_string();
            prop_assert!(!said.contains(char::is_control), "{said:?}");
            return Ok(());
        }
    };
    let json: Value = serde_json::from_slice(bytes).unwrap();
    let members = json.as_object().unwrap();
    let mut values = 0;
    for (name, value) in members {
        let Some(metric) = Metric::from_name(name) else {
            prop_assert!(["timestamp", "boot", "seq", "host"].contains(&name.as_str()));
            continue;
        };
        let labelled = value.as_object();
        prop_assert!(labelled.is_none_or(|labels| labels.len() <= MAX_LABELS));
        values += labelled.map_or(1, Map::len);
        for sample in report.samples() {
            if sample.metric == metric {
                let said = match &sample.label {
                    Some(label) => &value[label.as_str()],
                    None => value,
                };
                prop_assert_eq!(said.as_f64(), Some(sample.value));
                prop_assert!((metric.min()..=metric.max()).contains(&sample.value));
            }
        }
    }
    prop_assert_eq!(report.samples().len(), values);
    prop_assert!(values <= MAX_SAMPLES);
    for metric in Metric::REQUIRED {
        prop_assert!(report.value(metric).is_some());
    }
    // Written again, it says the same.
    let again = Report::from_json(&report.to_json()).unwrap();
    prop_assert_eq!(again.timestamp(), report.timestamp());
    prop_assert_eq!(again.identity(), report.identity());
    prop_assert_eq!(again.host(), report.host());
    prop_assert_eq!(again.samples().len(), values);
    for once in report.samples() {
        let twice = again
            .samples()
            .iter()
            .find(|twice| (twice.metric, &twice.label) == (once.metric, &once.label));
        let twice = twice.unwrap().value;
        prop_assert!(nearly(once.value, twice), "{} became {twice}", once.value);
    }
    Ok(())
}

/// Whether two numbers differ by the last bits at most: reading one of sixteen digits and more is
/// not exact, as its speed matters more.
fn nearly(a: f64, b: f64) -> bool {
    (a - b).abs() <= 4.0 * f64::EPSILON * a.abs() + f64::MIN_POSITIVE
}

/// Bodies from whole reports to anything at all, each as it is and damaged in several ways.
fn bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = prop_oneof![
        4 => report().prop_map(|report| report.to_string()),
        2 => vec(report(), 0..5).prop_map(|reports| Value::from(reports).to_string()),
        1 => anything().prop_map(|json| json.to_string()),
        1 => (1..100_000_usize, select(vec!["[", "{\"host\":", "{\"load1\":", "[{\"a\":"]))
            .prop_map(|(depth, open)| open.repeat(depth)),
    ];
    (
        text,
        vec(vec(breakage(), 1..4), 0..30),
        vec(any::<u8>(), 0..300),
    )
        .prop_map(|(text, damages, noise)| {
            let damaged = damages
                .iter()
                .map(|damage| damaged(text.as_bytes(), damage));
            let mut bodies: Vec<Vec<u8>> = damaged.collect();
            bodies.extend([text.into_bytes(), noise]);
            bodies
        })
}

/// Bodies in either coding, as they are and damaged.
fn packed_bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let damages = vec(vec(breakage(), 1..4), 0..30);
    (report(), vec(any::<u8>(), 0..300), damages).prop_map(|(report, noise, damages)| {
        let mut bodies = vec![noise];
        for mut encoder in CODINGS.map(Encoder::new) {
            let body = report.to_string();
            let Some(packed) = encoder.encode(body.as_bytes()) else {
                continue;
            };
            bodies.extend(damages.iter().map(|damage| damaged(&packed, damage)));
            bodies.push(packed);
        }
        bodies
    })
}

/// Mostly what an agent sends, in any order, with a few members that are wrong.
fn report() -> impl Strategy<Value = Value> {
    let members = hash_map(
        select(names()),
        prop_oneof![9 => Just(None), 1 => anything().prop_map(Some)],
        0..40,
    );
    let more = hash_map(select(names()), anything(), 0..2);
    (members, more, label(), 0.0..=100.0_f64).prop_map(|(members, more, label, number)| {
        let mut report = Map::new();
        report.insert("timestamp".into(), "2024-01-15T10:30:00Z".into());
        for metric in Metric::REQUIRED {
            report.insert(metric.name().into(), number.into());
        }
        for (name, wrong) in members {
            let right = || right(&name, &label, number);
            report.insert(name.clone(), wrong.unwrap_or_else(right));
        }
        if report.contains_key("boot") || report.contains_key("seq") {
            for name in ["boot", "seq"] {
                let right = right(name, &label, number);
                report.entry(name).or_insert(right);
            }
        }
        report.extend(more.into_iter().filter(|_| number < 30.0));
        Value::Object(report)
    })
}

/// A value that the member may have.
fn right(name: &str, label: &str, number: f64) -> Value {
    match name {
        "timestamp" => "1999-12-31T23:59:60.123+01:00".into(),
        "boot" => "00112233445566ff".into(),
        "seq" => 7.into(),
        "host" => json!({"kernel": label, "cores": 4, "tags": ["web", "a:b"]}),
        _ => match Metric::from_name(name).and_then(|metric| metric.describe().label) {
            Some(_) => json!({label: number, "other": 0}),
            None => number.into(),
        },
    }
}

fn names() -> Vec<String> {
    let metrics = Metric::ALL.iter().map(|metric| metric.name());
    let others = ["timestamp", "boot", "seq", "host", "x", ""];
    metrics.chain(others).map(str::to_owned).collect()
}

/// JSON of any shape, with the words of a report in it.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        label().prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 300, 20, |inner| {
        let keys = prop_oneof![
            label(),
            select(names()),
            select(Fact::ALL).prop_map(|fact| fact.name().to_owned()),
            Just("tags".to_owned()),
            Just("cores".to_owned()),
        ];
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::from),
            hash_map(keys, inner, 0..20)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9/]{1,12}", "\\PC{1,130}", ".{0,3}"]
}

/// What happens to a body on its way.
fn breakage() -> impl Strategy<Value = Damage> {
    damage(prop_oneof![
        vec(any::<u8>(), 1..6),
        select(vec![
            "\"", "{", "}", "[", "]", ",", ":", "\\u0000", "\\ud800", "1e999", "-0", "\u{202e}"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ])
}

/// Tries case after case until the time is up.
fn fuzz<S: Strategy<Value = Vec<Vec<u8>>>>(
    strategy: &S,
    test: impl Fn(&[u8]) -> Result<(), TestCaseError>,
) {
    let seconds = std::env::var("SERVERSCOUT_FUZZ_SECONDS");
    let seconds = seconds.map_or(1, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < end {
        let mut runner = TestRunner::new(Config {
            cases: CASES,
            source_file: Some(file!()),
            failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
            ..Config::default()
        });
        let run = runner.run(strategy, |bodies| {
            bodies.iter().try_for_each(|body| test(body))
        });
        run.unwrap();
        rounds += 1;
    }
    println!("{} cases", rounds * CASES);
}

const CODINGS: [Coding; 2] = [Coding::Deflate, Coding::Gzip];
/// Cases between two looks at the clock.
const CASES: u32 = 200;
