//! Reports in a steady stream, and the book of what was acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use server_scout_tests::fleet::Server;
use server_scout_tests::{Fleet, report};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Seconds of one server's history that the stream may fill.
pub(crate) const SECONDS: i64 = 20_000;

/// Reports in one step of a history. No step is shorter than two intervals between reports.
const STEP: u64 = 2;

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

    /// The report of that number. Its value tells which it is.
    fn report(&self, second: Second) -> Value {
        let at = self.start + SignedDuration::from_secs(i64::try_from(second).unwrap());
        report::with_cpu(at, value(second))
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
            let sent = line.next.load(Ordering::SeqCst);
            let mut acknowledged = line.acknowledged.lock().unwrap().clone();
            acknowledged.sort_unstable();
            let before = self.steps(fleet, line, sent).await;
            for (step, (average, count)) in before.iter().enumerate() {
                let first = step as u64 * STEP;
                let known = (first..first + STEP)
                    .filter(|second| acknowledged.binary_search(second).is_ok())
                    .count() as u64;
                let name = &line.server.name;
                assert!(
                    *count >= known,
                    "{name}: {count} of {known} reports from {first} on"
                );
                assert!(*count <= STEP, "{name}: {count} reports from {first} on");
                if known == STEP {
                    assert!(
                        is_mean(*average, first),
                        "{name}: {average:?} from {first} on"
                    );
                }
            }

            // Each one that was acknowledged is known when it arrives again, and what was not
            // acknowledged counts once at the most.
            let all: Vec<Second> = (0..sent.div_ceil(STEP) * STEP).collect();
            for part in all.chunks(500) {
                let batch: Vec<Value> = part.iter().map(|&second| self.report(second)).collect();
                let answer = fleet
                    .report_as(&line.server.key, &json!(batch))
                    .await
                    .json();
                let known = part
                    .iter()
                    .filter(|second| acknowledged.binary_search(second).is_ok())
                    .count() as u64;
                assert!(answer["duplicate"].as_u64() >= Some(known), "{answer}");
                assert_eq!(answer["refused_count"], 0, "{answer}");
            }
            let after = self.steps(fleet, line, sent).await;
            for (step, (average, count)) in after.into_iter().enumerate() {
                let first = step as u64 * STEP;
                assert_eq!(count, STEP, "from {first} on");
                assert!(is_mean(average, first), "{average:?} from {first} on");
            }
        }
    }

    /// Mean and number of reports of each step, to the one that holds report number `sent` - 1.
    async fn steps(&self, fleet: &Fleet, line: &Line, sent: u64) -> Vec<(Option<f64>, u64)> {
        let mut all = Vec::new();
        let seconds = i64::try_from(sent.div_ceil(STEP) * STEP).unwrap();
        let part = 300;
        for first in (0..seconds).step_by(300) {
            let from = self.start + SignedDuration::from_secs(first);
            let points = part / i64::try_from(STEP).unwrap();
            let server = &line.server.id;
            match fleet.chart(server, "cpu_usage", from, part, points).await {
                Some(chart) => {
                    assert!((chart.step_seconds - STEP as f64).abs() < 1e-9, "{chart:?}");
                    all.extend(chart.average.into_iter().zip(chart.count));
                }
                None => all.extend((0..points).map(|_| (None, 0))),
            }
        }
        all.truncate(usize::try_from(sent.div_ceil(STEP)).unwrap());
        all
    }
}

/// Whether `average` is the mean of the reports of the step that begins with number `first`.
fn is_mean(average: Option<f64>, first: Second) -> bool {
    let mean = (first..first + STEP).map(value).sum::<f64>() / STEP as f64;
    average.is_some_and(|average| (average - mean).abs() < 1e-6)
}

/// The CPU usage that report number `second` holds: different from its neighbours, two decimals.
fn value(second: Second) -> f64 {
    f64::from(u32::try_from(second * 37 % 10_000).unwrap()) / 100.0
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
}
