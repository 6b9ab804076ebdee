//! One organisation never sees another's servers, and everybody may do what their role says.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD};
use server_scout_tests::{Fleet, report};

#[tokio::test]
async fn a_foreign_server_is_404_on_every_route() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    fleet
        .dashboard
        .add_user("other@example.org", "Other", "owner", PASSWORD)
        .await;
    let foreign = fleet
        .dashboard
        .add_token("other@example.org", "Other", "admin")
        .await;
    let server = format!("/api/v1/servers/{}", fleet.server.id);
    let keys = fleet.get(&format!("{server}/agent-keys")).await.json()["items"].clone();
    let key = keys[0]["id"].as_str().expect("a key has an id").to_owned();
    let now = jiff::Timestamp::now();

    let calls = [
        (Method::GET, server.clone(), None),
        (
            Method::PATCH,
            server.clone(),
            Some(json!({ "paused": true })),
        ),
        (Method::DELETE, server.clone(), None),
        (Method::GET, format!("{server}/agent-keys"), None),
        (Method::POST, format!("{server}/agent-keys"), None),
        (Method::DELETE, format!("{server}/agent-keys/{key}"), None),
        (
            Method::GET,
            format!(
                "{server}/metrics?names=cpu_usage&from={}&to={now}&points=1",
                report::seconds_ago(60)
            ),
            None,
        ),
        (
            Method::GET,
            format!("/api/v1/live?server={}", fleet.server.id),
            None,
        ),
    ];
    for (method, path, body) in calls {
        let answer = fleet
            .call(method.clone(), &path, &foreign, body.as_ref())
            .await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert!(!answer.text().contains("web-1"), "{}", answer.text());
    }
    let list = fleet
        .call(Method::GET, "/api/v1/servers", &foreign, None)
        .await;
    assert_eq!(list.json()["items"], json!([]), "{}", list.text());

    let mut person = fleet.stranger();
    assert_eq!(
        person.log_in("other@example.org", PASSWORD).await.status,
        303
    );
    let page = person.get(&format!("/servers/{}", fleet.server.id)).await;
    assert_eq!(page.status, 404, "{}", page.text());
    let own = fleet.get(&server).await;
    assert_eq!(
        own.json()["server"]["status"],
        "online",
        "nothing was changed: {}",
        own.text()
    );
}

#[tokio::test]
async fn a_foreign_live_stream_stays_silent() {
    let fleet = Fleet::start().await;
    fleet
        .dashboard
        .add_user("other@example.org", "Other", "owner", PASSWORD)
        .await;
    let foreign = fleet
        .dashboard
        .add_token("other@example.org", "Other", "read")
        .await;
    let mut connection = fleet.dashboard.connect().await;
    let head = format!("GET /api/v1/live\nAuthorization: Bearer {foreign}");
    connection.request(&head, b"").await;

    for _ in 0..3 {
        fleet.accepted(&report::seed()).await;
    }

    // The stream does not end, so everything that came is still unread when time is up.
    let silent = connection
        .until_closed(std::time::Duration::from_secs(2))
        .await
        .is_none();
    assert!(silent, "the stream ended");
    let seen = String::from_utf8_lossy(connection.unread()).into_owned();
    assert!(
        !seen.contains("cpu_usage") && !seen.contains(&fleet.server.id),
        "{seen}"
    );
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let fleet = Fleet::start().await;
    fleet
        .dashboard
        .add_user("viewer@example.org", ORGANISATION, "viewer", PASSWORD)
        .await;
    let mut viewer = fleet.stranger();
    assert_eq!(
        viewer.log_in("viewer@example.org", PASSWORD).await.status,
        303
    );

    assert_eq!(viewer.get("/servers").await.status, 200);
    let page = viewer.submit("/servers", &[("name", "planted")]).await;

    assert_eq!(page.status, 403, "{}", page.text());
    let list = fleet.get("/api/v1/servers").await.text();
    assert!(!list.contains("planted"), "{list}");
}

#[tokio::test]
async fn a_token_does_what_its_scope_says() {
    let fleet = Fleet::start().await;
    let server = format!("/api/v1/servers/{}", fleet.server.id);
    let scopes = [
        ("read", 200, 403),
        ("write", 200, 200),
        ("admin", 200, 200),
        ("metrics", 403, 403),
    ];
    for (scope, read, write) in scopes {
        let token = fleet.dashboard.add_token(OWNER, ORGANISATION, scope).await;
        let reading = fleet.call(Method::GET, &server, &token, None).await;
        assert_eq!(reading.status, read, "{scope}: {}", reading.text());
        let body = json!({ "paused": false });
        let writing = fleet
            .call(Method::PATCH, &server, &token, Some(&body))
            .await;
        assert_eq!(writing.status, write, "{scope}: {}", writing.text());
    }
}

#[tokio::test]
async fn a_viewers_token_cannot_be_given_more_than_the_viewer_has() {
    let fleet = Fleet::start().await;
    fleet
        .dashboard
        .add_user("viewer@example.org", ORGANISATION, "viewer", PASSWORD)
        .await;
    let arguments = [
        "token",
        "add",
        "--email",
        "viewer@example.org",
        "--organisation",
        ORGANISATION,
    ];
    let arguments = [&arguments[..], &["--scope", "write"]].concat();

    let finished = fleet.dashboard.command(&arguments, "").await;

    if finished.status.success() {
        let token = finished.stdout.trim();
        let server = format!("/api/v1/servers/{}", fleet.server.id);
        let body = json!({ "paused": true });
        let answer = fleet.call(Method::PATCH, &server, token, Some(&body)).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
}

#[tokio::test]
async fn an_unknown_token_is_401() {
    let fleet = Fleet::start().await;
    for token in ["x", "", "Bearer", &"a".repeat(3000)] {
        let answer = fleet
            .call(Method::GET, "/api/v1/servers", token, None)
            .await;
        assert_eq!(answer.status, 401, "{token:?}: {}", answer.text());
    }
}
