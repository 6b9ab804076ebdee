//! What the agent asks of the bus about the clock, and what it makes of the answer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod bus_support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bus_support::{Bus, answer, listen, signal, text};
use server_scout_agent::collect::{Root, clock};
use server_scout_wire::report::Boot;
use server_scout_wire::{Identity, Metric, Report, Timestamp};
use zvariant::{BE, LE, Value};

#[test]
fn the_kernel_says_whether_the_clock_is_synchronised_and_nothing_is_changed() {
    for order in [LE, BE] {
        for (said, expected) in [(true, 1.0), (false, 0.0)] {
            let hello = answer(order, &"a name of the connection");
            let bus = Bus::start(vec![
                hello,
                signal(order),
                answer(order, &Value::Bool(said)),
            ]);
            // What another client would have written does not count.
            client(bus.tree(), !said);
            assert_eq!(collect(bus.tree()), Some(expected));
            let calls = [("Hello()".to_owned(), false), ("Get(ss)".to_owned(), true)];
            assert_eq!(bus.calls(), calls);
        }
    }
}

#[test]
fn a_container_may_say_yes_alone() {
    for (said, expected) in [(true, Some(1.0)), (false, None)] {
        let bus = Bus::start(vec![answer(LE, &"name"), answer(LE, &Value::Bool(said))]);
        fs::create_dir_all(bus.tree().join("run/systemd")).unwrap();
        fs::write(bus.tree().join("run/systemd/container"), "lxc").unwrap();
        assert_eq!(collect(bus.tree()), expected);
    }
}

#[test]
fn without_an_answer_the_clients_file_counts() {
    let mut error = answer(LE, &"x");
    error[1] = 3;
    let mut neither = answer(LE, &Value::Bool(true));
    *neither.last_mut().unwrap() = 7;
    for wrong in [error, neither, answer(LE, &text("yes")), vec![0; 16]] {
        for (wrote, expected) in [
            (None, None),
            (Some(true), Some(1.0)),
            (Some(false), Some(0.0)),
        ] {
            let bus = Bus::start(vec![answer(LE, &"name"), wrong.clone()]);
            if let Some(synchronised) = wrote {
                client(bus.tree(), synchronised);
            }
            assert_eq!(collect(bus.tree()), expected, "{wrong:?}");
        }
    }
    let no_bus = tempfile::tempdir().unwrap();
    assert_eq!(collect(no_bus.path()), None);
    client(no_bus.path(), true);
    assert_eq!(collect(no_bus.path()), Some(1.0));
}

#[test]
fn a_silent_bus_holds_nobody_up() {
    let tree = tempfile::tempdir().unwrap();
    let _silent = listen(tree.path());
    client(tree.path(), true);
    let start = Instant::now();
    assert_eq!(collect(tree.path()), Some(1.0));
    assert!(start.elapsed() < Duration::from_secs(4));
}

/// What systemd-timesyncd leaves.
fn client(tree: &Path, synchronised: bool) {
    let directory = tree.join("run/systemd/timesync");
    fs::create_dir_all(&directory).unwrap();
    if synchronised {
        fs::write(directory.join("synchronized"), "").unwrap();
    }
}

fn collect(tree: &Path) -> Option<f64> {
    let (boot, seq) = (Boot(1), 0);
    let mut report = Report::new(Timestamp::from_millis(0), Identity { boot, seq });
    clock::collect(&Root::at(tree), &mut report);
    let mut samples = report.samples().iter();
    let sample = samples.find(|sample| sample.metric == Metric::ClockSynchronised);
    sample.map(|sample| sample.value)
}
