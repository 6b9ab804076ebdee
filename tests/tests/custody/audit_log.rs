//! P12: what was done can be read, taken along and checked.

use reqwest::Method;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, Person};

/// The last head of a chain that the service log told.
fn told_head(log: &str) -> Option<String> {
    let line = log.lines().rev().find(|line| {
        line.contains("audit head ") && !line.contains("audit head 0000000000000000:")
    })?;
    let (_, head) = line.split_once("audit head ")?;
    head.split_whitespace().next().map(str::to_owned)
}

#[tokio::test]
async fn what_was_done_is_told_with_who_and_from_where() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let added = owner.submit("/servers", &[("name", "=cmd()")]).await;
    assert_eq!(added.status, 200, "{}", added.text());

    let events = fleet.get("/api/v1/audit-events?action=server").await.json();
    let event = &events["items"][0];
    assert_eq!(event["action"], "server.added", "{events}");
    assert_eq!(event["actor"], OWNER);
    assert_eq!(event["actor_kind"], "person");
    assert_eq!(event["object"], "=cmd()");
    assert_eq!(event["address"], "127.0.0.1");

    let page = owner.get("/settings/audit?action=server.added").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("server.added") && page.text().contains("127.0.0.1"));
    assert!(
        !page.text().contains("login.succeeded"),
        "the filter counts"
    );
}

#[tokio::test]
async fn the_log_can_be_taken_along_and_no_cell_is_a_formula() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    owner.submit("/servers", &[("name", "=cmd()")]).await;

    let csv = owner.get("/settings/audit.csv?action=server.added").await;
    assert_eq!(csv.status, 200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let first = csv.text().lines().nth(1).unwrap().to_owned();
    assert!(first.contains(",'=cmd(),"), "{first}");

    let lines = fleet.get("/api/v1/audit-events/export?format=ndjson").await;
    assert_eq!(lines.status, 200);
    let actions: Vec<String> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["action"].to_string())
        .collect();
    assert!(
        actions.contains(&"\"audit.exported\"".to_owned()),
        "{actions:?}"
    );
    assert!(
        actions.contains(&"\"server.added\"".to_owned()),
        "{actions:?}"
    );
}

#[tokio::test]
async fn a_viewer_reads_the_own_events_alone() {
    let fleet = Fleet::start().await;
    let viewer = "viewer@example.org";
    fleet
        .dashboard
        .add_user(viewer, ORGANISATION, "viewer", PASSWORD)
        .await;
    let mut person = Person::new(&fleet.dashboard);
    person.log_in(viewer, PASSWORD).await;
    let page = person.get("/settings/audit").await.text();
    assert!(page.contains("<code>login.succeeded</code>"));
    assert!(!page.contains("<code>server.added</code>"));
    let csv = person.get("/settings/audit.csv").await.text();
    assert!(
        csv.lines().skip(1).all(|line| line.contains(viewer)),
        "{csv}"
    );
}

#[tokio::test]
async fn a_page_of_events_leads_to_the_next() {
    let fleet = Fleet::start().await;
    for name in ["a", "b", "c"] {
        let mut owner = fleet.owner().await;
        owner.submit("/servers", &[("name", name)]).await;
    }
    let mut numbers = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = fleet
            .get(&format!("/api/v1/audit-events?limit=1{cursor}"))
            .await
            .json();
        numbers.push(page["items"][0]["number"].as_i64().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert!(numbers.len() >= 3, "{numbers:?}");
    assert!(
        numbers.windows(2).all(|pair| pair[0] == pair[1] + 1),
        "{numbers:?}"
    );
}

#[tokio::test]
async fn verification_says_where_a_chain_is_broken() {
    let fleet = Fleet::start().await;
    let _ = fleet.owner().await;
    // What the commands did is sealed by the dashboard within seconds.
    until("the events are sealed", PATIENCE, async || {
        let events = fleet.get("/api/v1/audit-events").await.json();
        let actions = events["items"].to_string();
        (actions.contains("server.added") && actions.contains("person.added")).then_some(())
    })
    .await;
    let whole = fleet
        .dashboard
        .command(&["audit", "verify"], "")
        .await
        .success();
    assert!(whole.contains("whole"), "{whole}");

    let head = until("a head is told", PATIENCE, async || {
        told_head(&fleet.dashboard.program().stderr())
    })
    .await;
    let arguments = ["audit", "verify", "--head", head.as_str()];
    let _ = fleet.dashboard.command(&arguments, "").await.success();

    let (chain, _) = head.split_once(':').unwrap();
    let ahead = format!("{chain}:1000:{}", "0".repeat(64));
    let cut = ["audit", "verify", "--head", ahead.as_str()];
    let cut = fleet.dashboard.command(&cut, "").await;
    assert_eq!(cut.status.code(), Some(1), "{}", cut.stdout);
    assert!(cut.stdout.contains("cut off"), "{}", cut.stdout);
}

#[tokio::test]
async fn an_agent_key_reads_no_audit_log() {
    let fleet = Fleet::start().await;
    let url = fleet.dashboard.url("/api/v1/audit-events");
    let request = fleet.client().request(Method::GET, url);
    let refused = answer(request.header("X-API-Key", &fleet.server.key)).await;
    assert_eq!(refused.status, 403);
}
