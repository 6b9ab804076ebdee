//! Invitations: shown once or mailed, looked at, accepted once.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::fleet::{ORGANISATION, answer};
use server_scout_tests::{Fleet, Person};

use super::{BOB, PASSWORD, id, location, member, shown_link};

async fn invite(fleet: &Fleet, owner: &mut Person, email: &str, role: &str) -> String {
    let _ = owner.get("/settings/people").await;
    let fields = [("email", email), ("role", role)];
    let page = owner.submit("/settings/people/invite", &fields).await;
    assert_eq!(page.status, 200, "{}", page.text());
    shown_link(fleet, &page, "invitation")
}

#[tokio::test]
async fn somebody_new_joins_by_the_link_that_the_inviter_hands_over() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let link = invite(&fleet, &mut owner, BOB, "member").await;
    let list = owner.get("/settings/people").await.text();
    assert!(list.contains(BOB) && !list.contains(&link), "shown once");

    let mut bob = fleet.stranger();
    for _ in 0..2 {
        let page = bob.get(&link).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert!(page.text().contains(ORGANISATION) && page.text().contains(BOB));
    }
    let short = [("name", "Bob <b>"), ("password", "short")];
    let refused = bob.submit(&link, &short).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text().contains("Bob &lt;b&gt;"),
        "{}",
        refused.text()
    );
    let good = [("name", "Bob"), ("password", PASSWORD)];
    let joined = bob.submit(&link, &good).await;
    assert_eq!(joined.status, 303, "{}", joined.text());
    assert!(bob.is_logged_in().await);

    assert_eq!(fleet.stranger().get(&link).await.status, 410);
    let again = fleet.stranger().submit(&link, &good).await;
    assert_eq!(again.status, 410);
    let me = answer(bob.request(Method::GET, "/api/v1/account"))
        .await
        .json();
    assert_eq!(
        (&me["name"], &me["role"]),
        (&json!("Bob"), &json!("member"))
    );
    let logs = fleet.dashboard.program().stderr();
    let secret = link.rsplit('/').next().unwrap();
    assert!(!logs.contains(secret), "the link stands in the log");
}

#[tokio::test]
async fn who_has_an_account_logs_in_first_and_joins_with_the_sessions_token() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    fleet
        .dashboard
        .add_user(BOB, "Elsewhere", "owner", PASSWORD)
        .await;
    let link = invite(&fleet, &mut owner, BOB, "viewer").await;
    let page = fleet.stranger().get(&link).await.text();
    assert!(page.contains("has an account already") && !page.contains("password\""));
    let taken = [("name", ""), ("password", PASSWORD)];
    assert_eq!(fleet.stranger().submit(&link, &taken).await.status, 409);

    // Somebody else who is logged in looks and cannot join.
    let other = owner.get(&link).await.text();
    assert!(other.contains("Log out, then open the link again"));
    assert_eq!(owner.submit(&link, &[]).await.status, 403);

    let mut bob = fleet.stranger();
    bob.log_in(BOB, PASSWORD).await;
    let before = bob.clone();
    let _ = bob.get(&link).await;
    let mut forged = bob.clone();
    forged.csrf_token = Some("forged".to_owned());
    assert_eq!(forged.submit(&link, &[]).await.status, 403);
    let joined = bob.submit(&link, &[]).await;
    assert_eq!(joined.status, 303, "{}", joined.text());
    assert!(bob.get("/servers").await.text().contains(ORGANISATION));
    assert!(!before.is_logged_in().await, "the old id lives on");
}

#[tokio::test]
async fn an_invitation_is_made_listed_and_taken_back_by_the_api() {
    let fleet = Fleet::start().await;
    let new = json!({ "email": BOB, "role": "admin" });
    let made = fleet
        .call(
            Method::POST,
            "/api/v1/invitations",
            &fleet.token,
            Some(&new),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let path = link
        .strip_prefix(&fleet.dashboard.origin())
        .unwrap()
        .to_owned();
    let list = fleet.get("/api/v1/invitations").await.json();
    assert_eq!(list["items"][0]["email"], BOB);
    assert!(!list.to_string().contains("ssl_"), "{list}");

    let id = list["items"][0]["id"].as_str().unwrap();
    let one = format!("/api/v1/invitations/{id}");
    let ended = fleet.call(Method::DELETE, &one, &fleet.token, None).await;
    assert_eq!(ended.status, 204);
    assert_eq!(fleet.stranger().get(&path).await.status, 410);
    let again = fleet.call(Method::DELETE, &one, &fleet.token, None).await;
    assert_eq!(again.status, 404);

    // A token is not an owner's session.
    let owner = json!({ "email": BOB, "role": "owner" });
    let refused = fleet
        .call(
            Method::POST,
            "/api/v1/invitations",
            &fleet.token,
            Some(&owner),
        )
        .await;
    assert_eq!(refused.status, 403);
    for bad in [
        json!({ "email": BOB }),
        json!({ "email": BOB, "role": "king" }),
        json!({ "email": BOB, "role": "viewer", "organisation_id": "1" }),
        json!({ "email": "a@b\r\nBcc: c@d.example", "role": "viewer" }),
        json!({ "email": format!("{}@b.example", "a".repeat(300)), "role": "viewer" }),
    ] {
        let refused = fleet
            .call(
                Method::POST,
                "/api/v1/invitations",
                &fleet.token,
                Some(&bad),
            )
            .await;
        assert!(
            [400, 422].contains(&refused.status),
            "{bad}: {}",
            refused.text()
        );
    }
}

#[tokio::test]
async fn a_form_without_a_fresh_proof_leads_to_the_password_and_back() {
    let fleet = Fleet::start().await;
    let viewer = member(&fleet, BOB, "viewer").await;
    let page = answer(viewer.request(Method::GET, "/settings/people")).await;
    assert_eq!(page.status, 403);
    let who = id(&fleet, BOB).await;
    let mut stranger = fleet.stranger();
    let role = [("person", who.as_str()), ("role", "admin")];
    let asked = stranger.submit("/settings/people/role", &role).await;
    assert_eq!(asked.status, 401);
    assert_eq!(location(&stranger.get("/settings/people").await), "/login");
}
