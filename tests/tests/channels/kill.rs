//! Whoever sends is killed between any two steps of a delivery. Each is delivered all the same, with the same
//! id, and signed so that a library of others accepts it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use server_scout_tests::certificates::Authority;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::gate::{Conduct, Gate, Taken};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Database, Fleet, Program};
use standardwebhooks::Webhook;

use super::{add_webhook, breach, delivery, opened, test_channel, try_to_test};

/// Where a delivery is when the sender is killed.
const STEPS: [Conduct; 4] = [
    Conduct::HoldsConnection,
    Conduct::HoldsRequest,
    Conduct::HoldsAnswer,
    Conduct::HoldsHalf,
];

async fn gate(authority: &Authority, conduct: Conduct) -> Gate {
    Gate::start(&authority.leaf(&["localhost"]), conduct).await
}

/// The id of a message, when its signature counts.
fn verified(taken: &Taken, key: &str) -> String {
    let verifier = Webhook::new(key).unwrap();
    verifier
        .verify(&taken.body, &taken.headers)
        .expect("the signature counts");
    taken.headers["webhook-id"].to_str().unwrap().to_owned()
}

fn ids(gate: &Gate, key: &str) -> Vec<String> {
    gate.taken()
        .iter()
        .map(|taken| verified(taken, key))
        .collect()
}

async fn is_delivered(fleet: &Fleet, channel: &str) -> Value {
    let newest = delivery(fleet, channel, |newest| newest["state"] != "waiting").await;
    assert_eq!(newest["state"], "delivered", "{newest}");
    newest
}

#[tokio::test]
async fn a_dashboard_that_is_killed_at_any_step_delivers_with_the_same_id() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup).await;
    for step in STEPS {
        let gate = gate(&authority, step).await;
        let (channel, key) = add_webhook(&fleet, &gate.origin()).await;
        let expected = format!("msg_{}", test_channel(&fleet, &channel).await);
        gate.holds(1).await;
        fleet.dashboard.kill();
        let before = ids(&gate, &key);
        gate.open();
        fleet = fleet.again().await;
        is_delivered(&fleet, &channel).await;
        let after = ids(&gate, &key);
        assert!(after.len() > before.len(), "{step:?}: {after:?}");
        assert!(
            after.iter().all(|id| *id == expected),
            "{step:?}: {after:?}"
        );
        forget(&fleet, &channel).await;
    }
}

#[tokio::test]
async fn an_answer_that_was_read_and_not_noted_before_a_kill_is_asked_for_again() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup).await;
    let gate = gate(&authority, Conduct::HoldsAnswer).await;
    let (channel, key) = add_webhook(&fleet, &gate.origin()).await;
    let expected = format!("msg_{}", test_channel(&fleet, &channel).await);
    gate.holds(1).await;
    // From now on nothing can be noted.
    let lock = Database::of(&fleet.dashboard).lock();
    gate.open();
    gate.is_left(1).await;
    fleet.dashboard.kill();
    drop(lock);
    fleet = fleet.again().await;
    let newest = is_delivered(&fleet, &channel).await;
    assert_eq!(newest["attempts"], 1, "{newest}");
    assert_eq!(ids(&gate, &key), [expected.clone(), expected]);
}

#[tokio::test]
async fn what_was_noted_before_a_kill_is_not_sent_again() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup).await;
    let gate = gate(&authority, Conduct::Good(Duration::ZERO)).await;
    let (channel, key) = add_webhook(&fleet, &gate.origin()).await;
    test_channel(&fleet, &channel).await;
    is_delivered(&fleet, &channel).await;
    fleet.dashboard.kill();
    fleet = fleet.again().await;
    test_channel(&fleet, &channel).await;
    delivery(&fleet, &channel, |newest| newest["state"] != "waiting").await;
    let ids = ids(&gate, &key);
    assert_eq!(BTreeSet::from_iter(&ids).len(), 2, "{ids:?}");
    assert_eq!(ids.len(), 2, "{ids:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_any_moment_lose_no_delivery() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup).await;
    let mut channels = Vec::new();
    for pause in [0, 5, 40, 150] {
        let conduct = Conduct::Good(Duration::from_millis(pause));
        let gate = gate(&authority, conduct).await;
        let new = json!({
            "name": format!("After {pause} ms"), "kind": "webhook", "address": gate.origin(),
        });
        let added = super::try_to_add(&fleet, &new).await.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, key) = (text(&added["channel"]["id"]), text(&added["signing_key"]));
        channels.push((id, key, gate, BTreeSet::new()));
    }
    for crash in 0..crashes() {
        for _ in 0..3 {
            for (id, _, _, expected) in &mut channels {
                // What waits from before a kill may leave no room for more, until some of it has gone.
                let queued = until("there is room for a test", PATIENCE, async || {
                    let queued = try_to_test(&fleet, id).await;
                    (queued.status == 202).then_some(queued)
                });
                let delivery = queued.await.json()["delivery"].clone();
                expected.insert(format!("msg_{}", delivery.as_str().unwrap()));
            }
        }
        tokio::time::sleep(Duration::from_millis(u64::from(crash * 67 % 400))).await;
        fleet.dashboard.kill();
        fleet = fleet.again().await;
    }
    for (id, key, gate, expected) in &channels {
        until("everything has arrived", PATIENCE, async || {
            (BTreeSet::from_iter(ids(gate, key)) == *expected).then_some(())
        })
        .await;
        let path = format!("/api/v1/channels/{id}/deliveries");
        until("everything is noted", PATIENCE, async || {
            let items = fleet.get(&path).await.json()["items"].clone();
            let delivered = |item: &Value| item["state"] == "delivered";
            items
                .as_array()
                .unwrap()
                .iter()
                .all(delivered)
                .then_some(())
        })
        .await;
    }
}

fn crashes() -> u32 {
    let asked = std::env::var("SERVERSCOUT_CRASHES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[tokio::test]
async fn notices_that_nobody_took_before_a_kill_are_taken() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup.clone()).await;
    let gate = gate(&authority, Conduct::Good(Duration::ZERO)).await;
    let (_, key) = add_webhook(&fleet, &gate.origin()).await;
    fleet.dashboard.stop().await;
    let (setup, first) = separate(setup).await;
    fleet.dashboard = setup.clone().start().await;
    drop(first);
    let database = Database::of(&fleet.dashboard);
    breach(&fleet).await;
    until("a notice is stored", PATIENCE, async || {
        let count = database.texts("SELECT CAST(count(*) AS TEXT) AS text FROM alert_notice");
        (count != ["0"]).then_some(())
    })
    .await;
    fleet.dashboard.kill();
    end_lease(&database);
    let _notify = notify(&setup).await;
    until("the incident arrives", PATIENCE, async || {
        let taken = gate.taken();
        let taken = taken.first()?;
        verified(taken, &key);
        let body: Value = serde_json::from_slice(&taken.body).unwrap();
        (body["type"] == "incident.opened").then_some(())
    })
    .await;
    assert_eq!(gate.taken().len(), 1);
}

#[tokio::test]
async fn a_separate_sender_that_is_killed_at_any_step_is_followed_by_one_that_delivers() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup.clone()).await;
    fleet.dashboard.stop().await;
    let (setup, mut sender) = separate(setup).await;
    fleet.dashboard = setup.clone().start().await;
    let database = Database::of(&fleet.dashboard);
    for step in STEPS {
        let gate = gate(&authority, step).await;
        let (channel, key) = add_webhook(&fleet, &gate.origin()).await;
        let expected = format!("msg_{}", test_channel(&fleet, &channel).await);
        gate.holds(1).await;
        sender.kill();
        gate.open();
        if step != Conduct::HoldsHalf {
            end_lease(&database);
        }
        // Without that, the next one waits for the end of the lease, which is a minute.
        sender = notify(&setup).await;
        let patience = PATIENCE + Duration::from_mins(1);
        until("it is delivered", patience, async || {
            let path = format!("/api/v1/channels/{channel}/deliveries");
            let newest = fleet.get(&path).await.json()["items"][0].clone();
            (newest["state"] == "delivered").then_some(())
        })
        .await;
        let ids = ids(&gate, &key);
        assert!(ids.iter().all(|id| *id == expected), "{step:?}: {ids:?}");
        forget(&fleet, &channel).await;
    }
}

/// A sender of its own, and the settings of both.
async fn separate(setup: Setup) -> (Setup, Program) {
    let setup = setup.set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    let sender = notify(&setup).await;
    (setup, sender)
}

pub(crate) async fn notify(setup: &Setup) -> Program {
    let mut sender = Program::start(setup.command(&["notify"]));
    let begun = |line: &str| (line == "sending").then_some(());
    sender.line("the sender", PATIENCE, begun).await;
    sender
}

/// A dashboard that leaves what is to be sent to another process, which has just been killed, and the
/// settings of both.
pub(crate) async fn left_alone(setup: Setup) -> (Fleet, Setup) {
    let mut fleet = Fleet::with(setup.clone()).await;
    assert!(fleet.dashboard.stop().await.success());
    let (setup, sender) = separate(setup).await;
    fleet.dashboard = setup.clone().start().await;
    drop(sender);
    (fleet, setup)
}

/// Spares the wait for it.
pub(crate) fn end_lease(database: &Database) {
    database.execute("UPDATE sender_lease SET until = 0");
}

async fn forget(fleet: &Fleet, channel: &str) {
    let path = format!("/api/v1/channels/{channel}");
    let deleted = fleet
        .call(reqwest::Method::DELETE, &path, &fleet.token, None)
        .await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
}
