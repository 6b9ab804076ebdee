//! How long metrics are kept, and what another choice would cost before it is made.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use server_scout_tests::wait::until;
use server_scout_tests::{Fleet, report};
use tokio::sync::Mutex;

const NAMES: [&str; 4] = ["raw", "minute", "quarter_hour", "hour"];

/// Half-days begin at midnight and at noon, UTC. These reports are of the one before this.
async fn report_half_a_day_ago(fleet: &Fleet) {
    let first = Timestamp::now() - SignedDuration::from_hours(12);
    let at = |second| first + SignedDuration::from_secs(second);
    let reports: Vec<Value> = (0..300)
        .map(|second| report::full(at(second), second.unsigned_abs()))
        .collect();
    let answer = fleet.report(&json!(reports)).await;
    assert_eq!(answer.json()["accepted"], 300, "{}", answer.text());
}

/// What the page's form says of a field.
fn said(page: &str, name: &str, attribute: &str) -> f64 {
    let field = page
        .split("<input ")
        .find(|field| field.contains(&format!("name=\"{name}\"")));
    let field = field.unwrap_or_else(|| panic!("no field {name}: {page}"));
    let value = field
        .split_once(&format!(" {attribute}=\""))
        .expect("it has the attribute")
        .1;
    value.split('"').next().unwrap().parse().expect("a number")
}

/// The field's hours times what a day of it takes, for all fields.
fn added_up(page: &str) -> f64 {
    let bytes =
        |name: &&str| said(page, name, "value") / 24.0 * said(page, name, "data-bytes-a-day");
    NAMES.iter().map(bytes).sum()
}

#[tokio::test]
async fn the_page_says_what_each_choice_costs_before_it_is_saved() {
    let fleet = Fleet::start().await;
    let owner = Mutex::new(fleet.owner().await);
    let look = async || owner.lock().await.get("/settings/retention").await.text();
    let page = look().await;
    assert_eq!(
        page.matches("known when a day is over").count(),
        4,
        "{page}"
    );

    report_half_a_day_ago(&fleet).await;
    let page = until(
        "the reports are folded",
        Duration::from_mins(3),
        async || {
            let page = look().await;
            (said(&page, "raw", "data-bytes-a-day") > 0.0).then_some(page)
        },
    )
    .await;
    assert_eq!(page.matches(" for each day.").count(), 4, "{page}");
    let view = fleet.get("/api/v1/organisation/retention").await.json();
    let bytes = view["bytes"].as_f64().unwrap();
    assert!((added_up(&page) - bytes).abs() <= 4.0, "{bytes}: {page}");

    // What the page lets a person reckon is what they get.
    let hours = [24.0, 96.0, 480.0, 4800.0];
    let a_day = NAMES.map(|name| said(&page, name, "data-bytes-a-day"));
    let reckoned: f64 = hours
        .iter()
        .zip(a_day)
        .map(|(hours, bytes)| hours / 24.0 * bytes)
        .sum();
    let times = json!({
        "raw_seconds": 24 * 3600,
        "minute_seconds": 96 * 3600,
        "quarter_hour_seconds": 480 * 3600,
        "hour_seconds": 4800 * 3600,
    });
    let path = "/api/v1/organisation/retention";
    let saved = fleet
        .call(reqwest::Method::PUT, path, &fleet.token, Some(&times))
        .await;
    let bytes = saved.json()["bytes"].as_f64().unwrap_or_default();
    assert!(
        (reckoned - bytes).abs() <= 4.0,
        "{reckoned}: {}",
        saved.text()
    );
}

#[tokio::test]
async fn what_was_typed_stands_when_it_is_refused() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    owner.get("/settings/retention").await;
    let typed = [
        ("raw", "72"),
        ("minute", "48"),
        ("quarter_hour", "2160"),
        ("hour", "9600"),
    ];
    let refused = owner.submit("/settings/retention", &typed).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let page = refused.text();
    for (name, hours) in typed {
        assert_eq!(
            said(&page, name, "value").to_string(),
            hours,
            "{name}: {page}"
        );
    }
}
