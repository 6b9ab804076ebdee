//! Whose turn it is: deliveries under way, and which go next.
//!
//! Receivers that never answer hold a place for ten seconds each, so places are given to organisations in turn.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use server_scout_wire::Timestamp;
use tokio::task;

use crate::id::{Channel, Id, Organisation};
use crate::store::due_deliveries::Head;

/// Deliveries that are under way, one of each channel.
#[derive(Default)]
pub(super) struct UnderWay(Vec<(Id<Organisation>, Id<Channel>, task::Id)>);

impl UnderWay {
    pub(super) fn begin(&mut self, whose: Id<Organisation>, to: Id<Channel>, task: task::Id) {
        self.0.push((whose, to, task));
    }

    pub(super) fn end(&mut self, task: task::Id) {
        self.0.retain(|(_, _, other)| *other != task);
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= AT_A_TIME
    }

    pub(super) fn channels(&self) -> Vec<Id<Channel>> {
        self.0.iter().map(|(_, channel, _)| *channel).collect()
    }

    /// Who goes now of those that are due.
    pub(super) fn choose(&self, due: Vec<Head>) -> Vec<Head> {
        let mut counts: HashMap<Id<Organisation>, usize> = HashMap::new();
        for (organisation, _, _) in &self.0 {
            *counts.entry(*organisation).or_default() += 1;
        }
        choose(due, &counts)
    }
}

/// Of the organisations that have something due, who has fewest under way, then who has waited longest, until
/// all places are taken. The last places are for who has none under way.
fn choose(mut due: Vec<Head>, counts: &HashMap<Id<Organisation>, usize>) -> Vec<Head> {
    due.sort_by_key(|head| (head.due_at, head.delivery.as_i64()));
    let mut lines: HashMap<Id<Organisation>, VecDeque<Head>> = HashMap::new();
    for head in due {
        lines.entry(head.organisation).or_default().push_back(head);
    }
    let turn = |count: usize, line: &VecDeque<Head>| -> Option<Turn> {
        let next = line.front()?;
        Some(Reverse((count, next.due_at, next.organisation.as_i64())))
    };
    let mut under_way: usize = counts.values().sum();
    let mut by_number = HashMap::new();
    let mut turns = BinaryHeap::new();
    for (organisation, line) in lines {
        let count = counts.get(&organisation).copied().unwrap_or_default();
        turns.extend(turn(count, &line));
        by_number.insert(organisation.as_i64(), line);
    }
    let mut chosen = Vec::new();
    while let Some(Reverse((count, _, number))) = turns.pop() {
        let places = if count == 0 { AT_A_TIME } else { SHARED };
        // Who comes after has no fewer under way.
        if under_way >= places {
            break;
        }
        let Some(line) = by_number.get_mut(&number) else {
            continue;
        };
        chosen.extend(line.pop_front());
        under_way += 1;
        turns.extend(turn(count + 1, line));
    }
    chosen
}

/// How many are under way, since when the next is due, and whose it is.
type Turn = Reverse<(usize, Timestamp, i64)>;

/// Deliveries under way at a time: more than one organisation may have channels.
const AT_A_TIME: usize = 200;
/// Of organisations that have one under way already: the other places are for those that have none.
const SHARED: usize = 150;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Heads of up to 300 organisations with up to 50 channels each, and how many each has under way.
    fn scenes() -> impl Strategy<Value = (Vec<Head>, HashMap<Id<Organisation>, usize>)> {
        let organisation = (0_usize..50, prop::collection::vec(0_i64..1000, 0..50));
        prop::collection::vec(organisation, 1..300).prop_map(|all| {
            let (mut due, mut counts, mut under_way) = (Vec::new(), HashMap::new(), 0);
            for (busy, waiting) in all {
                let organisation = Id::random();
                let busy = busy.min(AT_A_TIME - under_way);
                under_way += busy;
                counts.insert(organisation, busy);
                due.extend(waiting.into_iter().map(|at| Head {
                    delivery: Id::random(),
                    channel: Id::random(),
                    organisation,
                    due_at: Timestamp::from_millis(at),
                }));
            }
            (due, counts)
        })
    }

    fn count_of(counts: &HashMap<Id<Organisation>, usize>, of: &Head) -> usize {
        counts.get(&of.organisation).copied().unwrap_or_default()
    }

    proptest! {
        #[test]
        fn who_has_fewest_under_way_goes_first_and_some_places_are_for_who_has_none(
            (due, before) in scenes()
        ) {
            let chosen = choose(due.clone(), &before);
            let (mut counts, mut under_way) = (before.clone(), before.values().sum::<usize>());
            let mut left: HashSet<_> = due.iter().map(|head| head.delivery).collect();
            let key = |counts: &HashMap<_, _>, head: &Head| (count_of(counts, head), head.due_at);
            for head in &chosen {
                let count = count_of(&counts, head);
                let places = if count == 0 { AT_A_TIME } else { SHARED };
                prop_assert!(under_way < places);
                let first = { due.iter().filter(|head| left.contains(&head.delivery)) }
                    .map(|head| key(&counts, head))
                    .min();
                prop_assert_eq!(Some(key(&counts, head)), first);
                prop_assert!(left.remove(&head.delivery), "none goes twice");
                *counts.entry(head.organisation).or_default() += 1;
                under_way += 1;
            }
            // No place stays empty that somebody could have.
            for head in due.iter().filter(|head| left.contains(&head.delivery)) {
                let places = if count_of(&counts, head) == 0 { AT_A_TIME } else { SHARED };
                prop_assert!(under_way >= places);
            }
        }
    }

    /// One person with ten organisations, whose receivers all hang, and one of somebody else.
    #[test]
    fn many_organisations_of_one_person_starve_nobody() {
        let head = |organisation, at| Head {
            delivery: Id::random(),
            channel: Id::random(),
            organisation,
            due_at: Timestamp::from_millis(at),
        };
        let theirs: Vec<Id<Organisation>> = (0..10).map(|_| Id::random()).collect();
        let due = theirs
            .iter()
            .flat_map(|whose| (0..50).map(|at| head(*whose, at)));
        let due: Vec<Head> = due.collect();
        let chosen = choose(due.clone(), &HashMap::new());
        assert_eq!(chosen.len(), SHARED);
        let mut counts = HashMap::new();
        for head in &chosen {
            *counts.entry(head.organisation).or_default() += 1;
        }
        let ours = head(Id::random(), 999);
        let next = choose([due, vec![ours]].concat(), &counts);
        assert_eq!(next, [ours]);
    }
}
