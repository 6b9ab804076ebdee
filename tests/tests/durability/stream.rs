//! Reports in a steady stream, and the book of what was acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use server_scout_tests::fleet::Server;
use server_scout_tests::{Fleet, report};
use tokio::task::JoinSet;

/// Seconds of one server's history that the stream may fill.
pub(crate) const SECONDS: i64 = 3000;

/// Which report of a server: second by second from [`Book::start`].
type Second = u64;

/// What was sent and acknowledged, per server.
#[derive(Debug)]
pub(crate) struct Book {
    /// The moment of every server's report number 0.
    pub(crate) start: Timestamp,
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
            let history = self.history(fleet, &line.server.id, sent).await;
            let acknowledged = line.acknowledged.lock().unwrap().clone();
            for &second in &acknowledged {
                let found = history
                    .get(usize::try_from(second).unwrap())
                    .copied()
                    .flatten();
                assert_eq!(
                    found,
                    Some(value(second)),
                    "report {second} of {} was acknowledged",
                    line.server.name
                );
            }
            // Each one that arrives again is known.
            for part in acknowledged.chunks(500) {
                let batch: Vec<Value> = part.iter().map(|&second| self.report(second)).collect();
                let answer = fleet
                    .report_as(&line.server.key, &json!(batch))
                    .await
                    .json();
                assert_eq!(answer["duplicate"], part.len(), "{answer}");
            }
            // And the ones that were not acknowledged hold their own value or none.
            for (second, found) in history.iter().enumerate() {
                let expected = value(second as u64);
                assert!(
                    found.is_none_or(|found| (found - expected).abs() < 1e-9),
                    "{found:?}"
                );
            }
        }
    }

    async fn history(&self, fleet: &Fleet, server: &str, sent: u64) -> Vec<Option<f64>> {
        let sent = i64::try_from(sent).unwrap();
        let mut all = Vec::new();
        for first in (0..sent).step_by(300) {
            let from = self.start + SignedDuration::from_secs(first);
            let mut part = fleet.history(server, "cpu_usage", from, 300).await;
            part.resize(300, None);
            all.extend(part);
        }
        all
    }
}

/// The CPU usage that report number `second` holds: different from its neighbours, two decimals.
fn value(second: Second) -> f64 {
    f64::from(u32::try_from(second * 37 % 10_000).unwrap()) / 100.0
}

/// Sends reports of all servers over several connections each until the dashboard is gone or the
/// set is dropped. Every third request is a small batch.
pub(crate) fn send(fleet: &Fleet, book: &Arc<Book>) -> JoinSet<()> {
    let mut senders = JoinSet::new();
    for line in 0..book.lines.len() {
        for _ in 0..8 {
            // A client of its own is a connection of its own.
            let client = fleet.dashboard.client();
            let url = fleet.dashboard.url("/api/v1/reports");
            let book = Arc::clone(book);
            senders.spawn(async move {
                let line = &book.lines[line];
                while let Some(seconds) = line.take() {
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
                }
            });
        }
    }
    senders
}

impl Line {
    /// The numbers of the next request's reports, none when the history is full.
    fn take(&self) -> Option<Vec<Second>> {
        let first = self.next.fetch_add(1, Ordering::SeqCst);
        let mut seconds = vec![first];
        if first.is_multiple_of(3) {
            seconds.push(self.next.fetch_add(1, Ordering::SeqCst));
            seconds.push(self.next.fetch_add(1, Ordering::SeqCst));
        }
        let fits = seconds
            .iter()
            .all(|&second| second < SECONDS.unsigned_abs());
        fits.then_some(seconds)
    }
}
