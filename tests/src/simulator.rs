//! Simulated agents: they speak the protocol of the real one, and a thousand fit into one process.
//!
//! Each has a server, a key and a connection of its own, and like a real agent it numbers its reports,
//! keeps what was not acknowledged, sends batches, and obeys `Retry-After`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use crate::fleet::Server;
use crate::https::{Answer, Connection};
use crate::wait::PATIENCE;
use crate::{Dashboard, Fleet, report};

/// What came of the reports of one agent, or of several.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Reports that were made.
    pub made: u64,
    /// Reports that the dashboard said it has taken.
    pub accepted: u64,
    /// Reports that it said it had already.
    pub duplicate: u64,
    /// Reports that it refused or took for too old.
    pub refused: u64,
    /// Requests that were answered otherwise, or not at all.
    pub failed: u64,
    /// How long each answered request took, from its first byte to the answer's last, and when it ended.
    pub waits: Vec<(Instant, Duration)>,
}

impl Tally {
    /// Adds what came of others.
    pub fn add(&mut self, other: Self) {
        self.made += other.made;
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.refused += other.refused;
        self.failed += other.failed;
        self.waits.extend(other.waits);
    }
}

/// One simulated agent.
#[derive(Debug)]
pub struct SimulatedAgent {
    server: Server,
    ca_file: PathBuf,
    address: SocketAddr,
    connection: Option<Connection>,
    boot: String,
    seq: u64,
    waiting: VecDeque<String>,
    not_before: Instant,
    tally: Tally,
}

impl SimulatedAgent {
    /// An agent of a new server of that name.
    pub async fn new(fleet: &Fleet, name: &str) -> Self {
        let body = json!({ "name": name });
        let answer = fleet
            .call(Method::POST, "/api/v1/servers", &fleet.token, Some(&body))
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let answer = answer.json();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let server = Server {
            id: text(&answer["server"]["id"]),
            name: name.to_owned(),
            key: text(&answer["agent_key"]),
        };
        Self::of(server, &fleet.dashboard)
    }

    /// An agent of `server` that reports to `dashboard`.
    #[must_use]
    pub fn of(server: Server, dashboard: &Dashboard) -> Self {
        let now = Timestamp::now();
        Self {
            boot: format!("{:016x}", now.as_nanosecond()),
            ca_file: dashboard.ca_file(),
            address: dashboard.address(),
            connection: None,
            seq: 0,
            waiting: VecDeque::new(),
            not_before: Instant::now(),
            tally: Tally::default(),
            server,
        }
    }

    /// The server it reports for.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Makes a report of about 50 series, of `at`.
    pub fn make(&mut self, at: Timestamp) {
        self.seq += 1;
        let mut report = report::full(at, self.seq);
        report["boot"] = json!(self.boot);
        report["seq"] = json!(self.seq);
        self.waiting.push_back(report.to_string());
        self.tally.made += 1;
    }

    /// Sends what waits, the oldest `batch` reports of it, in one request; says whether there is reason
    /// to go on at once.
    pub async fn push(&mut self, batch: usize) -> bool {
        let sent = batch.min(self.waiting.len());
        if sent == 0 || Instant::now() < self.not_before {
            return false;
        }
        let begun = Instant::now();
        let Some(answer) = self.exchange(sent).await else {
            self.connection = None;
            return self.failed(FIRST_PAUSE);
        };
        match answer.status {
            200 => {
                let counts = answer.json();
                let count = |name: &str| counts[name].as_u64().unwrap_or_default();
                let refused = counts["refused"].as_array().map_or(0, Vec::len) as u64;
                self.tally.waits.push((Instant::now(), begun.elapsed()));
                self.tally.accepted += count("accepted");
                self.tally.duplicate += count("duplicate");
                self.tally.refused += refused + count("too_old");
                self.waiting.drain(..sent);
                true
            }
            400 | 413 | 422 => {
                self.tally.refused += sent as u64;
                self.waiting.drain(..sent);
                true
            }
            _ => {
                let seconds = answer
                    .header("retry-after")
                    .and_then(|text| text.parse().ok());
                self.failed(seconds.map_or(FIRST_PAUSE, Duration::from_secs))
            }
        }
    }

    /// Makes a report each `period`, `step` apart in their own time from `first` on, and sends what waits,
    /// until `end`; then what still waits, as long as it takes.
    pub async fn run(
        &mut self,
        first: Timestamp,
        step: jiff::SignedDuration,
        period: Duration,
        end: Instant,
    ) {
        let mut at = first;
        let mut due = Instant::now();
        while due < end {
            tokio::time::sleep_until(due.into()).await;
            self.make(at);
            at += step;
            due += period;
            while self.push(BATCH).await && Instant::now() < due {}
        }
        self.drain().await;
    }

    /// Sends all that waits; panics when that takes too long.
    pub async fn drain(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.waiting.is_empty() {
            assert!(
                Instant::now() < deadline,
                "{} reports still wait",
                self.waiting.len()
            );
            if !self.push(BATCH).await {
                tokio::time::sleep_until(self.not_before.into()).await;
            }
        }
    }

    /// What came of its reports since the last time.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Opens its connection, unless it has one.
    pub async fn connect(&mut self) {
        if self.connection.is_none() {
            let opened = Connection::try_open(&self.ca_file, self.address, "localhost").await;
            self.connection = opened.ok();
        }
    }

    async fn exchange(&mut self, reports: usize) -> Option<Answer> {
        self.connect().await;
        let connection = self.connection.as_mut()?;
        let oldest: Vec<&str> = self
            .waiting
            .iter()
            .take(reports)
            .map(String::as_str)
            .collect();
        let body = match oldest.as_slice() {
            [alone] => (*alone).to_owned(),
            several => format!("[{}]", several.join(",")),
        };
        let head = format!(
            "POST /api/v1/reports\nContent-Type: application/json\nX-API-Key: {}",
            self.server.key
        );
        connection.request(&head, body.as_bytes()).await;
        let answer = tokio::time::timeout(TIMEOUT, connection.try_answer()).await;
        answer.ok().flatten()
    }

    fn failed(&mut self, pause: Duration) -> bool {
        self.tally.failed += 1;
        self.not_before = Instant::now() + pause;
        false
    }
}

/// As many reports as a real agent puts into one request.
const BATCH: usize = 200;
/// After a request without an answer.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// As long as a real agent waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
