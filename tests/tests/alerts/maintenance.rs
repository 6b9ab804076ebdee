//! A script that deploys: a window begins, and ends when it is done.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use server_scout_tests::{Fleet, report};

use crate::incidents::{add_rule, incidents, report_until, send};

#[tokio::test]
async fn a_deployment_opens_a_window_works_and_closes_it() {
    let fleet = Fleet::start().await;
    add_rule(&fleet).await;
    // The server is known from now on.
    report_until(&fleet, 97.0, 1).await;
    report_until(&fleet, 5.0, 0).await;
    let window = json!({
        "name": "Deployment",
        "minutes": 30,
        "scope": { "server": fleet.server.id },
    });
    let path = "/api/v1/maintenance-windows";
    let opened = send(&fleet, Method::POST, path, &window).await;
    assert_eq!(opened["open"], true);
    for _ in 0..20 {
        fleet
            .accepted(&report::with_cpu(Timestamp::now(), 97.0))
            .await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert!(incidents(&fleet, "?state=open").await.is_empty());
    let end = format!("{path}/{}/end", opened["id"].as_str().unwrap());
    let ended = send(&fleet, Method::POST, &end, &json!({})).await;
    assert_eq!(ended["open"], false);
    report_until(&fleet, 97.0, 1).await;
}

#[tokio::test]
async fn a_weekly_window_knows_its_time_zone_and_refuses_nonsense() {
    let fleet = Fleet::start().await;
    let path = "/api/v1/maintenance-windows";
    let weekly = json!({
        "name": "Backup",
        "days": ["sun"],
        "start": "02:30",
        "minutes": 60,
        "time_zone": "Europe/Berlin",
    });
    let added = send(&fleet, Method::POST, path, &weekly).await;
    assert_eq!(added["time_zone"], "Europe/Berlin");
    assert!(added["next_from"].is_string());
    for (member, value) in [
        ("days", json!([])),
        ("days", json!(["someday"])),
        ("start", json!("25:00")),
        ("minutes", json!(1441)),
        ("time_zone", json!("Middle/Earth")),
    ] {
        let mut wrong = weekly.clone();
        wrong[member] = value;
        let refused = fleet
            .call(Method::POST, path, &fleet.token, Some(&wrong))
            .await;
        assert_eq!(refused.status, 422, "{member}");
        assert_eq!(refused.json()["member"], member);
    }
    let end = format!("{path}/{}/end", added["id"].as_str().unwrap());
    let refused = fleet.call(Method::POST, &end, &fleet.token, None).await;
    assert_eq!(refused.status, 409);
}
