//! Which agents run without their sandbox: real ones, and what the list says of them.

use serde_json::{Value, json};
use server_scout_tests::wait::PATIENCE;
use server_scout_tests::{Agent, Fleet, report, wait};

/// A report of an agent whose sandbox holds.
fn protected() -> Value {
    let host = json!({
        "sandbox_capabilities": "none",
        "sandbox_new_privileges": "impossible",
        "sandbox_system_calls": "filtered",
        "sandbox_user": "another",
    });
    report::with(report::seed(), "host", host)
}

fn without(mut report: Value, fact: &str) -> Value {
    let host = report["host"].as_object_mut().expect("there is a host");
    assert!(host.remove(fact).is_some(), "{fact}");
    report
}

fn with(mut report: Value, fact: &str, text: &str) -> Value {
    report["host"][fact] = json!(text);
    report
}

/// What the list says of its agent.
async fn protection(fleet: &Fleet, server: &str) -> Value {
    let path = format!("/api/v1/servers/{server}");
    fleet.get(&path).await.json()["server"]["protection"].clone()
}

#[tokio::test]
async fn agents_without_their_sandbox_are_found_and_marked() {
    let mut fleet = Fleet::start().await;
    for (name, said) in [
        ("holds", Some(protected())),
        ("root", Some(with(protected(), "sandbox_user", "root"))),
        (
            "calls",
            Some(with(protected(), "sandbox_system_calls", "unfiltered")),
        ),
        ("half", Some(without(protected(), "sandbox_user"))),
        ("old", Some(report::seed())),
        ("silent", None),
    ] {
        let server = fleet.add_server(name).await;
        if let Some(said) = said {
            let answer = fleet.report_as(&server.key, &said).await;
            assert_eq!(answer.json()["accepted"], 1, "{name}: {}", answer.text());
        }
    }
    let token = fleet.token.clone();
    let found = async |query: &str| fleet.names(&token, query).await;
    let (unprotected, unsaid) = (["calls", "root"], ["half", "old", "silent", "web-1"]);
    assert_eq!(found("?protection=unprotected").await, unprotected);
    assert_eq!(found("?protection=protected").await, ["holds"]);
    assert_eq!(found("?protection=unsaid").await, unsaid);
    assert_eq!(found("?protection=unprotected&search=oo").await, ["root"]);

    let mut owner = fleet.owner().await;
    let page = owner.get("/servers").await.text();
    let marks = page.matches("<span class=\"unprotected\">").count();
    assert_eq!(
        (marks, page.matches("data-server=").count()),
        (2, 7),
        "{page}"
    );
    let page = owner.get("/servers?protection=unprotected").await.text();
    assert_eq!(page.matches("data-server=").count(), 2, "{page}");

    // A question about many servers, and an export of them, take the same filter.
    let asked = fleet
        .get("/api/v1/metrics?names=cpu_usage&protection=unprotected")
        .await;
    assert_eq!(asked.json()["asked"], 2, "{}", asked.text());
    let named = format!(
        "/api/v1/metrics?names=cpu_usage&servers={}",
        fleet.server.id
    );
    let both = fleet.get(&format!("{named}&protection=unsaid")).await;
    assert_eq!((both.status, both.member()), (422, "servers".to_owned()));

    // What was said stands when the dashboard starts again.
    fleet.dashboard.kill();
    let fleet = fleet.again().await;
    assert_eq!(
        fleet.names(&token, "?protection=unprotected").await,
        unprotected
    );
}

#[tokio::test]
async fn a_real_agent_says_how_it_runs_unless_that_is_withheld() {
    let fleet = Fleet::start().await;
    let told = Agent::of(&fleet).start();
    let shown = wait::until("the agent reports", PATIENCE, || async {
        let said = protection(&fleet, &fleet.server.id).await;
        (said != "unsaid").then_some(said)
    })
    .await;
    let details = fleet
        .get(&format!("/api/v1/servers/{}", fleet.server.id))
        .await
        .json();
    let values = details["values"].as_array().expect("there are values");
    let confined = values
        .iter()
        .find(|value| value["metric"] == "agent_confined")
        .expect("the agent says whether it is confined");
    let expected = if confined["value"] == 1.0 {
        "protected"
    } else {
        "unprotected"
    };
    assert_eq!(shown, expected, "{details}");
    drop(told);

    let silent = fleet.add_server("silent").await;
    let agent = Agent::new(
        &fleet.dashboard.origin(),
        &silent.key,
        &fleet.dashboard.ca_file(),
    );
    let _silent = agent.set("SERVERSCOUT_WITHHOLD", "sandbox").start();
    wait::until("the agent reports", PATIENCE, || async {
        let path = format!("/api/v1/servers/{}", silent.id);
        let host = fleet.get(&path).await.json()["host"].clone();
        host["kernel"].is_string().then_some(())
    })
    .await;
    assert_eq!(protection(&fleet, &silent.id).await, "unsaid");
}
