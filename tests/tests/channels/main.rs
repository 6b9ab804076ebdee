//! Channels: what reaches real receivers, what does not, and what a kill changes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod account_mails;
mod bad_receivers;
mod confirmation;
mod delivery;
mod heartbeat;
mod kill;
mod pages;
mod rebinding;
mod refusal;
mod rotation;
mod separate;

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::certificates::Authority;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::https::Answer;
use server_scout_tests::sink::Sink;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, report};

/// A dashboard whose first organisation may reach this machine, and who signs the receivers' certificates.
pub(crate) fn opened() -> (Setup, Authority) {
    let (setup, authority) = (Setup::new(), Authority::new());
    let ca = setup.home().join("receivers.pem");
    authority.write(&ca);
    let setup = setup
        .set("SERVERSCOUT_OUTBOUND__CA_FILE", ca.display().to_string())
        .set(
            "SERVERSCOUT_OUTBOUND__ALLOW",
            format!("{ORGANISATION}=127.0.0.0/8,{ORGANISATION}=::1"),
        );
    (setup, authority)
}

pub(crate) async fn receiver(authority: &Authority, status: &str) -> Sink {
    let leaf = authority.leaf(&["localhost", "127.0.0.1"]);
    Sink::answering(&leaf, status, "", "{}").await
}

pub(crate) async fn try_to_add(fleet: &Fleet, new: &Value) -> Answer {
    let path = "/api/v1/channels";
    fleet
        .call(Method::POST, path, &fleet.token, Some(new))
        .await
}

/// A channel of a receiver; gives its id and the key that signs.
pub(crate) async fn add_webhook(fleet: &Fleet, address: &str) -> (String, String) {
    let new = json!({
        "name": "Receiver",
        "kind": "webhook",
        "address": address,
        "headers": { "X-Kept": "sealed-header" },
    });
    let added = try_to_add(fleet, &new).await;
    assert_eq!(added.status, 201, "{}", added.text());
    let added = added.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&added["channel"]["id"]), text(&added["signing_key"]))
}

/// Has a test delivered.
pub(crate) async fn test_channel(fleet: &Fleet, id: &str) -> String {
    let queued = try_to_test(fleet, id).await;
    assert_eq!(queued.status, 202, "{}", queued.text());
    queued.json()["delivery"].as_str().unwrap().to_owned()
}

/// Asks for a test.
pub(crate) async fn try_to_test(fleet: &Fleet, id: &str) -> Answer {
    let path = format!("/api/v1/channels/{id}/test");
    fleet.call(Method::POST, &path, &fleet.token, None).await
}

/// Waits until the newest delivery of a channel is as expected.
pub(crate) async fn delivery(fleet: &Fleet, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/v1/channels/{id}/deliveries");
    until("the delivery is as expected", PATIENCE, async || {
        let list = fleet.get(&path).await;
        assert_eq!(list.status, 200, "{}", list.text());
        let newest = list.json()["items"][0].clone();
        is(&newest).then_some(newest)
    })
    .await
}

/// Makes a rule that opens an incident at once, and breaks it.
pub(crate) async fn breach(fleet: &Fleet) {
    let rule = json!({
        "name": "Hot",
        "kind": "threshold",
        "metric": "cpu_usage",
        "critical": 90,
        "sustain_seconds": 0,
        "scope": { "server": fleet.server.id },
    });
    let path = "/api/v1/alert-rules";
    let added = fleet
        .call(Method::POST, path, &fleet.token, Some(&rule))
        .await;
    assert_eq!(added.status, 201, "{}", added.text());
    report_cpu(fleet, 97.0).await;
}

pub(crate) async fn report_cpu(fleet: &Fleet, cpu: f64) {
    let now = jiff::Timestamp::now();
    fleet.accepted(&report::with_cpu(now, cpu)).await;
}
