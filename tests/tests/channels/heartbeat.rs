//! The dead man's switch: heard while alerts are evaluated, and silent otherwise.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::sink::Sink;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Database, Fleet, Program};
use tokio::net::TcpListener;

use super::{opened, receiver};

pub(crate) async fn set(fleet: &Fleet, body: &Value) -> server_scout_tests::https::Answer {
    let path = "/api/v1/heartbeat";
    fleet
        .call(Method::PUT, path, &fleet.token, Some(body))
        .await
}

/// Waits until so many heartbeats have come, and gives the newest.
async fn heard(sink: &Sink, count: usize) -> String {
    until("a heartbeat arrives", PATIENCE, async || {
        let mut requests = sink.requests();
        (requests.len() >= count).then(|| requests.pop()).flatten()
    })
    .await
}

#[tokio::test]
async fn a_heartbeat_by_form_arrives_with_nothing_but_its_address_also_after_a_rotation() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let sink = receiver(&authority, "200 OK").await;
    let mut owner = fleet.owner().await;
    let page = owner.get("/alerts/heartbeat").await.text();
    assert!(page.contains("None is set up."), "{page}");
    let form = |address, minutes, method| {
        [
            ("address", address),
            ("minutes", minutes),
            ("method", method),
        ]
    };
    let address = format!("{}/ping/verysecretword?on=1", sink.origin());
    for (wrong, reason) in [
        (form("", "5", "GET"), "Address must be there"),
        (
            form(&address, "0", "GET"),
            "Every minutes must be 1 to 1440",
        ),
        (form(&address, "often", "GET"), "must be a number"),
        (form("https://10.0.0.1/", "5", "GET"), "not a public one"),
    ] {
        let refused = owner.submit("/alerts/heartbeat", &wrong).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text().contains(reason), "{}", refused.text());
    }
    let done = owner
        .submit("/alerts/heartbeat", &form(&address, "60", "GET"))
        .await;
    assert_eq!(done.header("location"), Some("/alerts/heartbeat?done=set"));
    let head = heard(&sink, 1).await;
    assert!(
        head.starts_with("GET /ping/verysecretword?on=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(!head.to_lowercase().contains("content-length"), "{head}");
    let page = until("the page says so", PATIENCE, async || {
        let page = owner.clone().get("/alerts/heartbeat").await.text();
        page.contains("data-status=\"delivered\"").then_some(page)
    })
    .await;
    assert!(page.contains("GET every 60 min"), "{page}");
    assert!(page.contains("200 in "), "{page}");

    // A new key, another method, the same address.
    let rotated = fleet.dashboard.command(&["master-key", "rotate"], "").await;
    let _ = rotated.success();
    let done = owner
        .submit("/alerts/heartbeat", &form("", "1440", "POST"))
        .await;
    assert_eq!(done.status, 303, "{}", done.text());
    let head = heard(&sink, 2).await;
    assert!(
        head.starts_with("POST /ping/verysecretword?on=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(sink.bodies().iter().all(Vec::is_empty));
    let shown = fleet.get("/api/v1/heartbeat").await.text();
    let export = owner.get("/settings/data/export").await;
    let mut exported = String::new();
    let mut export = flate2::read::GzDecoder::new(export.body.as_slice());
    std::io::Read::read_to_string(&mut export, &mut exported).unwrap();
    assert!(exported.contains("\"kind\":\"heartbeat\""), "{exported}");
    let logs = fleet.dashboard.program().stderr();
    for text in [&page, &shown, &exported, &logs] {
        assert!(!text.contains("verysecretword"), "{text}");
    }
    let audit = fleet.get("/api/v1/audit-events").await.text();
    assert!(audit.contains("heartbeat.set"), "{audit}");
    let gone = owner.submit("/alerts/heartbeat/delete", &[]).await;
    assert_eq!(
        gone.header("location"),
        Some("/alerts/heartbeat?done=removed")
    );
    assert_eq!(fleet.get("/api/v1/heartbeat").await.status, 404);
}

#[tokio::test]
async fn a_heartbeat_is_silent_while_nothing_is_evaluated() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup.clone()).await;
    let sink = receiver(&authority, "200 OK").await;
    fleet.dashboard.stop().await;
    let setup = setup.set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    let mut notify = Program::start(setup.command(&["notify"]));
    fleet.dashboard = setup.clone().start().await;
    let new = json!({ "address": format!("{}/ping", sink.origin()), "every_minutes": 1440 });
    let done = set(&fleet, &new).await;
    assert_eq!(done.status, 200, "{}", done.text());
    heard(&sink, 1).await;
    let database = Database::of(&fleet.dashboard);
    fleet.dashboard.stop().await;

    // The sender lives. So it is the evaluation that counts, and not the dashboard's process.
    let evaluated = |before: Duration| {
        let at = (Timestamp::now() - before).as_millisecond();
        database.execute(&format!("UPDATE alert_evaluation SET at = {at}"));
        database.execute("UPDATE heartbeat SET due_at = 0");
    };
    evaluated(Duration::ZERO);
    heard(&sink, 2).await;
    evaluated(Duration::from_secs(61));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(sink.requests().len(), 2, "it was to be silent");

    fleet.dashboard = setup.start().await;
    heard(&sink, 3).await;
    notify.signal(rustix::process::Signal::TERM);
    assert!(notify.end(PATIENCE).await.success(), "{}", notify.logs());
}

#[tokio::test]
async fn nothing_inside_is_connected_to_by_a_heartbeat() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let setup = server_scout_tests::dashboard::Setup::new()
        .set("SERVERSCOUT_OUTBOUND__PORTS", format!("443,{port}"));
    let fleet = Fleet::with(setup).await;
    for host in [
        "127.0.0.1",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
    ] {
        let new = json!({ "address": format!("https://{host}:{port}/"), "every_minutes": 1 });
        let refused = set(&fleet, &new).await;
        assert_eq!(refused.status, 422, "{host}: {}", refused.text());
    }
    let new = json!({ "address": format!("https://localhost:{port}/"), "every_minutes": 1 });
    assert_eq!(set(&fleet, &new).await.status, 200);
    let tried = until("it is tried", PATIENCE, async || {
        let shown = fleet.get("/api/v1/heartbeat").await.json();
        shown["problem"].is_string().then_some(shown)
    })
    .await;
    let problem = tried["problem"].as_str().unwrap();
    assert!(problem.contains("no public address"), "{tried}");
    let connected = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(connected.is_err(), "something connected");
}
