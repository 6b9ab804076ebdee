//! Taking in reports: judged one by one, made durable together, shown at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use server_scout_wire::limits::MAX_CLOCK_SKEW;
use server_scout_wire::report::split_batch;
use server_scout_wire::{Refusal, Report, Timestamp};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client::Client;
use super::{ServiceError, Services};
use crate::id::{Id, Server};
use crate::internals::ReportOutcome;
use crate::store::credentials::AgentIdentity;
use crate::store::reports::{self, Appended};
use crate::store::series::SeriesLimits;
use crate::store::{Urgency, WriteContext};

/// What became of one report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is durable now.
    Accepted,
    /// It was durable before.
    Duplicate,
    /// It is refused.
    Refused(Refused),
    /// It is older than the retention; nothing is stored of it.
    TooOld,
}

impl From<&Outcome> for ReportOutcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Duplicate => Self::Duplicate,
            Outcome::Refused(_) => Self::Refused,
            Outcome::TooOld => Self::TooOld,
        }
    }
}

/// Why a report is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// Its time is more than five minutes ahead of the dashboard's.
    ClockSkew {
        /// The report's time.
        report: Timestamp,
        /// The dashboard's time.
        dashboard: Timestamp,
    },
    /// It breaks a bound.
    Invalid(Refusal),
    /// The server has sent as many reports of that half-day as are kept.
    TooMany,
}

/// What became of the reports of one request.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// Whether they came as an array.
    pub batch: bool,
    /// One for each, in order.
    pub outcomes: Vec<Outcome>,
}

enum Judged {
    Fit(Report),
    Settled(Outcome),
}

/// What requests may take up at a time.
pub(super) struct Intake {
    /// Room for bodies, in KiB.
    room: Arc<Semaphore>,
    servers: Arc<Mutex<HashMap<Id<Server>, usize>>>,
}

/// The place of one request, held until its reports are written.
struct Place {
    _room: OwnedSemaphorePermit,
    servers: Arc<Mutex<HashMap<Id<Server>, usize>>>,
    server: Id<Server>,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM_KIB)),
            servers: Arc::default(),
        }
    }
}

impl Intake {
    /// Takes a place for a body of that length, if there is room and the server has not too many.
    fn enter(&self, server: Id<Server>, length: usize) -> Result<Place, ServiceError> {
        let kib = u32::try_from(length / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(kib)
            .map_err(|_| COME_AGAIN)?;
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = servers.entry(server).or_default();
        if *count >= AT_A_TIME {
            return Err(COME_AGAIN);
        }
        *count += 1;
        Ok(Place {
            _room: room,
            servers: Arc::clone(&self.servers),
            server,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = servers.get_mut(&self.server) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                servers.remove(&self.server);
            }
        }
    }
}

impl Services {
    /// Judges the reports of a request and makes the good ones durable. Returns after the commit.
    pub async fn ingest(
        &self,
        agent: AgentIdentity,
        client: Client,
        body: Bytes,
    ) -> Result<Outcomes, ServiceError> {
        let place = self.0.intake.enter(agent.server, body.len())?;
        let now = self.clock().now();
        self.0.key_uses.note(agent, &client, now);
        let retention = self.retention_of(agent.scope).await?.raw;
        let judged = if body.len() > LONG_BODY {
            let judge = move || judge_all(&body, now, retention);
            tokio::task::spawn_blocking(judge)
                .await
                .map_err(|_| COME_AGAIN)?
        } else {
            judge_all(&body, now, retention)
        };
        let Judgement {
            batch,
            fit,
            mut outcomes,
        } = judged;
        if outcomes.iter().any(is_clock_skew) {
            self.live().note_clock_wrong(agent.scope, agent.server, now);
            self.alerts().heard(agent.server, now);
        }
        if !fit.is_empty() {
            let appended = self.append(agent, client, fit, now, place).await?;
            settle(&mut outcomes, &appended);
        }
        for outcome in &outcomes {
            self.internals().count_report(outcome.into());
        }
        Ok(Outcomes { batch, outcomes })
    }

    async fn append(
        &self,
        agent: AgentIdentity,
        client: Client,
        fit: Vec<Report>,
        now: Timestamp,
        place: Place,
    ) -> Result<Vec<Appended>, ServiceError> {
        let AgentIdentity { scope, server, .. } = agent;
        let limits = SeriesLimits {
            server: self.0.limits.series,
            organisation: self.0.limits.series_of_organisation,
        };
        let values = fit.iter().map(|report| report.samples().len()).sum();
        let fit = Arc::new(fit);
        let written = Arc::clone(&fit);
        let (live, alerts) = (Arc::clone(self.live()), self.alerts().clone());
        let take_over = self.take_over(agent, client);
        let work = move |context: &mut WriteContext<'_>| {
            if let Some(take_over) = take_over {
                take_over.carry_out(context.connection, now)?;
            }
            reports::append(context, scope, server, &fit, now, limits)
        };
        let committed = move |appended: &Vec<Appended>| {
            let new =
                written
                    .iter()
                    .zip(appended)
                    .filter_map(|(report, appended)| match appended {
                        Appended::New { dropped } => Some((report, dropped.as_slice())),
                        // It is not kept, but tells how the host is: who has the key of a server
                        // must not be able to make it look silent.
                        Appended::TooMany => Some((report, [].as_slice())),
                        Appended::Duplicate => None,
                    });
            live.publish(scope, server, new.clone(), now);
            alerts.reported(scope, server, new.map(|(report, _)| report), now);
            drop(place);
        };
        let urgency = Urgency::Soon { values };
        let appended = self.store().writer().submit(urgency, work, committed).await;
        // A key whose server has just been deleted is a key no more.
        appended.map_err(|error| match error.into() {
            ServiceError::NotFound => ServiceError::Unauthenticated,
            other => other,
        })
    }
}

struct Judgement {
    batch: bool,
    fit: Vec<Report>,
    outcomes: Vec<Outcome>,
}

fn judge_all(body: &[u8], now: Timestamp, retention: Duration) -> Judgement {
    let (texts, batch) = match split_batch(body) {
        Ok(split) => split,
        Err(refusal) => {
            let outcomes = vec![Outcome::Refused(Refused::Invalid(refusal))];
            return Judgement {
                batch: false,
                fit: Vec::new(),
                outcomes,
            };
        }
    };
    let mut fit = Vec::with_capacity(texts.len());
    let mut outcomes = Vec::with_capacity(texts.len());
    for text in texts {
        match judge(text.get().as_bytes(), now, retention) {
            Judged::Fit(report) => {
                fit.push(report);
                outcomes.push(Outcome::Accepted);
            }
            Judged::Settled(outcome) => outcomes.push(outcome),
        }
    }
    Judgement {
        batch,
        fit,
        outcomes,
    }
}

fn judge(json: &[u8], now: Timestamp, retention: Duration) -> Judged {
    let report = match Report::from_json(json) {
        Ok(report) => report,
        Err(refusal) => return Judged::Settled(Outcome::Refused(Refused::Invalid(refusal))),
    };
    let at = report.timestamp();
    if at > now.after(MAX_CLOCK_SKEW) {
        let skew = Refused::ClockSkew {
            report: at,
            dashboard: now,
        };
        return Judged::Settled(Outcome::Refused(skew));
    }
    if now.since(at) > retention {
        return Judged::Settled(Outcome::TooOld);
    }
    Judged::Fit(report)
}

/// Says of what was fit what the store said of it.
fn settle(outcomes: &mut [Outcome], appended: &[Appended]) {
    let accepted = outcomes
        .iter_mut()
        .filter(|outcome| **outcome == Outcome::Accepted);
    for (outcome, appended) in accepted.zip(appended) {
        match appended {
            Appended::New { .. } => {}
            Appended::Duplicate => *outcome = Outcome::Duplicate,
            Appended::TooMany => *outcome = Outcome::Refused(Refused::TooMany),
        }
    }
}

fn is_clock_skew(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(Refused::ClockSkew { .. }))
}

/// Requests of one server that are taken at a time; an agent needs one.
const AT_A_TIME: usize = 4;
/// A body longer than this is judged on a thread of its own.
const LONG_BODY: usize = 64 * 1024;
/// Bodies that are being judged or wait to be written, decompressed. In memory they take up to
/// eight times as much.
const ROOM_KIB: usize = 24 * 1024;
const COME_AGAIN: ServiceError = ServiceError::Unavailable {
    retry_after: Duration::from_secs(1),
};
