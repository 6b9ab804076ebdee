//! Receivers that are dead, slow, endless or talk nonsense cost one bounded task each and delay nobody.

use std::time::{Duration, Instant};

use serde_json::json;
use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::gate::{Conduct, Gate};
use server_scout_tests::measure::kilobytes;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Database, Fleet};

use super::{add_webhook, breach, delivery, opened, report_cpu, test_channel, try_to_add};

/// How they behave, and what is said of it.
const BAD: [(Conduct, &str); 9] = [
    (Conduct::HoldsConnection, "No answer in time"),
    (Conduct::HoldsRequest, "No answer in time"),
    (Conduct::HoldsAnswer, "No answer in time"),
    (Conduct::HoldsHalf, "No answer in time"),
    (Conduct::Slow, "No answer in time"),
    (Conduct::Garbage, "did not answer with HTTP"),
    (Conduct::EndlessHead, "did not answer with HTTP"),
    (Conduct::Closes, "did not answer with HTTP"),
    // Its head is well, and no more is read.
    (Conduct::EndlessBody, ""),
];
/// Channels of each, so that nearly all that an organisation may have are bad.
const OF_EACH: usize = 5;

struct Bad {
    channel: String,
    problem: &'static str,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_that_never_behave_delay_neither_another_channel_nor_reports() {
    let (setup, authority) = opened();
    let fleet = Fleet::with(setup).await;
    let leaf = authority.leaf(&["localhost"]);
    let good = Gate::start(&leaf, Conduct::Good(Duration::ZERO)).await;
    let (good_channel, _) = add_webhook(&fleet, &good.origin()).await;
    let (mut gates, mut bad) = (Vec::new(), Vec::new());
    for (conduct, problem) in BAD {
        let gate = Gate::start(&leaf, conduct).await;
        for number in 0..OF_EACH {
            let name = format!("{conduct:?} {number}");
            let channel = add(&fleet, &name, &gate.origin()).await;
            bad.push(Bad { channel, problem });
        }
        gates.push(gate);
    }
    let process = fleet.dashboard.program().id();
    let before = kilobytes(process, "VmRSS");
    for one in &bad {
        test_channel(&fleet, &one.channel).await;
    }
    for (gate, (conduct, _)) in gates.iter().zip(BAD) {
        if conduct.is_held() {
            gate.holds(OF_EACH).await;
        }
    }
    let begun = Instant::now();
    for turn in 1..=10 {
        let asked = Instant::now();
        test_channel(&fleet, &good_channel).await;
        until("another channel gets its message", PATIENCE, async || {
            (good.taken().len() == turn).then_some(())
        })
        .await;
        assert!(asked.elapsed() < LIMIT, "{:?}", asked.elapsed());
        let reported = Instant::now();
        report_cpu(&fleet, 5.0).await;
        assert!(reported.elapsed() < LIMIT, "{:?}", reported.elapsed());
        if begun.elapsed() > Duration::from_secs(6) {
            // Soon the first of the bad ones are given up.
            break;
        }
    }
    let grown = kilobytes(process, "VmRSS").saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} kB for {} deliveries", bad.len());
    for one in &bad {
        let tried = delivery(&fleet, &one.channel, |newest| newest["attempts"] != 0).await;
        let said = tried["problem"].as_str().unwrap_or_default();
        assert!(
            said.starts_with(one.problem) || said.contains(one.problem),
            "{tried}"
        );
        let expected = if one.problem.is_empty() {
            "delivered"
        } else {
            "waiting"
        };
        assert_eq!(tried["state"], expected, "{tried}");
    }
    for gate in &gates {
        // What the kernel holds of an answer that nobody reads.
        let bytes = gate.answered_bytes() / OF_EACH;
        assert!(bytes < 16 * 1024 * 1024, "{bytes} bytes were taken");
    }
}

#[tokio::test]
async fn a_notice_that_cannot_be_read_is_set_aside_and_keeps_no_other_from_going() {
    let (setup, authority) = opened();
    let mut fleet = Fleet::with(setup).await;
    let leaf = authority.leaf(&["localhost"]);
    let gate = Gate::start(&leaf, Conduct::Good(Duration::ZERO)).await;
    add_webhook(&fleet, &gate.origin()).await;
    let database = Database::of(&fleet.dashboard);
    let before = jiff::Timestamp::now().as_millisecond() - 60_000;
    database.execute(&format!(
        "INSERT INTO alert_notice (organisation_id, incident_id, rule_id, kind, severity, at, due_at, bundle,
             channels, tells)
         SELECT id, 1, 1, 'opened', 'critical', {before}, {before}, 1, '[]', '{{\"of a later\": \"version\"}}'
         FROM organisation WHERE name = '{ORGANISATION}'"
    ));
    breach(&fleet).await;
    until("the incident arrives", PATIENCE, async || {
        (gate.taken().len() == 1).then_some(())
    })
    .await;
    fleet
        .dashboard
        .logged("1 notices of incidents cannot be read")
        .await;
    let aside = || database.texts("SELECT CAST(set_aside AS TEXT) AS text FROM alert_notice");
    assert_eq!(aside(), ["1"]);
    // The next one looks at it again.
    assert!(fleet.dashboard.stop().await.success());
    fleet = fleet.again().await;
    fleet
        .dashboard
        .logged("1 notices of incidents cannot be read")
        .await;
    assert_eq!(aside(), ["1"]);
    assert_eq!(gate.taken().len(), 1);
}

async fn add(fleet: &Fleet, name: &str, address: &str) -> String {
    let new = json!({ "name": name, "kind": "webhook", "address": address });
    let added = try_to_add(fleet, &new).await;
    assert_eq!(added.status, 201, "{}", added.text());
    added.json()["channel"]["id"].as_str().unwrap().to_owned()
}

/// Half of the time that a bad receiver is given.
const LIMIT: Duration = Duration::from_secs(5);
