//! Measures how long it takes from a sample that completes a condition to the receiver's socket, while a
//! fleet of simulated servers reports.
//!
//! The figures hold for this machine, which also carries the load itself: compare only what was
//! measured in one run. `tests/README.md` says what each line means.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement that went wrong ends with a message"
)]

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::certificates::Authority;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::gate::{Conduct, Gate};
use server_scout_tests::simulator::Tally;
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, Program, SimulatedAgent, measure, report};
use tokio::task::JoinSet;

/// Lets a fleet report, has some servers breach a rule, and prints when the receiver hears of it.
#[derive(Debug, Parser)]
#[command(name = "server-scout-alert-latency")]
struct Options {
    /// Which process sends.
    #[arg(long, value_enum, default_value_t = Mode::Inline)]
    mode: Mode,
    /// Servers that report every five seconds.
    #[arg(long, default_value_t = 1000)]
    servers: u32,
    /// Breaches, each of a server and a rule of its own.
    #[arg(long, default_value_t = 100)]
    breaches: u32,
    /// Milliseconds between two of them.
    #[arg(long, default_value_t = 700)]
    pause: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The dashboard itself.
    Inline,
    /// `server-scout notify` beside it.
    Separate,
}

/// Rules that a server is compared with: those that an organisation begins with, its own, and some more.
const RULES: usize = 20;
const PERIOD: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let authority = Authority::new();
    let gate = Gate::start(
        &authority.leaf(&["localhost"]),
        Conduct::Good(Duration::ZERO),
    )
    .await;
    let (fleet, _notify) = start(&options, &authority).await;
    add_rules(&fleet).await;
    add_channel(&fleet, &gate).await;
    let mut agents = Vec::new();
    for number in 0..options.servers {
        let mut agent = SimulatedAgent::new(&fleet, &format!("load-{number}")).await;
        agent.connect().await;
        agents.push(agent);
    }
    let mut tried = Vec::new();
    for number in 0..options.breaches {
        tried.push(add_tried(&fleet, number).await);
    }

    let seconds = u64::from(options.breaches) * options.pause / 1000 + 15;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut senders = JoinSet::new();
    for (mut agent, number) in agents.into_iter().zip(0..) {
        let wait = PERIOD * number / options.servers.max(1);
        senders.spawn(async move {
            tokio::time::sleep(wait).await;
            let step = jiff::SignedDuration::from_secs(5);
            agent.run(Timestamp::now(), step, PERIOD, end).await;
            agent.take_tally()
        });
    }
    tokio::time::sleep(PERIOD * 2).await;
    let process = fleet.dashboard.program().id();
    let (begun, cpu) = (Instant::now(), measure::cpu_of_process(process));
    let waits = breach_all(&fleet, &gate, &tried, Duration::from_millis(options.pause)).await;
    let cpu = measure::cpu_of_process(process).saturating_sub(cpu);
    let share = cpu.as_secs_f64() / begun.elapsed().as_secs_f64();
    let mut total = Tally::default();
    while let Some(tally) = senders.join_next().await {
        total.add(tally.expect("no sender fails"));
    }
    print(&options, &total, waits, share);
}

async fn start(options: &Options, authority: &Authority) -> (Fleet, Option<Program>) {
    let setup = Setup::new().as_shipped();
    let ca = setup.home().join("receivers.pem");
    authority.write(&ca);
    let setup = setup
        .set("SERVERSCOUT_OUTBOUND__CA_FILE", ca.display().to_string())
        .set(
            "SERVERSCOUT_OUTBOUND__ALLOW",
            format!("{ORGANISATION}=127.0.0.0/8,{ORGANISATION}=::1"),
        )
        .set(
            "SERVERSCOUT_LIMITS__CONNECTIONS_PER_ADDRESS",
            (options.servers + options.breaches + 64).to_string(),
        )
        .set("SERVERSCOUT_LIMITS__CHANGES", "100000")
        .set(
            "SERVERSCOUT_LIMITS__SERVERS",
            (options.servers + options.breaches + 8).to_string(),
        );
    let mut fleet = Fleet::with(setup.clone()).await;
    if options.mode == Mode::Inline {
        return (fleet, None);
    }
    assert!(fleet.dashboard.stop().await.success());
    let setup = setup.set("SERVERSCOUT_OUTBOUND__MODE", "separate");
    let mut notify = Program::start(setup.command(&["notify"]));
    let begun = |line: &str| (line == "sending").then_some(());
    notify.line("the sender", PATIENCE, begun).await;
    fleet.dashboard = setup.start().await;
    (fleet, Some(notify))
}

/// As many rules as make twenty with what is there and what each tried server has for itself.
async fn add_rules(fleet: &Fleet) {
    let listed = fleet.get("/api/v1/alert-rules").await.json();
    let present = listed["items"].as_array().map_or(0, Vec::len);
    let metrics = [
        "cpu_user",
        "cpu_system",
        "cpu_iowait",
        "cpu_softirq",
        "cpu_steal",
        "load1",
        "load5",
        "load15",
        "memory_used_bytes",
        "swap_used_bytes",
        "processes",
        "mount_used_bytes",
        "disk_read_bytes_total",
        "disk_written_bytes_total",
        "network_received_bytes_total",
        "network_sent_bytes_total",
        "cpu_nice",
        "cpu_irq",
    ];
    let missing = (RULES - 1).saturating_sub(present);
    assert!(missing <= metrics.len(), "there are not so many metrics");
    for metric in metrics.into_iter().take(missing) {
        // Beyond what any of them reports; those of the processor are percent.
        let critical = if metric.starts_with("cpu_") {
            99.0
        } else {
            1e14
        };
        let rule = json!({
            "name": metric, "kind": "threshold", "metric": metric, "critical": critical, "scope": {},
        });
        add_rule(fleet, &rule).await;
    }
}

async fn add_rule(fleet: &Fleet, rule: &Value) {
    let added = fleet
        .call(
            Method::POST,
            "/api/v1/alert-rules",
            &fleet.token,
            Some(rule),
        )
        .await;
    assert_eq!(added.status, 201, "{rule}: {}", added.text());
}

async fn add_channel(fleet: &Fleet, gate: &Gate) {
    let new = json!({ "name": "Receiver", "kind": "webhook", "address": gate.origin() });
    let added = fleet
        .call(Method::POST, "/api/v1/channels", &fleet.token, Some(&new))
        .await;
    assert_eq!(added.status, 201, "{}", added.text());
}

/// A server with a rule of its own, as notices of one rule wait for one another.
async fn add_tried(fleet: &Fleet, number: u32) -> SimulatedAgent {
    let mut agent = SimulatedAgent::new(fleet, &format!("tried-{number}")).await;
    agent.connect().await;
    let rule = json!({
        "name": rule_of(number), "kind": "threshold", "metric": "cpu_usage", "critical": 90,
        "sustain_seconds": 0, "scope": { "server": agent.server().id },
    });
    add_rule(fleet, &rule).await;
    agent
}

fn rule_of(number: u32) -> String {
    format!("Tried {number}")
}

/// Has one server after the other breach its rule. Gives how long each took to be heard of.
async fn breach_all(
    fleet: &Fleet,
    gate: &Gate,
    tried: &[SimulatedAgent],
    pause: Duration,
) -> Vec<Duration> {
    let mut sent = Vec::new();
    let mut sending = JoinSet::new();
    for (agent, number) in tried.iter().zip(0..) {
        let server = agent.server().clone();
        sent.push((rule_of(number), Instant::now()));
        let (client, url) = (
            fleet.client().clone(),
            fleet.dashboard.url("/api/v1/reports"),
        );
        let body = report::with_cpu(Timestamp::now(), 97.0);
        sending.spawn(async move {
            let request = client.post(url).header("X-API-Key", server.key).json(&body);
            assert_eq!(request.send().await.unwrap().status(), 200);
        });
        tokio::time::sleep(pause).await;
    }
    while let Some(done) = sending.join_next().await {
        done.unwrap();
    }
    let heard = |rule: &str| {
        let tells = |body: &[u8]| {
            let body: Value = serde_json::from_slice(body).unwrap();
            body["data"]["incidents"][0]["rule_name"] == *rule
        };
        let taken = gate.taken();
        taken
            .iter()
            .find(|taken| tells(&taken.body))
            .map(|taken| taken.at)
    };
    let mut waits = Vec::new();
    for (rule, at) in sent {
        let heard = until("every breach is heard of", PATIENCE, async || heard(&rule)).await;
        waits.push(heard.duration_since(at));
    }
    waits
}

fn print(options: &Options, total: &Tally, mut waits: Vec<Duration>, share: f64) {
    waits.sort_unstable();
    let wait = |percent: usize| {
        let index = (waits.len() * percent / 100).min(waits.len() - 1);
        waits[index].as_secs_f64() * 1000.0
    };
    println!(
        "{:?}, {} servers, {RULES} rules each, {} breaches",
        options.mode, options.servers, options.breaches
    );
    println!("reports acknowledged         {:>12}", total.accepted);
    println!(
        "not acknowledged             {:>12}",
        total.made - total.accepted
    );
    println!("CPU of one core, dashboard   {:>11.1} %", share * 100.0);
    println!("to the receiver, median      {:>10.1} ms", wait(50));
    println!("to the receiver, 99 %        {:>10.1} ms", wait(99));
    println!("to the receiver, longest     {:>10.1} ms", wait(100));
}
