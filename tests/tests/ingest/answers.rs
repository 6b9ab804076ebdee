//! The answer counts what became of every report.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use server_scout_tests::{Fleet, report};

#[tokio::test]
async fn a_batch_is_judged_report_by_report() {
    let fleet = Fleet::start().await;
    let start = report::seconds_ago(60);
    let at = |second| start + SignedDuration::from_secs(second);
    fleet.accepted(&report::with_cpu(at(0), 1.0)).await;
    let batch = json!([
        report::with_cpu(at(1), 2.0),
        report::with_cpu(at(2), 101.0),
        report::with_cpu(at(0), 1.0),
        report::seed_at("2024-01-15T10:30:00Z".parse().unwrap()),
        report::with_cpu(at(3), 3.0),
        report::with(report::with_cpu(at(4), 4.0), "surprise", json!(1)),
    ]);

    let answer = fleet.report(&batch).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["accepted"], 2, "{answer}");
    assert_eq!(answer["duplicate"], 1, "{answer}");
    assert_eq!(answer["too_old"], 1, "{answer}");
    assert_eq!(answer["refused_count"], 2, "{answer}");
    assert_eq!(answer["refused"][0]["index"], 1);
    assert_eq!(answer["refused"][0]["problem"]["member"], "cpu_usage");
    assert_eq!(answer["refused"][0]["problem"]["status"], 422);
    assert_eq!(answer["refused"][1]["index"], 5);
    assert_eq!(answer["refused"][1]["problem"]["member"], "surprise");
    let history = fleet.history(&fleet.server.id, "cpu_usage", start, 5).await;
    assert_eq!(history, [Some(1.0), Some(2.0), None, Some(3.0), None]);
}

#[tokio::test]
async fn a_report_that_arrives_twice_counts_once() {
    let fleet = Fleet::start().await;
    let at = report::seconds_ago(10);
    fleet.accepted(&report::with_cpu(at, 10.0)).await;
    let later = at + SignedDuration::from_millis(500);
    fleet.accepted(&report::with_cpu(later, 40.0)).await;

    let again = fleet.report(&report::with_cpu(at, 10.0)).await.json();

    assert_eq!(again["duplicate"], 1, "{again}");
    assert_eq!(again["accepted"], 0, "{again}");
    // Were it counted twice, the average of the second would be 20.
    let history = fleet.history(&fleet.server.id, "cpu_usage", at, 1).await;
    assert_eq!(history, [Some(25.0)]);
}

#[tokio::test]
async fn the_first_of_two_reports_of_one_moment_wins() {
    let fleet = Fleet::start().await;
    let at = report::seconds_ago(10);
    let batch = json!([report::with_cpu(at, 10.0), report::with_cpu(at, 90.0)]);

    let answer = fleet.report(&batch).await.json();

    assert_eq!(
        (&answer["accepted"], &answer["duplicate"]),
        (&json!(1), &json!(1)),
        "{answer}"
    );
    let history = fleet.history(&fleet.server.id, "cpu_usage", at, 1).await;
    assert_eq!(history, [Some(10.0)]);
}

#[tokio::test]
async fn a_clock_that_steps_back_loses_nothing_when_reports_are_numbered() {
    let fleet = Fleet::start().await;
    let at = report::seconds_ago(10);
    let numbered = |cpu: f64, boot: &str, seq: u64| {
        let mut report = report::with_cpu(at, cpu);
        report["boot"] = json!(boot);
        report["seq"] = json!(seq);
        report
    };
    let batch = json!([
        numbered(10.0, "00000000000000aa", 1),
        numbered(20.0, "00000000000000aa", 2),
        numbered(60.0, "00000000000000bb", 1),
    ]);

    let first = fleet.report(&batch).await.json();
    let second = fleet.report(&batch).await.json();

    assert_eq!(first["accepted"], 3, "{first}");
    assert_eq!(second["duplicate"], 3, "{second}");
    let history = fleet.history(&fleet.server.id, "cpu_usage", at, 1).await;
    assert_eq!(history, [Some(30.0)]);
}

#[tokio::test]
async fn the_same_moment_of_two_servers_is_two_reports() {
    let fleet = Fleet::start().await;
    let other = fleet.add_server("web-2").await;
    let at = report::seconds_ago(10);
    fleet.accepted(&report::with_cpu(at, 10.0)).await;

    let answer = fleet
        .report_as(&other.key, &report::with_cpu(at, 20.0))
        .await
        .json();

    assert_eq!(answer["accepted"], 1, "{answer}");
    assert_eq!(
        fleet.history(&other.id, "cpu_usage", at, 1).await,
        [Some(20.0)]
    );
    assert_eq!(
        fleet.history(&fleet.server.id, "cpu_usage", at, 1).await,
        [Some(10.0)]
    );
}

#[tokio::test]
async fn a_clock_ahead_is_refused_with_the_dashboards_time_and_shown_as_such() {
    let fleet = Fleet::start().await;
    let ahead = Timestamp::now() + SignedDuration::from_mins(6);

    let answer = fleet.report(&report::seed_at(ahead)).await;

    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    let kind = problem["type"].as_str().unwrap();
    assert!(kind.ends_with("clock-skew"), "{problem}");
    assert_eq!(problem["member"], "timestamp");
    let time: Timestamp = problem["dashboard_time"].as_str().unwrap().parse().unwrap();
    assert!(time.duration_until(Timestamp::now()).abs() < SignedDuration::from_secs(10));
    let server = fleet.state().await;
    assert_eq!(server["status"], "clock-wrong", "{server}");
}

#[tokio::test]
async fn four_minutes_ahead_is_still_accepted() {
    let fleet = Fleet::start().await;
    let ahead = Timestamp::now() + SignedDuration::from_mins(4);

    fleet.accepted(&report::seed_at(ahead)).await;
}

#[tokio::test]
async fn the_answer_to_the_worst_batch_fits_into_what_an_agent_reads() {
    let fleet = Fleet::start().await;
    let long_name = "\u{1F980}".repeat(200);
    let bad = report::with(report::seed(), &long_name, json!(1));
    let batch: Vec<Value> = (0..1000).map(|_| bad.clone()).collect();

    let answer = fleet.report(&json!(batch)).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.body.len() <= 4096, "{} bytes", answer.body.len());
    assert_eq!(answer.json()["refused_count"], 1000);
}

#[tokio::test]
async fn an_empty_batch_is_no_error() {
    let fleet = Fleet::start().await;

    let answer = fleet.report(&json!([])).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["accepted"], 0);
}

#[tokio::test]
async fn the_reports_of_a_paused_server_are_stored() {
    let fleet = Fleet::start().await;
    let path = format!("/api/v1/servers/{}", fleet.server.id);
    let pause = json!({ "paused": true });
    let paused = fleet
        .call(reqwest::Method::PATCH, &path, &fleet.token, Some(&pause))
        .await;
    assert_eq!(paused.status, 200, "{}", paused.text());
    let at = report::seconds_ago(3);

    fleet.accepted(&report::with_cpu(at, 33.0)).await;

    assert_eq!(fleet.state().await["status"], "paused");
    assert_eq!(
        fleet.history(&fleet.server.id, "cpu_usage", at, 1).await,
        [Some(33.0)]
    );
}
