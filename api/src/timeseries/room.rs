//! Which series an answer about many servers has room for.
//!
//! One server can have more labels than an answer holds. They take no room from what others have, and
//! never cost the answer.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::store::series::SeriesKey;

/// Which series of a server are asked for; the others are left out.
#[derive(Debug)]
pub enum Choice {
    /// All of them.
    All,
    /// Of each metric so many, the first by label.
    First(usize),
    /// These.
    These(HashSet<SeriesKey>),
}

/// On how many servers each series is. Those that are on more than one in [`Census::MOST`] of all that
/// are counted are never forgotten, in whatever order servers come.
#[derive(Debug, Default)]
pub struct Census {
    counts: HashMap<SeriesKey, u32>,
}

impl Choice {
    /// Leaves those out that are not asked for, of series by metric and label; tells how many.
    pub fn choose<T>(&self, series: &mut Vec<(T, SeriesKey)>) -> usize {
        let before = series.len();
        let mut of_metric = (None, 0);
        series.retain(|(_, key)| match self {
            Self::All => true,
            Self::These(these) => these.contains(key),
            Self::First(most) => {
                if of_metric.0 != Some(key.metric) {
                    of_metric = (Some(key.metric), 0);
                }
                of_metric.1 += 1;
                of_metric.1 <= *most
            }
        });
        before - series.len()
    }
}

impl Census {
    /// How many series are counted at a time: some 4 MB with the longest labels.
    pub const MOST: usize = 20_000;

    /// Counts a series of one more server.
    pub fn add(&mut self, key: SeriesKey) {
        if self.counts.len() < Self::MOST || self.counts.contains_key(&key) {
            *self.counts.entry(key).or_default() += 1;
            return;
        }
        // Misra and Gries: a series that finds no place takes one away from each that has.
        self.counts.retain(|_, count| {
            *count -= 1;
            *count > 0
        });
    }

    /// The series that most servers have, at most `room`; among equals the first by metric and label.
    #[must_use]
    pub fn most_common(self, room: usize) -> HashSet<SeriesKey> {
        let mut counts: Vec<(SeriesKey, u32)> = self.counts.into_iter().collect();
        counts.sort_by(|(a, on_a), (b, on_b)| {
            (Reverse(on_a), a.metric, &a.label).cmp(&(Reverse(on_b), b.metric, &b.label))
        });
        counts.truncate(room);
        counts.into_iter().map(|(key, _)| key).collect()
    }
}

/// The largest share that all can have, so that together they take no more than there is room: who
/// needs less leaves the rest to the others. None when there is not one for each.
#[must_use]
pub fn share(mut needs: Vec<usize>, room: usize) -> Option<usize> {
    needs.sort_unstable();
    let mut left = room;
    for (place, need) in needs.iter().enumerate() {
        let share = left / (needs.len() - place);
        if *need > share {
            return (share > 0).then_some(share);
        }
        left -= need;
    }
    Some(room)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use server_scout_wire::{Label, Metric};

    use super::*;

    fn key(label: usize) -> SeriesKey {
        SeriesKey {
            metric: Metric::MountUsedBytes,
            label: Label::new(&format!("{label:05}")).ok(),
        }
    }

    proptest! {
        #[test]
        fn the_most_common_are_those_of_a_plain_count(
            servers in proptest::collection::vec(proptest::collection::btree_set(0_usize..40, 0..30), 0..20),
            room in 0_usize..50,
        ) {
            let mut census = Census::default();
            servers.iter().flatten().for_each(|label| census.add(key(*label)));
            let on = |label: &usize| servers.iter().filter(|labels| labels.contains(label)).count();
            let mut plain: Vec<usize> = (0..40).filter(|label| on(label) > 0).collect();
            plain.sort_by_key(|label| Reverse(on(label)));
            let plain = plain.into_iter().take(room).map(key).collect();
            prop_assert_eq!(census.most_common(room), plain);
        }

        #[test]
        fn a_share_is_the_largest_that_fits(
            needs in proptest::collection::vec(0_usize..60, 1..30),
            room in 0_usize..400,
        ) {
            let taken = |share: usize| needs.iter().map(|need| share.min(*need)).sum::<usize>();
            let largest = (1..=room).rev().find(|share| taken(*share) <= room);
            let most = needs.iter().copied().max().unwrap_or(0);
            let capped = |share: Option<usize>| share.map(|share| share.min(most));
            let found = share(needs.clone(), room);
            if taken(room) > 0 && room > 0 {
                prop_assert_eq!(capped(found), capped(largest));
            }
        }
    }

    #[test]
    fn labels_of_few_make_no_common_one_forgotten() {
        let mut census = Census::default();
        for server in 0..100 {
            census.add(key(0));
            let own = 1 + server * 1000;
            (own..own + 1000).for_each(|label| census.add(key(label)));
        }
        assert!(census.counts.len() <= Census::MOST);
        assert_eq!(census.most_common(1), HashSet::from([key(0)]));
    }

    #[test]
    fn of_each_metric_the_first_are_asked_for() {
        let plain = SeriesKey {
            metric: Metric::CpuUsage,
            label: None,
        };
        let all = [plain.clone(), key(1), key(2), key(3)];
        let all: Vec<((), SeriesKey)> = all.into_iter().map(|key| ((), key)).collect();
        for (choice, left_out) in [
            (Choice::All, 0),
            (Choice::First(2), 1),
            (Choice::These(HashSet::from([plain, key(3)])), 2),
        ] {
            let mut some = all.clone();
            assert_eq!(choice.choose(&mut some), left_out, "{choice:?}");
            assert_eq!(some.len(), 4 - left_out);
        }
    }
}
