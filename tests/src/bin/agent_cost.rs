//! Runs the agent against a dashboard on this machine and prints what it costs its host.
//!
//! Small agents differ by half between two runs on a shared machine: compare only what was
//! measured in one run. `tests/README.md` says what each line means.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement that went wrong ends with a message"
)]

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Parser;
use server_scout_tests::sink::Relay;
use server_scout_tests::{Agent, Fleet, binaries, measure};

/// Runs the agent and prints what it costs.
#[derive(Debug, Parser)]
#[command(name = "server-scout-agent-cost")]
struct Options {
    /// Cycles to measure, of five seconds each.
    #[arg(long, default_value_t = 12)]
    cycles: u32,
    /// Cycles before the measurement begins.
    #[arg(long, default_value_t = 3)]
    settle: u32,
}

/// Between two reports.
const CYCLE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let fleet = Fleet::start().await;
    let relay = Relay::start(fleet.dashboard.address()).await;
    let url = format!("https://localhost:{}", relay.address().port());
    let agent = Agent::new(&url, &fleet.server.key, &fleet.dashboard.ca_file());
    let running = agent.start();
    let process = running.id();
    tokio::time::sleep(CYCLE * options.settle + CYCLE / 2).await;
    let status = fleet.state().await;
    assert_eq!(
        status["status"],
        "online",
        "the agent does not report: {}",
        running.logs()
    );

    let sent = relay.sent.load(Ordering::Relaxed);
    let received = relay.received.load(Ordering::Relaxed);
    let cpu = measure::cpu_of_threads(process);
    let start = Instant::now();
    tokio::time::sleep(CYCLE * options.cycles).await;
    let cycles = start.elapsed().as_secs_f64() / CYCLE.as_secs_f64();
    let cpu = measure::cpu_of_threads(process)
        .saturating_sub(cpu)
        .as_secs_f64();
    let sent = relay.sent.load(Ordering::Relaxed) - sent;
    let received = relay.received.load(Ordering::Relaxed) - received;

    let series = fleet
        .get(&format!("/api/v1/servers/{}", fleet.server.id))
        .await;
    let size = std::fs::metadata(binaries::agent())
        .expect("the agent exists")
        .len();
    println!("{} cycles of 5 s", options.cycles);
    println!(
        "CPU a cycle                {:>10.3} ms",
        cpu * 1000.0 / cycles
    );
    println!(
        "memory, resident           {:>10} kB",
        measure::kilobytes(process, "VmRSS")
    );
    println!(
        "memory, anonymous          {:>10} kB",
        measure::kilobytes(process, "RssAnon")
    );
    println!(
        "sent a cycle               {:>11.0} B",
        sent as f64 / cycles
    );
    println!(
        "received a cycle           {:>11.0} B",
        received as f64 / cycles
    );
    println!("binary                     {:>10} kB", size / 1000);
    println!(
        "newest values              {:>11} B of JSON",
        series.body.len()
    );
}
