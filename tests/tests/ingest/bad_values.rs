//! Every member of a report has a bound, and what breaks it is refused by name.

use serde_json::{Value, json};
use server_scout_tests::https::{Answer, Connection};
use server_scout_tests::{Fleet, report};

/// A bad report, and the member that the refusal has to name.
type Case = (&'static str, String);

#[tokio::test]
async fn each_bad_member_is_refused_by_name_on_a_connection_that_stays() {
    let fleet = Fleet::start().await;
    let mut connection = fleet.dashboard.connect().await;

    for (member, body) in cases() {
        let answer = post(&mut connection, &fleet.server.key, body.as_bytes()).await;
        let shown = body.chars().take(300).collect::<String>();
        assert_eq!(answer.status, 422, "{shown}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{shown}: {answer:?}"
        );
        assert_eq!(answer.member(), member, "{shown}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["status"], 422, "{problem}");
        for text in ["type", "title", "detail"] {
            let text = problem[text].as_str().unwrap_or_default();
            assert!(!text.is_empty() && text.len() <= 300, "{problem}");
        }
    }

    // Nothing of all that was stored, and the connection is as good as on its first day.
    let server = fleet.state().await;
    assert_eq!(server["status"], "waiting", "{server}");
    let good = report::seed().to_string();
    let good = post(&mut connection, &fleet.server.key, good.as_bytes()).await;
    assert_eq!(good.json()["accepted"], 1);
}

async fn post(connection: &mut Connection, key: &str, body: &[u8]) -> Answer {
    let head = format!("POST /api/v1/reports\nContent-Type: application/json\nX-API-Key: {key}");
    connection.exchange(&head, body).await
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(numbers());
    cases.extend(members());
    cases.extend(labels());
    cases.extend(hosts());
    cases.extend(shapes());
    cases
}

fn seed_with(member: &'static str, value: Value) -> Case {
    (
        member,
        report::with(report::seed(), member, value).to_string(),
    )
}

/// The seed report with `member` written as `text`, which no JSON library would write.
fn seed_spelling(member: &'static str, text: &str) -> Case {
    let report = report::without(report::seed(), member).to_string();
    (member, format!("{{\"{member}\": {text}, {}", &report[1..]))
}

fn numbers() -> Vec<Case> {
    vec![
        seed_with("cpu_usage", json!(100.01)),
        seed_with("cpu_usage", json!(-0.01)),
        seed_with("cpu_usage", json!("45.2")),
        seed_with("cpu_usage", json!(null)),
        seed_with("cpu_usage", json!(true)),
        seed_with("cpu_usage", json!([45.2])),
        seed_with("cpu_usage", json!({ "all": 45.2 })),
        seed_spelling("cpu_usage", "1e999"),
        seed_spelling("cpu_usage", "-1e999"),
        seed_with("memory_usage", json!(1e300)),
        seed_with("disk_usage", json!(u64::MAX)),
        seed_with("memory_total_bytes", json!(9_007_199_254_740_994_u64)),
        seed_with("memory_total_bytes", json!(-1)),
        seed_with("load1", json!(-1)),
        seed_with("seq", json!(-1)),
        seed_with("seq", json!(1.5)),
        seed_with("seq", json!("1")),
        seed_with("seq", json!(u64::MAX)),
    ]
}

fn members() -> Vec<Case> {
    let mut cases = vec![
        seed_with("hostname", json!("web-1")),
        seed_with("command", json!("reboot")),
        seed_with("", json!(1)),
        seed_with("CPU_USAGE", json!(1)),
        seed_spelling("cpu_usage", "1, \"cpu_usage\": 2"),
        seed_spelling(
            "timestamp",
            "\"2026-01-01T00:00:00Z\", \"timestamp\": \"2026-01-01T00:00:01Z\"",
        ),
        seed_with("timestamp", json!("yesterday")),
        seed_with("timestamp", json!(1_700_000_000)),
        seed_with("timestamp", json!("2024-13-45T10:30:00Z")),
        seed_with("timestamp", json!("2024-01-15T10:30:00")),
        seed_with("timestamp", json!("10000-01-01T00:00:00Z")),
        seed_with("timestamp", json!("1969-12-31T23:59:59Z")),
        seed_with(
            "timestamp",
            json!("2024-01-15T10:30:00+01:00[Europe/Berlin]"),
        ),
        seed_with("timestamp", json!("1".repeat(100_000))),
    ];
    for member in ["cpu_usage", "memory_usage", "disk_usage", "timestamp"] {
        cases.push((member, report::without(report::seed(), member).to_string()));
    }
    let boot =
        |value: Value| report::with(report::with(report::seed(), "seq", json!(1)), "boot", value);
    for bad in [
        "",
        "xyz",
        "00000000000000AA",
        "0000000000000000a",
        "+00000000000000a",
    ] {
        cases.push(("boot", boot(json!(bad)).to_string()));
    }
    cases.push(("boot", boot(json!(12)).to_string()));
    cases.push((
        "boot",
        report::with(report::seed(), "seq", json!(1)).to_string(),
    ));
    cases.push((
        "seq",
        report::with(report::seed(), "boot", json!("00000000000000aa")).to_string(),
    ));
    cases
}

fn labels() -> Vec<Case> {
    let mount = |label: &str| seed_with("mount_used_bytes", json!({ label: 1 }));
    let many = |count: usize| -> Value {
        (0..count)
            .map(|index| (format!("dev{index}"), json!(1)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut crowded = report::seed();
    for metric in [
        "mount_total_bytes",
        "mount_used_bytes",
        "mount_available_bytes",
        "disk_read_bytes_total",
        "disk_written_bytes_total",
        "network_received_bytes_total",
        "network_sent_bytes_total",
    ] {
        crowded[metric] = many(256);
    }
    assert!(crowded.to_string().len() < 1024 * 1024);
    vec![
        mount(""),
        mount(&"a".repeat(129)),
        mount("/mnt/\u{0}"),
        mount("/mnt/\u{1b}[31m"),
        mount("/mnt/\u{202e}gnp"),
        mount("/mnt/\u{200b}"),
        mount("/mnt/\u{e0041}"),
        mount("/mnt/\r\nInjected: yes"),
        seed_with("mount_used_bytes", json!(5)),
        seed_with("mount_used_bytes", json!(["/"])),
        seed_with("network_sent_bytes_total", many(257)),
        (
            "mount_used_bytes./",
            report::with(report::seed(), "mount_used_bytes", json!({"/": -1})).to_string(),
        ),
        (
            "mount_used_bytes./",
            report::with(report::seed(), "mount_used_bytes", json!({"/": "x"})).to_string(),
        ),
        (
            "mount_used_bytes./",
            seed_spelling("mount_used_bytes", "{\"/\": 1, \"/\": 2}").1,
        ),
    ]
}

fn hosts() -> Vec<Case> {
    let host = |member: &'static str, name: &str, value: Value| {
        (
            member,
            report::with(report::seed(), "host", json!({ name: value })).to_string(),
        )
    };
    vec![
        host("host.users", "users", json!(["root"])),
        host("host.hostname", "hostname", json!("a".repeat(129))),
        host("host.hostname", "hostname", json!("web\n1")),
        host("host.kernel", "kernel", json!(6)),
        host("host.cores", "cores", json!(0)),
        host("host.cores", "cores", json!(65_537)),
        host("host.cores", "cores", json!("4")),
        seed_with("host", json!("web-1")),
        seed_with("host", json!(null)),
    ]
}

fn shapes() -> Vec<Case> {
    ["5", "null", "true", "\"text\"", "{}"]
        .into_iter()
        .map(|body| {
            (
                if body == "{}" { "timestamp" } else { "body" },
                body.to_owned(),
            )
        })
        .collect()
}
