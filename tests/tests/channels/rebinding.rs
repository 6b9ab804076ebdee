//! Names that stand for something public at one look-up and for something inside at the next.
//!
//! Whoever sends is in a network where every address arrives at one listener, so each connection shows.

use std::net::TcpListener;

use serde_json::{Value, json};
use server_scout_tests::certificates::Authority;
use server_scout_tests::dashboard::{Setup, read_address};
use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::lying_network::{DOMAIN, LyingNetwork, Name};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Database, Fleet, Program};

use super::refusal::channels;
use super::{test_channel, try_to_add};

/// A fleet whose sender is in a lying network.
struct Trapped {
    fleet: Fleet,
    network: LyingNetwork,
    _notify: Option<Program>,
}

#[derive(Clone, Copy)]
enum Mode {
    Inline,
    Separate,
}

async fn trapped(mode: Mode, names: &[Name]) -> Trapped {
    let (setup, authority) = (Setup::new(), Authority::new());
    let ca = setup.home().join("receivers.pem");
    authority.write(&ca);
    let mut setup = setup.set("SERVERSCOUT_OUTBOUND__CA_FILE", ca.display().to_string());
    if matches!(mode, Mode::Separate) {
        setup = setup.set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    }
    let network = LyingNetwork::start(&authority, names, &TRAPS).await;
    match mode {
        Mode::Inline => {
            let mut fleet = Fleet::with(setup.clone()).await;
            assert!(fleet.dashboard.stop().await.success());
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let mut program = network.serve_within(&setup.command(&["serve"]), listener);
            let address = program.line("the address", PATIENCE, read_address).await;
            fleet.dashboard.continue_as(program, address);
            Trapped {
                fleet,
                network,
                _notify: None,
            }
        }
        Mode::Separate => {
            // Until somebody sends, the dashboard is not ready, and only a dashboard makes the database.
            let inline = setup.clone().set("SERVERSCOUT_OUTBOUND__MODE", "inline");
            let mut fleet = Fleet::with(inline).await;
            assert!(fleet.dashboard.stop().await.success());
            let mut notify = Program::start(network.within(&setup.command(&["notify"])));
            notify
                .line("the sender", PATIENCE, |line| {
                    (line == "sending").then_some(())
                })
                .await;
            fleet.dashboard = setup.start().await;
            Trapped {
                fleet,
                network,
                _notify: Some(notify),
            }
        }
    }
}

/// A channel of every kind at a name of its own; gives ids and names.
async fn add_channels(fleet: &Fleet) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for kind in kinds() {
        all.push(add_channel(fleet, &kind, &format!("{kind}.{DOMAIN}")).await);
    }
    all
}

async fn add_channel(fleet: &Fleet, kind: &str, host: &str) -> (String, String) {
    let mut new = channels(&format!("https://{host}/"))
        .into_iter()
        .find(|new| new["kind"] == kind)
        .unwrap();
    new["name"] = json!(host);
    let added = try_to_add(fleet, &new).await;
    assert_eq!(added.status, 201, "{new}: {}", added.text());
    let id = added.json()["channel"]["id"].as_str().unwrap().to_owned();
    (id, host.to_owned())
}

fn kinds() -> Vec<String> {
    let kind = |new: Value| new["kind"].as_str().unwrap().to_owned();
    { channels("https://example.org/").into_iter() }
        .map(kind)
        .collect()
}

/// Has so many more tests delivered to every channel, each for the last time, which is more than a person may ask for in so short a time.
fn repeat(fleet: &Fleet, times: usize) {
    let now = jiff::Timestamp::now().as_millisecond();
    let message = json!({
        "kind": "test", "severity": "warning", "at": "", "organisation": ORGANISATION, "incidents": [],
    });
    let database = Database::of(&fleet.dashboard);
    database.execute(&format!(
        "INSERT INTO delivery_message (organisation_id, bytes, content)
         SELECT id, {}, '{message}' FROM organisation WHERE name = '{ORGANISATION}'",
        message.to_string().len()
    ));
    database.execute(&format!(
        "WITH RECURSIVE turn (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM turn WHERE n < {times})
         INSERT INTO delivery (id, organisation_id, channel_id, kind, state, created_at, due_at, attempts,
             message_id)
         SELECT abs(random()), organisation_id, id, 'test', 'waiting', {now}, {now}, {ALL_BUT_ONE},
             (SELECT max(id) FROM delivery_message)
         FROM channel, turn"
    ));
}

/// The states of all deliveries of a channel, once there are `count` and each was tried.
async fn states(fleet: &Fleet, channel: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/v1/channels/{channel}/deliveries");
    until("all deliveries were tried", PATIENCE, async || {
        let list = fleet.get(&path).await;
        let items = list.json()["items"].as_array().unwrap().clone();
        let untried = |item: &Value| item["attempts"] == 0 || item["attempts"] == ALL_BUT_ONE;
        (items.len() == count && !items.iter().any(untried)).then_some(items)
    })
    .await
}

fn count(items: &[Value], state: &str) -> usize {
    items.iter().filter(|item| item["state"] == state).count()
}

/// Every lie that a name tells, one look-up each.
fn lies() -> Vec<Vec<String>> {
    let inside = TRAPS.iter().chain(&UNREACHABLE);
    let mixed = ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"];
    let alone = inside.map(|address| vec![*address]);
    let first = mixed.map(|address| vec![address, PUBLIC, PUBLIC_6]);
    let last = mixed.map(|address| vec![PUBLIC, PUBLIC_6, address]);
    let renamed = mixed.map(|address| vec!["metadata.internal", address]);
    let twice = mixed.map(|address| vec!["cdn.example.net", "intranet", PUBLIC, address]);
    let all = alone.chain(first).chain(last).chain(renamed).chain(twice);
    all.map(|lie| lie.into_iter().map(str::to_owned).collect())
        .collect()
}

async fn no_lie_leads_inside(mode: Mode) {
    let (public, lies) = (|| vec![PUBLIC.to_owned()], lies());
    let names: Vec<Name> = { kinds().into_iter() }
        .map(|kind| {
            let mut stands_for = vec![public()];
            stands_for.extend(lies.clone());
            stands_for.push(vec![PUBLIC_6.to_owned()]);
            Name {
                name: format!("{kind}.{DOMAIN}"),
                stands_for,
            }
        })
        .collect();
    let trapped = trapped(mode, &names).await;
    let (fleet, network) = (&trapped.fleet, &trapped.network);
    let channels = add_channels(fleet).await;
    for (id, _) in &channels {
        test_channel(fleet, id).await;
        states(fleet, id, 1).await;
    }
    repeat(fleet, lies.len() + 1);
    let tried = lies.len() + 2;
    for (id, name) in &channels {
        let items = states(fleet, id, tried).await;
        assert_eq!(count(&items, "delivered"), 2, "{name}: {items:?}");
        assert_eq!(count(&items, "dead"), lies.len(), "{name}: {items:?}");
        for item in items.iter().filter(|item| item["state"] == "dead") {
            let problem = item["problem"].as_str().unwrap();
            assert!(problem.contains("no public address"), "{name}: {item}");
        }
        // What was judged is what is connected to, so nobody asks twice.
        assert_eq!(network.asked(name), tried, "{name}");
    }
    let arrived = network.connected();
    assert_eq!(arrived.len(), 2 * channels.len(), "{arrived:?}");
    for address in arrived {
        let address = address.to_string();
        assert!([PUBLIC, PUBLIC_6].contains(&address.as_str()), "{address}");
    }
}

#[tokio::test]
async fn a_name_that_changes_its_answer_leads_nobody_inside() {
    no_lie_leads_inside(Mode::Inline).await;
}

#[tokio::test]
async fn a_name_that_changes_its_answer_leads_a_separate_sender_nowhere_inside() {
    no_lie_leads_inside(Mode::Separate).await;
}

#[tokio::test]
async fn a_heartbeats_name_that_changes_its_answer_leads_nobody_inside() {
    let host = format!("heartbeat.{DOMAIN}");
    let public = || vec![PUBLIC.to_owned()];
    let inside = ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"].map(str::to_owned);
    let mut stands_for = vec![public()];
    for address in &inside {
        stands_for.push(vec![address.clone()]);
        stands_for.push(vec![PUBLIC.to_owned(), address.clone()]);
    }
    let lies = stands_for.len() - 1;
    stands_for.push(public());
    let name = Name {
        name: host.clone(),
        stands_for,
    };
    let trapped = trapped(Mode::Inline, &[name]).await;
    let fleet = &trapped.fleet;
    let mut arrived = Vec::new();
    for _ in 0..lies + 2 {
        // An address that is set anew is another heartbeat, and the first of each goes at once.
        let new = json!({ "address": format!("https://{host}/ping"), "every_minutes": 1440 });
        let answer = super::heartbeat::set(fleet, &new).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let tried = until("it was tried", PATIENCE, async || {
            let shown = fleet.get("/api/v1/heartbeat").await.json();
            (!shown["tried_at"].is_null()).then_some(shown)
        });
        arrived.push(tried.await["problem"].is_null());
    }
    assert_eq!(trapped.network.asked(&host), lies + 2);
    let only_at_the_ends: Vec<bool> = (0..lies + 2).map(|turn| turn % (lies + 1) == 0).collect();
    assert_eq!(arrived, only_at_the_ends);
    let connected = trapped.network.connected();
    assert_eq!(connected.len(), 2, "{connected:?}");
    assert!(connected.iter().all(|at| at.to_string() == PUBLIC));
}

#[tokio::test]
async fn a_public_receiver_sends_nobody_on_to_the_inside() {
    let hosts: Vec<(String, String)> = { kinds().into_iter() }
        .map(|kind| (kind.clone(), format!("307-{kind}.{DOMAIN}")))
        .chain(
            ["301", "302", "303", "308"]
                .map(|status| ("webhook".to_owned(), format!("{status}-webhook.{DOMAIN}"))),
        )
        .collect();
    let name = |(_, name): &(String, String)| Name {
        name: name.clone(),
        stands_for: vec![vec![PUBLIC.to_owned()]],
    };
    let names: Vec<Name> = hosts.iter().map(name).collect();
    let trapped = trapped(Mode::Inline, &names).await;
    let fleet = &trapped.fleet;
    for (kind, host) in &hosts {
        let (id, _) = add_channel(fleet, kind, host).await;
        test_channel(fleet, &id).await;
        let items = states(fleet, &id, 1).await;
        assert_eq!(count(&items, "waiting"), 1, "{host}: {items:?}");
        let status = items[0]["status"].to_string();
        assert!(host.starts_with(&status), "{host}: {items:?}");
    }
    let arrived = trapped.network.connected();
    assert!(arrived.len() >= hosts.len(), "{arrived:?}");
    let strangers: Vec<_> = arrived
        .iter()
        .filter(|at| at.to_string() != PUBLIC)
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

const PUBLIC: &str = "93.184.216.34";
const PUBLIC_6: &str = "2606:2800:220:1::25";

/// Inside, and connected to before anything is tried, so that the listener is known to show it.
const TRAPS: [&str; 34] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.254",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.0.0.53",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd00:ec2::254",
];
/// Inside, and nothing that a listener could be found at.
const UNREACHABLE: [&str; 5] = [
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "fe80::1",
    "ff02::1",
];

/// Attempts after which one is left.
const ALL_BUT_ONE: i32 = 9;
