//! Finding servers by group, tag, status and name, in the API and on the page.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::{Fleet, report};

/// web-1 (online, eu, in Customer), web-2 (eu, in Customer), db-1.
async fn fleet() -> (Fleet, String) {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let web = fleet.add_server("web-2").await;
    fleet.add_server("db-1").await;
    let group = fleet.add_group("Customer").await;
    for server in [&fleet.server.id, &web.id] {
        fleet.set_in_group(Method::PUT, &group, server).await;
        let path = format!("/api/v1/servers/{server}");
        let body = json!({ "tags": ["eu"] });
        let tagged = fleet
            .call(Method::PATCH, &path, &fleet.token, Some(&body))
            .await;
        assert_eq!(tagged.status, 200, "{}", tagged.text());
    }
    (fleet, group)
}

#[tokio::test]
async fn servers_are_found_by_group_tag_status_and_name() {
    let (fleet, group) = fleet().await;
    let token = fleet.token.clone();
    let found = async |query: &str| fleet.names(&token, query).await;
    assert_eq!(found("").await, ["db-1", "web-1", "web-2"]);
    assert_eq!(found(&format!("?group={group}")).await, ["web-1", "web-2"]);
    assert_eq!(found("?tag=eu&search=-2").await, ["web-2"]);
    assert_eq!(found("?status=online").await, ["web-1"]);
    assert_eq!(found("?status=waiting&tag=eu").await, ["web-2"]);
    assert_eq!(found("?search=WEB").await, ["web-1", "web-2"]);
    assert!(found("?tag=us").await.is_empty());
}

#[tokio::test]
async fn a_cursor_goes_on_within_the_filter() {
    let (fleet, group) = fleet().await;
    let query = format!("/api/v1/servers?group={group}&limit=1");
    let first = fleet.get(&query).await.json();
    assert_eq!(first["items"][0]["name"], "web-1", "{first}");
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let second = fleet.get(&format!("{query}&cursor={cursor}")).await.json();
    assert_eq!(second["items"][0]["name"], "web-2", "{second}");
    assert!(second["next_cursor"].is_null(), "{second}");
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_refused_by_name() {
    let (fleet, _) = fleet().await;
    for (query, member) in [
        ("tag=<b>", "tag"),
        ("status=up", "status"),
        ("protection=safe", "protection"),
        ("search=%E2%80%AE", "search"),
        ("limit=0", "limit"),
        ("cursor=!", "cursor"),
    ] {
        let answer = fleet.get(&format!("/api/v1/servers?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text());
        assert_eq!(answer.member(), member, "{query}");
    }
    for group in ["0123456789abcdef", "x"] {
        let answer = fleet.get(&format!("/api/v1/servers?group={group}")).await;
        assert_eq!(answer.status, 404, "{group}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_page_keeps_the_filter_in_its_address() {
    let (fleet, group) = fleet().await;
    let mut owner = fleet.owner().await;
    let path = format!("/servers?search=web&group={group}&tag=eu&status=waiting&protection=unsaid");
    let page = owner.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let page = page.text();
    assert!(
        page.contains(">web-2<") && !page.contains(">web-1<"),
        "{page}"
    );
    assert!(
        page.contains("method=\"get\" action=\"/servers\""),
        "{page}"
    );
    for kept in [
        "name=\"search\" type=\"search\"",
        "value=\"web\"",
        &format!("value=\"{group}\" selected"),
        "value=\"waiting\" selected",
        "value=\"unsaid\" selected",
        "value=\"eu\"",
    ] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    // What a form sends empty is not asked.
    let all = owner
        .get("/servers?search=&group=&tag=&status=&protection=")
        .await;
    assert!(all.text().contains(">db-1<"), "{}", all.text());
    let none = owner.get("/servers?search=nothing").await.text();
    assert!(none.contains("No server fits."), "{none}");
    assert_eq!(owner.get("/servers?role=admin").await.status, 400);
}
