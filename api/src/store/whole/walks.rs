//! A walk over a server reads everything once, whatever is folded and merged between its stretches.

use super::*;
use crate::store::walk::{Values, Walk};

/// What a walk found of each series: times, values, and how many samples each stands for.
type Found = BTreeMap<String, Vec<(i64, f64, u32)>>;

impl Whole {
    /// Walks over all series, and does one of the steps before each stretch.
    fn walk(
        &mut self,
        resolution: Option<Resolution>,
        range: &std::ops::Range<i64>,
        between: &[Step],
    ) -> Found {
        let names = series::of_server(&mut self.c, self.scope, self.server).unwrap();
        let all = names.iter();
        let all = all.map(|(id, key)| (*id, Shown::of(key.metric)));
        let walk = Walk::new(self.server, all.collect(), resolution, range);
        let mut walk = walk.in_stretches_of(10, 1);
        let mut found = Found::new();
        for place in 0.. {
            match between.get(place) {
                Some(Step::Fold(rows)) => self.fold(*rows),
                Some(Step::Merge(rows)) => self.merge(*rows),
                Some(Step::Cut) => self.cut(),
                Some(Step::Restart) => self.restart(),
                Some(Step::Arrive(_)) | None => {}
            }
            let positions = self.heads.of(self.server);
            let Some(stretch) = walk.next(&mut self.c, self.scope, &positions).unwrap() else {
                break;
            };
            for (id, values) in stretch {
                let of = found.entry(format!("{:?}", names.get(&id).unwrap()));
                let of = of.or_default();
                match values {
                    Values::Samples(samples) => {
                        of.extend(samples.into_iter().map(|(at, value)| (at, value, 1)));
                    }
                    Values::Buckets(buckets) => {
                        let known = buckets.into_iter();
                        of.extend(known.map(|(at, b)| (at, b.average().unwrap(), b.count)));
                    }
                }
            }
        }
        found
    }
}

/// Every sample of a range, by series and time.
fn samples(stored: &[Report], range: &std::ops::Range<i64>) -> Found {
    let mut all = Found::new();
    for report in stored {
        let at = report.timestamp().as_millis();
        for sample in report.samples().iter().filter(|_| range.contains(&at)) {
            let key = SeriesKey {
                metric: sample.metric,
                label: sample.label.clone(),
            };
            let value = sample.metric.round(sample.value);
            let of = all.entry(format!("{key:?}")).or_default();
            of.push((at, value, 1));
        }
    }
    all
}

/// Samples of the same time come in the order of the log, which is not that of this list.
fn sorted(mut found: Found) -> Found {
    for samples in found.values_mut() {
        assert!(samples.is_sorted_by_key(|(at, ..)| *at), "out of order");
        samples.sort_by(|a, b| a.partial_cmp(b).unwrap());
    }
    found
}

proptest! {
    #[test]
    fn a_walk_reads_everything_once_whatever_is_folded_meanwhile(
        list in proptest::collection::vec((0_i64..7200, 0_u32..10_000, proptest::bool::weighted(0.8)), 60),
        before in steps(60),
        between in steps(60),
        range in (-100_i64..7000, 1_i64..40_000),
    ) {
        let list: Vec<Report> = list
            .into_iter()
            .enumerate()
            .map(|(place, (seconds, value, identified))| report(place, seconds, value, identified))
            .collect();
        let mut known: Vec<Key> = Vec::new();
        let mut stored: Vec<Report> = Vec::new();
        for report in &list {
            if !known.contains(&key(report)) {
                known.push(key(report));
                stored.push(report.clone());
            }
        }
        let begin = START + range.0 * 1000;
        let range = begin..begin + range.1 * 1000;
        for resolution in [None, Some(Resolution::Minute), Some(Resolution::Hour)] {
            let mut store = Whole::new();
            for (place, step) in before.iter().enumerate() {
                let arriving = list.get(place * 10..place * 10 + 10).unwrap_or_default();
                store.arrive(arriving);
                match step {
                    Step::Fold(rows) => store.fold(*rows),
                    Step::Merge(rows) => store.merge(*rows),
                    _ => {}
                }
            }
            store.arrive(&list);
            let found = store.walk(resolution, &range, &between);
            let Some(resolution) = resolution else {
                let expected = sorted_by_time(samples(&stored, &range));
                prop_assert_eq!(sorted(found), expected);
                continue;
            };
            let grid = Grid::of_buckets(resolution, &range);
            let expected = plain(&stored, &grid);
            prop_assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (name, cells) in expected {
                let known = (0_i64..).zip(&cells).filter(|(_, cell)| !cell.is_empty());
                let known: Vec<(i64, usize)> = known
                    .map(|(place, cell)| (grid.from() + place * resolution.millis(), cell.len()))
                    .collect();
                let ours = found.get(&name).unwrap().iter();
                let ours: Vec<(i64, usize)> = ours.map(|(at, _, count)| (*at, *count as usize)).collect();
                prop_assert_eq!(ours, known, "{}", name);
            }
        }
    }
}

fn sorted_by_time(mut all: Found) -> Found {
    for samples in all.values_mut() {
        samples.sort_by(|a, b| a.partial_cmp(b).unwrap());
    }
    all
}
