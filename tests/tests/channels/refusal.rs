//! What no channel reaches, by whatever kind its address is given.

use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::Fleet;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::sink::Sink;
use tokio::net::TcpListener;

use super::{add_webhook, delivery, opened, receiver, test_channel, try_to_add, try_to_test};

/// A channel of every kind that takes an address.
pub(crate) fn channels(address: &str) -> Vec<Value> {
    let whole = ["discord", "slack", "teams", "webhook"];
    let below = [
        "gotify",
        "matrix",
        "ntfy",
        "opsgenie",
        "pagerduty",
        "pushover",
        "telegram",
    ];
    let mut all = Vec::new();
    for kind in whole {
        all.push(json!({ "name": kind, "kind": kind, "address": address }));
    }
    for kind in below {
        let mut new =
            json!({ "name": kind, "kind": kind, "address": address, "token": "abcdefgh" });
        if matches!(kind, "matrix" | "ntfy" | "pushover" | "telegram") {
            new["recipient"] = json!("12345678");
        }
        all.push(new);
    }
    all
}

#[tokio::test]
async fn nothing_inside_is_connected_to_by_any_kind_of_channel() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let setup = Setup::new().set("SERVERSCOUT_OUTBOUND__PORTS", format!("443,{port}"));
    let fleet = Fleet::with(setup).await;
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        for new in channels(&format!("https://{host}:{port}/")) {
            let refused = try_to_add(&fleet, &new).await;
            assert_eq!(refused.status, 422, "{new}: {}", refused.text());
            assert!(
                refused.text().contains("not a public one"),
                "{}",
                refused.text()
            );
        }
    }
    // What a name stands for shows at the delivery.
    for new in channels(&format!("https://localhost:{port}/")) {
        let added = try_to_add(&fleet, &new).await;
        assert_eq!(added.status, 201, "{new}: {}", added.text());
        let id = added.json()["channel"]["id"].as_str().unwrap().to_owned();
        test_channel(&fleet, &id).await;
        let tried = delivery(&fleet, &id, |newest| newest["attempts"] != 0).await;
        assert_eq!(tried["state"], "waiting", "{new}: {tried}");
        let problem = tried["problem"].as_str().unwrap();
        assert_eq!(problem, "The name has no public address.", "{new}");
    }
    let connected = tokio::time::timeout(std::time::Duration::from_millis(200), listener.accept());
    assert!(connected.await.is_err(), "something connected");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let inside = receiver(&authority, "200 OK").await;
    let leaf = authority.leaf(&["localhost"]);
    let location = format!("Location: {}/\r\n", inside.origin());
    let redirecting = Sink::answering(&leaf, "307 Temporary Redirect", &location, "").await;
    let (id, _) = add_webhook(&fleet, &redirecting.origin()).await;
    test_channel(&fleet, &id).await;
    let waiting = delivery(&fleet, &id, |newest| newest["attempts"] == 1).await;
    assert_eq!(waiting["status"], 307, "{waiting}");
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn nobody_takes_the_name_that_something_is_opened_for() {
    let setup = Setup::new().set("SERVERSCOUT_OUTBOUND__ALLOW", "Inner=127.0.0.0/8");
    let fleet = Fleet::with(setup).await;
    let (name, path) = (json!({ "name": "INNER" }), "/api/v1/organisation");
    let refused = fleet
        .call(Method::PATCH, path, &fleet.token, Some(&name))
        .await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(
        refused.text().contains("by the operator"),
        "{}",
        refused.text()
    );
}

/// Whoever a channel goes to need not have asked for it.
#[tokio::test]
async fn tests_of_a_channel_are_few() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let sink = receiver(&authority, "200 OK").await;
    let (id, _) = add_webhook(&fleet, &sink.origin()).await;
    for _ in 0..12 {
        test_channel(&fleet, &id).await;
    }
    let refused = try_to_test(&fleet, &id).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(
        refused.text().contains("12 times an hour"),
        "{}",
        refused.text()
    );
    assert_eq!(
        refused.json()["type"],
        "too-many-tests",
        "{}",
        refused.text()
    );
}
