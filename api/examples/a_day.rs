//! What a day of reports every five seconds costs: bytes kept for each sample, and the time of a chart.
//!
//! An example and no benchmark, so that it is built with the profile of what is shipped.
//! `cargo run --release -p server-scout --example a_day` makes the day up: a busy host of about 50 series.
//! `SAMPLES_TO=FILE` writes the same samples, a series of JSON in each line, as `VictoriaMetrics` imports them.
//! `RECORDED_REPORTS=FILE` takes it from a file instead, a report of JSON in each line, repeated until
//! the day is full; their times do not matter.

#![expect(clippy::unwrap_used, reason = "a measurement may fail loudly")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};
use serde_json::json;
use server_scout::clock::{Clock, Hand};
use server_scout::config::Config;
use server_scout::domain::Services;
use server_scout::domain::acting::Acting;
use server_scout::domain::client::Client;
use server_scout::domain::principal::{Credential, Principal};
use server_scout::store::Store;
use server_scout::store::credentials::AgentIdentity;
use server_scout::store::series::SeriesKey;
use server_scout::timeseries::Window;
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Kind, Label, LabelName, Metric, Report, Timestamp, Unit};

/// The beginning of a day, and of a half-day of the store.
const START: i64 = 20_717 * 86_400_000;
const REPORTS: u64 = 17_280;
const BATCH: u64 = 240;
const INTERVAL: Duration = Duration::from_secs(5);
const CHARTS: usize = 500;

struct World {
    services: Services,
    hand: Hand,
    agent: AgentIdentity,
    path: std::path::PathBuf,
    _dir: tempfile::TempDir,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::new().await;
    let recorded = std::env::var("RECORDED_REPORTS").ok();
    let mut host = Host::new(recorded.as_deref());
    let (mut samples, mut took, mut written) = (0, Duration::ZERO, 0);
    let mut all = std::env::var("SAMPLES_TO").ok().map(Samples::to);
    for first in (0..REPORTS).step_by(usize::try_from(BATCH).unwrap()) {
        let batch: Vec<Report> = (first..first + BATCH).map(|seq| host.report(seq)).collect();
        samples += batch
            .iter()
            .map(|report| report.samples().len())
            .sum::<usize>();
        world.hand.advance(INTERVAL * u32::try_from(BATCH).unwrap());
        world.send(&batch).await;
        if let Some(all) = &mut all {
            all.add(&batch);
        }
        if first + BATCH == REPORTS * 11 / 12 / BATCH * BATCH {
            // What came last is in the log.
            world
                .charts("a day until now, its last half-day open")
                .await;
        }
        let (begun, before) = (Instant::now(), bytes_written());
        world.services.fold(Timestamp::default()).await.unwrap();
        took += begun.elapsed();
        written += bytes_written() - before;
    }
    world.hand.advance(Duration::from_hours(2));
    let (begun, before) = (Instant::now(), bytes_written());
    world.services.merge_due().await.unwrap();
    took += begun.elapsed();
    written += bytes_written() - before;
    println!("{samples} samples of {} series", samples as u64 / REPORTS);
    println!("folded in {took:?}");
    println!(
        "written to disk by folding, both stages, a report: {} B",
        written / REPORTS
    );
    if let Some(all) = &all {
        all.write();
    }
    world.charts("a day that is over").await;
    world.print_bytes(samples);
}

/// Bytes that this process made the kernel write to disks.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    let mut lines = io.lines();
    let bytes = lines.find_map(|line| line.strip_prefix("write_bytes: "));
    bytes.unwrap().parse().unwrap()
}

/// The day's samples by series, for another program to read.
struct Samples {
    file: String,
    series: HashMap<SeriesKey, Vec<(i64, f64)>>,
}

impl Samples {
    fn to(file: String) -> Self {
        let series = HashMap::new();
        Self { file, series }
    }

    fn add(&mut self, reports: &[Report]) {
        for report in reports {
            let at = report.timestamp().as_millis();
            for sample in report.samples() {
                let key = SeriesKey {
                    metric: sample.metric,
                    label: sample.label.clone(),
                };
                let value = sample.metric.round(sample.value);
                self.series.entry(key).or_default().push((at, value));
            }
        }
    }

    fn write(&self) {
        let mut text = String::new();
        for (SeriesKey { metric, label }, samples) in &self.series {
            let name = json!({ "__name__": metric.name(), "label": label.as_ref().map_or("", Label::as_str) });
            let (at, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
            let line = json!({ "metric": name, "timestamps": at, "values": values });
            text.push_str(&line.to_string());
            text.push('\n');
        }
        std::fs::write(&self.file, text).unwrap();
    }
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a_day.db");
        let defaults = Config::load(None).unwrap();
        let (clock, hand) = Clock::manual(Timestamp::from_millis(START));
        let store = Store::open(&path).unwrap();
        let (limits, times) = (defaults.limits, defaults.sessions);
        let services = Services::start(store, clock, limits, times, None)
            .await
            .unwrap();
        let password = "correct horse battery".to_owned();
        let person = services.add_person("ada@example.org", "Acme", None, password);
        person.await.unwrap();
        let scope = services.operator_scope("Acme").await.unwrap();
        let acting = Acting::operator(scope);
        let (_, key) = services.add_server(&acting, "web").await.unwrap();
        let credential = Credential::AgentKey(key.expose().to_owned());
        let Some(Principal::Agent(agent)) = services.authenticate(&credential).await.unwrap()
        else {
            panic!("a new key counts");
        };
        Self {
            services,
            hand,
            agent,
            path,
            _dir: dir,
        }
    }

    async fn send(&self, reports: &[Report]) {
        let mut body = Vec::new();
        for report in reports {
            body.push(if body.is_empty() { b'[' } else { b',' });
            body.extend(report.to_json());
        }
        body.push(b']');
        let body = Bytes::from(body);
        let outcomes = self.services.ingest(self.agent, Client::default(), body);
        let outcomes = outcomes.await.unwrap().outcomes;
        let accepted = server_scout::domain::ingest::Outcome::Accepted;
        assert!(
            outcomes.iter().all(|outcome| *outcome == accepted),
            "{outcomes:?}"
        );
    }

    /// Ten metrics of one series each, over a day in 300 points.
    async fn charts(&self, what: &str) {
        let to = self.services.clock().now();
        let window = Window::new(to.before(Duration::from_hours(24)), to, 300).unwrap();
        let plain = Metric::ALL
            .iter()
            .filter(|metric| metric.describe().label.is_none());
        let metrics: Vec<Metric> = plain.copied().take(10).collect();
        let mut times = Vec::new();
        for _ in 0..CHARTS {
            let begun = Instant::now();
            let (scope, server) = (self.agent.scope, self.agent.server);
            let history = self
                .services
                .history(scope, server, metrics.clone(), window);
            std::hint::black_box(history.await.unwrap());
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let at = |share: usize| times.get(CHARTS * share / 100).copied().unwrap_or_default();
        println!("chart, {what}: median {:?}, 99 % {:?}", at(50), at(99));
    }

    fn print_bytes(&self, samples: usize) {
        #[derive(QueryableByName)]
        struct Table {
            #[diesel(sql_type = Text)]
            name: String,
            #[diesel(sql_type = BigInt)]
            bytes: i64,
        }
        let mut c = SqliteConnection::establish(&self.path.to_string_lossy()).unwrap();
        let tables = "SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name";
        let tables: Vec<Table> = sql_query(tables).load(&mut c).unwrap();
        let of = |prefix: &[&str]| -> f64 {
            let ours = tables.iter();
            let ours =
                ours.filter(|table| prefix.iter().any(|prefix| table.name.starts_with(prefix)));
            ours.map(|table| table.bytes).sum::<i64>() as f64 / samples as f64
        };
        println!(
            "bytes a sample, indexes included: {:.3}",
            of(&["chunk", "segment", "summary"])
        );
        println!(
            "bytes a sample, roll-ups beside:  {:.3}",
            of(&["roll_up", "sqlite_autoindex_roll_up"])
        );
    }
}

/// Makes reports up, or takes them from a file.
struct Host {
    recorded: Vec<Report>,
    series: Vec<(Metric, Option<Label>, f64)>,
    random: u64,
    load: f64,
}

impl Host {
    fn new(recorded: Option<&str>) -> Self {
        let recorded = recorded.map(|file| std::fs::read_to_string(file).unwrap());
        let lines = recorded.iter().flat_map(|text| text.lines());
        let recorded = lines
            .map(|line| Report::from_json(line.as_bytes()).unwrap())
            .collect();
        let mut series = Vec::new();
        for metric in Metric::ALL {
            let labels: &[&str] = match metric.describe().label {
                None => &[""],
                Some(LabelName::Mount) => &["/"],
                Some(LabelName::Interface) => &["eth0"],
                Some(_) => continue,
            };
            for label in labels {
                series.push((*metric, Label::new(label).ok(), 1e9));
            }
        }
        series.truncate(50);
        Self {
            recorded,
            series,
            random: 1,
            load: 0.3,
        }
    }

    fn report(&mut self, seq: u64) -> Report {
        let jitter = Duration::from_millis(self.random() % 4);
        let at =
            Timestamp::from_millis(START).after(INTERVAL * u32::try_from(seq).unwrap() + jitter);
        let mut report = Report::new(at, Identity { boot: Boot(7), seq });
        if !self.recorded.is_empty() {
            let place = usize::try_from(seq).unwrap() % self.recorded.len();
            for sample in self.recorded.get(place).unwrap().samples() {
                report.push(sample.metric, sample.label.clone(), sample.value);
            }
            return report;
        }
        // The load wanders, and everything hangs on it and on chance.
        self.load = (self.load + (self.chance() - 0.5) / 20.0).clamp(0.02, 0.98);
        for place in 0..self.series.len() {
            // As on real hosts, few series move all the time, some now and then and some never.
            let moves = match place % 4 {
                0 => true,
                1 => self.random().is_multiple_of(4),
                2 => self.random().is_multiple_of(100),
                _ => false,
            };
            let chance = self.chance();
            let load = self.load;
            if !moves && seq > 0 {
                let (metric, label, value) = self.series.get(place).unwrap();
                report.push(*metric, label.clone(), *value);
                continue;
            }
            let (metric, label, value) = self.series.get_mut(place).unwrap();
            let described = metric.describe();
            *value = match (described.kind, described.unit) {
                (Kind::Counter, Unit::Bytes) => *value + (1e6 * load * chance).round(),
                (Kind::Counter, _) => *value + (5e3 * load * chance).round(),
                (Kind::Gauge, Unit::Percent) => 100.0 * load * (0.7 + 0.3 * chance),
                (Kind::Gauge, Unit::Bytes) => *value + (chance - 0.5) * 2e6,
                (Kind::Gauge, _) => 100.0 * load,
            };
            report.push(*metric, label.clone(), *value);
        }
        report
    }

    fn chance(&mut self) -> f64 {
        (self.random() % 10_000) as f64 / 10_000.0
    }

    /// Numbers that look like chance and are the same in every run (xorshift).
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}
