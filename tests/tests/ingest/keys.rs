//! Agent keys: unknown, revoked and malformed ones look the same.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::https::Answer;
use server_scout_tests::{Fleet, report};

/// Revokes the only key of the fleet's first server.
async fn revoke(fleet: &Fleet) {
    let path = format!("/api/v1/servers/{}/agent-keys", fleet.server.id);
    let keys = fleet.get(&path).await.json()["items"].clone();
    assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
    let key = keys[0]["id"].as_str().expect("a key has an id");
    let path = format!("{path}/{key}");
    let answer = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// A key of the right form that nobody has.
fn unknown(key: &str) -> String {
    let flip = |c: char| if c == 'a' { 'b' } else { 'a' };
    let (start, end) = key.split_at(key.len() - 8);
    format!("{start}{}", end.chars().map(flip).collect::<String>())
}

/// What of an answer may differ between two requests: nothing but time and number.
fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    (answer.status, headers, answer.body.clone())
}

#[tokio::test]
async fn unknown_revoked_and_malformed_keys_get_the_same_answer() {
    let fleet = Fleet::start().await;
    let other = fleet.add_server("web-2").await;
    revoke(&fleet).await;
    let revoked = fleet.report(&report::seed()).await;
    assert_eq!(revoked.status, 401, "{}", revoked.text());
    assert_eq!(
        revoked.header("content-type"),
        Some("application/problem+json")
    );

    let long = "a".repeat(4000);
    let elsewhere = Fleet::start().await.server.key;
    let keys = [
        unknown(&other.key),
        unknown(&fleet.server.key),
        "x".to_owned(),
        String::new(),
        long,
        elsewhere,
    ];
    for key in keys {
        let answer = fleet.report_as(&key, &report::seed()).await;
        assert_eq!(comparable(&answer), comparable(&revoked), "{key:?}");
    }
}

#[tokio::test]
async fn unknown_and_revoked_keys_take_the_same_time() {
    let fleet = Fleet::start().await;
    // A key of the right form in every respect that this dashboard has never seen.
    let unknown = Fleet::start().await.server.key;
    revoke(&fleet).await;
    let mut connection = fleet.dashboard.connect().await;
    let body = report::seed().to_string();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..600 {
        let which = round % 2;
        let key = if which == 0 {
            &fleet.server.key
        } else {
            &unknown
        };
        let head =
            format!("POST /api/v1/reports\nContent-Type: application/json\nX-API-Key: {key}");
        let start = Instant::now();
        let answer = connection.exchange(&head, body.as_bytes()).await;
        times[which].push(start.elapsed());
        assert_eq!(answer.status, 401);
    }
    let [revoked, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    // A look into the database is at least a tenth of a millisecond more than none.
    let difference = revoked.abs_diff(unknown);
    let bound = Duration::from_micros(60).max(revoked / 4);
    assert!(
        difference < bound,
        "revoked {revoked:?}, unknown {unknown:?}"
    );
}

#[tokio::test]
async fn a_revoked_key_is_refused_on_the_next_request() {
    let fleet = Fleet::start().await;
    let mut connection = fleet.dashboard.connect().await;
    let head = format!(
        "POST /api/v1/reports\nContent-Type: application/json\nX-API-Key: {}",
        fleet.server.key
    );
    let body = report::seed().to_string();
    assert_eq!(
        connection.exchange(&head, body.as_bytes()).await.status,
        200
    );

    revoke(&fleet).await;

    assert_eq!(
        connection.exchange(&head, body.as_bytes()).await.status,
        401
    );
}

#[tokio::test]
async fn a_key_made_by_another_process_works_at_once() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;

    let other = fleet.add_server("web-2").await;

    let answer = fleet.report_as(&other.key, &report::seed()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_deleted_servers_key_is_refused() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let path = format!("/api/v1/servers/{}", fleet.server.id);

    let answer = fleet.call(Method::DELETE, &path, &fleet.token, None).await;

    assert!([200, 204].contains(&answer.status), "{}", answer.text());
    assert_eq!(fleet.report(&report::seed()).await.status, 401);
    assert_eq!(fleet.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_second_key_works_beside_the_first() {
    let fleet = Fleet::start().await;
    let path = format!("/api/v1/servers/{}/agent-keys", fleet.server.id);
    let answer = fleet.call(Method::POST, &path, &fleet.token, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let answer = answer.json();
    let second = answer["agent_key"]
        .as_str()
        .expect("the key is shown once")
        .to_owned();

    let first = fleet.report(&report::seed_at(report::seconds_ago(3))).await;
    let second = fleet
        .report_as(&second, &report::seed_at(report::seconds_ago(2)))
        .await;

    assert_eq!((first.status, second.status), (200, 200));
}

#[tokio::test]
async fn no_key_stands_in_the_files_or_the_log_of_the_dashboard() {
    let mut fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let created = fleet
        .call(
            Method::POST,
            "/api/v1/servers",
            &fleet.token,
            Some(&json!({ "name": "web-2" })),
        )
        .await;
    assert_eq!(created.status, 201, "{}", created.text());
    let created: Value = created.json();
    let second = created["agent_key"]
        .as_str()
        .expect("the key is shown once")
        .to_owned();
    let owner = fleet.owner().await;
    let cookie = owner.cookie.expect("a session");
    assert!(fleet.dashboard.stop().await.success());

    let secrets = [&fleet.server.key, &second, &fleet.token, &cookie];
    let mut files = vec![(
        "the log".to_owned(),
        fleet.dashboard.program().logs().into_bytes(),
    )];
    for path in fleet.dashboard.setup().files() {
        files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    assert!(
        files.len() > 3,
        "the database is among the files: {}",
        files.len()
    );
    for (name, content) in files {
        for secret in secrets {
            let found = content
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "a secret stands in {name}");
        }
    }
}

#[tokio::test]
async fn an_agent_says_its_version_once_on_a_connection() {
    let fleet = Fleet::start().await;
    let mut connection = fleet.dashboard.connect().await;
    let path = format!("/api/v1/servers/{}/agent-keys", fleet.server.id);
    for (said, known) in [("9.8", "9.8"), ("", "9.8"), ("9.9", "9.9"), ("", "9.9")] {
        let agent = match said {
            "" => String::new(),
            version => format!("User-Agent: server-scout-agent/{version}\n"),
        };
        let head = format!(
            "POST /api/v1/reports\nContent-Type: application/json\n{agent}X-API-Key: {}",
            fleet.server.key
        );
        let report = report::seed().to_string();
        let answer = connection.exchange(&head, report.as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let keys = fleet.get(&path).await.json();
        assert_eq!(keys["items"][0]["agent_version"], known, "{keys}");
    }
}
