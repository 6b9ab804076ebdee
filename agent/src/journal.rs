//! What the log and the service manager are told about the way to the dashboard: each change once,
//! not every attempt.

use server_scout_wire::Problem;

use crate::dashboard::{Unacceptable, explain_problem};
use crate::failure::FailureKind;
use crate::spool::Counts;
use crate::systemd;

/// What stands between the agent and the dashboard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The key is unknown or revoked.
    KeyRefused,
    /// An answer with this status that is no acknowledgement.
    Status(u16),
    /// No answer.
    Unreachable(FailureKind),
}

/// The state that was last logged.
pub struct Journal {
    host: String,
    state: State,
    delivered: u64,
    dropped: u64,
    refusing: Option<String>,
}

enum State {
    Connecting,
    Connected,
    Failing(Trouble),
    /// Reachable again, with reports of the outage still on their way.
    CatchingUp,
}

impl Journal {
    /// Nothing is known of the dashboard at `host` yet.
    #[must_use]
    pub fn new(host: String) -> Self {
        Self {
            host,
            state: State::Connecting,
            delivered: 0,
            dropped: 0,
            refusing: None,
        }
    }

    /// The dashboard's host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// An attempt failed and will be made again.
    pub fn trouble(&mut self, trouble: Trouble, message: &str) {
        if matches!(self.state, State::Failing(known) if known == trouble) {
            tracing::debug!("still: {message}");
            return;
        }
        self.state = State::Failing(trouble);
        match trouble {
            Trouble::Unreachable(_) => tracing::warn!("dashboard unreachable: {message}"),
            Trouble::KeyRefused | Trouble::Status(_) => {
                tracing::warn!("dashboard takes no reports: {message}");
            }
        }
        systemd::status(message);
    }

    /// A batch was acknowledged, and `left` reports still wait.
    pub fn delivered(&mut self, reports: u64, left: usize, counts: Counts) {
        match self.state {
            State::Connected => return,
            State::Connecting => {
                tracing::info!("reports reach the dashboard at {}", self.host);
                if left == 0 {
                    self.connected(counts);
                    return;
                }
                self.catching_up(left);
            }
            State::Failing(_) => self.catching_up(left),
            State::CatchingUp => {}
        }
        self.delivered += reports;
        if left > 0 {
            return;
        }
        let dropped = counts.dropped.saturating_sub(self.dropped);
        if dropped == 0 {
            tracing::info!("dashboard reachable again, {} reports sent", self.delivered);
        } else {
            tracing::warn!(
                "dashboard reachable again, {} reports sent, {dropped} older ones were dropped for lack of room or for their age",
                self.delivered
            );
        }
        self.connected(counts);
    }

    /// A report was given up because the dashboard will never take it.
    pub fn set_aside(&mut self, why: &Unacceptable) {
        let kind = why
            .problem
            .as_ref()
            .map_or_else(|| why.status.to_string(), kind);
        let message = why.explain(&self.host);
        self.refusal(kind, &message);
    }

    /// Reports of a batch were refused, the first of them for `problem`.
    pub fn refused(&mut self, problem: &Problem, reports: u64) {
        let message = explain_problem(problem, &self.host);
        self.refusal(
            kind(problem),
            &format!("{message} ({reports} in one batch)"),
        );
    }

    /// Nothing of a batch was refused.
    pub fn accepted(&mut self) {
        if self.refusing.take().is_some() {
            tracing::info!("the dashboard accepts reports again");
            systemd::status("Reports reach the dashboard");
        }
    }

    fn refusal(&mut self, kind: String, message: &str) {
        if self.refusing.as_ref() == Some(&kind) {
            tracing::debug!("report set aside: {message}");
            return;
        }
        self.refusing = Some(kind);
        tracing::warn!("report set aside: {message}");
        systemd::status(message);
    }

    fn catching_up(&mut self, left: usize) {
        self.state = State::CatchingUp;
        self.delivered = 0;
        if left > 0 {
            systemd::status(&format!(
                "Reports reach the dashboard; {left} older ones are on their way"
            ));
        }
    }

    fn connected(&mut self, counts: Counts) {
        self.state = State::Connected;
        self.dropped = counts.dropped;
        systemd::status("Reports reach the dashboard");
    }
}

fn kind(problem: &Problem) -> String {
    format!(
        "{} {}",
        problem.r#type,
        problem.member.as_deref().unwrap_or_default()
    )
}
