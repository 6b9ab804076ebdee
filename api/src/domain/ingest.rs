//! Taking in reports: judged one by one, made durable together, shown at once.

use std::sync::Arc;
use std::time::Duration;

use server_scout_wire::limits::MAX_CLOCK_SKEW;
use server_scout_wire::report::split_batch;
use server_scout_wire::{Refusal, Report, Timestamp};

use super::{ServiceError, Services};
use crate::store::credentials::AgentIdentity;
use crate::store::reports::{self, Appended};
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

impl Services {
    /// Judges the reports of a request and makes the good ones durable. Returns after the commit.
    pub async fn ingest(
        &self,
        agent: AgentIdentity,
        body: &[u8],
    ) -> Result<Outcomes, ServiceError> {
        let now = self.clock().now();
        let (texts, batch) = match split_batch(body) {
            Ok(split) => split,
            Err(refusal) => {
                let outcomes = vec![Outcome::Refused(Refused::Invalid(refusal))];
                return Ok(Outcomes {
                    batch: false,
                    outcomes,
                });
            }
        };
        let mut fit = Vec::with_capacity(texts.len());
        let mut outcomes = Vec::with_capacity(texts.len());
        for text in texts {
            match judge(text.get().as_bytes(), now, self.0.limits.retention) {
                Judged::Fit(report) => {
                    fit.push(report);
                    outcomes.push(Outcome::Accepted);
                }
                Judged::Settled(outcome) => outcomes.push(outcome),
            }
        }
        if outcomes.iter().any(is_clock_skew) {
            self.live().note_clock_wrong(agent.scope, agent.server, now);
        }
        if !fit.is_empty() {
            let appended = self.append(agent, fit, now).await?;
            mark_duplicates(&mut outcomes, &appended);
        }
        Ok(Outcomes { batch, outcomes })
    }

    async fn append(
        &self,
        agent: AgentIdentity,
        fit: Vec<Report>,
        now: Timestamp,
    ) -> Result<Appended, ServiceError> {
        let AgentIdentity { scope, server, .. } = agent;
        let max_series = self.0.limits.series;
        let fit = Arc::new(fit);
        let written = Arc::clone(&fit);
        let live = Arc::clone(self.live());
        let work = move |context: &mut WriteContext<'_>| {
            reports::append(context, scope, server, &written, now, max_series)
        };
        let committed = move |appended: &Appended| {
            let new = fit.iter().zip(&appended.new).filter(|(_, new)| **new);
            let mut dropped = appended.dropped;
            for (report, _) in new {
                live.publish(scope, server, report, now, std::mem::take(&mut dropped));
            }
        };
        let appended = self
            .store()
            .writer()
            .submit(Urgency::Soon, work, committed)
            .await;
        // A key whose server has just been deleted is a key no more.
        appended.map_err(|error| match error.into() {
            ServiceError::NotFound => ServiceError::Unauthenticated,
            other => other,
        })
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

fn mark_duplicates(outcomes: &mut [Outcome], appended: &Appended) {
    let accepted = outcomes
        .iter_mut()
        .filter(|outcome| **outcome == Outcome::Accepted);
    for (outcome, new) in accepted.zip(&appended.new) {
        if !new {
            *outcome = Outcome::Duplicate;
        }
    }
}

fn is_clock_skew(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(Refused::ClockSkew { .. }))
}
