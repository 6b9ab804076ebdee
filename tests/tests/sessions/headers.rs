//! Every answer tells a browser what it may do, errors and files included. What an agent is told when
//! all is well is short.

use reqwest::Method;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::answer;
use server_scout_tests::https::Answer;
use server_scout_tests::{Fleet, report};

fn assert_headers(what: &str, answer: &Answer) {
    let header = |name: &str| {
        answer
            .header(name)
            .unwrap_or_else(|| panic!("{what} has no {name}: {:?}", answer.headers))
    };
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert!(
        ["no-referrer", "same-origin"].contains(&header("referrer-policy")),
        "{what}"
    );
    assert_eq!(
        header("cross-origin-opener-policy"),
        "same-origin",
        "{what}"
    );
    assert_eq!(
        header("cross-origin-resource-policy"),
        "same-origin",
        "{what}"
    );
    assert!(header("permissions-policy").contains("camera=()"), "{what}");
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
    assert!(
        policy.contains("frame-ancestors 'none'"),
        "{what}: {policy}"
    );
    assert!(policy.contains("base-uri 'none'"), "{what}: {policy}");
    assert!(policy.contains("form-action"), "{what}: {policy}");
    for open in ["unsafe", "*", "data:", "http:", "https:", "blob:"] {
        assert!(!policy.contains(open), "{what}: {open} in {policy}");
    }
    for telling in ["server", "x-powered-by"] {
        let told = answer.header(telling);
        assert!(
            told.is_none_or(|told| !told.contains(char::is_numeric)),
            "{what}: {told:?}"
        );
    }
}

#[tokio::test]
async fn the_full_set_of_headers_is_on_every_answer() {
    let fleet = Fleet::start().await;
    let owner = fleet.owner().await;
    let server = format!("/servers/{}", fleet.server.id);
    let api = format!("/api/v1/servers/{}", fleet.server.id);

    for (method, path) in [
        (Method::GET, "/login"),
        (Method::GET, "/servers"),
        (Method::GET, "/servers/new"),
        (Method::GET, server.as_str()),
        (Method::GET, "/nothing"),
        (Method::GET, "/servers/nothing"),
        (Method::GET, "/api/v1/servers"),
        (Method::GET, api.as_str()),
        (Method::GET, "/api/v1/servers/nothing"),
        (Method::GET, "/api/v1/nothing"),
        (Method::GET, "/healthz"),
        (Method::GET, "/readyz"),
        (Method::POST, "/healthz"),
        (Method::POST, "/servers"),
        (Method::POST, "/api/v1/reports"),
        (Method::PUT, "/login"),
        (Method::OPTIONS, "/api/v1/servers"),
        (Method::from_bytes(b"PROPFIND").unwrap(), "/"),
    ] {
        let signed_in = answer(owner.request(method.clone(), path)).await;
        assert_headers(
            &format!("{method} {path}, logged in, {}", signed_in.status),
            &signed_in,
        );
        let stranger = answer(fleet.stranger().request(method.clone(), path)).await;
        assert_headers(
            &format!("{method} {path}, stranger, {}", stranger.status),
            &stranger,
        );
        assert!(
            signed_in.status < 500 && stranger.status < 500,
            "{method} {path}"
        );
    }

    // A refused report and a request that is no HTTP at all.
    assert_headers(
        "a bad report",
        &fleet.report(&serde_json::json!({ "x": 1 })).await,
    );
    assert_headers(
        "an unknown key",
        &fleet.report_as("x", &serde_json::json!({})).await,
    );
}

#[tokio::test]
async fn a_receipt_has_no_more_headers_than_an_agent_needs() {
    let fleet = Fleet::start().await;
    let receipt = fleet.report(&report::seed()).await;
    assert_eq!(receipt.status, 200);
    let names = receipt.headers.iter().map(|(name, _)| name.as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "date"]);
}

#[tokio::test]
async fn browsers_are_told_to_use_tls_alone_on_names_that_are_not_this_machines() {
    let setup = Setup::new().set("SERVERSCOUT_HOSTS", "localhost,scout.example.org");
    let dashboard = setup.start().await;
    for (host, told) in [("scout.example.org", true), ("localhost", false)] {
        let mut connection = dashboard.connect().await;
        let request = format!("GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n");
        connection.send(request.as_bytes()).await.unwrap();
        let answer = connection.answer().await;
        let header = answer.header("strict-transport-security");
        let year = header.is_some_and(|header| header.contains("max-age=31536000"));
        assert_eq!(year, told, "{host}: {header:?}");
    }
}

#[tokio::test]
async fn files_have_them_too_and_may_be_kept() {
    let fleet = Fleet::start().await;
    let page = fleet.stranger().get("/login").await.text();
    let mut files: Vec<String> = Vec::new();
    for start in ["href=\"/", "src=\"/"] {
        for (at, _) in page.match_indices(start) {
            let path = page[at + start.len() - 1..].split('"').next().unwrap();
            files.push(path.to_owned());
        }
    }
    files.retain(|path| path.contains('.'));
    assert!(!files.is_empty(), "a page without style: {page}");

    for path in files {
        let file = fleet.stranger().get(&path).await;
        assert_eq!(file.status, 200, "{path}");
        assert_headers(&path, &file);
        assert!(file.header("content-type").is_some(), "{path}");
        let cache = file.header("cache-control").unwrap_or_default();
        assert!(
            cache.contains("immutable") || cache.contains("max-age"),
            "{path}: {cache}"
        );
    }
}

#[tokio::test]
async fn pages_behind_the_login_are_kept_nowhere() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    for path in [
        "/servers",
        "/servers/new",
        &format!("/servers/{}", fleet.server.id),
        "/api/v1/servers",
    ] {
        let page = owner.get(path).await;
        let cache = page.header("cache-control").unwrap_or_default();
        assert!(cache.contains("no-store"), "{path}: {cache}");
    }
}

#[tokio::test]
async fn files_of_the_data_directory_cannot_be_asked_for() {
    let fleet = Fleet::start().await;
    let mut files = vec!["../ca.pem".to_owned()];
    let setup = fleet.dashboard.setup();
    for path in setup.files() {
        let path = path.strip_prefix(setup.data_dir()).unwrap();
        files.push(path.to_string_lossy().into_owned());
    }
    for file in files {
        for path in [
            format!("/{file}"),
            format!("/assets/{file}"),
            format!("/assets/../{file}"),
            format!("/assets/..%2f{file}"),
            format!("/assets/%2e%2e/{file}"),
            format!("/assets../data/{file}"),
            format!("/static/../../{file}"),
        ] {
            // Byte for byte: a client library would tidy the path up.
            let mut connection = fleet.dashboard.connect().await;
            let page = connection.exchange(&format!("GET {path}"), b"").await;
            assert!([400, 404].contains(&page.status), "{path}: {}", page.status);
        }
    }
}
