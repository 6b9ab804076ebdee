//! Requests that no honest client sends.

use std::time::Duration;

use server_scout_tests::{Dashboard, Fleet, report};

#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    let fleet = Fleet::start().await;
    let start = format!(
        "POST /api/v1/reports HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\n",
        fleet.server.key
    );
    let body = report::seed().to_string();
    let length = body.len();
    for headers in [
        format!("Content-Length: {length}\r\nContent-Length: 5\r\n"),
        format!("Content-Length: +{length}\r\n"),
        format!("Content-Length: {length}, {length}1\r\n"),
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        "Transfer-Encoding: identity, chunked\r\nTransfer-Encoding: gzip\r\n".to_owned(),
        format!("Content-Length : {length}\r\n"),
    ] {
        let mut connection = fleet.dashboard.connect().await;
        let request = format!("{start}Content-Type: application/json\r\n{headers}\r\n{body}");
        connection.send(request.as_bytes()).await.unwrap();
        // A refusal, or the end of the connection; never an accepted report.
        if let Some(answer) = connection.try_answer().await {
            assert!(
                (400..500).contains(&answer.status),
                "{headers:?}: {}",
                answer.text()
            );
        }
    }
    assert_eq!(fleet.state().await["status"], "waiting");
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let dashboard = Dashboard::start().await;
    let long_line = format!(
        "GET /login HTTP/1.1\r\nHost: localhost\r\nX-A: {}\r\n\r\n",
        "a".repeat(1_000_000)
    );
    let many: String = (0..5000)
        .map(|number| number.to_string() + ": b\r\nX")
        .collect();
    let many_lines = format!("GET /login HTTP/1.1\r\nHost: localhost\r\nX{many}: c\r\n\r\n");
    let long_path = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "a".repeat(200_000)
    );
    for request in [long_line, many_lines, long_path] {
        let mut connection = dashboard.connect().await;
        // The dashboard need not listen to the end.
        let _ = connection.send(request.as_bytes()).await;
        if let Some(answer) = connection.try_answer().await {
            assert!(
                [400, 404, 413, 414, 431].contains(&answer.status),
                "{}",
                answer.status
            );
        }
        let closed = connection.until_closed(Duration::from_secs(30)).await;
        assert!(closed.is_some(), "the connection stays");
    }
    let health = dashboard
        .client()
        .get(dashboard.url("/healthz"))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), 200);
}

#[tokio::test]
async fn a_path_is_text_and_never_a_crash() {
    let dashboard = Dashboard::start().await;
    for path in [
        "/servers/%ff%fe",
        "/servers/%00",
        "/servers/%2e%2e/%2e%2e",
        "//servers",
        "/servers//",
        "/servers/'%20OR%201=1--",
        "/api/v1/servers/%F0%9F%A6%80",
        "/api/v1/servers?limit=-1",
        "/api/v1/servers?limit=99999999999999999999",
        "/api/v1/servers?cursor=%00%ff",
        "/?a=%",
        "*",
    ] {
        let mut connection = dashboard.connect().await;
        let answer = connection.exchange(&format!("GET {path}"), b"").await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
}
