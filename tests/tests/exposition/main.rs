//! `/metrics`: the newest values of an organisation's servers, read by Prometheus' own parser.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod internals;

use std::process::Command;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::binaries::checkout;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::process::run;
use server_scout_tests::wait::PATIENCE;
use server_scout_tests::{Fleet, https, report};

async fn scrape(fleet: &Fleet, token: &str) -> https::Answer {
    fleet.call(Method::GET, "/metrics", token, None).await
}

/// The samples that a token sees.
async fn samples(fleet: &Fleet, token: &str) -> Vec<Value> {
    let page = scrape(fleet, token).await;
    assert_eq!(page.status, 200, "{}", page.text());
    parsed(&page).await
}

async fn parsed(page: &https::Answer) -> Vec<Value> {
    let kind = page.header("content-type");
    assert_eq!(kind, Some("text/plain; version=0.0.4"));
    let parser = Command::new(checkout().join("tests/read-exposition"));
    let read = run(parser, &page.text(), PATIENCE).await.success();
    let samples: Value = serde_json::from_str(&read).expect("JSON");
    samples.as_array().expect("samples").clone()
}

/// The value of the sample of that name and own label.
fn value(samples: &[Value], server: &str, name: &str, label: Option<(&str, &str)>) -> f64 {
    let found: Vec<&Value> = samples
        .iter()
        .filter(|sample| sample["name"] == name && sample["labels"]["server"] == server)
        .filter(|sample| label.is_none_or(|(name, value)| sample["labels"][name] == value))
        .collect();
    let [sample] = found.as_slice() else {
        panic!("{name} of {server} is there {} times", found.len());
    };
    sample["value"].as_f64().expect("a number")
}

#[tokio::test]
async fn a_scrape_sees_the_newest_values_of_every_server_in_base_units() {
    let fleet = Fleet::start().await;
    let token = fleet.dashboard.add_token(OWNER, ORGANISATION, "metrics");
    let token = token.await;
    let silent = fleet.add_server("silent").await;
    let mut body = report::full(Timestamp::now(), 1);
    let strange = "/mnt/\"quoted\" \\ and {braced}, é";
    body["mount_used_bytes"][strange] = json!(4096);
    fleet.accepted(&body).await;

    let samples = samples(&fleet, &token).await;
    let web = |name, label| value(&samples, "web-1", name, label);
    assert!((web("serverscout_cpu_usage_ratio", None) - 0.126).abs() < 1e-9);
    let interface = Some(("interface", "eth0"));
    let received = "serverscout_network_received_bytes_total";
    assert!((web(received, interface) - 1_000_004_096.0).abs() < 1e-3);
    let mount = Some(("mount", strange));
    assert!((web("serverscout_mount_used_bytes", mount) - 4096.0).abs() < 1e-9);
    assert!((web("serverscout_server_up", None) - 1.0).abs() < 1e-9);
    let now = Timestamp::now().as_second();
    let last = web("serverscout_server_last_report_timestamp_seconds", None);
    assert!((last - f64::from(i32::try_from(now).unwrap())).abs() < 60.0);

    assert!(value(&samples, "silent", "serverscout_server_up", None) < 1e-9);
    let of_silent = samples
        .iter()
        .filter(|sample| sample["labels"]["server_id"] == silent.id.as_str());
    assert_eq!(of_silent.count(), 2, "up, and what was dropped");
    for sample in &samples {
        let counts = sample["name"].as_str().unwrap().ends_with("_total");
        let expected = if counts { "counter" } else { "gauge" };
        assert_eq!(sample["type"], expected, "{sample}");
    }
}

#[tokio::test]
async fn a_metrics_token_alone_opens_it_and_shows_what_its_person_sees() {
    let fleet = Fleet::start().await;
    let dashboard = &fleet.dashboard;
    fleet.accepted(&report::seed()).await;
    dashboard
        .add_user("eve@example.org", "Others", "owner", PASSWORD)
        .await;
    let foreign = dashboard.add_server("Others", "theirs").await;
    fleet.report_as(&foreign, &report::seed()).await;
    for (scope, status) in [("read", 403), ("write", 403), ("admin", 403)] {
        let token = dashboard.add_token(OWNER, ORGANISATION, scope).await;
        assert_eq!(scrape(&fleet, &token).await.status, status, "{scope}");
    }
    let plain = fleet.client().get(dashboard.url("/metrics"));
    assert_eq!(answer(plain).await.status, 401);
    let key = fleet.client().get(dashboard.url("/metrics"));
    let key = key.header("X-API-Key", &fleet.server.key);
    assert_eq!(answer(key).await.status, 403);
    let mut owner = fleet.owner().await;
    assert_eq!(owner.get("/metrics").await.status, 403);

    let token = dashboard.add_token(OWNER, ORGANISATION, "metrics").await;
    let ours = samples(&fleet, &token).await;
    assert!(ours.iter().all(|one| one["labels"]["server"] == "web-1"));
    let token = dashboard.add_token("eve@example.org", "Others", "metrics");
    let theirs = samples(&fleet, &token.await).await;
    assert!(theirs.iter().all(|one| one["labels"]["server"] == "theirs"));
    assert_eq!(ours.len(), theirs.len());

    let group = fleet.add_group("Customer").await;
    let lim = "lim@example.org";
    let _ = fleet.limited_member(lim, "viewer", &[&group]).await;
    let token = dashboard.add_token(lim, ORGANISATION, "metrics").await;
    assert!(scrape(&fleet, &token).await.text().is_empty());
    fleet
        .set_in_group(Method::PUT, &group, &fleet.server.id)
        .await;
    assert_eq!(samples(&fleet, &token).await.len(), ours.len());
}
