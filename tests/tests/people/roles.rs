//! Roles, suspension and removal, seen from the browser that loses them.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::Fleet;
use server_scout_tests::fleet::{ORGANISATION, answer};
use server_scout_tests::wait::{PATIENCE, within};

use super::{BOB, PASSWORD, id, member};

#[tokio::test]
async fn a_suspended_browser_its_stream_and_its_token_end_at_once() {
    let fleet = Fleet::start().await;
    let bob = member(&fleet, BOB, "admin").await;
    let token = fleet.dashboard.add_token(BOB, ORGANISATION, "read").await;
    let mut stream = bob
        .request(Method::GET, "/api/v1/live")
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    let mut owner = fleet.owner().await;
    let page = owner.get("/settings/people").await;
    assert!(page.text().contains(BOB), "{}", page.text());

    let who = id(&fleet, BOB).await;
    let fields = [("person", who.as_str()), ("standing", "suspend")];
    let done = owner.submit("/settings/people/standing", &fields).await;
    assert_eq!(done.status, 303, "{}", done.text());

    assert!(!bob.is_logged_in().await);
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    within("the end of the suspended stream", PATIENCE, end).await;
    let read = fleet
        .call(Method::GET, "/api/v1/servers", &token, None)
        .await;
    assert_eq!(read.status, 401);
    assert_eq!(fleet.stranger().log_in(BOB, PASSWORD).await.status, 401);

    let fields = [("person", who.as_str()), ("standing", "resume")];
    let done = owner.submit("/settings/people/standing", &fields).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let read = fleet
        .call(Method::GET, "/api/v1/servers", &token, None)
        .await;
    assert_eq!(read.status, 200);
    assert_eq!(fleet.stranger().log_in(BOB, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn ownership_is_handed_over_and_the_last_owner_stays() {
    let fleet = Fleet::start().await;
    let _bob = member(&fleet, BOB, "member").await;
    let mut owner = fleet.owner().await;
    let (mine, bobs) = (
        id(&fleet, server_scout_tests::fleet::OWNER).await,
        id(&fleet, BOB).await,
    );
    let _ = owner.get("/settings/people").await;
    let down = [("person", mine.as_str()), ("role", "viewer")];
    let refused = owner.submit("/settings/people/role", &down).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("keeps at least one owner"));
    let remove = [("person", mine.as_str()), ("standing", "remove")];
    let refused = owner.submit("/settings/people/standing", &remove).await;
    assert_eq!(refused.status, 409);

    let up = [("person", bobs.as_str()), ("role", "owner")];
    let done = owner.submit("/settings/people/role", &up).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let done = owner.submit("/settings/people/role", &down).await;
    assert_eq!(done.status, 303, "{}", done.text());
    assert!(
        !owner.is_logged_in().await,
        "less may be done: log in again"
    );
}

#[tokio::test]
async fn an_admins_page_offers_no_owner_and_the_api_refuses_one() {
    let fleet = Fleet::start().await;
    let mut admin = member(&fleet, BOB, "admin").await;
    let page = admin.get("/settings/people").await.text();
    assert!(!page.contains("value=\"owner\""), "{page}");
    let mine = id(&fleet, BOB).await;
    let owners = id(&fleet, server_scout_tests::fleet::OWNER).await;
    for (who, role) in [(&mine, "owner"), (&owners, "viewer")] {
        let fields = [("person", who.as_str()), ("role", role)];
        let refused = admin.submit("/settings/people/role", &fields).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    let path = format!("/api/v1/people/{owners}");
    let change = json!({ "role": "viewer" });
    let refused = fleet
        .call(Method::PATCH, &path, &fleet.token, Some(&change))
        .await;
    assert_eq!(refused.status, 403);
    let refused = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn people_are_managed_by_the_api() {
    let fleet = Fleet::start().await;
    let bob = member(&fleet, BOB, "member").await;
    let path = format!("/api/v1/people/{}", id(&fleet, BOB).await);
    let change = json!({ "role": "viewer", "suspended": true });
    let changed = fleet
        .call(Method::PATCH, &path, &fleet.token, Some(&change))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["role"], "viewer");
    assert!(changed.json()["suspended_at"].is_string());
    assert!(!bob.is_logged_in().await);
    assert_eq!(fleet.get(&path).await.json()["email"], BOB);
    let removed = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(removed.status, 204);
    assert_eq!(fleet.get(&path).await.status, 404);

    let dashboard = &fleet.dashboard;
    dashboard
        .add_user("eve@example.org", "Other", "owner", PASSWORD)
        .await;
    let foreign = dashboard
        .add_token("eve@example.org", "Other", "admin")
        .await;
    let owners = id(&fleet, server_scout_tests::fleet::OWNER).await;
    let path = format!("/api/v1/people/{owners}");
    for method in [Method::GET, Method::DELETE] {
        let answer = fleet.call(method, &path, &foreign, None).await;
        assert_eq!(answer.status, 404);
    }
    let list = fleet
        .call(Method::GET, "/api/v1/people", &foreign, None)
        .await;
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_without_a_fresh_proof_is_told_so_by_the_api() {
    let setup = server_scout_tests::dashboard::Setup::new();
    let fleet = Fleet::with(setup).await;
    let owner = fleet.owner().await;
    let path = "/api/v1/organisation";
    let request = owner
        .request(Method::PATCH, path)
        .header("Sec-Fetch-Site", "same-origin")
        .json(&json!({ "name": "Another" }));
    // Without the token of the session's forms it is another site's.
    assert_eq!(answer(request).await.status, 403);
    let token = owner.csrf_token.clone().unwrap();
    let request = owner
        .request(Method::PATCH, path)
        .header("Sec-Fetch-Site", "same-origin")
        .header("X-CSRF-Token", token)
        .json(&json!({ "name": "Another" }));
    let renamed = answer(request).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    assert_eq!(renamed.json()["name"], "Another");
}

#[tokio::test]
async fn who_may_not_change_people_is_not_led_to_their_page() {
    let fleet = Fleet::start().await;
    for (role, led) in [("member", false), ("admin", true)] {
        let email = format!("{role}@example.org");
        let mut person = member(&fleet, &email, role).await;
        let page = person.get("/settings/organisation").await.text();
        assert_eq!(page.contains("href=\"/settings/people\""), led, "{role}");
        let people = person.get("/settings/people").await;
        assert_eq!(people.status, if led { 200 } else { 403 }, "{role}");
    }
}
