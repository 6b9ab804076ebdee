//! Logging in and out, and what a session is.

use reqwest::Method;
use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD, answer};
use server_scout_tests::person::{COOKIE, set_cookies};
use server_scout_tests::{Fleet, report};

#[tokio::test]
async fn the_session_cookie_is_for_this_host_and_for_no_script() {
    let fleet = Fleet::start().await;
    let mut person = fleet.stranger();

    let page = person.log_in(OWNER, PASSWORD).await;

    assert_eq!(page.status, 303, "{}", page.text());
    let mut names = Vec::new();
    for cookie in set_cookies(&page) {
        let mut parts = cookie.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        names.push(name);
        assert!(name.starts_with("__Host-"), "{cookie}");
        assert!(value.len() >= 22, "128 bits at the least: {cookie}");
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        let has = |expected: &str| attributes.iter().any(|one| one == expected);
        for expected in ["httponly", "secure", "path=/"] {
            assert!(has(expected), "{expected}: {cookie}");
        }
        assert!(has("samesite=lax") || has("samesite=strict"), "{cookie}");
        let domain = attributes.iter().any(|one| one.starts_with("domain"));
        assert!(!domain, "{cookie}");
    }
    let sessions = names.iter().filter(|name| **name == COOKIE).count();
    assert_eq!(sessions, 1, "{names:?}");
}

#[tokio::test]
async fn every_login_is_a_new_session_and_the_one_before_is_dead() {
    let fleet = Fleet::start().await;
    let mut person = fleet.owner().await;
    let before = person.clone();

    assert_eq!(person.log_in(OWNER, PASSWORD).await.status, 303);

    assert_ne!(person.cookie, before.cookie);
    assert!(person.is_logged_in().await);
    assert!(
        !before.is_logged_in().await,
        "the session that was replaced lives on"
    );
}

#[tokio::test]
async fn a_planted_session_id_is_never_taken() {
    let fleet = Fleet::start().await;
    let planted = "A".repeat(43);
    let mut victim = fleet.stranger();
    victim.cookie = Some(planted.clone());

    let page = victim.log_in(OWNER, PASSWORD).await;

    assert_eq!(page.status, 303, "{}", page.text());
    assert_ne!(victim.cookie.as_deref(), Some(planted.as_str()));
    let mut attacker = fleet.stranger();
    attacker.cookie = Some(planted);
    assert!(!attacker.is_logged_in().await);
}

#[tokio::test]
async fn logging_out_ends_the_session_on_the_server() {
    let fleet = Fleet::start().await;
    let mut person = fleet.owner().await;
    let stolen = person.clone();
    let other_device = fleet.owner().await;

    let page = person.submit("/logout", &[]).await;

    assert_eq!(page.status, 303, "{}", page.text());
    assert!(person.cookie.is_none(), "the cookie is taken back");
    assert!(!stolen.is_logged_in().await);
    assert!(other_device.is_logged_in().await, "only this session ends");
}

#[tokio::test]
async fn logging_out_by_looking_is_not_possible() {
    let fleet = Fleet::start().await;
    let person = fleet.owner().await;

    let page = answer(person.request(Method::GET, "/logout")).await;

    assert!([404, 405].contains(&page.status), "{}", page.status);
    assert!(person.is_logged_in().await);
}

#[tokio::test]
async fn a_session_survives_a_restart_of_the_dashboard() {
    let mut fleet = Fleet::start().await;
    let cookie = fleet.owner().await.cookie;
    assert!(fleet.dashboard.stop().await.success());

    let fleet = fleet.again().await;

    let mut person = fleet.stranger();
    person.cookie = cookie;
    assert!(person.is_logged_in().await);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_look_the_same() {
    let fleet = Fleet::start().await;
    let try_login = async |email: &str, password: &str| {
        let mut person = fleet.stranger();
        let page = person.log_in(email, password).await;
        assert!(person.cookie.is_none(), "{email}");
        // The page repeats the address that was typed; apart from that it is the same.
        (page.status, page.text().replace(email, "EMAIL"))
    };

    let wrong = try_login(OWNER, "a wrong password, long enough").await;
    let unknown = try_login("nobody@example.org", PASSWORD).await;
    let empty = try_login("nobody@example.org", "").await;

    assert!([401, 403, 422].contains(&wrong.0), "{wrong:?}");
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, empty);
}

#[tokio::test]
async fn a_stranger_is_led_to_the_login_and_told_401_by_the_api() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let stranger = fleet.stranger();
    for path in [
        "/",
        "/servers",
        "/servers/new",
        &format!("/servers/{}", fleet.server.id),
    ] {
        let page = answer(stranger.request(Method::GET, path)).await;
        assert_eq!(page.status, 303, "{path}: {}", page.text());
        let location = page.header("location").unwrap_or_default();
        assert!(
            location.starts_with("/login") || location == "/servers",
            "{path}: {location}"
        );
        assert!(!page.text().contains("web-1"), "{path}");
    }
    for path in [
        "/api/v1/servers",
        &format!("/api/v1/servers/{}", fleet.server.id),
        "/api/v1/live",
    ] {
        let page = answer(stranger.request(Method::GET, path)).await;
        assert_eq!(page.status, 401, "{path}: {}", page.text());
        assert_eq!(
            page.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[tokio::test]
async fn login_leads_nowhere_but_into_the_dashboard() {
    let fleet = Fleet::start().await;
    for next in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
    ] {
        let mut person = fleet.stranger();
        let _ = person.get("/login").await;
        let path = format!("/login?next={}", next.replace('/', "%2f"));
        let fields = [("email", OWNER), ("password", PASSWORD), ("next", next)];
        let page = person.submit(&path, &fields).await;
        let location = page.header("location").unwrap_or_default();
        assert!(
            !location.contains("evil") && !location.contains("script"),
            "{next}: {location}"
        );
    }
}

#[tokio::test]
async fn passwords_stand_hashed_in_the_database() {
    let mut fleet = Fleet::start().await;
    fleet
        .dashboard
        .add_user("b@example.org", ORGANISATION, "viewer", PASSWORD)
        .await;
    assert!(fleet.dashboard.stop().await.success());

    let mut argon = 0;
    for path in fleet.dashboard.setup().files() {
        let content = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(PASSWORD));
        argon += text.matches("$argon2id$").count();
    }
    assert!(
        argon >= 2,
        "two people with the same password have two hashes: {argon}"
    );
}
