//! Reports in a steady stream, and the book of what was acknowledged.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::{Value, json};
use server_scout_tests::fleet::Server;
use server_scout_tests::{Fleet, report};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Seconds of one server's history that the stream may fill: less than the two days that are kept,
/// and enough for some hundred kills, each of which leaves a few hundred unanswered.
const SECONDS: i64 = 150_000;

/// The most reports that are counted at a time.
const STRETCH: usize = 60;

/// Which report of a server: second by second from [`Book::start`].
type Second = u64;

/// What was sent and acknowledged, per server.
#[derive(Debug)]
pub(crate) struct Book {
    /// The moment of every server's report number 0.
    pub(crate) start: Timestamp,
    /// Told with every acknowledgement.
    pub(crate) news: Notify,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    server: Server,
    next: AtomicU64,
    acknowledged: Mutex<Vec<Second>>,
}

impl Book {
    /// An empty book for these servers.
    pub(crate) fn new(servers: Vec<Server>) -> Arc<Self> {
        let line = |server| Line {
            server,
            next: AtomicU64::new(0),
            acknowledged: Mutex::default(),
        };
        Arc::new(Self {
            start: report::seconds_ago(SECONDS + 60),
            news: Notify::new(),
            lines: servers.into_iter().map(line).collect(),
        })
    }

    /// An empty book for three servers of the fleet.
    pub(crate) async fn of_three(fleet: &Fleet) -> Arc<Self> {
        Self::new(vec![
            fleet.server.clone(),
            fleet.add_server("web-2").await,
            fleet.add_server("web-3").await,
        ])
    }

    /// The report of that number. Its value tells which it is.
    fn report(&self, second: Second) -> Value {
        report::with_cpu(self.at(second), value(second))
    }

    fn at(&self, second: Second) -> Timestamp {
        self.start + SignedDuration::from_secs(i64::try_from(second).unwrap())
    }

    /// Sends so many more reports of each server, and notes that they were acknowledged.
    pub(crate) async fn fill(&self, fleet: &Fleet, reports: u64) {
        for line in &self.lines {
            let first = line.next.fetch_add(reports, Ordering::SeqCst);
            let seconds: Vec<Second> = (first..first + reports).collect();
            for part in seconds.chunks(500) {
                let batch: Vec<Value> = part.iter().map(|&second| self.report(second)).collect();
                let answer = fleet.report_as(&line.server.key, &json!(batch)).await;
                assert_eq!(answer.json()["accepted"], part.len(), "{}", answer.text());
                line.acknowledged.lock().unwrap().extend(part);
            }
        }
    }

    /// Finds every report that was taken exactly once in the hours of all that is stored. To be asked after
    /// [`check`](Self::check), which sends again what was not acknowledged.
    pub(crate) async fn check_hours(&self, fleet: &Fleet) {
        let hour = SignedDuration::from_hours(1);
        let from = self.start.round(floored_to_hours()).unwrap();
        let hours = SECONDS / hour.as_secs() + 2;
        for line in &self.lines {
            let server = &line.server;
            let seconds = hours * hour.as_secs();
            let chart = fleet
                .chart(&server.id, "cpu_usage", from, seconds, hours)
                .await;
            let counts = chart.expect("there are reports").count;
            let taken = line.next.load(Ordering::SeqCst);
            assert_eq!(
                counts.iter().sum::<u64>(),
                taken,
                "{}: {counts:?}",
                server.name
            );
        }
    }

    /// How many reports were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.lines
            .iter()
            .map(|line| line.acknowledged.lock().unwrap().len())
            .sum()
    }

    /// Finds every acknowledged report exactly once and with its own value.
    pub(crate) async fn check(&self, fleet: &Fleet) {
        for line in &self.lines {
            let name = &line.server.name;
            let stretches = line.stretches();
            for stretch in &stretches {
                let (count, average) = self.found(fleet, line, stretch).await;
                if stretch.acknowledged {
                    assert_eq!(count, stretch.len(), "{name}: {stretch:?}");
                    assert!(stretch.is_mean(average), "{name}: {average:?}, {stretch:?}");
                } else {
                    assert!(count <= stretch.len(), "{name}: {count}, {stretch:?}");
                }
            }

            // Each one that was acknowledged is known when it arrives again, and what was not
            // acknowledged counts once at the most.
            for acknowledged in [true, false] {
                let alike = stretches.iter().filter(|s| s.acknowledged == acknowledged);
                let seconds: Vec<Second> = alike.flat_map(|s| s.seconds.clone()).collect();
                for part in seconds.chunks(500) {
                    let batch: Vec<Value> =
                        part.iter().map(|&second| self.report(second)).collect();
                    let key = &line.server.key;
                    let answer = fleet.report_as(key, &json!(batch)).await.json();
                    let accepted = answer["accepted"].as_u64().unwrap();
                    let known = answer["duplicate"].as_u64().unwrap();
                    assert_eq!(accepted + known, part.len() as u64, "{name}: {answer}");
                    assert!(!acknowledged || accepted == 0, "{name}: {answer}");
                }
            }
            for stretch in &stretches {
                let (count, average) = self.found(fleet, line, stretch).await;
                assert_eq!(count, stretch.len(), "{name}: {stretch:?}");
                assert!(stretch.is_mean(average), "{name}: {average:?}, {stretch:?}");
            }
        }
    }

    /// Number and mean of the reports of a stretch. It is asked for as one step: how long the
    /// steps of a longer history are depends on how often reports come, and so on which are lost.
    async fn found(&self, fleet: &Fleet, line: &Line, stretch: &Stretch) -> (u64, Option<f64>) {
        let from = self.at(stretch.seconds.start);
        let length = i64::try_from(stretch.len()).unwrap();
        let chart = fleet
            .chart(&line.server.id, "cpu_usage", from, length, 1)
            .await;
        let Some(chart) = chart else {
            return (0, None);
        };
        assert_eq!(chart.count.len(), 1, "{chart:?}");
        (chart.count[0], chart.average[0])
    }
}

/// Successive reports of one server that were all acknowledged, or all not.
#[derive(Debug)]
struct Stretch {
    seconds: Range<Second>,
    acknowledged: bool,
}

impl Stretch {
    fn len(&self) -> u64 {
        self.seconds.end - self.seconds.start
    }

    /// Whether `average` is the mean of all its reports.
    fn is_mean(&self, average: Option<f64>) -> bool {
        let mean = self.seconds.clone().map(value).sum::<f64>() / self.len() as f64;
        average.is_some_and(|average| (average - mean).abs() < 1e-6)
    }
}

/// The CPU usage that report number `second` holds: different from its neighbours, two decimals.
fn value(second: Second) -> f64 {
    f64::from(u32::try_from(second * 37 % 10_000).unwrap()) / 100.0
}

fn floored_to_hours() -> TimestampRound {
    TimestampRound::new()
        .smallest(Unit::Hour)
        .mode(RoundMode::Floor)
}

/// Sends reports of all servers over several connections each until the dashboard is gone or the
/// set is dropped.
pub(crate) fn send(fleet: &Fleet, book: &Arc<Book>) -> JoinSet<()> {
    let mut senders = JoinSet::new();
    for line in 0..book.lines.len() {
        for connection in 0..8 {
            // A client of its own is a connection of its own.
            let client = fleet.dashboard.client();
            let url = fleet.dashboard.url("/api/v1/reports");
            let book = Arc::clone(book);
            senders.spawn(async move {
                let line = &book.lines[line];
                while let Some(seconds) = line.take(connection) {
                    let reports: Vec<Value> =
                        seconds.iter().map(|&second| book.report(second)).collect();
                    let body = if reports.len() == 1 {
                        reports[0].clone()
                    } else {
                        json!(reports)
                    };
                    let request = client.post(&url).header("X-API-Key", &line.server.key);
                    let Ok(answer) = request.json(&body).send().await else {
                        return;
                    };
                    let full = answer.status() == 503;
                    if full {
                        assert!(answer.headers().contains_key("retry-after"));
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                        continue;
                    }
                    assert_eq!(answer.status(), 200);
                    let Ok(answer) = answer.json::<Value>().await else {
                        return;
                    };
                    assert_eq!(answer["accepted"], seconds.len(), "{answer}");
                    line.acknowledged.lock().unwrap().extend(seconds);
                    book.news.notify_one();
                }
            });
        }
    }
    senders
}

impl Line {
    /// The numbers of the next request's reports, none when the history is full. Requests differ
    /// in size, so that a transaction is still at work when the first of it could be answered.
    fn take(&self, connection: u64) -> Option<Vec<Second>> {
        let size = match connection {
            0 | 1 => 60,
            2 => 3,
            _ => 1,
        };
        let first = self.next.fetch_add(size, Ordering::SeqCst);
        let seconds: Vec<Second> = (first..first + size).collect();
        let fits = first + size <= SECONDS.unsigned_abs();
        fits.then_some(seconds)
    }

    /// All numbers that were taken, in stretches of at most [`STRETCH`].
    fn stretches(&self) -> Vec<Stretch> {
        let acknowledged = self.acknowledged.lock().unwrap();
        let acknowledged: HashSet<Second> = acknowledged.iter().copied().collect();
        let taken: Vec<Second> = (0..self.next.load(Ordering::SeqCst)).collect();
        let alike =
            taken.chunk_by(|one, next| acknowledged.contains(one) == acknowledged.contains(next));
        let parts = alike.flat_map(|alike| alike.chunks(STRETCH));
        let stretch = |part: &[Second]| Stretch {
            seconds: part[0]..part[0] + part.len() as u64,
            acknowledged: acknowledged.contains(&part[0]),
        };
        parts.map(stretch).collect()
    }
}
