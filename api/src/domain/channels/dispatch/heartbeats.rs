//! Heartbeats: a request of nothing, whose absence tells.

use std::time::{Duration, Instant};

use bytes::Bytes;
use diesel::SqliteConnection;
use hyper::Method;
use hyper::header::HeaderMap;
use tokio::task::JoinSet;

use super::{Dispatcher, Failure};
use crate::id::{Id, Organisation};
use crate::outbound::{Request, Sender, Target};
use crate::store::StoreError;
use crate::store::heartbeats::{self, Beat, DueHeartbeat};

/// The heartbeats that are under way.
#[derive(Default)]
pub(super) struct Beats {
    sending: JoinSet<()>,
    /// Whose: a new address is another heartbeat, and goes when the one before it is done.
    busy: Vec<(Id<Organisation>, tokio::task::Id)>,
    looked_at: Option<Instant>,
}

impl Beats {
    /// Sends what is due, every two seconds, beside the deliveries.
    pub(super) async fn step(&mut self, dispatcher: &Dispatcher) -> Result<(), StoreError> {
        if self.looked_at.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        self.looked_at = Some(Instant::now());
        while let Some(ended) = self.sending.try_join_next_with_id() {
            let task = match &ended {
                Ok((task, ())) => *task,
                Err(error) => {
                    tracing::error!("a heartbeat broke off: {error}");
                    error.id()
                }
            };
            self.busy.retain(|(_, other)| *other != task);
        }
        let free = AT_A_TIME.saturating_sub(self.busy.len());
        if free == 0 {
            return Ok(());
        }
        let now = dispatcher.0.clock.now();
        let busy: Vec<_> = self.busy.iter().map(|(whose, _)| *whose).collect();
        let store = &dispatcher.0.store;
        let due = store.read(move |c| heartbeats::due(c, now, &busy, free));
        for one in due.await? {
            let (whose, this) = (one.organisation, dispatcher.clone());
            let task = self.sending.spawn(async move { this.beat(one).await });
            self.busy.push((whose, task.id()));
        }
        Ok(())
    }
}

impl Dispatcher {
    /// Tries once, and notes what became of it.
    async fn beat(&self, due: DueHeartbeat) {
        let begun = Instant::now();
        let tried = self.send_beat(&due).await;
        let (now, took) = (self.0.clock.now(), begun.elapsed());
        let in_step = due.due_at.after(due.every);
        let beat = match tried {
            Ok(status) => Beat {
                due_at: due.due_at,
                next_at: if in_step > now.after(due.every / 2) {
                    in_step
                } else {
                    now.after(due.every)
                },
                arrived: true,
                status: Some(status),
                problem: None,
                took,
            },
            Err(failure) => Beat {
                due_at: due.due_at,
                next_at: now.after(pause(&failure, due.every)),
                arrived: false,
                status: failure.status,
                problem: Some(failure.problem),
                took,
            },
        };
        let id = due.id;
        let note = move |c: &mut SqliteConnection| heartbeats::note(c, id, &beat, now);
        self.note("a heartbeat", note).await;
    }

    async fn send_beat(&self, due: &DueHeartbeat) -> Result<u16, Failure> {
        let place = heartbeats::address_place(due.id);
        let opened = self.0.sealer.open(&place, &due.sealed).map_err(|error| {
            tracing::error!("the address of a heartbeat cannot be opened: {error}");
            Failure::later("The address cannot be opened.")
        })?;
        let target = std::str::from_utf8(&opened).ok();
        let target = target.and_then(|address| Target::parse(address).ok());
        let organisation = due.organisation.to_string();
        let sender = Sender {
            id: &organisation,
            name: &due.organisation_name,
        };
        let request = Request {
            method: if due.method == "POST" {
                Method::POST
            } else {
                Method::GET
            },
            target: target.ok_or_else(|| Failure::for_good("What is stored cannot be read."))?,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let answer = self.0.outbound.send(sender, request).await?;
        let status = answer.status.as_u16();
        if answer.status.is_success() {
            return Ok(status);
        }
        Err(Failure {
            status: Some(status),
            problem: format!("The receiver answered {status}."),
            for_good: false,
            wait: answer.retry_after,
        })
    }
}

/// How long until it is tried again: a minute, or as long as the receiver asks for, and never longer than
/// until the next one.
fn pause(failure: &Failure, every: Duration) -> Duration {
    if failure.for_good {
        return every;
    }
    failure.wait.unwrap_or_default().max(AGAIN).min(every)
}

/// How often is looked for what is due.
const EVERY: Duration = Duration::from_secs(2);
/// Heartbeats under way at a time; each takes ten seconds at most.
const AT_A_TIME: usize = 16;
const AGAIN: Duration = Duration::from_mins(1);
