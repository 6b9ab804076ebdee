//! Many servers in one question.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::fleet::{ORGANISATION, Server};
use server_scout_tests::{Fleet, report};

use crate::minutes_ago;

/// What each server has in each of ten minutes; -1 for nothing.
const MINUTES: [[f64; 10]; 3] = [
    [10.0, 20.0, 30.0, 40.0, 50.0, -1.0, 70.0, 80.0, 90.0, 5.0],
    [5.0, 5.0, -1.0, 5.0, 5.0, -1.0, 5.0, 5.0, 5.0, 5.0],
    [60.0, 60.0, 60.0, -1.0, -1.0, -1.0, 60.0, 60.0, 60.0, 60.0],
];
const BEGIN: i64 = 30;

/// What values come to.
type Way<'a> = &'a dyn Fn(&[f64]) -> f64;

/// Three servers with ten minutes of reports, four in each minute.
async fn three() -> (Fleet, Vec<Server>) {
    let fleet = Fleet::start().await;
    let servers = vec![
        fleet.server.clone(),
        fleet.add_server("web-2").await,
        fleet.add_server("web-3").await,
    ];
    for (server, minutes) in servers.iter().zip(MINUTES) {
        let mut reports = Vec::new();
        for (minute, value) in (0..).zip(minutes) {
            for quarter in (0..4).filter(|_| value >= 0.0) {
                let at = minutes_ago(BEGIN) + SignedDuration::from_secs(minute * 60 + quarter * 15);
                reports.push(report::with_cpu(at, value));
            }
        }
        let sent = fleet.report_as(&server.key, &json!(reports)).await;
        assert_eq!(sent.json()["accepted"], reports.len(), "{}", sent.text());
    }
    (fleet, servers)
}

/// The question about the ten minutes.
fn question(more: &str) -> String {
    let (from, to) = (minutes_ago(BEGIN), minutes_ago(BEGIN - 10));
    format!("/api/v1/metrics?names=cpu_usage&from={from}&to={to}&points=10{more}")
}

async fn ask(fleet: &Fleet, more: &str) -> Value {
    let answer = fleet.get(&question(more)).await;
    assert_eq!(answer.status, 200, "{more}: {}", answer.text());
    answer.json()
}

fn names(answer: &Value) -> Vec<&str> {
    let servers = answer["servers"].as_array().unwrap().iter();
    servers
        .map(|server| server["name"].as_str().unwrap())
        .collect()
}

/// The values of the servers in a minute.
fn known(minute: usize) -> Vec<f64> {
    let values = MINUTES.iter().map(|minutes| minutes[minute]);
    values.filter(|value| *value >= 0.0).collect()
}

fn close(value: &Value, expected: f64) -> bool {
    value
        .as_f64()
        .is_some_and(|value| (value - expected).abs() < 0.001)
}

#[tokio::test]
async fn an_aggregate_is_that_of_a_plain_computation_and_gaps_stay_gaps() {
    let (fleet, _) = three().await;
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let ways: [(&str, Way<'_>); 4] = [
        ("average", &|values| sum(values) / values.len() as f64),
        ("sum", &sum),
        ("min", &|values| {
            values.iter().copied().fold(f64::MAX, f64::min)
        }),
        ("max", &|values| {
            values.iter().copied().fold(f64::MIN, f64::max)
        }),
    ];
    for (name, way) in ways {
        let answer = ask(&fleet, &format!("&aggregate={name}")).await;
        assert_eq!(
            (&answer["asked"], &answer["step_seconds"]),
            (&json!(3), &json!(60.0))
        );
        assert_eq!(answer["servers"], json!([]));
        let series = &answer["aggregate"][0];
        assert_eq!(
            (&series["metric"], &series["unit"]),
            (&json!("cpu_usage"), &json!("percent"))
        );
        for minute in 0..10 {
            let values = known(minute);
            assert_eq!(
                series["servers"][minute],
                values.len(),
                "{name} {minute}: {series}"
            );
            let value = &series["values"][minute];
            let right = match values.as_slice() {
                [] => value.is_null(),
                values => close(value, way(values)),
            };
            assert!(right, "{name} {minute}: {value} of {values:?}");
        }
    }
}

#[tokio::test]
async fn each_server_answers_as_it_does_alone() {
    let (fleet, servers) = three().await;
    let answer = ask(&fleet, "").await;
    assert_eq!(names(&answer), ["web-1", "web-2", "web-3"]);
    for (place, server) in servers.iter().enumerate() {
        let found = &answer["servers"][place];
        assert_eq!(
            (&found["id"], &found["rank"]),
            (&json!(server.id), &Value::Null)
        );
        let series = &found["series"][0];
        for minute in 0..10 {
            let expected = MINUTES[place][minute];
            let value = &series["average"][minute];
            let right = if expected < 0.0 {
                value.is_null()
            } else {
                close(value, expected)
            };
            assert!(right, "{minute}: {series}");
        }
        let (from, to) = (minutes_ago(BEGIN), minutes_ago(BEGIN - 10));
        let alone = format!(
            "/api/v1/servers/{}/metrics?names=cpu_usage&from={from}&to={to}&points=10",
            server.id
        );
        assert_eq!(&fleet.get(&alone).await.json()["series"][0], series);
    }
}

#[tokio::test]
async fn the_first_of_a_ranking_come_in_its_order() {
    let (fleet, _) = three().await;
    // The averages are 43.9, 5 and 60; the newest 5, 5 and 60.
    for (more, expected) in [
        ("&top=2", vec!["web-3", "web-1"]),
        ("&top=1&order=lowest", vec!["web-2"]),
        ("&top=50&by=newest", vec!["web-3", "web-1", "web-2"]),
        (
            "&top=3&by=newest&order=lowest",
            vec!["web-1", "web-2", "web-3"],
        ),
    ] {
        let answer = ask(&fleet, more).await;
        assert_eq!(names(&answer), expected, "{more}");
        assert_eq!(answer["asked"], 3);
    }
    let best = ask(&fleet, "&top=1").await;
    assert!(close(&best["servers"][0]["rank"], 60.0), "{best}");
    assert_eq!(best["servers"][0]["series"][0]["count"][0], 4);
    let nobody = fleet
        .get(&question("&top=3&search=web-9").replace("cpu_usage", "load1"))
        .await;
    assert_eq!(nobody.json()["servers"], json!([]));
}

#[tokio::test]
async fn servers_are_selected_by_group_tag_and_name() {
    let (fleet, servers) = three().await;
    let group = fleet.add_group("Customer").await;
    for server in &servers[..2] {
        fleet.set_in_group(Method::PUT, &group, &server.id).await;
    }
    let path = format!("/api/v1/servers/{}", servers[1].id);
    let tags = json!({ "tags": ["db"] });
    fleet
        .call(Method::PATCH, &path, &fleet.token, Some(&tags))
        .await;
    let (first, last) = (&servers[0].id, &servers[2].id);
    for (more, expected) in [
        (format!("&group={group}"), vec!["web-1", "web-2"]),
        (format!("&group={group}&tag=db"), vec!["web-2"]),
        ("&search=EB-3".to_owned(), vec!["web-3"]),
        (
            format!("&servers={last},{first},{last}"),
            vec!["web-1", "web-3"],
        ),
    ] {
        assert_eq!(names(&ask(&fleet, &more).await), expected, "{more}");
    }

    let limited = "limited@example.org";
    fleet.limited_member(limited, "viewer", &[&group]).await;
    let token = fleet
        .dashboard
        .add_token(limited, ORGANISATION, "read")
        .await;
    let sees = async |more: &str| fleet.call(Method::GET, &question(more), &token, None).await;
    assert_eq!(names(&sees("").await.json()), ["web-1", "web-2"]);
    assert_eq!(
        sees("&aggregate=sum").await.json()["aggregate"][0]["servers"][0],
        2
    );
    assert_eq!(names(&sees("&top=3").await.json()), ["web-1", "web-2"]);
    assert_eq!(sees(&format!("&servers={last}")).await.status, 404);
    let hidden = fleet.add_group("Other").await;
    assert_eq!(sees(&format!("&group={hidden}")).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let fleet = Fleet::start().await;
    let many = vec!["0123456789abcdef"; 201].join(",");
    for (more, status) in [
        ("&top=0".to_owned(), 422),
        ("&top=51".to_owned(), 422),
        ("&top=3&aggregate=sum".to_owned(), 422),
        ("&aggregate=median".to_owned(), 422),
        ("&servers=0123456789abcdef&tag=db".to_owned(), 422),
        (format!("&servers={many}"), 422),
        ("&servers=".to_owned(), 404),
        ("&servers=0123456789abcdef".to_owned(), 404),
        ("&group=0123456789abcdef".to_owned(), 404),
        ("&status=happy".to_owned(), 422),
    ] {
        let answer = fleet.get(&question(&more)).await;
        assert_eq!(answer.status, status, "{more}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    let nonsense = fleet.get("/api/v1/metrics?names=passwords").await;
    assert_eq!(
        (nonsense.status, nonsense.member().as_str()),
        (422, "names")
    );
}

/// Lets each of these servers report so many labels of one metric, beside one that all have.
async fn with_labels(fleet: &Fleet, servers: &[Server], labels: usize) {
    for server in servers {
        let all: Vec<usize> = (0..labels).collect();
        let reports = (1..).zip(all.chunks(250)).map(|(number, some)| {
            let at = minutes_ago(BEGIN) + SignedDuration::from_secs(number);
            let own = some
                .iter()
                .map(|label| (format!("{}-{label}", server.id), json!(1)));
            let shared = std::iter::once(("zzz".to_owned(), json!(7)));
            let values: serde_json::Map<String, Value> = own.chain(shared).collect();
            report::with(report::seed_at(at), "mount_used_bytes", values.into())
        });
        let reports: Vec<Value> = reports.collect();
        let sent = fleet.report_as(&server.key, &json!(reports)).await;
        assert_eq!(sent.json()["accepted"], reports.len(), "{}", sent.text());
    }
}

#[tokio::test]
async fn servers_with_very_many_labels_cost_nobody_the_answer() {
    let (fleet, mut servers) = three().await;
    for number in 4..8 {
        servers.push(fleet.add_server(&format!("web-{number}")).await);
    }
    with_labels(&fleet, &servers, 900).await;
    let ask = async |more: &str| {
        let question = question(more).replace("cpu_usage", "mount_used_bytes,cpu_usage");
        let answer = fleet
            .get(&question.replace("points=10", "points=2000"))
            .await;
        assert_eq!(answer.status, 200, "{more}: {}", answer.text());
        answer.json()
    };

    let all = ask("&aggregate=sum").await;
    let series = all["aggregate"].as_array().unwrap();
    assert_eq!(
        (series.len(), &all["left_out"]),
        (1000, &json!(6302 - 1000))
    );
    let find = |metric: &str, label: Option<&str>| {
        let mut found = series.iter();
        found.find(|one| one["metric"] == metric && one["label"].as_str() == label)
    };
    let shared = find("mount_used_bytes", Some("zzz")).unwrap();
    assert_eq!(
        (&shared["values"][0], &shared["servers"][0]),
        (&json!(49.0), &json!(7))
    );
    let plain = find("cpu_usage", None).unwrap();
    assert!(close(&plain["values"][1], 20.0 + 5.0 + 60.0), "{plain}");

    for more in ["", "&top=7"] {
        let each = ask(more).await;
        let servers = each["servers"].as_array().unwrap();
        assert_eq!(servers.len(), 7, "{more}");
        let kept = servers.iter().map(|server| {
            let series = server["series"].as_array().unwrap();
            assert!(series.iter().any(|one| one["metric"] == "cpu_usage"));
            series.len() as u64
        });
        let kept: u64 = kept.sum();
        assert!((3900..=4000).contains(&kept), "{more}: {kept}");
        assert_eq!(each["left_out"], 7 * 902 - kept, "{more}");
    }
}
