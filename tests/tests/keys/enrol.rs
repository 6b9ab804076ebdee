//! One command, a single-use code, and a key that no person sees.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use server_scout_tests::process::run;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Agent, Fleet};

use super::{bare, code, enrol};

#[tokio::test]
async fn an_enrolled_agent_reports_with_nothing_else_set_up() {
    let fleet = Fleet::start().await;
    let agent = bare(&fleet);
    let code = code(&fleet, "web-9").await;

    let said = enrol(&fleet, &agent, &code).await;

    assert!(said.contains("as web-9"), "{said}");
    for (name, words) in [
        ("api-key", "ssa_"),
        ("ca.pem", "BEGIN CERTIFICATE"),
        ("url", "https://localhost:"),
    ] {
        let path = agent.state_dir().join(name);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(words), "{name}: {text}");
        assert!(!said.contains(text.trim()) || name == "url", "{said}");
    }
    let left: Vec<_> = std::fs::read_dir(agent.state_dir()).unwrap().collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(agent.finish(&["check"]).await.status.success());

    let running = agent.start();
    until("the server reports", PATIENCE, async || {
        let servers = fleet.get("/api/v1/servers").await.json();
        let servers = servers["items"].as_array()?;
        let server = servers.iter().find(|server| server["name"] == "web-9")?;
        (server["status"] == "online").then_some(())
    })
    .await;
    drop(running);
}

#[tokio::test]
async fn a_code_works_once_and_a_key_is_not_overwritten_unasked() {
    let fleet = Fleet::start().await;
    let agent = bare(&fleet);
    let used = code(&fleet, "web-9").await;
    enrol(&fleet, &agent, &used).await;
    let key = std::fs::read(agent.state_dir().join("api-key")).unwrap();
    let origin = fleet.dashboard.origin();

    // The code that would be used up is still good after this.
    let fresh = code(&fleet, "web-10").await;
    let again = ["enrol", "--url", &origin, "--code", &fresh];
    let finished = agent.finish(&again).await;
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("--force"), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);

    let forced = ["enrol", "--url", &origin, "--force", "--code", &used];
    let finished = agent.finish(&forced).await;
    assert_eq!(finished.status.code(), Some(1));
    assert!(
        finished.stderr.contains("has been used"),
        "{}",
        finished.stderr
    );
    assert!(!finished.said().contains(&used));
    assert_eq!(
        std::fs::read(agent.state_dir().join("api-key")).unwrap(),
        key
    );

    let forced = ["enrol", "--url", &origin, "--force", "--code", &fresh];
    let _ = agent.finish(&forced).await.success();
    assert_ne!(
        std::fs::read(agent.state_dir().join("api-key")).unwrap(),
        key
    );
}

#[tokio::test]
async fn the_code_can_come_from_standard_input_or_a_file() {
    let fleet = Fleet::start().await;
    let origin = fleet.dashboard.origin();
    let agent = bare(&fleet);
    let input = format!("{}\n", code(&fleet, "web-9").await);
    let command = agent.command(&["enrol", "--url", &origin, "--code", "-"]);
    let _ = run(command, &input, PATIENCE).await.success();

    let other = bare(&fleet);
    let file = other.state_dir().join("code");
    std::fs::write(&file, code(&fleet, "web-10").await).unwrap();
    let arguments = ["enrol", "--url", &origin, "--code-file"];
    let arguments = [&arguments[..], &[file.to_str().unwrap()]].concat();
    let _ = other.finish(&arguments).await.success();
}

#[tokio::test]
async fn enrolling_a_server_that_reports_rotates_its_key_without_a_gap() {
    let fleet = Fleet::start().await;
    let agent = bare(&fleet);
    let old = agent.state_dir().join("api-key");
    std::fs::write(&old, &fleet.server.key).unwrap();
    std::fs::copy(fleet.dashboard.ca_file(), agent.state_dir().join("ca.pem")).unwrap();
    std::fs::write(agent.state_dir().join("url"), fleet.dashboard.origin()).unwrap();
    let running = agent.start();
    until("the agent reports", PATIENCE, async || {
        (fleet.state().await["status"] == "online").then_some(())
    })
    .await;

    let body = json!({ "server": fleet.server.id });
    let made = fleet.call(
        Method::POST,
        "/api/v1/enrolment-codes",
        &fleet.token,
        Some(&body),
    );
    let made = made.await;
    assert_eq!(made.status, 201, "{}", made.text());
    let code = made.json()["code"].as_str().unwrap().to_owned();
    let origin = fleet.dashboard.origin();
    let forced = ["enrol", "--url", &origin, "--force", "--code", &code];
    let _ = agent.finish(&forced).await.success();

    let path = format!("/api/v1/servers/{}/agent-keys", fleet.server.id);
    until(
        "the old key has ended",
        Duration::from_secs(30),
        async || {
            let keys = fleet.get(&path).await.json();
            let states = [&keys["items"][0]["state"], &keys["items"][1]["state"]];
            (states == ["replaced", "good"]).then_some(())
        },
    )
    .await;
    let keys = fleet.get(&path).await.json();
    assert_eq!(keys["items"][1]["last_used_from"], "127.0.0.1", "{keys}");
    assert_eq!(
        keys["items"][1]["agent_version"],
        env!("CARGO_PKG_VERSION"),
        "{keys}"
    );
    let said = running.stderr();
    assert!(!said.contains("takes no reports"), "{said}");
}

#[tokio::test]
async fn the_exchange_needs_no_login_and_takes_nothing_but_what_it_asks_for() {
    let fleet = Fleet::start().await;
    let good = code(&fleet, "web-9").await;
    let send = async |body: serde_json::Value| {
        let url = fleet.dashboard.url("/api/v1/enrolments");
        server_scout_tests::fleet::answer(fleet.client().post(url).json(&body)).await
    };
    let more = json!({"code": good, "hostname": "h", "agent_version": "1", "name": "x"});
    assert_eq!(send(more).await.status, 422);
    let without = json!({"code": good, "hostname": "h"});
    assert_eq!(send(without).await.status, 422);
    let unknown = json!({"code": "sse_x", "hostname": "h", "agent_version": "1"});
    let closed = send(unknown).await;
    assert_eq!(
        (closed.status, closed.json()["type"].as_str()),
        (410, Some("enrolment-closed"))
    );

    let enrolled = send(json!({"code": good, "hostname": "h", "agent_version": "1"})).await;

    assert_eq!(enrolled.status, 201, "{}", enrolled.text());
    let key = enrolled.json()["agent_key"].as_str().unwrap().to_owned();
    let report = fleet
        .report_as(&key, &server_scout_tests::report::seed())
        .await;
    assert_eq!(report.status, 200);
}

#[tokio::test]
async fn neither_code_nor_key_stands_in_the_files_or_the_log_of_the_dashboard() {
    let mut fleet = Fleet::start().await;
    let agent = bare(&fleet);
    let used = code(&fleet, "web-9").await;
    enrol(&fleet, &agent, &used).await;
    let open = code(&fleet, "web-10").await;
    let key = std::fs::read_to_string(agent.state_dir().join("api-key")).unwrap();
    assert!(fleet.dashboard.stop().await.success());

    let mut files = vec![fleet.dashboard.program().logs().into_bytes()];
    for path in fleet.dashboard.setup().files() {
        files.push(std::fs::read(path).unwrap());
    }
    let secret = |code: &str| code.split('.').next().unwrap().to_owned();
    for hidden in [secret(&used), secret(&open), key] {
        let found = files.iter().any(|file| {
            file.windows(hidden.len())
                .any(|part| part == hidden.as_bytes())
        });
        assert!(!found, "a secret stands in a file");
    }
}

#[tokio::test]
async fn what_cannot_work_is_one_line_and_costs_no_code() {
    let fleet = Fleet::start().await;
    let good = code(&fleet, "web-9").await;
    let origin = fleet.dashboard.origin();
    let complain = async |agent: &Agent, arguments: &[&str], words: &str| {
        let finished = agent.finish(arguments).await;
        assert_eq!(finished.status.code(), Some(1), "{}", finished.said());
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
        assert!(!finished.stderr.contains(&good));
    };
    let agent = bare(&fleet);
    let http = origin.replace("https", "http");
    complain(
        &agent,
        &["enrol", "--url", &http, "--code", &good],
        "https://",
    )
    .await;
    complain(&agent, &["enrol", "--code", &good], "SERVERSCOUT_URL").await;
    complain(&agent, &["enrol", "--url", &origin], "--code").await;
    complain(
        &agent,
        &["enrol", "--url", &origin, "--code", "ssa_x"],
        "no enrolment code",
    )
    .await;
    let file = agent.state_dir().join("file");
    std::fs::write(&file, "").unwrap();
    let nowhere = bare(&fleet).set(
        "SERVERSCOUT_STATE_DIR",
        file.join("below").to_str().unwrap(),
    );
    let arguments = ["enrol", "--url", &origin, "--code", &good];
    complain(&nowhere, &arguments, "cannot write").await;
    enrol(&fleet, &agent, &good).await;
}
