//! Metrics as files.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::https::Answer;
use server_scout_tests::wait::{PATIENCE, within};
use server_scout_tests::{Fleet, report};

use crate::minutes_ago;

const HOSTILE: &str = "=HYPERLINK(\"http://evil\",\"a,b\")";

/// A report with a counter and a mount of a hostile name.
fn reports(begin: Timestamp, count: i64) -> Vec<Value> {
    let one = |place: i64| {
        let at = begin + SignedDuration::from_secs(place * 10);
        let mut one = report::with_cpu(at, place as f64 / 4.0);
        one["mount_used_bytes"] = json!({ HOSTILE: 4096 * place });
        one["network_sent_bytes_total"] = json!({ "eth0": 1000 * place });
        one
    };
    (0..count).map(one).collect()
}

async fn export(fleet: &Fleet, path: &str, more: &str) -> Answer {
    let (from, to) = (minutes_ago(30), minutes_ago(20));
    let path = format!("/api/v1{path}/metrics/export?from={from}&to={to}{more}");
    let answer = fleet.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn records(answer: &Answer) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().from_reader(answer.body.as_slice());
    reader.deserialize().map(|record| record.unwrap()).collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn every_sample_is_there_once_in_either_form() {
    let fleet = Fleet::start().await;
    let sent = reports(minutes_ago(31), 90);
    fleet.accepted(&json!(sent)).await;
    // The first six are before the range, and the last 24 after it.
    let inside = &sent[6..66];
    let server = format!("/servers/{}", fleet.server.id);

    let csv = export(&fleet, &server, "&format=csv").await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let disposition = csv.header("content-disposition");
    assert_eq!(disposition, Some("attachment; filename=\"metrics.csv\""));
    assert!(csv.text().lines().count() > 60 && csv.text().contains("\r\n"));
    let all = records(&csv);
    assert_eq!(all.len(), 5 * inside.len(), "{}", csv.text());
    let json = lines(&export(&fleet, &server, "&format=ndjson").await);
    assert_eq!(json.len(), all.len());
    for (place, report) in inside.iter().enumerate() {
        let at: Timestamp = report["timestamp"].as_str().unwrap().parse().unwrap();
        for (metric, label, value) in [
            ("cpu_usage", None, &report["cpu_usage"]),
            (
                "mount_used_bytes",
                Some(HOSTILE),
                &report["mount_used_bytes"][HOSTILE],
            ),
            (
                "network_sent_bytes_total",
                Some("eth0"),
                &report["network_sent_bytes_total"]["eth0"],
            ),
        ] {
            let value = value.as_f64().unwrap();
            let cells: Vec<_> = { all.iter() }
                .filter(|cells| cells["metric"] == metric)
                .filter(|cells| cells["at"].parse::<Timestamp>().unwrap() == at)
                .collect();
            assert_eq!(cells.len(), 1, "{metric} {place}");
            let stored: f64 = cells[0]["value"].parse().unwrap();
            assert!((stored - value).abs() < 0.01, "{metric} {place}: {stored}");
            let shown = label.map(|label| label.replace("=H", "'=H"));
            assert_eq!(cells[0]["label"], shown.unwrap_or_default());
            assert_eq!(
                (&cells[0]["server"], &cells[0]["server_id"]),
                (&fleet.server.name, &fleet.server.id)
            );
            let same: Vec<_> = { json.iter() }
                .filter(|line| line["metric"] == metric)
                .filter(|line| line["at"].as_str().unwrap().parse::<Timestamp>().unwrap() == at)
                .collect();
            assert_eq!(same.len(), 1);
            assert_eq!(same[0]["value"].as_f64(), Some(stored));
            assert_eq!(same[0]["label"].as_str(), label);
        }
    }
    let unit = |metric: &str| &all.iter().find(|cells| cells["metric"] == metric).unwrap()["unit"];
    assert_eq!(
        (
            unit("network_sent_bytes_total").as_str(),
            unit("cpu_usage").as_str()
        ),
        ("bytes", "percent")
    );
}

#[tokio::test]
async fn roll_ups_have_average_extremes_and_count_of_each_minute() {
    let fleet = Fleet::start().await;
    fleet.accepted(&json!(reports(minutes_ago(31), 90))).await;
    let server = format!("/servers/{}", fleet.server.id);
    let more = "&format=csv&resolution=minute&names=cpu_usage,network_sent_bytes_total";
    let all = records(&export(&fleet, &server, more).await);
    assert_eq!(all.len(), 20);
    for (minute, cells) in all
        .iter()
        .filter(|cells| cells["metric"] == "cpu_usage")
        .enumerate()
    {
        let at = cells["at"].parse::<Timestamp>().unwrap();
        assert_eq!(at, minutes_ago(30 - i64::try_from(minute).unwrap()));
        let values: Vec<f64> = (0..6)
            .map(|place| (6 * (minute + 1) + place) as f64 / 4.0)
            .collect();
        let number = |name: &str| cells[name].parse::<f64>().unwrap();
        let near = |name: &str, expected: f64| {
            assert!((number(name) - expected).abs() < 0.02, "{cells:?}");
        };
        near("average", values.iter().sum::<f64>() / 6.0);
        near("min", values[0]);
        near("max", values[5]);
        assert_eq!(cells["count"], "6");
    }
    let rates: Vec<_> = all
        .iter()
        .filter(|cells| cells["metric"] != "cpu_usage")
        .collect();
    assert_eq!(
        (
            rates.len(),
            rates[3]["unit"].as_str(),
            rates[3]["average"].as_str()
        ),
        (10, "bytes_per_second", "100")
    );
}

#[tokio::test]
async fn an_export_of_many_servers_has_those_that_are_selected_and_is_an_audit_event() {
    let fleet = Fleet::start().await;
    let other = fleet.add_server("web-2").await;
    let third = fleet.add_server("web-3").await;
    for server in [&fleet.server, &other, &third] {
        fleet
            .report_as(&server.key, &json!(reports(minutes_ago(30), 3)))
            .await;
    }
    let group = fleet.add_group("Customer").await;
    for server in [&fleet.server, &other] {
        fleet.set_in_group(Method::PUT, &group, &server.id).await;
    }
    let of = async |more: String| {
        let answer = export(&fleet, "", &format!("&format=ndjson&names=cpu_usage{more}")).await;
        let lines = lines(&answer);
        lines
            .iter()
            .map(|line| line["server"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (one, two, three) = ("web-1", "web-2", "web-3");
    assert_eq!(
        of(String::new()).await,
        [one, one, one, two, two, two, three, three, three]
    );
    assert_eq!(
        of(format!("&group={group}")).await,
        [one, one, one, two, two, two]
    );
    assert_eq!(of(format!("&servers={}", third.id)).await, [three; 3]);

    let limited = "limited@example.org";
    fleet.limited_member(limited, "viewer", &[&group]).await;
    let token = fleet
        .dashboard
        .add_token(limited, ORGANISATION, "read")
        .await;
    let path = "/api/v1/metrics/export?format=csv";
    let seen = fleet.call(Method::GET, path, &token, None).await;
    assert_eq!(seen.status, 200);
    assert!(seen.text().contains("web-2") && !seen.text().contains("web-3"));
    let hidden = format!("/api/v1/servers/{}/metrics/export?format=csv", third.id);
    let path = format!("/api/v1/metrics/export?format=csv&servers={}", third.id);
    for path in [hidden, path] {
        assert_eq!(
            fleet.call(Method::GET, &path, &token, None).await.status,
            404
        );
    }

    let events = fleet
        .get("/api/v1/audit-events?action=metrics.exported")
        .await
        .json();
    let events = events["items"].as_array().unwrap();
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(events[0]["actor"], limited);
    let detail = events[2]["detail"].as_str().unwrap();
    assert!(detail.contains(&group), "{detail}");
}

#[tokio::test]
async fn a_page_exports_whole_days_without_a_script() {
    let fleet = Fleet::start().await;
    fleet
        .accepted(&json!(reports(report::seconds_ago(0), 1)))
        .await;
    let mut owner = fleet.owner().await;
    let path = format!("/servers/{}", fleet.server.id);
    let page = owner.get(&path).await.text();
    assert!(
        page.contains(&format!("action=\"{path}/export\"")),
        "{page}"
    );
    let file = owner
        .get(&format!("{path}/export?from=&to=&resolution=&format=csv"))
        .await;
    assert_eq!(file.status, 200, "{}", file.text());
    assert_eq!(records(&file).len(), 5, "{}", file.text());
    for (more, status) in [
        ("format=xls", 422),
        ("format=csv&from=yesterday", 422),
        ("format=csv&to=2020-01-01", 400),
        ("", 400),
    ] {
        let refused = owner.get(&format!("{path}/export?{more}")).await;
        assert_eq!(refused.status, status, "{more}: {}", refused.text());
    }
}

#[tokio::test]
async fn an_export_ends_when_its_token_is_revoked() {
    let fleet = Fleet::start().await;
    let begin = report::seconds_ago(3 * 60 * 60);
    for first in (0..2000_u64).step_by(100) {
        let batch: Vec<Value> = (first..first + 100)
            .map(|seq| {
                report::full(
                    begin + SignedDuration::from_secs(5 * i64::try_from(seq).unwrap()),
                    seq,
                )
            })
            .collect();
        fleet.accepted(&json!(batch)).await;
    }
    let token = fleet
        .dashboard
        .add_token(server_scout_tests::fleet::OWNER, ORGANISATION, "read")
        .await;
    let path = format!(
        "/api/v1/servers/{}/metrics/export?format=ndjson&resolution=raw&from={begin}",
        fleet.server.id
    );
    let ask = || {
        fleet
            .client()
            .get(fleet.dashboard.url(&path))
            .bearer_auth(&token)
            .send()
    };
    let mut whole = ask().await.unwrap();
    let mut length = 0;
    while let Some(chunk) = whole.chunk().await.unwrap() {
        length += chunk.len();
    }
    let mut file = ask().await.unwrap();
    assert_eq!(file.status(), 200);
    let first = file.chunk().await.unwrap().unwrap();
    let tokens = fleet.get("/api/v1/tokens?all=true").await.json();
    let tokens = tokens["items"].as_array().unwrap();
    let id = tokens
        .iter()
        .find(|token| token["scope"] == "read")
        .unwrap()["id"]
        .clone();
    let path = format!("/api/v1/tokens/{}", id.as_str().unwrap());
    let gone = fleet.call(Method::DELETE, &path, &fleet.token, None).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
    let broken = within("the end of the file", PATIENCE, async {
        let mut read = first.len();
        loop {
            match file.chunk().await {
                Ok(Some(chunk)) => read += chunk.len(),
                Ok(None) => return Err(read),
                Err(_) => return Ok(read),
            }
        }
    })
    .await;
    assert!(
        broken.is_ok_and(|read| read < length),
        "{broken:?} of {length}"
    );
}
