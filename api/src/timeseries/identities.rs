//! Which numbers of which start of an agent have been stored.

use serde::{Deserialize, Serialize};

/// The most ranges that are remembered of one server. Beyond, the oldest are forgotten, and reports
/// that come again after so many would be stored again.
const MAX_RANGES: usize = 10_000;

/// The numbers of reports that are there, as ranges for each start of the agent.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Starts(Vec<Start>);

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Start {
    boot: u64,
    /// First and last of each range; ascending, with a gap between any two.
    ranges: Vec<(u64, u64)>,
}

impl Starts {
    /// Whether the report of that identity is there.
    #[must_use]
    pub fn contains(&self, boot: u64, seq: u64) -> bool {
        let start = self.0.iter().rev().find(|start| start.boot == boot);
        start.is_some_and(|start| start.contains(seq))
    }

    /// Notes a report.
    pub fn insert(&mut self, boot: u64, seq: u64) {
        self.insert_range(boot, (seq, seq));
    }

    /// Notes all that another has.
    pub fn merge(&mut self, other: &Self) {
        for start in &other.0 {
            for range in &start.ranges {
                self.insert_range(start.boot, *range);
            }
        }
    }

    /// How many ranges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|start| start.ranges.len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the oldest when there are too many.
    pub fn shrink(&mut self) {
        let mut excess = self.len().saturating_sub(MAX_RANGES);
        for start in &mut self.0 {
            let gone = excess.min(start.ranges.len());
            start.ranges.drain(..gone);
            excess -= gone;
        }
        self.0.retain(|start| !start.ranges.is_empty());
    }

    fn insert_range(&mut self, boot: u64, range: (u64, u64)) {
        let known = self.0.iter().rposition(|start| start.boot == boot);
        let start = known.and_then(|place| self.0.get_mut(place));
        match start {
            Some(start) => start.insert(range),
            None => self.0.push(Start {
                boot,
                ranges: vec![range],
            }),
        }
    }
}

impl Start {
    fn contains(&self, seq: u64) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= seq);
        let before = after
            .checked_sub(1)
            .and_then(|place| self.ranges.get(place));
        before.is_some_and(|(_, last)| seq <= *last)
    }

    fn insert(&mut self, (mut first, mut last): (u64, u64)) {
        // All ranges that touch the new one become one with it.
        let begin = self
            .ranges
            .partition_point(|(_, end)| end.saturating_add(1) < first);
        let end = self
            .ranges
            .partition_point(|(start, _)| *start <= last.saturating_add(1));
        for (start, stop) in self.ranges.get(begin..end).unwrap_or_default() {
            first = first.min(*start);
            last = last.max(*stop);
        }
        self.ranges.splice(begin..end.max(begin), [(first, last)]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_noted_is_there_and_nothing_else(
            noted in proptest::collection::vec((0_u64..3, 0_u64..60), 0..100),
            more in proptest::collection::vec((0_u64..3, 0_u64..60), 0..100),
        ) {
            let mut starts = Starts::default();
            let mut others = Starts::default();
            for (boot, seq) in &noted {
                starts.insert(*boot, *seq);
            }
            for (boot, seq) in &more {
                others.insert(*boot, *seq);
            }
            starts.merge(&others);
            let all: BTreeSet<_> = noted.into_iter().chain(more).collect();
            for boot in 0..3 {
                for seq in 0..60 {
                    prop_assert_eq!(starts.contains(boot, seq), all.contains(&(boot, seq)));
                }
            }
        }
    }

    #[test]
    fn numbers_in_order_are_one_range_and_too_many_ranges_are_forgotten() {
        let mut starts = Starts::default();
        for seq in 0..1000 {
            starts.insert(7, seq);
        }
        assert_eq!(starts.len(), 1);
        for seq in 0..MAX_RANGES as u64 {
            starts.insert(8, seq * 2);
        }
        starts.shrink();
        assert_eq!(starts.len(), MAX_RANGES);
        assert!(!starts.contains(7, 5) && starts.contains(8, 2));
    }
}
