//! Bodies that are no reports at all: too large, broken, bombs.

use serde_json::json;
use server_scout_tests::{Fleet, https, report};
use server_scout_wire::Dictionary;

/// The head of a report of this key, with more lines.
fn head(fleet: &Fleet, more: &str) -> String {
    format!(
        "POST /api/v1/reports\nX-API-Key: {}\n{more}",
        fleet.server.key
    )
}

const JSON: &str = "Content-Type: application/json";

/// Sends `body` and checks the refusal; then the same connection has to take a good report.
async fn refuse_and_go_on(
    fleet: &Fleet,
    head: &str,
    body: &[u8],
    statuses: &[u16],
) -> https::Answer {
    let before = fleet.state().await;
    let mut connection = fleet.dashboard.connect().await;
    let answer = connection.exchange(head, body).await;
    assert!(
        statuses.contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.text()
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    assert_eq!(answer.json()["status"], answer.status);

    let after = fleet.state().await;
    assert_eq!(
        after["last_seen"], before["last_seen"],
        "nothing was stored"
    );

    let good = report::with(report::seed(), "load1", json!(1));
    let good = connection
        .exchange(&self::head(fleet, JSON), good.to_string().as_bytes())
        .await;
    assert_eq!(good.status, 200, "{}", good.text());
    answer
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let fleet = Fleet::start().await;
    for body in [
        &b""[..],
        b"   ",
        b"{",
        b"nonsense",
        b"{\"cpu_usage\": NaN}",
        b"[1, 2",
        b"\xff\xfe\x00",
        b"{\"cpu_usage\": 1} trailing",
    ] {
        let answer = refuse_and_go_on(&fleet, &head(&fleet, JSON), body, &[400, 422]).await;
        assert_eq!(answer.member(), "body", "{body:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_refused() {
    let fleet = Fleet::start().await;
    let mut body = report::seed().to_string().into_bytes();
    body.truncate(body.len() - 1);
    body.extend_from_slice(b",\"host\":{\"hostname\":\"\xff\xfe\"}}");

    let _ = refuse_and_go_on(&fleet, &head(&fleet, JSON), &body, &[400, 422]).await;
}

#[tokio::test]
async fn deep_nesting_is_refused_without_a_crash() {
    let fleet = Fleet::start().await;
    for body in [
        "[".repeat(500_000),
        "{\"cpu_usage\":".repeat(50_000),
        format!("{{\"cpu_usage\":{}", "[".repeat(200_000)),
    ] {
        let _ = refuse_and_go_on(&fleet, &head(&fleet, JSON), body.as_bytes(), &[400, 422]).await;
    }
}

#[tokio::test]
async fn deep_nesting_inside_a_batch_is_one_refused_report() {
    let fleet = Fleet::start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut connection = fleet.dashboard.connect().await;

    let answer = connection
        .exchange(&head(&fleet, JSON), deep.as_bytes())
        .await;

    // The outermost brackets are a batch, whatever is in them.
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["refused_count"], 1);
}

#[tokio::test]
async fn a_batch_of_too_many_reports_is_refused_as_a_whole() {
    let fleet = Fleet::start().await;
    let one = report::seed();
    let batch: Vec<_> = (0..1001).map(|_| one.clone()).collect();

    let answer = refuse_and_go_on(
        &fleet,
        &head(&fleet, JSON),
        json!(batch).to_string().as_bytes(),
        &[413, 422],
    )
    .await;

    assert_eq!(answer.member(), "body", "{}", answer.text());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_however_it_is_sent() {
    let fleet = Fleet::start().await;
    let large = vec![b' '; 1024 * 1024 + 1];

    let mut connection = fleet.dashboard.connect().await;
    let declared = connection.exchange(&head(&fleet, JSON), &large).await;
    assert_eq!(declared.status, 413, "{}", declared.text());
    assert_eq!(
        declared.header("content-type"),
        Some("application/problem+json")
    );

    let mut connection = fleet.dashboard.connect().await;
    let start = format!(
        "POST /api/v1/reports HTTP/1.1\r\nHost: localhost:{}\r\nX-API-Key: {}\r\n{JSON}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        fleet.dashboard.address().port(),
        fleet.server.key
    );
    connection.send(start.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat();
    for _ in 0..17 {
        // The dashboard may answer and close before it has heard the end.
        if connection.send(&chunk).await.is_err() {
            break;
        }
    }
    let _ = connection.send(b"0\r\n\r\n").await;
    let chunked = connection.answer().await;
    assert_eq!(chunked.status, 413, "{}", chunked.text());

    fleet.accepted(&report::seed()).await;
}

#[tokio::test]
async fn a_bomb_is_413_and_costs_no_memory() {
    let fleet = Fleet::start().await;
    let before = resident_kilobytes(&fleet);
    let content = vec![b' '; 512 * 1024 * 1024];
    for (coding, bomb) in [
        ("gzip", report::gzip(&content)),
        (
            "deflate",
            report::deflate(&content, Some(Dictionary::NEWEST.text)),
        ),
    ] {
        assert!(
            bomb.len() < 1024 * 1024,
            "the bomb itself is within the bounds: {}",
            bomb.len()
        );
        let compressed = head(&fleet, &format!("{JSON}\nContent-Encoding: {coding}"));

        let answer = refuse_and_go_on(&fleet, &compressed, &bomb, &[413]).await;

        assert_eq!(answer.status, 413, "{}", answer.text());
    }
    let grown = resident_kilobytes(&fleet).saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} kB more after the bomb");
}

#[tokio::test]
async fn compression_that_is_broken_or_unknown_is_refused() {
    let fleet = Fleet::start().await;
    let whole = report::gzip(report::seed().to_string().as_bytes());
    let deflated = report::deflate(
        report::seed().to_string().as_bytes(),
        Some(Dictionary::NEWEST.text),
    );
    let damage = |whole: &[u8]| {
        let mut damaged = whole.to_vec();
        damaged[whole.len() / 2] ^= 0xff;
        damaged
    };
    let cases = [
        ("gzip", whole[..whole.len() - 6].to_vec(), &[400, 422][..]),
        ("gzip", damage(&whole), &[400, 422]),
        ("deflate", damage(&deflated), &[400, 422]),
        ("deflate", deflated[..deflated.len() - 6].to_vec(), &[400]),
        ("deflate", [&deflated[..], b"x"].concat(), &[400]),
        ("deflate", whole.clone(), &[400]),
        ("gzip", b"not compressed".to_vec(), &[400, 422]),
        ("br", whole.clone(), &[415]),
        ("gzip, gzip", report::gzip(&whole), &[415]),
    ];
    for (coding, body, statuses) in cases {
        let head = head(&fleet, &format!("{JSON}\nContent-Encoding: {coding}"));
        let _ = refuse_and_go_on(&fleet, &head, &body, statuses).await;
    }
}

#[tokio::test]
async fn an_unknown_dictionary_is_named_and_another_coding_asked_for() {
    let fleet = Fleet::start().await;
    let packed = report::deflate(b"[]", Some(b"of a year to come"));
    let head = head(&fleet, &format!("{JSON}\nContent-Encoding: deflate"));

    let answer = refuse_and_go_on(&fleet, &head, &packed, &[415]).await;

    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    // Its checksum stands behind the two bytes of the head.
    let checksum = packed[2..6].try_into().unwrap();
    let name = format!("{:08x}", u32::from_be_bytes(checksum));
    assert!(
        detail.contains(&name) && detail.contains("gzip"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_form_is_no_report() {
    let fleet = Fleet::start().await;
    let body = report::seed().to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let head = head(&fleet, &format!("Content-Type: {kind}"));
        let mut connection = fleet.dashboard.connect().await;
        let answer = connection.exchange(&head, body.as_bytes()).await;
        assert_eq!(answer.status, 415, "{kind}: {}", answer.text());
    }
}

fn resident_kilobytes(fleet: &Fleet) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", fleet.dashboard.program().id()));
    let status = status.expect("the dashboard runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("it has memory");
    line.split_whitespace()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect("a number of kB")
}
