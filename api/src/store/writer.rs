//! The one writer: a thread that gathers what is to be written into one transaction, commits it,
//! and only then tells those who wait.
//!
//! A commit costs the same for one report as for a hundred, so reports wait a little for company:
//! until 256 wait, or nobody new has come for 100 ms, or 500 ms have passed. What a person waits for
//! is written at once, and everything that waits goes with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, sql_query};
use tokio::sync::oneshot;

use super::error::{OpenError, StoreError};
use super::heads::Heads;
use super::intake::Intake;
use super::series::SeriesCache;
use crate::internals::Internals;

/// Whether a write waits for company.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Urgency {
    /// Somebody is waiting. What fails is undone whole.
    Now,
    /// It may wait for company. What fails may be left half done, so it must be work that can be
    /// repeated, such as appending reports that have an identity.
    Soon {
        /// How many values it writes; a transaction takes no more when it has many.
        values: usize,
    },
}

/// What a write works with, within the transaction.
pub struct WriteContext<'a> {
    /// The connection.
    pub connection: &'a mut SqliteConnection,
    /// The ids of series that the writer remembers between transactions.
    pub series: &'a mut SeriesCache,
    /// What the writer knows of the report log.
    pub intake: &'a mut Intake,
}

/// A handle to the writer. When the last one is dropped, what waits is written and the thread ends.
#[derive(Clone)]
pub struct Writer {
    queue: SyncSender<Job>,
    internals: Arc<Internals>,
    thread: Arc<std::sync::Mutex<Option<JoinHandle<()>>>>,
}

struct Job {
    urgency: Urgency,
    /// Runs within the transaction and leaves what is to be done after the commit.
    work: Box<dyn FnOnce(&mut WriteContext<'_>) -> Work + Send>,
}

struct Work {
    /// The database itself failed, so nothing of this transaction can be trusted.
    broken: Option<String>,
    settle: Settle,
}

/// Told how the commit went.
type Settle = Box<dyn FnOnce(Result<(), String>) + Send>;

impl Writer {
    pub(super) fn start(
        connection: SqliteConnection,
        heads: Arc<Heads>,
        path: &Path,
        internals: Arc<Internals>,
    ) -> Result<Self, OpenError> {
        let (queue, jobs) = sync_channel(QUEUE);
        let state = State {
            connection,
            series: SeriesCache::default(),
            intake: Intake::new(heads),
            path: path.to_owned(),
            internals: Arc::clone(&internals),
        };
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || state.run(&jobs))
            .map_err(|error| OpenError::Other {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            queue,
            internals,
            thread: Arc::new(std::sync::Mutex::new(Some(thread))),
        })
    }

    /// Runs `work` in the next transaction and returns what it returned, after the commit.
    /// `committed` is called on the writer's thread between the commit and the return, even when
    /// nobody waits any more.
    pub async fn submit<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&mut WriteContext<'_>) -> Result<T, StoreError> + Send + 'static,
        committed: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let work = move |context: &mut WriteContext<'_>| -> Work {
            let result = match urgency {
                Urgency::Now => savepoint(context, work),
                Urgency::Soon { .. } => work(context),
            };
            let broken = match &result {
                Err(StoreError::Database(reason)) => Some(reason.clone()),
                _ => None,
            };
            let settle = move |commit: Result<(), String>| {
                let result = match commit {
                    Ok(()) => result,
                    Err(reason) => Err(StoreError::Database(reason)),
                };
                if let Ok(value) = &result {
                    committed(value);
                }
                // Whoever waited may be gone; the work is done all the same.
                let _ = answer.send(result);
            };
            Work {
                broken,
                settle: Box::new(settle),
            }
        };
        let job = Job {
            urgency,
            work: Box::new(work),
        };
        self.internals.enter_queue();
        if let Err(refused) = self.queue.try_send(job) {
            self.internals.turn_away();
            return Err(match refused {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Closed,
            });
        }
        // A job that is dropped unsettled was not carried out.
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::Database(NOT_DONE.to_owned())))
    }

    /// Writes what waits and ends the thread. Every other handle must be gone.
    pub fn finish(self) {
        let Self { queue, thread, .. } = self;
        drop(queue);
        let thread = thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// One failing job must not undo its neighbours.
fn savepoint<T>(
    context: &mut WriteContext<'_>,
    work: impl FnOnce(&mut WriteContext<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let (series, intake) = (&mut *context.series, &mut *context.intake);
    let (known, pending) = (series.len(), intake.pending());
    let result = context.connection.transaction(|connection| {
        work(&mut WriteContext {
            connection,
            series: &mut *series,
            intake: &mut *intake,
        })
    });
    if result.is_err() {
        // What was made in it is gone again; hardly anything that fails has made any.
        if series.len() != known {
            series.forget();
        }
        intake.roll_back(pending);
    }
    result
}

struct State {
    connection: SqliteConnection,
    series: SeriesCache,
    intake: Intake,
    path: PathBuf,
    internals: Arc<Internals>,
}

impl State {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let batch = gather(first, jobs);
            self.write(batch);
        }
        // A clean end leaves no log behind. It is only tidiness, so a failure changes nothing.
        let _ = sql_query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection);
    }

    fn write(&mut self, batch: Vec<Job>) {
        let (begun, jobs) = (Instant::now(), batch.len());
        let mut settles: Vec<Settle> = Vec::with_capacity(batch.len());
        let (series, intake) = (&mut self.series, &mut self.intake);
        let outcome = self.connection.immediate_transaction(|connection| {
            for job in batch {
                let work = (job.work)(&mut WriteContext {
                    connection,
                    series,
                    intake,
                });
                settles.push(work.settle);
                if let Some(reason) = work.broken {
                    return Err(StoreError::Database(reason));
                }
            }
            Ok(())
        });
        let outcome = outcome.map_err(|error| error.to_string());
        match &outcome {
            Ok(()) => self.intake.commit(),
            Err(reason) => {
                tracing::error!("cannot write: {reason}");
                self.recover();
            }
        }
        self.internals
            .leave_queue(jobs, begun.elapsed(), outcome.is_ok());
        for settle in settles {
            settle(outcome.clone());
        }
    }

    /// After a failed commit neither the connection's state nor the remembered ids can be trusted.
    fn recover(&mut self) {
        self.series.forget();
        self.intake.roll_back(0);
        match super::connection::open_existing(&self.path) {
            Ok(fresh) => self.connection = fresh,
            Err(error) => tracing::error!("{error}"),
        }
    }
}

/// Looks for company now and then, instead of being woken by each job.
fn gather(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let begun = Instant::now();
    let mut last_came = begun;
    let mut batch = Batch::default();
    batch.add(first);
    loop {
        while !batch.is_full()
            && let Ok(job) = jobs.try_recv()
        {
            batch.add(job);
            last_came = Instant::now();
        }
        let alone = last_came.elapsed() >= LULL;
        if batch.urgent || batch.is_enough() || alone || begun.elapsed() >= LINGER {
            return batch.jobs;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What will be one transaction.
#[derive(Default)]
struct Batch {
    jobs: Vec<Job>,
    urgent: bool,
    values: usize,
}

impl Batch {
    fn add(&mut self, job: Job) {
        match job.urgency {
            Urgency::Now => self.urgent = true,
            Urgency::Soon { values } => self.values += values,
        }
        self.jobs.push(job);
    }

    /// Waiting for more would gain little.
    fn is_enough(&self) -> bool {
        self.jobs.len() >= ENOUGH || self.values >= MANY_VALUES
    }

    /// More would make everybody else wait for long.
    fn is_full(&self) -> bool {
        self.jobs.len() >= BATCH || self.values >= MANY_VALUES
    }
}

const NOT_DONE: &str = "the write was not carried out";
const QUEUE: usize = 8192;
const BATCH: usize = 1024;
const MANY_VALUES: usize = 200_000;
const ENOUGH: usize = 256;
const LINGER: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LULL: Duration = Duration::from_millis(100);
