//! The live stream: values as they arrive, for as long as one may see them.

use std::time::{Duration, Instant};

use serde_json::Value;
use server_scout_tests::https::Connection;
use server_scout_tests::{Fleet, report};

/// Opens the stream with these lines of head, and reads its head.
async fn listen(fleet: &Fleet, query: &str, credentials: &str) -> Connection {
    let mut connection = fleet.dashboard.connect().await;
    connection
        .request(&format!("GET /api/v1/live{query}\n{credentials}"), b"")
        .await;
    let limit = Duration::from_secs(10);
    let head = wait_for(&mut connection, "\r\n\r\n", limit)
        .await
        .expect("the stream begins");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(
        head.to_lowercase()
            .contains("content-type: text/event-stream"),
        "{head}"
    );
    connection
}

/// What came so far, once `text` is in it; nothing when it does not come in time.
async fn wait_for(connection: &mut Connection, text: &str, limit: Duration) -> Option<String> {
    let start = Instant::now();
    loop {
        let seen = String::from_utf8_lossy(connection.unread()).into_owned();
        if seen.contains(text) {
            return Some(seen);
        }
        if start.elapsed() > limit {
            return None;
        }
        connection.listen(Duration::from_millis(50)).await;
    }
}

/// The events of that name, parsed.
fn events(seen: &str, name: &str) -> Vec<Value> {
    let (_, stream) = seen.split_once("\r\n\r\n").unwrap_or_default();
    // The transfer coding's lines stand between the events; no event begins like one.
    stream
        .lines()
        .zip(stream.lines().skip(1))
        .filter(|(event, _)| {
            event.trim() == format!("event: {name}") || event.trim() == format!("event:{name}")
        })
        .filter_map(|(_, data)| data.trim().strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str(data.trim()).ok())
        .collect()
}

fn bearer(fleet: &Fleet) -> String {
    format!("Authorization: Bearer {}", fleet.token)
}

#[tokio::test]
async fn a_report_is_on_the_stream_within_two_seconds() {
    let fleet = Fleet::start().await;
    let mut stream = listen(&fleet, "", &bearer(&fleet)).await;

    let start = Instant::now();
    fleet
        .accepted(&report::with_cpu(jiff::Timestamp::now(), 31.25))
        .await;

    let seen = wait_for(&mut stream, "31.25", Duration::from_secs(2)).await;
    let seen = seen.unwrap_or_else(|| {
        panic!(
            "nothing within 2 s: {}",
            String::from_utf8_lossy(stream.unread())
        )
    });
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    let values = events(&seen, "values");
    assert!(!values.is_empty(), "{seen}");
    assert!(
        values[0].to_string().contains(&fleet.server.id),
        "it says which server: {seen}"
    );
}

#[tokio::test]
async fn a_new_status_is_on_the_stream() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let mut stream = listen(&fleet, "", &bearer(&fleet)).await;
    // What the listener knows from opening the page needs no telling.
    stream.listen(Duration::from_millis(1500)).await;

    let path = format!("/api/v1/servers/{}", fleet.server.id);
    let pause = serde_json::json!({ "paused": true });
    let paused = fleet
        .call(reqwest::Method::PATCH, &path, &fleet.token, Some(&pause))
        .await;
    assert_eq!(paused.status, 200, "{}", paused.text());

    let seen = wait_for(&mut stream, "paused", Duration::from_secs(5)).await;
    let seen = seen.expect("the server is paused now");
    let statuses = events(&seen, "status");
    let told = statuses
        .iter()
        .any(|one| one["server"] == fleet.server.id.as_str());
    assert!(told, "{seen}");
}

#[tokio::test]
async fn a_stream_of_one_server_is_silent_about_the_others() {
    let fleet = Fleet::start().await;
    let other = fleet.add_server("web-2").await;
    let query = format!("?server={}", fleet.server.id);
    let mut stream = listen(&fleet, &query, &bearer(&fleet)).await;

    let _ = fleet
        .report_as(&other.key, &report::with_cpu(jiff::Timestamp::now(), 11.75))
        .await;
    fleet
        .accepted(&report::with_cpu(jiff::Timestamp::now(), 22.25))
        .await;

    let seen = wait_for(&mut stream, "22.25", Duration::from_secs(5))
        .await
        .expect("its own values");
    assert!(
        !seen.contains("11.75") && !seen.contains(&other.id),
        "{seen}"
    );
}

#[tokio::test]
async fn the_stream_ends_with_the_session_that_opened_it() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    let cookie = owner.cookie.clone().expect("a session");
    let credentials = format!("Cookie: {}={cookie}", server_scout_tests::person::COOKIE);
    let mut stream = listen(&fleet, "", &credentials).await;
    let mut other = listen(&fleet, "", &bearer(&fleet)).await;
    fleet
        .accepted(&report::with_cpu(jiff::Timestamp::now(), 31.25))
        .await;
    assert!(
        wait_for(&mut stream, "31.25", Duration::from_secs(5))
            .await
            .is_some()
    );

    assert_eq!(owner.submit("/logout", &[]).await.status, 303);

    let ended = stream.until_closed(Duration::from_secs(5)).await;
    let ended = ended.is_some() || stream_is_over(&stream);
    assert!(ended, "the stream outlives the session");
    fleet
        .accepted(&report::with_cpu(jiff::Timestamp::now(), 77.25))
        .await;
    assert!(
        wait_for(&mut other, "77.25", Duration::from_secs(5))
            .await
            .is_some()
    );
    assert!(!String::from_utf8_lossy(stream.unread()).contains("77.25"));
}

/// Whether the last chunk of the transfer coding has come.
fn stream_is_over(stream: &Connection) -> bool {
    stream.unread().ends_with(b"0\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_that_do_not_read_cost_no_memory_and_delay_nobody() {
    let fleet = Fleet::start().await;
    let mut deaf = Vec::new();
    for _ in 0..4 {
        let mut connection = fleet.dashboard.connect().await;
        connection
            .request(&format!("GET /api/v1/live\n{}", bearer(&fleet)), b"")
            .await;
        deaf.push(connection);
    }
    let before = resident_kilobytes(&fleet);
    for round in 0..60 {
        let batch: Vec<Value> = (0..20)
            .map(|second| report::full(report::seconds_ago(3000 - round * 20 - second), 1))
            .collect();
        let answer = fleet.report(&serde_json::json!(batch)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let grown = resident_kilobytes(&fleet).saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} kB more");
    drop(deaf);
}

fn resident_kilobytes(fleet: &Fleet) -> u64 {
    let id = fleet.dashboard.program().id();
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_limited_member_hears_of_the_servers_of_their_groups_as_they_are_now() {
    let fleet = Fleet::start().await;
    let other = fleet.add_server("web-2").await;
    let group = fleet.add_group("Customer").await;
    let mine = fleet.server.id.clone();
    let put = reqwest::Method::PUT;
    fleet.set_in_group(put.clone(), &group, &mine).await;
    let email = "member@example.org";
    fleet.limited_member(email, "viewer", &[&group]).await;
    let organisation = server_scout_tests::fleet::ORGANISATION;
    let token = fleet.dashboard.add_token(email, organisation, "read").await;
    let credentials = format!("Authorization: Bearer {token}");
    let mut stream = listen(&fleet, "", &credentials).await;
    let report = async |key: &str, cpu: f64| {
        let body = report::with_cpu(jiff::Timestamp::now(), cpu);
        assert_eq!(fleet.report_as(key, &body).await.status, 200);
    };
    report(&other.key, 11.75).await;
    report(&fleet.server.key, 22.25).await;
    let limit = Duration::from_secs(5);
    let seen = wait_for(&mut stream, "22.25", limit).await;
    let seen = seen.expect("the own group's values");
    assert!(
        !seen.contains("11.75") && !seen.contains(&other.id),
        "{seen}"
    );

    // From the very next report on.
    let delete = reqwest::Method::DELETE;
    fleet.set_in_group(delete, &group, &mine).await;
    fleet.set_in_group(put, &group, &other.id).await;
    report(&fleet.server.key, 33.75).await;
    report(&other.key, 44.25).await;
    let seen = wait_for(&mut stream, "44.25", limit).await;
    let seen = seen.expect("what the group got");
    assert!(!seen.contains("33.75"), "{seen}");
}

#[tokio::test]
async fn a_member_who_is_limited_while_listening_hears_the_others_no_more() {
    let fleet = Fleet::start().await;
    let group = fleet.add_group("Customer").await;
    let email = "member@example.org";
    let organisation = server_scout_tests::fleet::ORGANISATION;
    let password = server_scout_tests::fleet::PASSWORD;
    fleet
        .dashboard
        .add_user(email, organisation, "viewer", password)
        .await;
    let token = fleet.dashboard.add_token(email, organisation, "read").await;
    let credentials = format!("Authorization: Bearer {token}");
    let mut stream = listen(&fleet, "", &credentials).await;
    let limit = Duration::from_secs(5);
    fleet
        .accepted(&report::with_cpu(jiff::Timestamp::now(), 22.25))
        .await;
    assert!(wait_for(&mut stream, "22.25", limit).await.is_some());

    let person = fleet.person_id(email).await;
    fleet.limit(&person, &[&group]).await;
    // A stream asks again within a second.
    stream.listen(Duration::from_millis(2500)).await;
    fleet
        .accepted(&report::with_cpu(jiff::Timestamp::now(), 33.75))
        .await;
    stream.listen(Duration::from_secs(1)).await;
    let seen = String::from_utf8_lossy(stream.unread()).into_owned();
    assert!(!seen.contains("33.75"), "{seen}");
}
