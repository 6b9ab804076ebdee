//! What the dashboard answers to reports: counts and reasons, never an instruction.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The answer to a batch that was judged, or to a single report that was accepted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// Reports that are now durable.
    pub accepted: u64,
    /// Reports that were durable before.
    pub duplicate: u64,
    /// Reports older than the retention; nothing is stored of them.
    pub too_old: u64,
    /// The first reports that were refused, at most ten.
    pub refused: Vec<RefusedReport>,
    /// How many were refused in all.
    #[serde(default)]
    pub refused_count: u64,
}

/// One report of a batch that was refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RefusedReport {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// Why.
    pub problem: Problem,
}

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// The problem's type: a short name, such as `clock-skew`, that never changes.
    pub r#type: String,
    /// What this type of problem means.
    pub title: String,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What happened this time, and what was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The member of the request that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The dashboard's clock, where clocks disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard_time: Option<Timestamp>,
}
