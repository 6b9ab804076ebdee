//! The document of the API says what the dashboard does.

use std::process::Command;

use reqwest::Method;
use serde_json::Value;
use server_scout_tests::process::run;
use server_scout_tests::wait::PATIENCE;
use server_scout_tests::{Fleet, binaries};

/// Operations that need no principal.
const PUBLIC: [&str; 1] = ["enrol"];

async fn document() -> Value {
    let mut command = Command::new(binaries::dashboard());
    command.arg("openapi").env_clear();
    let text = run(command, "", PATIENCE).await.success();
    serde_json::from_str(&text).expect("the document is JSON")
}

/// Every operation: its path, its method and itself.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path has operations") {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    assert!(all.len() >= 8, "only {} operations", all.len());
    all
}

/// The path of an operation under the server that the document names.
fn full_path(document: &Value, path: &str) -> String {
    let base = document["servers"][0]["url"]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches('/');
    let base = if base.starts_with('/') { base } else { "" };
    format!("{base}{path}")
}

#[tokio::test]
async fn the_document_in_the_repository_is_the_programs_own() {
    let committed = std::fs::read_to_string(binaries::checkout().join("api/openapi.json")).unwrap();
    let mut command = Command::new(binaries::dashboard());
    command.arg("openapi").env_clear();

    let own = run(command, "", PATIENCE).await.success();

    assert!(
        own.trim() == committed.trim(),
        "api/openapi.json is out of date: `server-scout openapi > api/openapi.json`"
    );
}

#[tokio::test]
async fn every_operation_is_complete() {
    let document = document().await;
    let mut ids = std::collections::BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty(), "{what} has no operationId");
        assert!(ids.insert(id.to_owned()), "{id} stands twice");
        let described = operation["summary"]
            .as_str()
            .or(operation["description"].as_str());
        assert!(
            described.is_some_and(|text| !text.is_empty()),
            "{what} says nothing"
        );

        let security = operation["security"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let named = security
            .iter()
            .any(|one| one.as_object().is_some_and(|one| !one.is_empty()));
        assert!(named || PUBLIC.contains(&id), "{what} needs no principal");
        for scheme in security
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|one| one.keys())
        {
            let known = &document["components"]["securitySchemes"][scheme];
            assert!(known.is_object(), "{what}: {scheme} is not described");
        }

        let responses = operation["responses"].as_object().expect("responses");
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{what}"
        );
        let errors = responses.keys().any(|status| status == "4XX");
        assert!(errors, "{what} describes no errors");
        for (status, response) in responses {
            if !status.starts_with('2') {
                let content = response["content"].as_object().cloned().unwrap_or_default();
                let kinds: Vec<&String> = content.keys().collect();
                assert!(
                    kinds
                        .iter()
                        .all(|kind| kind.starts_with("application/problem+json")),
                    "{what} {status}: {kinds:?}"
                );
                assert!(!kinds.is_empty(), "{what} {status} has no body");
            }
        }
    }
}

#[tokio::test]
async fn every_operation_refuses_strangers() {
    let fleet = Fleet::start().await;
    let document = document().await;
    for (path, method, operation) in operations(&document) {
        if PUBLIC.contains(&operation["operationId"].as_str().unwrap_or_default()) {
            continue;
        }
        let path = full_path(&document, &path)
            .replace("{key_id}", "x")
            .replace("{server_id}", "x")
            .replace("{id}", "x");
        assert!(
            !path.contains('{'),
            "a parameter that this test does not know: {path}"
        );
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = fleet
            .client()
            .request(method.clone(), fleet.dashboard.url(&path));
        let answer = server_scout_tests::fleet::answer(request).await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let fleet = Fleet::start().await;
    let server = format!("/api/v1/servers/{}", fleet.server.id);
    let nothing = "/api/v1/servers/nothing".to_owned();
    let cases = [
        (Method::GET, "/api/v1/nothing".to_owned(), 404),
        (Method::GET, nothing.clone(), 404),
        (Method::DELETE, nothing, 404),
        (Method::PUT, "/api/v1/servers".to_owned(), 405),
        (Method::DELETE, "/api/v1/reports".to_owned(), 405),
        (Method::GET, "/api/v1/servers?limit=0".to_owned(), 422),
        (Method::GET, "/api/v1/servers?limit=many".to_owned(), 422),
        (
            Method::GET,
            "/api/v1/servers?cursor=nonsense".to_owned(),
            422,
        ),
        (Method::GET, format!("{server}/metrics?names=nonsense"), 422),
        (
            Method::GET,
            format!("{server}/metrics?names=cpu_usage&from=yesterday"),
            422,
        ),
        (
            Method::GET,
            format!("{server}/metrics?names=cpu_usage&points=0"),
            400,
        ),
        (
            Method::GET,
            format!("{server}/metrics?names=cpu_usage&points=100000000"),
            400,
        ),
    ];
    for (method, path, status) in cases {
        let answer = fleet.call(method.clone(), &path, &fleet.token, None).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{path}: {problem}");
        assert!(
            problem["type"].is_string() && problem["title"].is_string(),
            "{path}: {problem}"
        );
    }
    for body in [
        "",
        "{",
        "[]",
        "{\"name\": [5]}",
        "{}",
        "{\"name\": \"a\", \"surprise\": 1}",
    ] {
        let url = fleet.dashboard.url("/api/v1/servers");
        let request = fleet.client().post(url).bearer_auth(&fleet.token);
        let request = request
            .header("Content-Type", "application/json")
            .body(body);
        let answer = server_scout_tests::fleet::answer(request).await;
        assert!(
            [400, 422].contains(&answer.status),
            "{body}: {}",
            answer.text()
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_path_that_knows_other_methods_names_them() {
    let fleet = Fleet::start().await;
    let url = |path: &str| fleet.dashboard.url(path);
    for (method, path, allowed) in [
        (Method::PUT, "/api/v1/servers", vec!["GET", "HEAD", "POST"]),
        (Method::PUT, "/servers", vec!["GET", "HEAD", "POST"]),
        (Method::GET, "/logout", vec!["POST"]),
        (Method::POST, "/healthz", vec!["GET", "HEAD"]),
        (
            Method::PUT,
            "/api/v1/servers/x",
            vec!["DELETE", "GET", "HEAD", "PATCH"],
        ),
    ] {
        let request = fleet.client().request(method.clone(), url(path));
        let refused = server_scout_tests::fleet::answer(request.bearer_auth(&fleet.token)).await;
        assert_eq!(refused.status, 405, "{method} {path}");
        let mut named: Vec<&str> = refused.header("allow").unwrap().split(", ").collect();
        named.sort_unstable();
        assert_eq!(named, allowed, "{method} {path}");
    }
}
