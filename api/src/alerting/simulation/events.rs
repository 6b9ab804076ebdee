//! What can happen.

use proptest::prelude::*;

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// So many seconds pass, and then a report arrives with these values.
    Report(u64, f64, [Option<f64>; 2]),
    /// So many seconds pass without one.
    Silence(u64),
    /// A report that is no newer than the newest arrives again or late.
    Replay(u64, f64),
    /// A spool is replayed, the oldest first, after so many seconds of silence.
    Spool(u64, f64),
    /// Somebody changes a rule's terms.
    Edit(usize, usize),
    /// Somebody switches a rule on or off.
    Switch(usize),
    /// Somebody pauses the server or lets it go on.
    Pause,
    /// A maintenance window begins or ends.
    Maintenance,
    /// The program ends and starts again after so many seconds.
    Restart(u64),
    /// The program is killed and starts again.
    Kill(u64),
    /// Nothing can be stored any more, or everything that waits is.
    Store,
}

fn value() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![50.0, 75.0, 80.0, 85.0, 85.0, 95.0, 95.0])
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let seconds = || prop_oneof![6 => 1_u64..15, 2 => 15_u64..100, 1 => 100_u64..700];
    let temperatures = [
        prop::option::weighted(0.8, value()),
        prop::option::weighted(0.8, value()),
    ];
    prop_oneof![
        30 => (seconds(), value(), temperatures).prop_map(|(s, v, t)| Event::Report(s, v, t)),
        2 => (1_u64..400).prop_map(Event::Silence),
        2 => (0_u64..500, value()).prop_map(|(s, v)| Event::Replay(s, v)),
        1 => (1_u64..300, value()).prop_map(|(s, v)| Event::Spool(s, v)),
        2 => (0_usize..4, 0_usize..6).prop_map(|(rule, choice)| Event::Edit(rule, choice)),
        1 => (0_usize..4).prop_map(Event::Switch),
        1 => Just(Event::Pause),
        1 => Just(Event::Maintenance),
        1 => (0_u64..60).prop_map(Event::Restart),
        1 => (0_u64..600).prop_map(Event::Kill),
        1 => Just(Event::Store),
    ]
}
