//! Groups: made, changed and deleted by admins, in the API and on the pages.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::Fleet;
use server_scout_tests::fleet::{ORGANISATION, PASSWORD};

#[tokio::test]
async fn a_group_lives_through_the_api() {
    let fleet = Fleet::start().await;
    let group = fleet.add_group("Customer").await;
    let path = format!("/api/v1/groups/{group}");
    let again = json!({ "name": "customer" });
    let again = fleet
        .call(Method::POST, "/api/v1/groups", &fleet.token, Some(&again))
        .await;
    assert_eq!(again.status, 409, "{}", again.text());

    let renamed = json!({ "name": "Client" });
    let renamed = fleet
        .call(Method::PATCH, &path, &fleet.token, Some(&renamed))
        .await;
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    for _ in 0..2 {
        fleet
            .set_in_group(Method::PUT, &group, &fleet.server.id)
            .await;
    }
    let list = fleet.get("/api/v1/groups").await.json();
    assert_eq!(list["items"][0]["group"]["name"], "Client", "{list}");
    assert_eq!(list["items"][0]["servers"], 1, "{list}");
    assert_eq!(fleet.state().await["groups"][0]["name"], "Client");

    for _ in 0..2 {
        fleet
            .set_in_group(Method::DELETE, &group, &fleet.server.id)
            .await;
    }
    let deleted = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    let gone = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(gone.status, 404, "{}", gone.text());
    let events = fleet.get("/api/v1/audit-events?action=group").await.json();
    let actions: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["action"].as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "group.deleted",
            "group.server-removed",
            "group.server-added",
            "group.renamed",
            "group.added"
        ]
    );
}

#[tokio::test]
async fn members_look_at_groups_and_only_admins_change_them() {
    let fleet = Fleet::start().await;
    let group = fleet.add_group("Customer").await;
    let email = "member@example.org";
    fleet
        .dashboard
        .add_user(email, ORGANISATION, "member", PASSWORD)
        .await;
    let token = fleet
        .dashboard
        .add_token(email, ORGANISATION, "write")
        .await;
    let person = fleet.person_id(email).await;
    let path = format!("/api/v1/groups/{group}");
    let inside = format!("{path}/servers/{}", fleet.server.id);
    let limits = format!("/api/v1/people/{person}/groups");
    let name = json!({ "name": "x" });
    let unlimited = json!({ "limited": false, "groups": [] });
    for (method, path, body) in [
        (Method::POST, "/api/v1/groups", Some(&name)),
        (Method::PATCH, path.as_str(), Some(&name)),
        (Method::DELETE, path.as_str(), None),
        (Method::PUT, inside.as_str(), None),
        (Method::DELETE, inside.as_str(), None),
        (Method::GET, limits.as_str(), None),
        (Method::PUT, limits.as_str(), Some(&unlimited)),
    ] {
        let answer = fleet.call(method.clone(), path, &token, body).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    let list = fleet
        .call(Method::GET, "/api/v1/groups", &token, None)
        .await;
    assert_eq!(list.status, 200, "{}", list.text());

    let mut member = fleet.stranger();
    member.log_in(email, PASSWORD).await;
    let page = member.get("/settings/groups").await.text();
    assert!(
        page.contains("Customer") && !page.contains("Make group"),
        "{page}"
    );
    let denied = member.submit("/settings/groups", &[("name", "x")]).await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    let path = format!("/settings/groups/{group}");
    assert_eq!(member.get(&path).await.status, 403);
}

#[tokio::test]
async fn a_foreign_group_is_404_on_every_route() {
    let fleet = Fleet::start().await;
    let group = fleet.add_group("Customer").await;
    let email = "other@example.org";
    fleet
        .dashboard
        .add_user(email, "Other", "owner", PASSWORD)
        .await;
    let foreign = fleet.dashboard.add_token(email, "Other", "admin").await;
    let own = fleet.dashboard.add_server("Other", "own").await;
    assert!(!own.is_empty());
    let servers = fleet
        .call(Method::GET, "/api/v1/servers", &foreign, None)
        .await
        .json();
    let own = servers["items"][0]["id"].as_str().unwrap().to_owned();
    let owner = fleet.person_id("owner@example.org").await;
    let path = format!("/api/v1/groups/{group}");
    let name = json!({ "name": "x" });
    let with_group = json!({ "name": "planted", "groups": [group] });
    let limits = json!({ "limited": false, "groups": [] });
    for (method, path, body) in [
        (Method::PATCH, path.clone(), Some(&name)),
        (Method::DELETE, path.clone(), None),
        (Method::PUT, format!("{path}/servers/{own}"), None),
        (Method::DELETE, format!("{path}/servers/{own}"), None),
        (Method::GET, format!("/api/v1/servers?group={group}"), None),
        (
            Method::POST,
            "/api/v1/servers".to_owned(),
            Some(&with_group),
        ),
        (Method::GET, format!("/api/v1/people/{owner}/groups"), None),
        (
            Method::PUT,
            format!("/api/v1/people/{owner}/groups"),
            Some(&limits),
        ),
    ] {
        let answer = fleet.call(method.clone(), &path, &foreign, body).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert!(!answer.text().contains("Customer"), "{}", answer.text());
    }
    let list = fleet
        .call(Method::GET, "/api/v1/groups", &foreign, None)
        .await;
    assert_eq!(list.json()["items"], json!([]), "{}", list.text());
    let mut person = fleet.stranger();
    person.log_in(email, PASSWORD).await;
    let page = person.get(&format!("/settings/groups/{group}")).await;
    assert_eq!(page.status, 404, "{}", page.text());
}

#[tokio::test]
async fn groups_are_managed_on_their_pages() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    owner.get("/settings/groups").await;
    let made = owner
        .submit("/settings/groups", &[("name", "<b>Ünï & co</b>")])
        .await;
    assert_eq!(made.status, 303, "{}", made.text());
    let page = owner.get("/settings/groups").await.text();
    assert!(
        page.contains("&lt;b&gt;Ünï &amp; co") && !page.contains("<b>Ü"),
        "{page}"
    );
    let again = owner
        .submit("/settings/groups", &[("name", "<b>Ünï & co</b>")])
        .await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert!(
        again.text().contains("another group already"),
        "{}",
        again.text()
    );

    let list = fleet.get("/api/v1/groups").await.json();
    let group = list["items"][0]["group"]["id"].as_str().unwrap().to_owned();
    let path = format!("/settings/groups/{group}");
    assert_eq!(owner.get(&path).await.status, 200);
    let renamed = owner.submit(&path, &[("name", "Customer")]).await;
    assert_eq!(renamed.status, 303, "{}", renamed.text());

    let settings = format!("/servers/{}/settings", fleet.server.id);
    assert!(owner.get(&settings).await.text().contains("Customer"));
    let field = format!("group-{group}");
    let put = format!("/servers/{}/groups", fleet.server.id);
    assert_eq!(owner.submit(&put, &[(&field, "on")]).await.status, 303);
    assert_eq!(fleet.state().await["groups"][0]["name"], "Customer");
    assert_eq!(owner.submit(&put, &[]).await.status, 303);
    assert_eq!(fleet.state().await["groups"], json!([]));
    let unknown = owner
        .submit(&put, &[("group-0123456789abcdef", "on")])
        .await;
    assert_eq!(unknown.status, 404, "{}", unknown.text());

    let gone = owner.submit(&format!("{path}/delete"), &[]).await;
    assert_eq!(gone.status, 303, "{}", gone.text());
    let page = owner.get("/settings/groups?done=deleted").await.text();
    assert!(page.contains("no group here yet"), "{page}");
}
