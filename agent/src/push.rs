//! Sends what the spool holds, oldest first, until the dashboard has acknowledged it.

use std::cell::RefCell;
use std::time::Duration;

use server_scout_wire::Answer;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::dashboard::{Transport, Unacceptable, Verdict};
use crate::failure::FailureKind;
use crate::journal::{Journal, Trouble};
use crate::key::{ApiKey, KeySource};
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

    /// Adds a report and wakes the pusher.
    pub fn push(&self, json: Vec<u8>) {
        self.spool.borrow_mut().push(json);
        self.arrived.notify_one();
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
    key: ApiKey,
    key_source: KeySource,
    backoff: Backoff<R>,
    batch_limit: usize,
    reconnecting: bool,
    journal: Journal,
}

impl<'a, T: Transport, R: FnMut() -> f64> Pusher<'a, T, R> {
    /// A pusher of what is in `queue`.
    pub fn new(
        queue: &'a Queue,
        transport: T,
        (key, key_source): (ApiKey, KeySource),
        backoff: Backoff<R>,
        journal: Journal,
    ) -> Self {
        Self {
            queue,
            transport,
            key,
            key_source,
            backoff,
            batch_limit: MAX_REPORTS,
            reconnecting: false,
            journal,
        }
    }

    /// Sends until `stop` becomes true; then what is queued is given [`FLUSH_TIME`] to go out.
    pub async fn run(mut self, stop: watch::Receiver<bool>) {
        let deadline = async {
            stopped(&stop).await;
            sleep(FLUSH_TIME).await;
        };
        tokio::select! {
            () = self.work(&stop) => {}
            () = deadline => {}
        }
        let left = self.queue.with(|spool| spool.len());
        if left > 0 {
            tracing::warn!(left, "reports that could not be sent are lost");
        }
    }

    /// Returns when `stop` is true and nothing is queued, or nothing can be sent.
    async fn work(&mut self, stop: &watch::Receiver<bool>) {
        loop {
            let Some(batch) = self.queue.with(|spool| spool.oldest(self.batch_limit)) else {
                if *stop.borrow() {
                    return;
                }
                tokio::select! {
                    () = self.queue.arrived.notified() => {}
                    () = stopped(stop) => {}
                }
                continue;
            };
            let was_stopping = *stop.borrow();
            let Some(wait) = self.send(&batch).await else {
                continue;
            };
            if was_stopping {
                return;
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = stopped(stop) => {}
            }
        }
    }

    /// Sends one batch. Some wait when it has to be sent again; none to go on at once.
    async fn send(&mut self, batch: &Batch) -> Option<Duration> {
        let reply = match self.transport.post(&self.key, batch.body()).await {
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
                self.judged(batch, &answer);
                None
            }
            Verdict::KeyRefused { retry_after } => {
                if let Some(key) = self.key_source.changed(&self.key) {
                    tracing::info!("the agent key was changed; going on with the new one");
                    self.key = key;
                    return None;
                }
                self.journal
                    .trouble(Trouble::KeyRefused, &self.key_source.explain_refusal());
                Some(self.backoff.next(retry_after))
            }
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
        self.batch_limit = self.batch_limit.saturating_mul(2).min(MAX_REPORTS);
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
