//! What an agent sends comes back from the API and on the page.

use jiff::SignedDuration;
use serde_json::{Value, json};
use server_scout_tests::{Fleet, report};
use server_scout_wire::Dictionary;

#[tokio::test]
async fn the_smallest_report_comes_back_from_the_api() {
    let fleet = Fleet::start().await;
    let at = report::seconds_ago(2);

    fleet.accepted(&report::seed_at(at)).await;

    let server = fleet.state().await;
    assert_eq!(server["name"], "web-1");
    assert_eq!(server["status"], "online");
    assert_eq!(server["newest"]["cpu_usage"], 45.2);
    assert_eq!(server["newest"]["memory_usage"], 78.1);
    assert_eq!(server["newest"]["disk_usage"], 23.4);
    let history = fleet.history(&fleet.server.id, "cpu_usage", at, 1).await;
    assert_eq!(history, [Some(45.2)]);
}

#[tokio::test]
async fn the_smallest_report_is_shown_on_the_servers_page_and_in_the_list() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let mut owner = fleet.owner().await;

    let list = owner.get("/servers").await;
    let page = owner.get(&format!("/servers/{}", fleet.server.id)).await;

    for answer in [list, page] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        for shown in ["web-1", "45.2", "78.1", "23.4"] {
            assert!(text.contains(shown), "{shown} is not on the page: {text}");
        }
    }
}

#[tokio::test]
async fn the_example_of_the_documentation_is_too_old_but_no_error() {
    let fleet = Fleet::start().await;
    let example = json!({
        "cpu_usage": 45.2, "memory_usage": 78.1, "disk_usage": 23.4,
        "timestamp": "2024-01-15T10:30:00Z",
    });

    let answer = fleet.report(&example).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["too_old"], 1);
    assert_eq!(answer.json()["accepted"], 0);
    let server = fleet.state().await;
    assert_eq!(
        server["status"], "waiting",
        "nothing is stored of it: {server}"
    );
}

#[tokio::test]
async fn every_metric_of_a_full_report_comes_back_with_its_label_and_unit() {
    let fleet = Fleet::start().await;
    let start = report::seconds_ago(12);
    let batch = json!([
        report::full(start, 0),
        report::full(start + SignedDuration::from_secs(5), 1),
        report::full(start + SignedDuration::from_secs(10), 2),
    ]);
    fleet.accepted(&batch).await;

    let to = start + SignedDuration::from_secs(12);
    let names = "load1,memory_used_bytes,mount_used_bytes,network_sent_bytes_total,uptime_seconds";
    let path = format!(
        "/api/v1/servers/{}/metrics?names={names}&from={start}&to={to}&points=12",
        fleet.server.id
    );
    let answer = fleet.get(&path).await.json();

    let series = answer["series"].as_array().cloned().unwrap_or_default();
    let find = |metric: &str, label: Option<&str>| -> Value {
        let label = label.map_or(Value::Null, |label| json!(label));
        let mut found = series
            .iter()
            .filter(|one| one["metric"] == metric && one["label"] == label);
        let one = found
            .next()
            .unwrap_or_else(|| panic!("no {metric} {label} in {answer}"));
        assert!(found.next().is_none(), "{metric} {label} stands twice");
        one.clone()
    };
    assert_eq!(find("load1", None)["unit"], "count");
    assert_eq!(find("load1", None)["average"][0], 0.75);
    assert_eq!(find("memory_used_bytes", None)["unit"], "bytes");
    for mount in ["/", "/home", "/boot", "/var"] {
        assert_eq!(find("mount_used_bytes", Some(mount))["unit"], "bytes");
    }
    // A counter comes back as what it grew per second: 4096 more bytes in five seconds.
    let sent = find("network_sent_bytes_total", Some("eth0"));
    assert_eq!(sent["unit"], "bytes_per_second");
    let rates: Vec<f64> = sent["average"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_f64)
        .collect();
    assert!(!rates.is_empty(), "{sent}");
    assert!(
        rates.iter().all(|rate| (rate - 819.2).abs() < 0.5),
        "{sent}"
    );
}

#[tokio::test]
async fn a_gap_in_the_reports_stays_a_gap_in_the_history() {
    let fleet = Fleet::start().await;
    let start = report::seconds_ago(300);
    let reports: Vec<Value> = (0..300)
        .step_by(5)
        .filter(|second| !(100..200).contains(second))
        .map(|second| report::with_cpu(start + SignedDuration::from_secs(second), 50.0))
        .collect();
    fleet.accepted(&json!(reports)).await;

    let chart = fleet
        .chart(&fleet.server.id, "cpu_usage", start, 300, 30)
        .await
        .unwrap();

    assert!((chart.step_seconds - 10.0).abs() < 1e-9, "{chart:?}");
    let expected: Vec<Option<f64>> = (0..30)
        .map(|step| (!(10..20).contains(&step)).then_some(50.0))
        .collect();
    assert_eq!(chart.average, expected);
}

#[tokio::test]
async fn a_chart_never_gets_more_points_than_it_asked_for() {
    let fleet = Fleet::start().await;
    let start = report::seconds_ago(300);
    let reports: Vec<Value> = (0..300)
        .map(|second| report::with_cpu(start + SignedDuration::from_secs(second), 50.0))
        .collect();
    fleet.accepted(&json!(reports)).await;

    for points in [1, 2, 7, 60, 299] {
        let to = start + SignedDuration::from_secs(300);
        let path = format!(
            "/api/v1/servers/{}/metrics?names=cpu_usage&from={start}&to={to}&points={points}",
            fleet.server.id
        );
        let series = fleet.get(&path).await.json()["series"][0].clone();
        for kind in ["average", "min", "max"] {
            let values = series[kind].as_array().unwrap();
            assert!(
                (1..=points).contains(&values.len()),
                "{points} points: {}",
                values.len()
            );
            assert!(values.iter().all(|value| value == 50.0), "{series}");
        }
    }
}

#[tokio::test]
async fn a_report_may_be_compressed() {
    let fleet = Fleet::start().await;
    let of = |seconds| {
        let mut report = report::seed();
        report["timestamp"] = report::seconds_ago(seconds).to_string().into();
        report.to_string().into_bytes()
    };
    let known = Dictionary::NEWEST.text;
    let mut connection = fleet.dashboard.connect().await;
    for (coding, body) in [
        ("gzip", report::gzip(&of(3))),
        ("deflate", report::deflate(&of(2), None)),
        ("deflate", report::deflate(&of(1), Some(known))),
    ] {
        let head = format!(
            "POST /api/v1/reports\nContent-Type: application/json\nContent-Encoding: {coding}\n\
             X-API-Key: {}",
            fleet.server.key
        );

        let answer = connection.exchange(&head, &body).await;

        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["accepted"], 1);
    }
}

#[tokio::test]
async fn names_from_a_host_are_text_on_the_page_and_never_markup() {
    let fleet = Fleet::start().await;
    let hostile = r#"<img src=x onerror=alert(1)>"'&"#;
    let mut report = report::seed();
    report["mount_used_bytes"] = json!({ hostile: 1_000_000 });
    report["mount_total_bytes"] = json!({ hostile: 2_000_000 });
    report["host"] =
        json!({ "hostname": hostile, "operating_system": "<script>alert(1)</script>" });
    fleet.accepted(&report).await;
    let mut owner = fleet.owner().await;

    let page = owner
        .get(&format!("/servers/{}", fleet.server.id))
        .await
        .text();

    assert!(
        page.contains("&lt;img src"),
        "the name is not shown: {page}"
    );
    assert!(!page.contains("<img src"), "{page}");
    assert!(!page.contains("<script>alert"), "{page}");
}
