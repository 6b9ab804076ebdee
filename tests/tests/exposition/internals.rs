//! The operator's own listener: the dashboard's internals, and nothing of any organisation.

use std::time::Duration;

use serde_json::Value;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::answer;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, https, report};

use super::parsed;

/// A dashboard whose internals listen on a port that was free, and a client for them.
async fn fleet() -> (Fleet, String, reqwest::Client) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let setup = Setup::new().set("SERVERSCOUT_INTERNALS_LISTEN", &address);
    let fleet = Fleet::with(setup).await;
    let client = fleet.client().clone();
    (fleet, format!("http://{address}"), client)
}

fn value(samples: &[Value], name: &str, outcome: Option<&str>) -> f64 {
    let found = samples.iter().find(|sample| {
        sample["name"] == name
            && outcome.is_none_or(|outcome| sample["labels"]["outcome"] == outcome)
    });
    let sample = found.unwrap_or_else(|| panic!("no {name}"));
    sample["value"].as_f64().unwrap()
}

async fn read(client: &reqwest::Client, url: &str) -> https::Answer {
    answer(client.get(format!("{url}/metrics"))).await
}

#[tokio::test]
async fn the_operator_sees_what_the_dashboard_does_and_nothing_of_anybody() {
    let (fleet, url, client) = fleet().await;
    let body = report::seed();
    fleet.accepted(&body).await;
    let again = fleet.report(&body).await.json();
    assert_eq!(again["duplicate"], 1, "{again}");
    let refused = fleet
        .report(&report::with(body, "cpu_usage", 101.into()))
        .await;
    assert_eq!(refused.status, 422);

    let page = read(&client, &url).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let samples = parsed(&page).await;
    for outcome in ["accepted", "duplicate", "refused"] {
        let count = value(&samples, "serverscout_reports_total", Some(outcome));
        assert!((count - 1.0).abs() < 1e-9, "{outcome}: {count}");
    }
    let commits = value(&samples, "serverscout_commit_duration_seconds_count", None);
    assert!(commits >= 3.0, "{commits}");
    assert!(value(&samples, "serverscout_commit_duration_seconds_sum", None) > 0.0);
    assert!(value(&samples, "serverscout_database_bytes", None) > 100_000.0);
    assert!(value(&samples, "process_resident_memory_bytes", None) > 1e6);
    assert!(value(&samples, "process_cpu_seconds_total", None) > 0.0);
    until("the queue is empty", PATIENCE, async || {
        let samples = parsed(&read(&client, &url).await).await;
        let waiting = value(&samples, "serverscout_writes_waiting", None);
        (waiting < 0.5).then_some(())
    })
    .await;
    for name in ["Example", "web-1", &fleet.server.id, "owner@"] {
        assert!(!page.text().contains(name), "{name}");
    }
}

#[tokio::test]
async fn internals_are_for_this_machine_alone_and_for_looking() {
    let (fleet, url, client) = fleet().await;
    let rebound = client.get(format!("{url}/metrics"));
    let rebound = answer(rebound.header("Host", "evil.example")).await;
    assert_eq!(rebound.status, 421, "{}", rebound.text());
    let changed = answer(client.post(format!("{url}/metrics"))).await;
    assert_eq!(changed.status, 405);
    for path in ["/", "/servers", "/api/v1/servers", "/healthz"] {
        let page = answer(client.get(format!("{url}{path}"))).await;
        assert_eq!(page.status, 404, "{path}");
    }
    let on_the_dashboard = fleet.get("/metrics").await;
    assert_eq!(on_the_dashboard.status, 403);

    let everywhere = Setup::new().set("SERVERSCOUT_INTERNALS_LISTEN", "0.0.0.0:0");
    let refused = everywhere.serve_to_the_end().await;
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("SERVERSCOUT_INTERNALS_LISTEN"));
    assert!(refused.stderr.contains("loopback"), "{}", refused.stderr);
}

#[tokio::test]
async fn internals_end_with_the_dashboard() {
    let (mut fleet, url, client) = fleet().await;
    assert_eq!(read(&client, &url).await.status, 200);
    let _ = fleet.dashboard.stop().await;
    let gone = client.get(&url).timeout(Duration::from_secs(5)).send();
    assert!(gone.await.is_err());
}
