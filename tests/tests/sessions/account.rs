//! One's own account: the list of sessions, ending them, and another password.

use reqwest::Method;
use serde_json::json;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::wait::{PATIENCE, within};
use server_scout_tests::{Fleet, Person};

const NEW: &str = "a stapler for the battery";

/// The person's sessions as the API lists them.
async fn sessions(person: &Person) -> Vec<serde_json::Value> {
    let list = answer(person.request(Method::GET, "/api/v1/sessions")).await;
    assert_eq!(list.status, 200, "{}", list.text());
    list.json()["items"].as_array().cloned().unwrap()
}

/// The id of the person's own session.
async fn own(person: &Person) -> String {
    let sessions = sessions(person).await;
    let own = sessions.iter().find(|session| session["current"] == true);
    own.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_password_logs_the_other_browser_out_and_renews_this_one() {
    let fleet = Fleet::start().await;
    let mut person = fleet.owner().await;
    let other = fleet.owner().await;
    let before = person.clone();
    let mut stream = other
        .request(Method::GET, "/api/v1/live")
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    let page = person.get("/account").await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains(OWNER) && page.text().contains("This browser"));

    let fields = [("present_password", "a wrong password"), ("password", NEW)];
    let refused = person.submit("/account/password", &fields).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("Present password is wrong."));
    assert!(other.is_logged_in().await);
    let fields = [("present_password", PASSWORD), ("password", NEW)];
    let changed = person.submit("/account/password", &fields).await;

    assert_eq!(changed.status, 303, "{}", changed.text());
    assert_ne!(person.cookie, before.cookie);
    assert!(person.is_logged_in().await);
    assert!(!before.is_logged_in().await, "the old id lives on");
    assert!(!other.is_logged_in().await);
    let end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    within("the end of the other browser's stream", PATIENCE, end).await;
    assert_eq!(
        fleet.get("/api/v1/servers").await.status,
        200,
        "tokens stay"
    );
    let done = person.get("/account?done=password-changed").await;
    assert!(done.text().contains("The password is changed."));
    assert_eq!(sessions(&person).await.len(), 1);

    let mut later = fleet.stranger();
    assert_eq!(later.log_in(OWNER, PASSWORD).await.status, 401);
    assert_eq!(later.log_in(OWNER, NEW).await.status, 303);
}

#[tokio::test]
async fn one_session_ends_by_the_page_and_all_others_by_one_button() {
    let fleet = Fleet::start().await;
    let mut person = fleet.owner().await;
    let [first, second, third] = [
        fleet.owner().await,
        fleet.owner().await,
        fleet.owner().await,
    ];
    let id = own(&first).await;
    let _ = person.get("/account").await;

    let page = person
        .submit("/account/sessions/end", &[("session", &id)])
        .await;

    assert_eq!(page.status, 303, "{}", page.text());
    assert!(!first.is_logged_in().await);
    assert!(second.is_logged_in().await && third.is_logged_in().await);
    let again = person
        .submit("/account/sessions/end", &[("session", &id)])
        .await;
    assert_eq!(again.status, 404);
    let page = person.submit("/account/sessions/end-others", &[]).await;
    assert_eq!(page.status, 303);
    assert!(!second.is_logged_in().await && !third.is_logged_in().await);
    assert!(person.is_logged_in().await);
}

#[tokio::test]
async fn nobody_ends_the_session_of_another_person() {
    let fleet = Fleet::start().await;
    let email = "eve@example.org";
    fleet
        .dashboard
        .add_user(email, ORGANISATION, "admin", PASSWORD)
        .await;
    let owner = fleet.owner().await;
    let id = own(&owner).await;
    let mut eve = fleet.stranger();
    assert_eq!(eve.log_in(email, PASSWORD).await.status, 303);
    let _ = eve.get("/account").await;
    assert_eq!(sessions(&eve).await.len(), 1);

    for id in [id.as_str(), "0000000000000000", "nonsense", ""] {
        let page = eve
            .submit("/account/sessions/end", &[("session", id)])
            .await;
        assert_eq!(page.status, 404, "{id}");
    }
    let path = format!("/api/v1/sessions/{id}");
    let token = fleet
        .dashboard
        .add_token(email, ORGANISATION, "admin")
        .await;
    let ended = fleet.call(Method::DELETE, &path, &token, None).await;
    assert_eq!(ended.status, 404, "{}", ended.text());
    assert!(owner.is_logged_in().await);

    let ended = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(ended.status, 204, "{}", ended.text());
    assert!(!owner.is_logged_in().await);
}

#[tokio::test]
async fn a_change_of_the_account_needs_the_forms_token() {
    let fleet = Fleet::start().await;
    let mut person = fleet.owner().await;
    let other = fleet.owner().await;
    let id = own(&other).await;
    person.csrf_token = Some("another".to_owned());
    for (path, fields) in [
        ("/account/sessions/end", vec![("session", id.as_str())]),
        ("/account/sessions/end-others", vec![]),
        (
            "/account/password",
            vec![("present_password", PASSWORD), ("password", NEW)],
        ),
    ] {
        let page = person.submit(path, &fields).await;
        assert_eq!(page.status, 403, "{path}");
        let looked = answer(person.request(Method::GET, path)).await;
        assert_eq!(looked.status, 405, "{path}");
    }
    let ended = person
        .request(Method::DELETE, &format!("/api/v1/sessions/{id}"))
        .header("Sec-Fetch-Site", "same-origin");
    assert_eq!(answer(ended).await.status, 403);
    assert!(other.is_logged_in().await && person.is_logged_in().await);
}

#[tokio::test]
async fn the_page_shows_what_the_browser_says_as_text() {
    let fleet = Fleet::start().await;
    let mut person = fleet.owner().await;
    let login = fleet.client().post(fleet.dashboard.url("/login"));
    let hostile = format!("<b>{}\u{202e}</b>", "x".repeat(3000));
    let login = login
        .header("Sec-Fetch-Site", "same-origin")
        .header("User-Agent", hostile.as_bytes())
        .form(&[("email", OWNER), ("password", PASSWORD)]);
    assert_eq!(answer(login).await.status, 303);

    let page = person.get("/account").await.text();

    assert!(page.contains("&lt;b&gt;xxx") && !page.contains("<b>x"));
    assert!(!page.contains(&"x".repeat(161)));
}

#[tokio::test]
async fn nobody_fills_the_audit_log() {
    let setup = Setup::new().set("SERVERSCOUT_LIMITS__CHANGES", "60");
    let fleet = Fleet::with(setup).await;
    let mut made = 0;
    let stopped = loop {
        let group = json!({ "name": format!("group-{made}") });
        let path = "/api/v1/groups";
        let answer = fleet
            .call(Method::POST, path, &fleet.token, Some(&group))
            .await;
        if answer.status != 201 {
            break answer;
        }
        made += 1;
        assert!(made < 200, "no end");
    };
    assert!(made >= 60, "{made}");
    assert_eq!(stopped.status, 429, "{}", stopped.text());
    assert_eq!(stopped.json()["type"], "too-many-changes");
    assert!(stopped.header("retry-after").is_some());
    assert_eq!(
        fleet.get("/api/v1/groups").await.status,
        200,
        "looking goes on"
    );
}
