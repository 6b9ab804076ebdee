//! The state machine over values of the past.

use server_scout_wire::Timestamp;

use super::instance::{Firing, Instance, Step};
use super::rule::{Severity, Terms};
use crate::id::Id;

/// An incident that would have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Its severity at its worst.
    pub severity: Severity,
    /// When it would have been opened.
    pub opened_at: Timestamp,
    /// When it would have ended; none when it would be open at the last value.
    pub ended_at: Option<Timestamp>,
    /// The value that was furthest beyond.
    pub worst: f64,
}

/// What would have been of these values, which are in order of time.
#[must_use]
pub fn replay(terms: &Terms, values: &[(Timestamp, f64)]) -> Vec<Past> {
    let mut instance = Instance::default();
    let mut pasts: Vec<Past> = Vec::new();
    for (at, value) in values {
        match instance.sample(terms, *at, *value, false) {
            Some(Step::Open(severity)) => {
                instance.open(*at, Firing::new(Id::random(), severity, *value, *at));
                pasts.push(Past {
                    severity,
                    opened_at: *at,
                    ended_at: None,
                    worst: *value,
                });
            }
            Some(Step::Escalate) => {
                instance.set_severity(Severity::Critical);
                if let Some(last) = pasts.last_mut() {
                    last.severity = Severity::Critical;
                }
            }
            Some(Step::Ease) => instance.set_severity(Severity::Warning),
            Some(Step::Resolve) => {
                instance.end(*at);
                if let Some(last) = pasts.last_mut() {
                    last.ended_at = Some(*at);
                }
            }
            None => {}
        }
        if let Some(last) = pasts.last_mut().filter(|last| last.ended_at.is_none()) {
            last.worst = terms.worse(last.worst, *value);
        }
    }
    pasts
}
