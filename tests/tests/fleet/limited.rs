//! A member who is limited to some groups, on every surface.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::fleet::{ORGANISATION, PASSWORD, Server};
use server_scout_tests::{Fleet, report};

const MEMBER: &str = "member@example.org";

/// web-1 in the group Customer, secret-2 outside of it, and a token of a member of Customer.
async fn fleet() -> (Fleet, Server, String, String) {
    let fleet = Fleet::start().await;
    let hidden = fleet.add_server("secret-2").await;
    fleet.accepted(&report::seed()).await;
    fleet.report_as(&hidden.key, &report::seed()).await;
    let group = fleet.add_group("Customer").await;
    let shown = &fleet.server.id;
    fleet.set_in_group(Method::PUT, &group, shown).await;
    fleet.limited_member(MEMBER, "member", &[&group]).await;
    let token = fleet
        .dashboard
        .add_token(MEMBER, ORGANISATION, "write")
        .await;
    (fleet, hidden, group, token)
}

#[tokio::test]
async fn a_server_outside_of_the_groups_is_404_on_every_route() {
    let (fleet, hidden, group, token) = fleet().await;
    assert_eq!(fleet.names(&token, "").await, ["web-1"]);
    assert!(fleet.names(&token, "?search=secret").await.is_empty());
    let keys = format!("/api/v1/servers/{}/agent-keys", hidden.id);
    let key = fleet.get(&keys).await.json()["items"][0]["id"].clone();
    let key = key.as_str().expect("a key has an id").to_owned();
    let server = format!("/api/v1/servers/{}", hidden.id);
    let now = jiff::Timestamp::now();
    let pause = json!({ "paused": true });
    for (method, path, body) in [
        (Method::GET, server.clone(), None),
        (Method::PATCH, server.clone(), Some(&pause)),
        (Method::DELETE, server.clone(), None),
        (Method::GET, keys.clone(), None),
        (Method::POST, keys.clone(), None),
        (Method::DELETE, format!("{keys}/{key}"), None),
        (
            Method::PUT,
            format!("/api/v1/groups/{group}/servers/{}", hidden.id),
            None,
        ),
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
            format!("/api/v1/live?server={}", hidden.id),
            None,
        ),
    ] {
        let answer = fleet.call(method.clone(), &path, &token, body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
    let mut member = fleet.stranger();
    assert_eq!(member.log_in(MEMBER, PASSWORD).await.status, 303);
    let list = member.get("/servers").await.text();
    assert!(
        list.contains("web-1") && !list.contains("secret-2"),
        "{list}"
    );
    for page in ["", "/settings", "/delete"] {
        let answer = member.get(&format!("/servers/{}{page}", hidden.id)).await;
        assert_eq!(answer.status, 404, "{page}: {}", answer.text());
    }
    for form in ["pause", "resume", "settings", "groups", "delete"] {
        let path = format!("/servers/{}/{form}", hidden.id);
        let answer = member.submit(&path, &[("name", "secret-2")]).await;
        assert_eq!(answer.status, 404, "{form}: {}", answer.text());
    }
    assert_eq!(fleet.state_of(&hidden.id).await["name"], "secret-2");
}

#[tokio::test]
async fn groups_and_tags_of_others_stay_unseen() {
    let (fleet, hidden, group, token) = fleet().await;
    let other = fleet.add_group("Classified").await;
    for server in [&fleet.server.id, &hidden.id] {
        fleet.set_in_group(Method::PUT, &other, server).await;
    }
    let path = format!("/api/v1/servers/{}", hidden.id);
    let body = json!({ "tags": ["classified-tag"] });
    fleet
        .call(Method::PATCH, &path, &fleet.token, Some(&body))
        .await;

    let groups = fleet
        .call(Method::GET, "/api/v1/groups", &token, None)
        .await;
    assert_eq!(groups.json()["items"][0]["servers"], 1, "{}", groups.text());
    let server = format!("/api/v1/servers/{}", fleet.server.id);
    let server = fleet.call(Method::GET, &server, &token, None).await;
    let mut member = fleet.stranger();
    member.log_in(MEMBER, PASSWORD).await;
    let pages = [
        groups.text(),
        server.text(),
        member.get("/servers").await.text(),
        member.get("/servers/new").await.text(),
        member.get("/settings/groups").await.text(),
        member
            .get(&format!("/servers/{}", fleet.server.id))
            .await
            .text(),
    ];
    for page in pages {
        assert!(!page.to_lowercase().contains("classified"), "{page}");
    }
    for query in [
        format!("group={other}"),
        format!("group={group}&tag=classified-tag"),
    ] {
        let path = format!("/api/v1/servers?{query}");
        let answer = fleet.call(Method::GET, &path, &token, None).await;
        let empty = answer.status == 404 || answer.json()["items"] == json!([]);
        assert!(empty, "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_a_limited_member_adds_goes_into_a_group_of_theirs() {
    let (fleet, _, group, token) = fleet().await;
    let add = async |body: serde_json::Value| {
        fleet
            .call(Method::POST, "/api/v1/servers", &token, Some(&body))
            .await
    };
    let added = add(json!({ "name": "web-3" })).await;
    assert_eq!(added.status, 201, "{}", added.text());
    assert_eq!(added.json()["server"]["groups"][0]["id"], group.as_str());

    let other = fleet.add_group("Other").await;
    let foreign = add(json!({ "name": "web-4", "groups": [other] })).await;
    assert_eq!(foreign.status, 404, "{}", foreign.text());
    let person = fleet.person_id(MEMBER).await;
    fleet.limit(&person, &[&group, &other]).await;
    let unsaid = add(json!({ "name": "web-4" })).await;
    assert_eq!(unsaid.status, 422, "{}", unsaid.text());
    assert_eq!(unsaid.member(), "groups");

    let mut member = fleet.stranger();
    member.log_in(MEMBER, PASSWORD).await;
    let form = member.get("/servers/new").await.text();
    assert!(form.contains("choose at least one"), "{form}");
    let unsaid = member.submit("/servers", &[("name", "web-4")]).await;
    assert_eq!(unsaid.status, 422, "{}", unsaid.text());
    let field = format!("group-{other}");
    let added = member
        .submit("/servers", &[("name", "web-4"), (&field, "on")])
        .await;
    assert_eq!(added.status, 200, "{}", added.text());
    assert_eq!(
        fleet.names(&token, &format!("?group={other}")).await,
        ["web-4"]
    );
}

#[tokio::test]
async fn an_admin_says_on_a_page_which_servers_a_member_sees() {
    let (fleet, hidden, _, token) = fleet().await;
    let other = fleet.add_group("Other").await;
    fleet.set_in_group(Method::PUT, &other, &hidden.id).await;
    let person = fleet.person_id(MEMBER).await;
    let path = format!("/settings/people/{person}/groups");
    let mut owner = fleet.owner().await;
    assert!(owner.get("/settings/people").await.text().contains(&path));
    let page = owner.get(&path).await.text();
    assert!(page.contains(MEMBER) && page.contains("Customer"), "{page}");
    let field = format!("group-{other}");
    let saved = owner
        .submit(&path, &[("limited", "yes"), (&field, "on")])
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert_eq!(fleet.names(&token, "").await, ["secret-2"]);
    let saved = owner.submit(&path, &[("limited", "no")]).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    assert_eq!(fleet.names(&token, "").await.len(), 2);
    let unsaid = owner.submit(&path, &[(&field, "on")]).await;
    assert_eq!(unsaid.status, 422, "{}", unsaid.text());

    let mut member = fleet.stranger();
    member.log_in(MEMBER, PASSWORD).await;
    assert_eq!(member.get(&path).await.status, 403);
    let denied = member.submit(&path, &[("limited", "no")]).await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    let nobody = owner.get("/settings/people/0123456789abcdef/groups").await;
    assert_eq!(nobody.status, 404, "{}", nobody.text());
}

#[tokio::test]
async fn a_viewer_without_a_group_left_sees_nothing() {
    let fleet = Fleet::start().await;
    let group = fleet.add_group("Customer").await;
    fleet
        .set_in_group(Method::PUT, &group, &fleet.server.id)
        .await;
    let email = "viewer@example.org";
    let person = fleet.limited_member(email, "viewer", &[&group]).await;
    let token = fleet.dashboard.add_token(email, ORGANISATION, "read").await;
    assert_eq!(fleet.names(&token, "").await, ["web-1"]);
    let path = format!("/api/v1/groups/{group}");
    fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert!(fleet.names(&token, "").await.is_empty());

    let path = format!("/api/v1/people/{person}/groups");
    let limits = fleet.get(&path).await.json();
    assert_eq!(limits, json!({ "limited": true, "groups": [] }));
    let all = json!({ "limited": false, "groups": [] });
    fleet
        .call(Method::PUT, &path, &fleet.token, Some(&all))
        .await;
    assert_eq!(fleet.names(&token, "").await, ["web-1"]);
    let group = fleet.add_group("Another").await;
    let contradiction = json!({ "limited": false, "groups": [group] });
    let refused = fleet
        .call(Method::PUT, &path, &fleet.token, Some(&contradiction))
        .await;
    assert_eq!(refused.status, 422, "{}", refused.text());
}
