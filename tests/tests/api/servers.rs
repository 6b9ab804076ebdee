//! Servers through the API.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::{Fleet, report};

#[tokio::test]
async fn a_server_is_created_with_a_key_that_is_shown_once() {
    let fleet = Fleet::start().await;
    let body = json!({ "name": "db-1" });

    let created = fleet
        .call(Method::POST, "/api/v1/servers", &fleet.token, Some(&body))
        .await;

    assert_eq!(created.status, 201, "{}", created.text());
    let created = created.json();
    let key = created["agent_key"].as_str().expect("a key").to_owned();
    let id = created["server"]["id"].as_str().expect("an id").to_owned();
    let server = fleet.get(&format!("/api/v1/servers/{id}")).await;
    assert_eq!(server.json()["server"]["status"], "waiting");
    assert!(
        !server.text().contains(&key),
        "the key is shown again: {}",
        server.text()
    );
    assert_eq!(fleet.report_as(&key, &report::seed()).await.status, 200);
}

#[tokio::test]
async fn the_list_is_paged_and_every_server_is_on_one_page() {
    let fleet = Fleet::start().await;
    for number in 0..11 {
        let body = json!({ "name": format!("db-{number}") });
        let answer = fleet
            .call(Method::POST, "/api/v1/servers", &fleet.token, Some(&body))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    let mut names = Vec::new();
    let mut path = "/api/v1/servers?limit=5".to_owned();
    let mut pages = 0;
    loop {
        let page = fleet.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 5, "{page}");
        names.extend(
            items
                .iter()
                .map(|server| server["name"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        assert!(pages < 10, "pages without end");
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/servers?limit=5&cursor={cursor}");
    }

    assert_eq!(names.len(), 12, "{names:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 12, "{names:?}");
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn a_server_is_paused_and_goes_on() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let path = format!("/api/v1/servers/{}", fleet.server.id);
    for (paused, status) in [(true, "paused"), (false, "online")] {
        let body = json!({ "paused": paused });
        let answer = fleet
            .call(Method::PATCH, &path, &fleet.token, Some(&body))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(fleet.state().await["status"], status);
    }
}

#[tokio::test]
async fn a_deleted_server_is_gone_with_its_history() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let path = format!("/api/v1/servers/{}", fleet.server.id);

    let answer = fleet.call(Method::DELETE, &path, &fleet.token, None).await;

    assert!([200, 204].contains(&answer.status), "{}", answer.text());
    assert_eq!(fleet.get(&path).await.status, 404);
    assert_eq!(
        fleet
            .get(&format!("{path}/metrics?names=cpu_usage"))
            .await
            .status,
        404
    );
    assert_eq!(
        fleet.get("/api/v1/servers").await.json()["items"],
        json!([])
    );
}

#[tokio::test]
async fn names_have_bounds() {
    let fleet = Fleet::start().await;
    for name in ["", " ", "a\nb", "\u{202e}evil", &"x".repeat(65)] {
        let body = json!({ "name": name });
        let answer = fleet
            .call(Method::POST, "/api/v1/servers", &fleet.token, Some(&body))
            .await;
        assert!(
            [400, 422].contains(&answer.status),
            "{name:?}: {}",
            answer.text()
        );
    }
    let body = json!({ "name": "<b>\"it's\" & co</b>" });
    let answer = fleet
        .call(Method::POST, "/api/v1/servers", &fleet.token, Some(&body))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let mut owner = fleet.owner().await;
    let page = owner.get("/servers").await.text();
    assert!(
        page.contains("&lt;b&gt;") && !page.contains("<b>\"it"),
        "{page}"
    );
}

#[tokio::test]
async fn an_unknown_metric_of_a_server_is_refused_by_name() {
    let fleet = Fleet::start().await;
    let path = format!(
        "/api/v1/servers/{}/metrics?names=cpu_usage,passwords",
        fleet.server.id
    );

    let answer = fleet.get(&path).await;

    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.member(), "names");
    let series: Value = fleet
        .get(&format!(
            "/api/v1/servers/{}/metrics?names=cpu_usage",
            fleet.server.id
        ))
        .await
        .json();
    assert!(series["series"].is_array(), "{series}");
}
