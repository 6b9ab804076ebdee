//! An organisation that requires a second factor.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::Fleet;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::wait::{PATIENCE, within};

use super::{PAGE, set_up};

const COLLEAGUE: &str = "bob@example.org";

#[tokio::test]
async fn whoever_has_none_can_do_nothing_but_set_one_up() {
    let fleet = Fleet::start().await;
    fleet
        .dashboard
        .add_user(COLLEAGUE, ORGANISATION, "admin", PASSWORD)
        .await;
    let token = fleet
        .dashboard
        .add_token(COLLEAGUE, ORGANISATION, "admin")
        .await;
    let mut colleague = fleet.stranger();
    assert_eq!(colleague.log_in(COLLEAGUE, PASSWORD).await.status, 303);
    let mut stream = colleague
        .request(Method::GET, "/api/v1/live")
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    let mut owner = fleet.owner().await;
    let yes = [("required", "yes")];
    let _ = owner.get("/settings/second-factor").await;
    let refused = owner.submit("/settings/second-factor", &yes).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let _ = set_up(&mut owner).await;
    let page = owner.get("/settings/second-factor").await.text();
    assert!(page.contains("Members without one: 1 of 2"), "{page}");

    let required = owner.submit("/settings/second-factor", &yes).await;

    assert_eq!(required.status, 303, "{}", required.text());
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    within("the end of the colleague's stream", PATIENCE, end).await;
    for path in ["/servers", "/servers/new", "/settings/audit"] {
        let page = colleague.get(path).await;
        assert_eq!(page.status, 303, "{path}");
        let location = page.header("location").unwrap_or_default().to_owned();
        assert_eq!(location, PAGE, "{path}");
    }
    let api = answer(colleague.request(Method::GET, "/api/v1/servers")).await;
    assert_eq!(api.status, 403);
    assert_eq!(api.json()["type"], "second-factor-required");
    for (method, path) in [
        (Method::GET, "/api/v1/servers"),
        (Method::GET, "/api/v1/sessions"),
        (Method::GET, "/api/v1/account/second-factors"),
        (Method::GET, "/api/v1/live"),
    ] {
        let refused = fleet.call(method, path, &token, None).await;
        assert_eq!(refused.status, 403, "{path}");
        assert_eq!(refused.json()["type"], "second-factor-required", "{path}");
    }
    assert_eq!(fleet.get("/api/v1/servers").await.status, 200);

    let page = colleague.get(PAGE).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("Set one up to go on"));
    let (app, _) = set_up(&mut colleague).await;
    assert!(colleague.is_logged_in().await);
    let restored = fleet
        .call(Method::GET, "/api/v1/servers", &token, None)
        .await;
    assert_eq!(restored.status, 200);
    drop(app);
}

#[tokio::test]
async fn the_api_lists_and_removes_own_factors_but_never_for_a_token() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let _ = set_up(&mut owner).await;
    let list = fleet.get("/api/v1/account/second-factors").await.json();
    assert_eq!(list["recovery_codes_left"], 10, "{list}");
    assert_eq!(list["items"][0]["kind"], "totp", "{list}");
    let id = list["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/account/second-factors/{id}");
    let refused = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let requirement = "/api/v1/organisation/second-factor";
    let body = json!({"required": true});
    let put = fleet
        .call(Method::PUT, requirement, &fleet.token, Some(&body))
        .await;
    assert_eq!(put.status, 204, "{}", put.text());
    assert_eq!(fleet.get(requirement).await.json(), body);
    let remove = async |owner: &server_scout_tests::Person| {
        let request = owner
            .request(Method::DELETE, &path)
            .header("Sec-Fetch-Site", "same-origin")
            .header("X-CSRF-Token", owner.csrf_token.clone().unwrap());
        answer(request).await
    };
    let _ = owner.get(PAGE).await;
    let kept = remove(&owner).await;
    assert_eq!(kept.status, 409, "{}", kept.text());
    assert_eq!(kept.json()["type"], "last-second-factor");
    let body = json!({"required": false});
    let put = fleet
        .call(Method::PUT, requirement, &fleet.token, Some(&body))
        .await;
    assert_eq!(put.status, 204, "{}", put.text());

    let removed = remove(&owner).await;

    assert_eq!(removed.status, 204, "{}", removed.text());
    assert!(!owner.is_logged_in().await, "the old id lives on");
    let cookie = removed.header("set-cookie").unwrap_or_default();
    assert!(cookie.starts_with("__Host-server-scout=sss_"), "{cookie}");
    assert!(fleet.owner().await.is_logged_in().await, "{OWNER}");
}
