//! From a rule to an incident and back, over kills.

use std::io::Read as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::https::Connection;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, report};

/// A rule that opens an incident at once.
pub(crate) async fn add_rule(fleet: &Fleet) -> String {
    let rule = json!({
        "name": "Hot",
        "kind": "threshold",
        "metric": "cpu_usage",
        "warning": 90,
        "sustain_seconds": 0,
        "scope": { "server": fleet.server.id },
    });
    let added = send(fleet, Method::POST, "/api/v1/alert-rules", &rule).await;
    added["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn send(fleet: &Fleet, method: Method, path: &str, body: &Value) -> Value {
    let answer = fleet.call(method, path, &fleet.token, Some(body)).await;
    assert!(answer.status < 300, "{path}: {}", answer.text());
    answer.json()
}

pub(crate) async fn incidents(fleet: &Fleet, query: &str) -> Vec<Value> {
    let list = fleet.get(&format!("/api/v1/incidents{query}")).await;
    assert_eq!(list.status, 200, "{}", list.text());
    list.json()["items"].as_array().unwrap().clone()
}

/// Reports until there are so many open incidents.
pub(crate) async fn report_until(fleet: &Fleet, cpu: f64, open: usize) -> Vec<Value> {
    until("incidents are as expected", PATIENCE, async || {
        fleet
            .accepted(&report::with_cpu(Timestamp::now(), cpu))
            .await;
        let found = incidents(fleet, "?state=open").await;
        (found.len() == open).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_breach_is_one_incident_that_survives_a_kill_and_ends_by_itself() {
    let mut fleet = Fleet::start().await;
    let rule = add_rule(&fleet).await;
    let open = report_until(&fleet, 97.0, 1).await;
    let incident = &open[0];
    assert_eq!(incident["rule"], rule.as_str());
    assert_eq!(incident["state"], "firing");
    assert_eq!(incident["severity"], "warning");
    assert_eq!(incident["value"], 97.0);
    let id = incident["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/incidents/{id}");
    let deed = json!({ "action": "acknowledge", "note": "=On it" });
    let timeline = send(&fleet, Method::POST, &path, &deed).await;
    assert_eq!(timeline["incident"]["note"], "=On it");

    fleet.dashboard.kill();
    let fleet = fleet.again().await;
    let open = report_until(&fleet, 98.0, 1).await;
    assert_eq!(open[0]["id"], id.as_str());
    report_until(&fleet, 5.0, 0).await;
    let timeline = fleet.get(&path).await.json();
    assert_eq!(timeline["incident"]["state"], "resolved");
    assert_eq!(timeline["incident"]["end_reason"], "good");
    let events = timeline["events"].as_array().unwrap();
    let kinds: Vec<&str> = { events.iter() }
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["opened", "acknowledged", "resolved"]);
    let over = json!({ "action": "acknowledge" });
    let refused = fleet.call(Method::POST, &path, &fleet.token, Some(&over));
    assert_eq!(refused.await.status, 409);
    let csv = fleet
        .get("/api/v1/incidents/export?format=csv")
        .await
        .text();
    assert!(csv.contains(&id) && csv.contains("'=On it"), "{csv}");
    let log = fleet
        .get("/api/v1/audit-events?action=incident")
        .await
        .text();
    assert!(log.contains("incident.acknowledged"), "{log}");
}

#[tokio::test]
async fn a_preview_changes_nothing_and_a_wrong_rule_is_refused_with_its_member() {
    let fleet = Fleet::start().await;
    fleet
        .accepted(&report::with_cpu(Timestamp::now(), 97.0))
        .await;
    let rule = json!({ "name": "New", "kind": "threshold", "metric": "cpu_usage", "critical": 90 });
    let preview = send(&fleet, Method::POST, "/api/v1/alert-rules/preview", &rule).await;
    assert_eq!(preview["known"], true);
    assert_eq!(preview["servers"], 1);
    let rules = fleet.get("/api/v1/alert-rules").await.json();
    assert_eq!(rules["items"].as_array().unwrap().len(), 4);
    let wrong =
        json!({ "name": "New", "kind": "threshold", "metric": "cpu_usage", "critical": 900 });
    for path in ["/api/v1/alert-rules", "/api/v1/alert-rules/preview"] {
        let refused = fleet
            .call(Method::POST, path, &fleet.token, Some(&wrong))
            .await;
        assert_eq!(refused.status, 422);
        assert_eq!(refused.json()["member"], "critical");
    }
}

#[tokio::test]
async fn export_of_the_organisation_holds_rules_incidents_and_windows() {
    let fleet = Fleet::start().await;
    add_rule(&fleet).await;
    report_until(&fleet, 97.0, 1).await;
    let window = json!({ "name": "Deployment", "minutes": 5 });
    send(&fleet, Method::POST, "/api/v1/maintenance-windows", &window).await;
    let mut owner = fleet.owner().await;
    let archive = owner.get("/settings/data/export").await;
    let mut export = String::new();
    flate2::read::GzDecoder::new(archive.body.as_slice())
        .read_to_string(&mut export)
        .unwrap();
    for kind in [
        "alert-rule",
        "incident",
        "incident-event",
        "maintenance-window",
    ] {
        assert!(export.contains(&format!("\"kind\":\"{kind}\"")), "{kind}");
    }
}

/// What came so far, once `text` is in it.
async fn seen_until(stream: &mut Connection, text: &str) -> String {
    let start = Instant::now();
    loop {
        let seen = String::from_utf8_lossy(stream.unread()).into_owned();
        if seen.contains(text) {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "no {text} in {seen}");
        stream.listen(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_follows_the_live_stream_hears_of_an_incident_at_once() {
    let fleet = Fleet::start().await;
    let rule = add_rule(&fleet).await;
    report_until(&fleet, 97.0, 1).await;
    let mut stream = fleet.dashboard.connect().await;
    let head = format!("GET /api/v1/live\nAuthorization: Bearer {}", fleet.token);
    stream.request(&head, b"").await;
    seen_until(&mut stream, "\r\n\r\n").await;
    let off = json!({ "enabled": false });
    let path = format!("/api/v1/alert-rules/{rule}");
    send(&fleet, Method::PATCH, &path, &off).await;
    let seen = seen_until(&mut stream, "\"resolved\"").await;
    assert!(seen.contains("incident"), "{seen}");
}
