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

use std::io;
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Parser;
use server_scout_tests::process::Program;
use server_scout_tests::sink::Relay;
use server_scout_tests::{Agent, Fleet, binaries, measure};
use server_scout_wire::Report;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    /// Another program to measure at the same time: `NAME|COMMAND`, or `NAME|COMMAND|ADDRESS` for one
    /// whose metrics are fetched there every five seconds.
    #[arg(long)]
    beside: Vec<Beside>,
}

/// Another program.
#[derive(Clone, Debug)]
struct Beside {
    name: String,
    command: Vec<String>,
    address: Option<String>,
}

impl FromStr for Beside {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('|').collect();
        let (name, command, address) = match parts[..] {
            [name, command] => (name, command, None),
            [name, command, address] => (name, command, Some(address.to_owned())),
            _ => return Err("expected NAME|COMMAND or NAME|COMMAND|ADDRESS"),
        };
        Ok(Self {
            name: name.to_owned(),
            command: command.split_whitespace().map(str::to_owned).collect(),
            address,
        })
    }
}

impl Beside {
    fn start(&self) -> Program {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        if let Some(address) = self.address.clone() {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(CYCLE).await;
                    fetch(&address).await.expect("the metrics can be fetched");
                }
            });
        }
        Program::start(command)
    }
}

async fn fetch(address: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// How many values an agent sends in a cycle on the mean: each tier's as often as it is due.
async fn values_a_cycle(agent: &Agent) -> f64 {
    let printed = agent.finish(&["report"]).await.success();
    let report = Report::from_json(printed.as_bytes()).expect("a report is printed");
    let periods = report.samples().iter().map(|sample| {
        let seconds = sample.metric.describe().tier.default_seconds();
        CYCLE.as_secs_f64() / seconds as f64
    });
    periods.sum()
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
    let values = values_a_cycle(&agent).await;
    let running = agent.start();
    let process = running.id();
    let beside: Vec<Program> = options.beside.iter().map(Beside::start).collect();
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
    let cpu_beside: Vec<Duration> = beside
        .iter()
        .map(|program| measure::cpu_of_threads(program.id()))
        .collect();
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
    println!("values a cycle             {values:>10.1}");
    println!(
        "CPU a value                {:>10.1} us",
        cpu * 1e6 / cycles / values
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
    for ((other, program), before) in options.beside.iter().zip(&beside).zip(cpu_beside) {
        let cpu = measure::cpu_of_threads(program.id()).saturating_sub(before);
        println!(
            "beside: {:<18} {:>10.3} ms, {} kB resident, {} kB anonymous",
            other.name,
            cpu.as_secs_f64() * 1000.0 / cycles,
            measure::kilobytes(program.id(), "VmRSS"),
            measure::kilobytes(program.id(), "RssAnon")
        );
    }
}
