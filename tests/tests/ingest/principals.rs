//! Who may send reports: an agent key alone.

use serde_json::json;
use server_scout_tests::fleet::{ORGANISATION, OWNER, answer};
use server_scout_tests::{Fleet, person, report};

#[tokio::test]
async fn a_report_without_a_key_is_401() {
    let fleet = Fleet::start().await;
    let url = fleet.dashboard.url("/api/v1/reports");

    let answer = answer(fleet.client().post(url).json(&report::seed())).await;

    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
}

#[tokio::test]
async fn who_may_not_send_is_told_before_the_body_is_judged() {
    let fleet = Fleet::start().await;

    let answer = fleet
        .report_as("unknown", &json!({ "nonsense": true }))
        .await;

    assert_eq!(answer.status, 401, "{}", answer.text());
}

#[tokio::test]
async fn a_token_sends_no_reports_whatever_its_scope() {
    let fleet = Fleet::start().await;
    let url = fleet.dashboard.url("/api/v1/reports");
    for scope in ["read", "write", "admin", "metrics"] {
        let token = fleet.dashboard.add_token(OWNER, ORGANISATION, scope).await;
        let request = fleet
            .client()
            .post(&url)
            .bearer_auth(token)
            .json(&report::seed());
        let answer = answer(request).await;
        assert_eq!(answer.status, 403, "{scope}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_session_sends_no_reports() {
    let fleet = Fleet::start().await;
    let owner = fleet.owner().await;

    let request = owner.request(reqwest::Method::POST, "/api/v1/reports");
    let request = request
        .header("Sec-Fetch-Site", "same-origin")
        .json(&report::seed());

    let answer = answer(request).await;
    assert!(
        [401, 403].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.text()
    );
}

#[tokio::test]
async fn a_request_that_presents_two_principals_is_400() {
    let fleet = Fleet::start().await;
    let owner = fleet.owner().await;
    let cookie = format!("{}={}", person::COOKIE, owner.cookie.expect("a session"));
    let (key, token) = (&fleet.server.key, &fleet.token);
    let bearer = format!("Bearer {token}");
    let reports = fleet.dashboard.url("/api/v1/reports");
    let servers = fleet.dashboard.url("/api/v1/servers");
    let cases = [
        (
            &reports,
            vec![("X-API-Key", key.as_str()), ("Authorization", &bearer)],
        ),
        (&reports, vec![("X-API-Key", key), ("Cookie", &cookie)]),
        (&reports, vec![("X-API-Key", key), ("X-API-Key", key)]),
        (
            &servers,
            vec![("Authorization", &bearer), ("Cookie", &cookie)],
        ),
        (
            &servers,
            vec![("Authorization", &bearer), ("Authorization", &bearer)],
        ),
        (&servers, vec![("Cookie", &cookie), ("Cookie", &cookie)]),
    ];
    for (url, headers) in cases {
        let method = if *url == reports {
            reqwest::Method::POST
        } else {
            reqwest::Method::GET
        };
        let mut request = fleet.client().request(method.clone(), url);
        for &(name, value) in &headers {
            request = request.header(name, value);
        }
        if method == reqwest::Method::POST {
            request = request.json(&report::seed());
        }
        let answer = answer(request).await;
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        assert_eq!(answer.status, 400, "{names:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_agent_key_reads_nothing() {
    let fleet = Fleet::start().await;
    let paths = [
        "/api/v1/servers".to_owned(),
        format!("/api/v1/servers/{}", fleet.server.id),
        format!(
            "/api/v1/servers/{}/metrics?names=cpu_usage",
            fleet.server.id
        ),
        "/api/v1/live".to_owned(),
    ];
    for path in paths {
        let url = fleet.dashboard.url(&path);
        let answer = answer(
            fleet
                .client()
                .get(url)
                .header("X-API-Key", &fleet.server.key),
        )
        .await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
}
