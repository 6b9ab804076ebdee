//! The CA is replaced under running agents.

use std::path::Path;
use std::time::Duration;

use server_scout_tests::fleet::answer;
use server_scout_tests::https::{self, Connection};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Agent, Fleet};

use super::{bare, code, enrol};

const TAKEN_UP: Duration = Duration::from_secs(30);

fn certificates(file: &Path) -> usize {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.matches("BEGIN CERTIFICATE").count()
}

async fn rotate(fleet: &Fleet, more: &[&str]) -> String {
    let arguments = [&["ca", "rotate"], more].concat();
    fleet.dashboard.command(&arguments, "").await.success()
}

/// Waits until the dashboard gives `count` CAs, to who trusts what it gives in its own directory.
async fn gives(fleet: &Fleet, count: usize) {
    let what = format!("the dashboard gives {count} CAs");
    until(&what, TAKEN_UP, async || {
        let client = https::client(&fleet.dashboard.ca_file(), fleet.dashboard.address());
        let request = client.get(fleet.dashboard.url("/trust.pem"));
        let given = request.send().await.ok()?.text().await.ok()?;
        (given.matches("BEGIN CERTIFICATE").count() == count).then_some(())
    })
    .await;
}

async fn reports(fleet: &Fleet, server: &str, since: &str) {
    until("it reports", TAKEN_UP, async || {
        let client = https::client(&fleet.dashboard.ca_file(), fleet.dashboard.address());
        let url = fleet.dashboard.url(&format!("/api/v1/servers/{server}"));
        let state = answer(client.get(url).bearer_auth(&fleet.token))
            .await
            .json();
        let seen = state["server"]["last_seen"].as_str()?.to_owned();
        (seen.as_str() > since).then_some(())
    })
    .await;
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

async fn id_of(fleet: &Fleet, name: &str) -> String {
    let servers = fleet.get("/api/v1/servers").await.json();
    let servers = servers["items"].as_array().unwrap().clone();
    let server = servers.iter().find(|server| server["name"] == name);
    server.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_ca_is_replaced_under_running_agents_without_a_gap() {
    let fleet = Fleet::start().await;
    // One with the dashboard's own file, as in the quickstart, and one that was enrolled.
    let beside = Agent::of(&fleet)
        .set("SERVERSCOUT_INTERVAL_SECONDS", "1")
        .start();
    let enrolled = bare(&fleet);
    enrol(&fleet, &enrolled, &code(&fleet, "far").await).await;
    let far = id_of(&fleet, "far").await;
    let stored = enrolled.state_dir().join("ca.pem");
    let old = std::fs::read(&stored).unwrap();
    let running = enrolled.start();
    reports(&fleet, &far, "").await;

    let said = rotate(&fleet, &[]).await;
    assert!(said.contains("SHA-256"), "{said}");
    gives(&fleet, 2).await;
    let before = Connection::open(&fleet.dashboard.ca_file(), fleet.dashboard.address())
        .await
        .certificates();
    assert_eq!(before.len(), 2, "the leaf and the CA that signed it");
    drop(running);
    // At its start it asks, and learns of the next one.
    let running = enrolled.start();
    until("the next CA is stored", TAKEN_UP, async || {
        (certificates(&stored) == 2).then_some(())
    })
    .await;
    assert!(
        !running.stderr().contains("unreachable"),
        "{}",
        running.stderr()
    );
    drop(running);

    let _ = rotate(&fleet, &["--finish"]).await;
    gives(&fleet, 1).await;

    let since = now();
    reports(&fleet, &fleet.server.id, &since).await;
    let running = enrolled.start();
    reports(&fleet, &far, &since).await;
    until("the old CA is forgotten", TAKEN_UP, async || {
        (certificates(&stored) == 1 && std::fs::read(&stored).ok()? != old).then_some(())
    })
    .await;
    for program in [&beside, &running] {
        let said = program.stderr();
        assert!(!said.contains("unreachable"), "{said}");
    }
    // What the old CA signed is nothing any more to who has learnt.
    let after = Connection::open(&fleet.dashboard.ca_file(), fleet.dashboard.address())
        .await
        .certificates();
    assert_ne!(before, after);
}

#[tokio::test]
async fn an_agent_that_missed_the_overlap_is_told_why() {
    let fleet = Fleet::start().await;
    let agent = bare(&fleet);
    enrol(&fleet, &agent, &code(&fleet, "far").await).await;
    let _ = rotate(&fleet, &[]).await;
    gives(&fleet, 2).await;
    let _ = rotate(&fleet, &["--finish"]).await;
    gives(&fleet, 1).await;
    let finished = agent.finish(&["check"]).await;
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stdout.contains("unknown CA"),
        "{}",
        finished.stdout
    );
}

#[tokio::test]
async fn what_cannot_be_rotated_is_refused() {
    let fleet = Fleet::start().await;
    let finish = ["ca", "rotate", "--finish"];
    let finished = fleet.dashboard.command(&finish, "").await;
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stderr.contains("no CA rotation"),
        "{}",
        finished.stderr
    );
    let _ = rotate(&fleet, &[]).await;
    let twice = fleet.dashboard.command(&["ca", "rotate"], "").await;
    assert_eq!(twice.status.code(), Some(1));
    assert!(twice.stderr.contains("in progress"), "{}", twice.stderr);
    let within = until("it still answers", PATIENCE, async || {
        (fleet.state().await["name"] == "web-1").then_some(true)
    });
    assert!(within.await);
}
