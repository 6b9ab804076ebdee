//! Rotation and revocation under a running agent lose nothing.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::Value;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Agent, Fleet, report};

fn agent_with_file(fleet: &Fleet, directory: &Path) -> (Agent, std::path::PathBuf) {
    let file = directory.join("key");
    write(&file, &fleet.server.key);
    let agent = Agent::of(fleet)
        .unset("SERVERSCOUT_API_KEY")
        .set("SERVERSCOUT_API_KEY_FILE", file.to_str().unwrap())
        .set("SERVERSCOUT_INTERVAL_SECONDS", "1");
    (agent, file)
}

fn write(file: &Path, key: &str) {
    let fresh = file.with_extension("fresh");
    std::fs::write(&fresh, key).unwrap();
    std::fs::rename(&fresh, file).unwrap();
}

async fn online(fleet: &Fleet) {
    until("the agent reports", PATIENCE, async || {
        (fleet.state().await["status"] == "online").then_some(())
    })
    .await;
}

/// Makes a key by this operation.
async fn made(fleet: &Fleet, operation: &str) -> String {
    let path = format!("/api/v1/servers/{}/agent-keys{operation}", fleet.server.id);
    let answer = fleet.call(Method::POST, &path, &fleet.token, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["agent_key"].as_str().unwrap().to_owned()
}

async fn keys(fleet: &Fleet) -> Vec<Value> {
    let path = format!("/api/v1/servers/{}/agent-keys", fleet.server.id);
    let keys = fleet.get(&path).await.json();
    keys["items"].as_array().unwrap().clone()
}

/// Waits until every second from `from` to three seconds ago has its report, but for one that the
/// clock's edges may take.
async fn complete(fleet: &Fleet, from: Timestamp) {
    let to = report::seconds_ago(3);
    let seconds = to.as_second() - from.as_second();
    assert!(seconds >= 4);
    until("no report is missing", Duration::from_mins(1), async || {
        let chart = fleet
            .chart(&fleet.server.id, "cpu_usage", from, seconds, 1)
            .await?;
        let count: u64 = chart.count.iter().sum();
        (count + 1 >= seconds.unsigned_abs()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_rotation_with_the_agent_running_loses_nothing() {
    let fleet = Fleet::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (agent, file) = agent_with_file(&fleet, directory.path());
    let running = agent.start();
    online(&fleet).await;
    let from = report::seconds_ago(0);

    let new = made(&fleet, "/rotate").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let states = async || {
        let keys = keys(&fleet).await;
        let states = keys
            .iter()
            .map(|key| key["state"].as_str().unwrap().to_owned());
        states.collect::<Vec<_>>()
    };
    assert_eq!(states().await, ["leaving", "successor"], "both are good");
    write(&file, &new);

    until("the old key ends by itself", PATIENCE, async || {
        (states().await == ["replaced", "good"]).then_some(())
    })
    .await;
    assert_eq!(fleet.report(&report::seed()).await.status, 401);
    tokio::time::sleep(Duration::from_secs(4)).await;
    complete(&fleet, from).await;
    let said = running.stderr();
    assert!(said.contains("key was changed"), "{said}");
    assert!(!said.contains("takes no reports"), "{said}");
}

#[tokio::test]
async fn what_a_revoked_key_could_not_send_is_sent_by_its_successor() {
    let fleet = Fleet::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (agent, file) = agent_with_file(&fleet, directory.path());
    let running = agent.start();
    online(&fleet).await;
    let from = report::seconds_ago(0);

    let key = keys(&fleet).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/servers/{}/agent-keys/{key}", fleet.server.id);
    let revoked = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(revoked.status, 204, "{}", revoked.text());
    until("the agent is refused", PATIENCE, async || {
        running
            .stderr()
            .contains("does not know the agent key")
            .then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let new = made(&fleet, "").await;
    write(&file, &new);

    online(&fleet).await;
    complete(&fleet, from).await;
    assert!(
        !running.stderr().contains("dropped"),
        "{}",
        running.stderr()
    );
}

#[tokio::test]
async fn there_is_one_rotation_at_a_time_and_only_who_may_begins_one() {
    let fleet = Fleet::start().await;
    made(&fleet, "/rotate").await;
    let path = format!("/api/v1/servers/{}/agent-keys/rotate", fleet.server.id);
    let again = fleet.call(Method::POST, &path, &fleet.token, None).await;
    assert_eq!(again.status, 409, "{}", again.text());
    let write = fleet
        .dashboard
        .add_token("owner@example.org", "Example", "write")
        .await;
    let refused = fleet.call(Method::POST, &path, &write, None).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let absent = "/api/v1/servers/00000000000000ff/agent-keys/rotate";
    assert_eq!(
        fleet
            .call(Method::POST, absent, &fleet.token, None)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn the_pages_rotate_revoke_and_make_codes() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let page = format!("/servers/{}/keys", fleet.server.id);
    let list = owner.get(&page).await;
    assert_eq!(list.status, 200);
    assert!(list.text().contains("Never used"), "{}", list.text());

    let rotated = owner.submit(&format!("{page}/rotate"), &[]).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    let text = rotated.text();
    let (_, key) = text.split_once("value=\"ssa_").unwrap();
    let key = format!("ssa_{}", key.split('"').next().unwrap());
    let again = owner.submit(&format!("{page}/rotate"), &[]).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("has a successor"), "{}", again.text());
    assert_eq!(fleet.report_as(&key, &report::seed()).await.status, 200);
    let list = owner.get(&page).await.text();
    assert!(list.contains("replaced") && !list.contains(&key), "{list}");

    let code = owner.submit(&format!("{page}/enrol"), &[]).await;
    assert_eq!(code.status, 200);
    assert!(
        code.text().contains("server-scout-agent enrol --url"),
        "{}",
        code.text()
    );
    let for_new = owner.submit("/servers/enrol", &[]).await;
    assert!(for_new.text().contains("sse_"), "{}", for_new.text());

    let id = keys(&fleet).await[1]["id"].as_str().unwrap().to_owned();
    let revoked = owner
        .submit(&format!("{page}/revoke"), &[("key", &id)])
        .await;
    assert_eq!(revoked.status, 303, "{}", revoked.text());
    assert_eq!(fleet.report_as(&key, &report::seed()).await.status, 401);
}
