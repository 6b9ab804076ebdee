//! What the dashboard answers to reports: counts and reasons, never an instruction.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::limits::{MAX_ANSWER_BYTES, MAX_REFUSED_SHOWN};

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
    /// How many were refused in all; left out when there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused_count: u64,
}

impl Answer {
    /// Counts a refused report, and describes it as long as the answer stays within its bounds: at
    /// most ten are described, and an agent reads no more than 4096 bytes.
    pub fn refuse(&mut self, index: u64, problem: Problem) {
        self.refused_count = self.refused_count.saturating_add(1);
        if self.refused.len() >= MAX_REFUSED_SHOWN {
            return;
        }
        self.refused.push(RefusedReport { index, problem });
        let length = serde_json::to_vec(self).map_or(usize::MAX, |json| json.len());
        if length + ROOM_FOR_COUNTS > MAX_ANSWER_BYTES {
            self.refused.pop();
        }
    }
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What the counts can still grow by after the last description: 19 digits each.
const ROOM_FOR_COUNTS: usize = 4 * 19;
