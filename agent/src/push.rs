//! Sends what the spool holds until the dashboard has acknowledged it.
//!
//! What waits in memory goes first: it is small, tells whether the dashboard answers, and shows the
//! host as it is now. Then comes the backlog on disk, oldest first, at a limited rate, so that a
//! fleet that returns does not drown the dashboard; what is made meanwhile goes in between.

use std::cell::RefCell;
use std::time::Duration;

use server_scout_wire::Answer;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::backoff::Backoff;
use crate::dashboard::{Transport, Unacceptable, Verdict};
use crate::failure::FailureKind;
use crate::journal::{Journal, Trouble};
use crate::key::{ApiKey, KeySource};
use crate::keyring::{Keyring, Refused};
use crate::spool::{Batch, MAX_REPORTS, Spool};

/// The spool, shared by the collector that fills it and the pusher that empties it. Both run on one
/// thread and hold it only between two waits.
pub struct Queue {
    spool: RefCell<Spool>,
    arrived: Notify,
}

impl Queue {
    /// A queue over `spool`.
    #[must_use]
    pub fn new(spool: Spool) -> Self {
        Self {
            spool: RefCell::new(spool),
            arrived: Notify::new(),
        }
    }

    /// Adds a report and wakes the pusher. What has to be brought to the disk is, on a thread of
    /// the runtime's that lives for a second: a busy disk must not delay the next report.
    pub fn push(&self, json: Vec<u8>) {
        let unsynced = self.with(|spool| {
            spool.push(json);
            spool.take_unsynced()
        });
        self.arrived.notify_one();
        if !unsynced.is_empty() {
            tokio::task::spawn_blocking(move || {
                for file in unsynced {
                    if let Err(why) = file.sync_data() {
                        tracing::debug!(%why, "what was written may not outlive a power cut");
                    }
                }
            });
        }
    }

    /// Looks at the spool.
    pub fn with<T>(&self, look: impl FnOnce(&mut Spool) -> T) -> T {
        look(&mut self.spool.borrow_mut())
    }
}

/// Sends reports.
pub struct Pusher<'a, T, R> {
    queue: &'a Queue,
    transport: T,
    keys: Keyring,
    backoff: Backoff<R>,
    batch_limit: usize,
    /// When the backlog may go on.
    backlog_at: Instant,
    reconnecting: bool,
    journal: Journal,
}

impl<'a, T: Transport, R: FnMut() -> f64> Pusher<'a, T, R> {
    /// A pusher of what is in `queue`.
    pub fn new(
        queue: &'a Queue,
        transport: T,
        (key, source): (ApiKey, KeySource),
        backoff: Backoff<R>,
        journal: Journal,
    ) -> Self {
        Self {
            queue,
            transport,
            keys: Keyring::new(key, source),
            backoff,
            batch_limit: FIRST_BATCH,
            backlog_at: Instant::now(),
            reconnecting: false,
            journal,
        }
    }

    /// Sends until `stop` becomes true; then what waits in memory is given [`FLUSH_TIME`] to go
    /// out, and goes to disk otherwise.
    pub async fn run(mut self, stop: watch::Receiver<bool>) {
        let deadline = async {
            stopped(&stop).await;
            sleep(FLUSH_TIME).await;
        };
        tokio::select! {
            () = self.work(&stop) => {}
            () = deadline => {}
        }
        let (lost, kept) = self.queue.with(|spool| (spool.end(), spool.backlog()));
        if lost > 0 {
            tracing::warn!(left = lost, "reports that could not be sent are lost");
        }
        if kept > 0 {
            tracing::info!(kept, "reports that could not be sent wait on disk");
        }
    }

    /// Returns when `stop` is true and nothing waits in memory, or nothing can be sent.
    async fn work(&mut self, stop: &watch::Receiver<bool>) {
        loop {
            let was_stopping = *stop.borrow();
            let Some(batch) = self.next(was_stopping) else {
                if was_stopping {
                    return;
                }
                let has_backlog = self.queue.with(|spool| spool.has_backlog());
                tokio::select! {
                    () = self.queue.arrived.notified() => {}
                    () = sleep_until(self.backlog_at), if has_backlog => {}
                    () = stopped(stop) => {}
                }
                continue;
            };
            let wait = self.send(&batch).await;
            if batch.is_backlog() {
                self.backlog_at = Instant::now() + self.backoff.pause();
            }
            let Some(wait) = wait else {
                continue;
            };
            self.queue.with(Spool::failed);
            self.batch_limit = self.batch_limit.min(FIRST_BATCH);
            if was_stopping {
                return;
            }
            tokio::select! {
                () = self.wait(wait) => {}
                () = stopped(stop) => {}
            }
        }
    }

    /// Waits, but no longer than until the file holds another key: that is what a refused key
    /// waits for.
    async fn wait(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.keys.look() {
            sleep_until(until.min(Instant::now() + LOOK_EVERY)).await;
        }
    }

    /// What to send now. At the end the backlog stays where it is safe.
    fn next(&self, is_stopping: bool) -> Option<Batch> {
        self.queue.with(|spool| {
            spool.oldest(self.batch_limit).or_else(|| {
                let may_go_on = !is_stopping && Instant::now() >= self.backlog_at;
                may_go_on
                    .then(|| spool.oldest_of_backlog(self.batch_limit))
                    .flatten()
            })
        })
    }

    /// Sends one batch. Some wait when it has to be sent again; none to go on at once.
    async fn send(&mut self, batch: &Batch) -> Option<Duration> {
        self.keys.look();
        let reply = match self.transport.post(self.keys.key(), batch.body()).await {
            Ok(reply) => reply,
            Err(failure) => {
                match failure.kind() {
                    // What is said of fewer reports is shorter.
                    FailureKind::AnswerTooLong => self.batch_limit = (batch.len() / 2).max(1),
                    // Both sides may end an idle connection, and then one that is taken up again
                    // can be gone already. That is no trouble until it happens twice.
                    FailureKind::Closed if !self.reconnecting => {
                        self.reconnecting = true;
                        return None;
                    }
                    _ => {}
                }
                self.journal
                    .trouble(Trouble::Unreachable(failure.kind()), &failure.to_string());
                return Some(self.backoff.next(None));
            }
        };
        self.reconnecting = false;
        match reply.judge(batch.len()) {
            Verdict::Judged(answer) => {
                self.keys.accepted();
                self.judged(batch, &answer);
                self.transport.tend().await;
                None
            }
            Verdict::KeyRefused { retry_after } => match self.keys.refused() {
                Refused::AnotherKey => None,
                Refused::Wait => {
                    self.journal
                        .trouble(Trouble::KeyRefused, &self.keys.explain_refusal());
                    Some(self.backoff.next(retry_after))
                }
            },
            Verdict::Later(later) => {
                let message = later.explain(self.journal.host());
                self.journal
                    .trouble(Trouble::Status(later.status.as_u16()), &message);
                Some(self.backoff.next(later.retry_after))
            }
            Verdict::Unacceptable(why) => {
                self.unacceptable(batch, &why);
                None
            }
        }
    }

    fn judged(&mut self, batch: &Batch, answer: &Answer) {
        let refused = answer.refused_count.max(answer.refused.len() as u64);
        let (left, counts) = self.queue.with(|spool| {
            spool.acknowledge(batch);
            spool.count_refused(refused);
            (spool.len(), spool.counts())
        });
        self.backoff.reset();
        // Small batches that pass say nothing of larger ones.
        if batch.len() >= self.batch_limit {
            self.batch_limit = self.batch_limit.saturating_mul(2).min(MAX_REPORTS);
        }
        if let Some(first) = answer.refused.first() {
            self.journal.refused(&first.problem, refused);
        } else if refused == 0 {
            self.journal.accepted();
        }
        self.journal.delivered(
            batch.len() as u64 - refused.min(batch.len() as u64),
            left,
            counts,
        );
    }

    /// One bad report must not hold up the others: a batch is split until the bad one is alone.
    fn unacceptable(&mut self, batch: &Batch, why: &Unacceptable) {
        if batch.len() > 1 {
            self.batch_limit = (batch.len() / 2).max(1);
            return;
        }
        self.queue.with(|spool| spool.set_aside(batch));
        self.backoff.reset();
        self.journal.set_aside(why);
    }
}

async fn stopped(stop: &watch::Receiver<bool>) {
    // An error means that nobody can say stop any more, which is a stop too.
    let _ = stop.clone().wait_for(|stop| *stop).await;
}

/// How long the agent may take to send what is queued when it is told to end.
pub const FLUSH_TIME: Duration = Duration::from_secs(3);

/// How often the key file is looked at while nothing is sent.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The first batch after trouble; each full one that is acknowledged allows twice as many, up to
/// [`MAX_REPORTS`].
const FIRST_BATCH: usize = 25;
