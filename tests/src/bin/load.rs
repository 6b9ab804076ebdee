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
use reqwest::Method;
use serde_json::{Value, json};
use server_scout_tests::dashboard::Setup;
use server_scout_tests::https::Connection;
use server_scout_tests::{Fleet, measure, report};
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

/// What came of the reports of one connection.
#[derive(Debug, Default)]
struct Tally {
    acknowledged: u64,
    other: u64,
    waits: Vec<Duration>,
}

#[tokio::main]
async fn main() {
    let options = Arc::new(Options::parse());
    let connections = (options.connections + 64).to_string();
    let mut setup = Setup::new().set("SERVERSCOUT_LIMITS__CONNECTIONS_PER_ADDRESS", connections);
    if let Some(data_dir) = &options.data_dir {
        setup = setup.at(data_dir);
    }
    let fleet = Arc::new(Fleet::with(setup).await);
    let mut connections = Vec::new();
    for number in 0..options.connections {
        let key = key_of_new_server(&fleet, number).await;
        connections.push((fleet.dashboard.connect().await, key));
    }

    let process = fleet.dashboard.program().id();
    let before = (
        measure::cpu_of_process(process),
        measure::bytes_written(process),
    );
    let start = Instant::now();
    let end = start + Duration::from_secs(options.seconds);
    let mut senders = JoinSet::new();
    for ((connection, key), number) in connections.into_iter().zip(0..) {
        senders.spawn(send(connection, key, number, end, Arc::clone(&options)));
    }
    let mut total = Tally::default();
    while let Some(tally) = senders.join_next().await {
        let tally = tally.expect("no sender fails");
        total.acknowledged += tally.acknowledged;
        total.other += tally.other;
        total.waits.extend(tally.waits);
    }
    let took = start.elapsed();
    let cpu = measure::cpu_of_process(process).saturating_sub(before.0);
    let memory = measure::kilobytes(process, "VmRSS");
    // What was acknowledged is durable; what follows from it is written a little later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let written = measure::bytes_written(process) - before.1;
    print(&options, &mut total, took, cpu, written, memory);
}

async fn key_of_new_server(fleet: &Fleet, number: u32) -> String {
    let body = json!({ "name": format!("load-{number}") });
    let answer = fleet
        .call(Method::POST, "/api/v1/servers", &fleet.token, Some(&body))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["agent_key"]
        .as_str()
        .expect("a new server has a key")
        .to_owned()
}

async fn send(
    mut connection: Connection,
    key: String,
    number: u32,
    end: Instant,
    options: Arc<Options>,
) -> Tally {
    let head = format!("POST /api/v1/reports\nContent-Type: application/json\nX-API-Key: {key}");
    let boot = format!("{number:016x}");
    let mut tally = Tally::default();
    let mut seq = 0;
    let mut due = Instant::now();
    if let Some(pause) = pause(&options) {
        due += pause * number / options.connections;
    }
    while Instant::now() < end {
        if let Some(pause) = pause(&options) {
            tokio::time::sleep_until(due.into()).await;
            due += pause;
        }
        let body = body(&boot, &mut seq, options.batch);
        let sent = Instant::now();
        let answer = connection.exchange(&head, &body).await;
        tally.waits.push(sent.elapsed());
        let accepted = match answer.status {
            200 => answer.json()["accepted"].as_u64().unwrap_or_default(),
            _ => 0,
        };
        tally.acknowledged += accepted;
        tally.other += u64::from(options.batch) - accepted;
    }
    tally
}

/// Between two requests of one connection, at a fixed rate.
fn pause(options: &Options) -> Option<Duration> {
    let per_connection = options.rate? / f64::from(options.connections) / f64::from(options.batch);
    Some(Duration::from_secs_f64(1.0 / per_connection))
}

fn body(boot: &str, seq: &mut u64, batch: u32) -> Vec<u8> {
    let mut one = || {
        *seq += 1;
        let mut report = report::full(Timestamp::now(), *seq);
        report["boot"] = json!(boot);
        report["seq"] = json!(*seq);
        report
    };
    let body = if batch == 1 {
        one()
    } else {
        Value::Array((0..batch).map(|_| one()).collect())
    };
    body.to_string().into_bytes()
}

fn print(
    options: &Options,
    total: &mut Tally,
    took: Duration,
    cpu: Duration,
    written: u64,
    memory: u64,
) {
    total.waits.sort_unstable();
    let wait = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index of a list is small and positive"
        )]
        let index = (total.waits.len() as f64 * share) as usize;
        let wait = total
            .waits
            .get(index)
            .or(total.waits.last())
            .copied()
            .unwrap_or_default();
        wait.as_secs_f64() * 1000.0
    };
    let reports = total.acknowledged as f64;
    let (took, cpu) = (took.as_secs_f64(), cpu.as_secs_f64());
    let how = options
        .rate
        .map_or("as fast as acknowledged".to_owned(), |rate| {
            format!("{rate} reports a second")
        });
    println!("{} connections, {how}, {took:.1} s", options.connections);
    println!("acknowledged                 {reports:>12.0}");
    println!("not acknowledged             {:>12}", total.other);
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
