//! What reaches a receiver.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use server_scout_tests::fleet::OWNER;
use server_scout_tests::gate::headers;
use server_scout_tests::sink::Sink;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, Postbox, report};
use standardwebhooks::Webhook;

use super::{
    add_webhook, breach, delivery, opened, receiver, report_cpu, test_channel, try_to_add,
};

/// Waits for a request whose body is of a type.
pub(crate) async fn arrived(sink: &Sink, event: &str) -> (HeaderMap, Vec<u8>) {
    until("a message arrives", PATIENCE, async || {
        let requests = sink.requests().into_iter().zip(sink.bodies());
        let mut found = requests.filter(|(_, body)| parsed(body)["type"] == event);
        found.next().map(|(head, body)| (headers(&head), body))
    })
    .await
}

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test]
async fn an_incident_reaches_a_webhook_signed_from_its_opening_to_its_end() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let sink = receiver(&authority, "200 OK").await;
    let address = format!("{}/services/verysecretword", sink.origin());
    let (id, key) = add_webhook(&fleet, &address).await;

    breach(&fleet).await;
    let (headers, body) = arrived(&sink, "incident.opened").await;
    let verifier = Webhook::new(&key).unwrap();
    verifier
        .verify(&body, &headers)
        .expect("the signature counts");
    let mut changed = body.clone();
    changed.push(b' ');
    assert!(verifier.verify(&changed, &headers).is_err());
    assert_eq!(headers["x-kept"], "sealed-header");
    let message = parsed(&body);
    assert_eq!(message["data"]["severity"], "critical");
    let told = &message["data"]["incidents"][0];
    assert_eq!(told["server_name"], "web-1");
    assert_eq!(told["value"], 97.0);

    report_cpu(&fleet, 5.0).await;
    let (headers, body) = arrived(&sink, "incident.resolved").await;
    verifier
        .verify(&body, &headers)
        .expect("the signature counts");
    assert_eq!(
        parsed(&body)["data"]["incidents"][0]["incident"],
        told["incident"]
    );

    let newest = delivery(&fleet, &id, |newest| newest["tells"] == "resolved").await;
    let newest = if newest["state"] == "waiting" {
        delivery(&fleet, &id, |newest| newest["state"] != "waiting").await
    } else {
        newest
    };
    assert_eq!(newest["state"], "delivered", "{newest}");
    assert_eq!(
        (&newest["status"], &newest["attempts"]),
        (&json!(200), &json!(1))
    );
    let shown = fleet.get(&format!("/api/v1/channels/{id}")).await;
    let logs = fleet.dashboard.program().stderr();
    for secret in ["verysecretword", key.as_str(), "sealed-header"] {
        assert!(!shown.text().contains(secret), "{}", shown.text());
        assert!(!logs.contains(secret), "{logs}");
    }
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_with_the_same_id_also_after_a_kill() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup).await;
    let failing = receiver(&authority, "503 Service Unavailable").await;
    let (id, _) = add_webhook(&fleet, &failing.origin()).await;
    let message = format!("msg_{}", test_channel(&fleet, &id).await);
    let waiting = delivery(&fleet, &id, |newest| newest["attempts"] == 1).await;
    assert_eq!(waiting["state"], "waiting");
    assert_eq!(waiting["status"], 503);
    assert!(
        waiting["problem"].as_str().unwrap().contains("503"),
        "{waiting}"
    );

    fleet.dashboard.kill();
    let fleet = fleet.again().await;
    delivery(&fleet, &id, |newest| newest["attempts"] == 2).await;
    let heads = failing.requests();
    let ids: Vec<String> = { heads.iter() }
        .map(|head| headers(head)["webhook-id"].to_str().unwrap().to_owned())
        .collect();
    assert!(
        ids.len() >= 2 && ids.iter().all(|id| *id == message),
        "{ids:?}"
    );
}

#[tokio::test]
async fn who_is_gone_is_not_asked_again() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let gone = receiver(&authority, "410 Gone").await;
    let (id, _) = add_webhook(&fleet, &gone.origin()).await;
    test_channel(&fleet, &id).await;
    let dead = delivery(&fleet, &id, |newest| newest["state"] != "waiting").await;
    assert_eq!(dead["state"], "dead", "{dead}");
    assert_eq!(gone.requests().len(), 1);
}

#[tokio::test]
async fn an_incident_is_mailed_as_text_and_html() {
    let (setup, _) = opened();
    let (postbox, setup) = Postbox::start(setup).await;
    let fleet = Fleet::with(setup).await;
    let new = json!({ "name": "Mail", "kind": "email", "recipient": OWNER });
    let added = try_to_add(&fleet, &new).await;
    assert_eq!(added.status, 201, "{}", added.text());
    assert!(!added.text().contains("owner@"), "{}", added.text());
    breach(&fleet).await;
    let mail = postbox.mail(OWNER, "Hot on web-1").await;
    assert_eq!(mail.header("Subject"), "Critical: Hot on web-1");
    assert!(mail.header("Message-ID").starts_with("<msg_"));
    assert!(mail.html().contains("cpu_usage 97, above 90 percent"));
    let id = added.json()["channel"]["id"].as_str().unwrap().to_owned();
    let sent = delivery(&fleet, &id, |newest| newest["state"] != "waiting").await;
    assert_eq!(sent["state"], "delivered", "{sent}");
}

#[tokio::test]
async fn of_very_many_incidents_a_hundred_are_told_and_how_many_more_there_are() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let sink = receiver(&authority, "200 OK").await;
    add_webhook(&fleet, &sink.origin()).await;
    let rule = json!({
        "name": "Full", "kind": "threshold", "metric": "mount_used_bytes", "warning": 5,
        "sustain_seconds": 0,
    });
    let path = "/api/v1/alert-rules";
    let added = { fleet.call(Method::POST, path, &fleet.token, Some(&rule)) }.await;
    assert_eq!(added.status, 201, "{}", added.text());
    let mounts: serde_json::Map<String, Value> = (0..240)
        .map(|number| (format!("/{number:03}{}", "é".repeat(60)), json!(10)))
        .collect();
    let report = report::with(report::seed(), "mount_used_bytes", Value::Object(mounts));
    fleet.accepted(&report).await;
    let (_, body) = arrived(&sink, "incident.opened").await;
    let told = parsed(&body)["data"].clone();
    assert_eq!(told["incidents"].as_array().unwrap().len(), 100);
    assert_eq!(told["more"], 140);
    assert!(body.len() < 120_000, "{} bytes", body.len());
}
