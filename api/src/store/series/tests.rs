#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use server_scout_wire::{Label, Metric};

use super::SeriesMap;

/// What can happen to a map.
#[derive(Clone, Debug)]
enum Step {
    Ask(Metric, Option<Label>),
    Keep(Metric, Option<Label>, u8),
    Forget(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let metric = prop::sample::select(vec![
        Metric::CpuUsage,
        Metric::Load1,
        Metric::MountUsedBytes,
    ]);
    let label = prop::option::of(prop::sample::select(vec!["/", "/home", "/var"]));
    let series = (
        metric,
        label.prop_map(|label| Some(Label::new(label?).unwrap())),
    );
    prop_oneof![
        6 => series.clone().prop_map(|(metric, label)| Step::Ask(metric, label)),
        3 => (series, any::<u8>()).prop_map(|((metric, label), value)| Step::Keep(metric, label, value)),
        1 => any::<u8>().prop_map(Step::Forget),
    ]
}

proptest! {
    #[test]
    fn whatever_was_asked_for_before_a_series_finds_its_own(steps in prop::collection::vec(step(), 0..200)) {
        let mut map = SeriesMap::default();
        let mut plain = BTreeMap::new();
        for step in steps {
            match step {
                Step::Ask(metric, label) => {
                    let found = map.get_mut(metric, label.as_ref()).copied();
                    prop_assert_eq!(found, plain.get(&(metric, label)).copied());
                }
                Step::Keep(metric, label, value) => {
                    map.insert(metric, label.clone(), value);
                    plain.insert((metric, label), value);
                }
                Step::Forget(below) => {
                    map.retain(|value| *value >= below);
                    plain.retain(|_, value| *value >= below);
                }
            }
            let all = map.iter().map(|(metric, label, value)| ((metric, label.cloned()), *value));
            prop_assert!(all.eq(plain.clone()));
        }
    }
}
