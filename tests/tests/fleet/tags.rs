//! Tags of the agent's configuration: shown as such, and never more than words.

use serde_json::json;
use server_scout_tests::agent::Agent;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, report};

#[tokio::test]
async fn the_tags_of_an_agents_configuration_are_shown_as_the_agents() {
    let fleet = Fleet::start().await;
    let agent = Agent::of(&fleet).set("SERVERSCOUT_TAGS", "web, env:prod");
    let _running = agent.start();
    let tags = until("the agent's tags arrive", PATIENCE, async || {
        let tags = fleet.state().await["agent_tags"].clone();
        (tags != json!([])).then_some(tags)
    });
    assert_eq!(tags.await, json!(["env:prod", "web"]));
    assert_eq!(fleet.state().await["tags"], json!([]));

    let mut owner = fleet.owner().await;
    let page = owner.get(&format!("/servers/{}", fleet.server.id)).await;
    let page = page.text();
    assert!(
        page.contains("env:prod") && page.contains("set by the agent"),
        "{page}"
    );
    let settings = format!("/servers/{}/settings", fleet.server.id);
    let form = owner.get(&settings).await.text();
    assert!(
        form.contains("The agent&#x27;s configuration adds")
            || form.contains("The agent's configuration adds"),
        "{form}"
    );
    // People's tags come and go beside them.
    let saved = owner
        .submit(&settings, &[("name", "web-1"), ("tags", "web")])
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let state = fleet.state().await;
    assert_eq!(state["tags"], json!(["web"]));
    assert_eq!(state["agent_tags"], json!(["env:prod", "web"]));
    assert_eq!(fleet.names(&fleet.token, "?tag=env:prod").await, ["web-1"]);
}

#[tokio::test]
async fn hostile_tags_of_an_agent_are_refused_by_name_and_show_nowhere() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let many: Vec<String> = (0..17).map(|number| number.to_string()).collect();
    for tags in [
        json!(["<script>alert(1)</script>"]),
        json!(["\u{202e}txt"]),
        json!(["a b"]),
        json!([""]),
        json!(["x".repeat(33)]),
        json!(["twice", "twice"]),
        json!("web"),
        json!([1]),
        json!(many),
    ] {
        let mut body = report::with_cpu(jiff::Timestamp::now(), 1.0);
        body["host"] = json!({ "tags": tags });
        let answer = fleet.report(&body).await;
        assert_eq!(answer.status, 422, "{tags}: {}", answer.text());
        assert_eq!(answer.member(), "host.tags", "{tags}");
    }
    assert_eq!(fleet.state().await["agent_tags"], json!([]));
    let page = fleet.owner().await.get("/servers").await.text();
    assert!(!page.contains("alert(1)"), "{page}");
}

#[tokio::test]
async fn an_agent_with_a_tag_that_would_be_refused_does_not_start() {
    let fleet = Fleet::start().await;
    for command in ["run", "report", "check"] {
        let agent = Agent::of(&fleet).set("SERVERSCOUT_TAGS", "web,<b>");
        let finished = agent.finish(&[command]).await;
        assert!(!finished.status.success(), "{command}");
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(
            said.contains("SERVERSCOUT_TAGS") && said.contains("lower-case"),
            "{said}"
        );
    }
}
