//! Access tokens on their page and in the API.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::fleet::{ORGANISATION, PASSWORD, answer};
use server_scout_tests::{Fleet, Person};

/// Makes a token through the form and returns it.
async fn make(person: &mut Person, name: &str, scope: &str) -> String {
    assert_eq!(person.get("/settings/tokens/new").await.status, 200);
    let fields = [("name", name), ("scope", scope), ("days", "30")];
    let made = person.submit("/settings/tokens/new", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let page = made.text();
    let token = page.split("value=\"sst_").nth(1);
    let token = token.and_then(|rest| rest.split('"').next());
    format!("sst_{}", token.expect("the token is shown"))
}

#[tokio::test]
async fn a_token_is_made_used_and_revoked_on_its_page() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let token = make(&mut owner, "<i>reporting</i>", "read").await;
    let page = owner.get("/settings/tokens").await.text();
    assert!(!page.contains(&token), "it is shown once");
    assert!(
        page.contains("&lt;i&gt;reporting") && page.contains(">never<") || page.contains("never")
    );
    assert_eq!(fleet.names(&token, "").await, ["web-1"]);
    let page = owner.get("/settings/tokens").await.text();
    assert!(page.contains("from <bdi>127.0.0.1"), "{page}");

    let list = fleet.get("/api/v1/tokens").await.json();
    let items = list["items"].as_array().unwrap();
    let made = items.iter().find(|one| one["name"] == "<i>reporting</i>");
    let made = made.expect("it is listed").clone();
    assert_eq!(made["scope"], "read");
    assert_eq!(made["last_address"], "127.0.0.1");
    assert!(made["last_used"].is_string(), "{made}");
    assert!(!list.to_string().contains("sst_"), "{list}");

    let id = made["id"].as_str().unwrap();
    let revoked = owner
        .submit("/settings/tokens/revoke", &[("token", id)])
        .await;
    assert_eq!(revoked.status, 303, "{}", revoked.text());
    let refused = fleet
        .call(Method::GET, "/api/v1/servers", &token, None)
        .await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    let events = fleet
        .get("/api/v1/audit-events?action=access-token")
        .await
        .text();
    assert!(events.contains("access-token.added") && events.contains("access-token.revoked"));
}

#[tokio::test]
async fn a_token_stands_in_no_file_and_no_log() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let token = make(&mut owner, "reporting", "read").await;
    let body = token.strip_prefix("sst_").unwrap();
    assert_eq!(fleet.names(&token, "").await, ["web-1"]);
    for path in fleet.dashboard.setup().files() {
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(body.len())
            .any(|window| window == body.as_bytes());
        assert!(!found, "{}", path.display());
    }
    assert!(!fleet.dashboard.program().stderr().contains(body));
}

#[tokio::test]
async fn a_token_makes_no_token_whatever_its_scope() {
    let fleet = Fleet::start().await;
    let body = json!({ "name": "more", "scope": "read" });
    let made = fleet
        .call(Method::POST, "/api/v1/tokens", &fleet.token, Some(&body))
        .await;
    assert_eq!(made.status, 403, "{}", made.text());
}

#[tokio::test]
async fn the_api_makes_a_token_for_a_fresh_session() {
    let fleet = Fleet::start().await;
    let owner = fleet.owner().await;
    let asked = async |body: serde_json::Value| {
        let request = owner
            .request(Method::POST, "/api/v1/tokens")
            .header("Sec-Fetch-Site", "same-origin")
            .header("X-CSRF-Token", owner.csrf_token.clone().unwrap())
            .json(&body);
        answer(request).await
    };
    let made = asked(json!({ "name": "ci", "scope": "write", "days": 1 })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(fleet.names(&token, "").await, ["web-1"]);
    for (body, member) in [
        (json!({ "name": "", "scope": "read" }), "name"),
        (json!({ "name": "x", "scope": "root" }), "scope"),
        (json!({ "name": "x", "scope": "read", "days": 366 }), "days"),
    ] {
        let refused = asked(body.clone()).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.text());
        assert_eq!(refused.member(), member, "{body}");
    }
    let planted = json!({ "name": "x", "scope": "read", "person": "0123456789abcdef" });
    let planted = asked(planted).await;
    assert!([400, 422].contains(&planted.status), "{}", planted.text());
}

#[tokio::test]
async fn a_member_sees_the_own_tokens_and_an_admin_those_of_all() {
    let fleet = Fleet::start().await;
    let email = "member@example.org";
    fleet
        .dashboard
        .add_user(email, ORGANISATION, "member", PASSWORD)
        .await;
    let mut member = fleet.stranger();
    member.log_in(email, PASSWORD).await;
    let theirs = make(&mut member, "their own", "write").await;
    let form = member.get("/settings/tokens/new").await.text();
    assert!(!form.contains("value=\"admin\""), "{form}");
    let fields = [("name", "more"), ("scope", "admin"), ("days", "30")];
    let refused = member.submit("/settings/tokens/new", &fields).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(
        refused.text().contains("your role, member"),
        "{}",
        refused.text()
    );

    assert_eq!(member.get("/settings/tokens?all=true").await.status, 403);
    let denied = fleet
        .call(Method::GET, "/api/v1/tokens?all=true", &theirs, None)
        .await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    let own = fleet.get("/api/v1/tokens").await.json();
    let own = own["items"][0]["id"].as_str().unwrap().to_owned();
    let foreign = member
        .submit("/settings/tokens/revoke", &[("token", &own)])
        .await;
    assert_eq!(foreign.status, 404, "{}", foreign.text());

    let mut owner = fleet.owner().await;
    let page = owner.get("/settings/tokens?all=true").await.text();
    assert!(page.contains(email) && page.contains("their own"), "{page}");
    let all = fleet.get("/api/v1/tokens?all=true&limit=1").await.json();
    let cursor = all["next_cursor"].as_str().expect("there is more");
    let path = format!("/api/v1/tokens?all=true&limit=1&cursor={cursor}");
    let rest = fleet.get(&path).await.json();
    assert_ne!(rest["items"][0]["id"], all["items"][0]["id"]);
    let id = all["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/tokens/{id}");
    let revoked = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(revoked.status, 204, "{}", revoked.text());
    let refused = fleet
        .call(Method::GET, "/api/v1/servers", &theirs, None)
        .await;
    assert_eq!(refused.status, 401, "{}", refused.text());
}
