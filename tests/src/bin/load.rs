//! Sends reports to a dashboard as fast as it acknowledges them, or at a fixed rate, and prints
//! what that cost the dashboard.
//!
//! The figures hold for this machine, which also carries the load itself: compare only what was
//! measured in one run. `tests/README.md` says what each line means.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement that went wrong ends with a message"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use jiff::Timestamp;
use server_scout_tests::dashboard::Setup;
use server_scout_tests::simulator::Tally;
use server_scout_tests::{Fleet, SimulatedAgent, measure};
use tokio::task::JoinSet;

/// Sends reports to a dashboard and prints what they cost it.
#[derive(Debug, Parser)]
#[command(name = "server-scout-load")]
struct Options {
    /// Connections, kept alive, each with a server and a key of its own.
    #[arg(long, default_value_t = 256)]
    connections: u32,
    /// How long to send, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Reports a second, all connections together; as many as are acknowledged when left out.
    #[arg(long)]
    rate: Option<f64>,
    /// Where the dashboard keeps its data; a temporary directory when left out.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Reports in one request.
    #[arg(long, default_value_t = 1)]
    batch: u32,
}

#[tokio::main]
async fn main() {
    let options = Arc::new(Options::parse());
    let connections = (options.connections + 64).to_string();
    let mut setup = Setup::new()
        .as_shipped()
        .set("SERVERSCOUT_LIMITS__CHANGES", connections.clone())
        .set("SERVERSCOUT_LIMITS__CONNECTIONS_PER_ADDRESS", connections);
    if let Some(data_dir) = &options.data_dir {
        setup = setup.at(data_dir);
    }
    let fleet = Fleet::with(setup).await;
    let mut agents = Vec::new();
    for number in 0..options.connections {
        let mut agent = SimulatedAgent::new(&fleet, &format!("load-{number}")).await;
        agent.connect().await;
        agents.push(agent);
    }

    let process = fleet.dashboard.program().id();
    let before = (
        measure::cpu_of_process(process),
        measure::bytes_written(process),
    );
    let start = Instant::now();
    let end = start + Duration::from_secs(options.seconds);
    let mut senders = JoinSet::new();
    for (agent, number) in agents.into_iter().zip(0..) {
        senders.spawn(send(agent, number, end, Arc::clone(&options)));
    }
    let mut total = Tally::default();
    while let Some(tally) = senders.join_next().await {
        total.add(tally.expect("no sender fails"));
    }
    let took = start.elapsed();
    let cpu = measure::cpu_of_process(process).saturating_sub(before.0);
    let memory = measure::kilobytes(process, "VmRSS");
    // What was acknowledged is durable; what follows from it is written a little later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let written = measure::bytes_written(process) - before.1;
    print(&options, &total, took, cpu, written, memory);
}

async fn send(
    mut agent: SimulatedAgent,
    number: u32,
    end: Instant,
    options: Arc<Options>,
) -> Tally {
    let mut due = Instant::now();
    if let Some(pause) = pause(&options) {
        due += pause * number / options.connections;
    }
    while Instant::now() < end {
        if let Some(pause) = pause(&options) {
            tokio::time::sleep_until(due.into()).await;
            due += pause;
        }
        for _ in 0..options.batch {
            agent.make(Timestamp::now());
        }
        agent.push(options.batch as usize).await;
    }
    agent.take_tally()
}

/// Between two requests of one connection, at a fixed rate.
fn pause(options: &Options) -> Option<Duration> {
    let per_connection = options.rate? / f64::from(options.connections) / f64::from(options.batch);
    Some(Duration::from_secs_f64(1.0 / per_connection))
}

fn print(
    options: &Options,
    total: &Tally,
    took: Duration,
    cpu: Duration,
    written: u64,
    memory: u64,
) {
    let mut waits: Vec<Duration> = total.waits.iter().map(|(_, wait)| *wait).collect();
    waits.sort_unstable();
    let wait = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index of a list is small and positive"
        )]
        let index = (waits.len() as f64 * share) as usize;
        let wait = waits
            .get(index)
            .or(waits.last())
            .copied()
            .unwrap_or_default();
        wait.as_secs_f64() * 1000.0
    };
    let reports = total.accepted as f64;
    let (took, cpu) = (took.as_secs_f64(), cpu.as_secs_f64());
    let how = options
        .rate
        .map_or("as fast as acknowledged".to_owned(), |rate| {
            format!("{rate} reports a second")
        });
    println!("{} connections, {how}, {took:.1} s", options.connections);
    println!("acknowledged                 {reports:>12.0}");
    println!(
        "not acknowledged             {:>12}",
        total.made - total.accepted
    );
    println!("acknowledged a second        {:>12.0}", reports / took);
    println!("acknowledged a CPU second    {:>12.0}", reports / cpu);
    println!(
        "CPU of one core              {:>11.1} %",
        cpu / took * 100.0
    );
    println!(
        "CPU a report                 {:>10.0} us",
        cpu / reports * 1e6
    );
    println!(
        "written to disk a report     {:>11.0} B",
        written as f64 / reports
    );
    println!("wait for the answer, median  {:>10.1} ms", wait(0.5));
    println!("wait for the answer, 99 %    {:>10.1} ms", wait(0.99));
    println!("memory, resident             {memory:>10} kB");
}
