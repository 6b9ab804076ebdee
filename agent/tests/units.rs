//! What the agent asks of systemd over the bus, and what it makes of strange answers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod bus_support;

use std::path::Path;
use std::time::{Duration, Instant};

use bus_support::{Bus, answer, listen, signal, text};
use server_scout_agent::collect::{Root, units};
use server_scout_wire::report::Boot;
use server_scout_wire::{Fact, Host, Identity, Label, Metric, Report, Timestamp};
use zvariant::{BE, LE, ObjectPath};

#[test]
fn units_are_counted_and_those_that_failed_are_named() {
    for order in [LE, BE] {
        let bus = Bus::start(vec![
            signal(order),
            answer(order, &"a name of the connection"),
            answer(
                order,
                &[
                    unit("nginx.service", "failed"),
                    unit("a.mount", "activating"),
                    unit("b.service", "failed"),
                ]
                .to_vec(),
            ),
            answer(order, &text("degraded")),
            answer(
                order,
                &[
                    unit("sshd.service", "active"),
                    unit("gone.service", "inactive"),
                ]
                .to_vec(),
            ),
        ]);
        let (report, host) = collect(bus.tree(), "sshd,gone");
        assert_eq!(value(&report, Metric::Units, "failed"), Some(2.0));
        assert_eq!(value(&report, Metric::Units, "activating"), Some(1.0));
        assert_eq!(value(&report, Metric::Units, "reloading"), Some(0.0));
        assert_eq!(
            value(&report, Metric::ServiceActive, "sshd.service"),
            Some(1.0)
        );
        assert_eq!(
            value(&report, Metric::ServiceActive, "gone.service"),
            Some(0.0)
        );
        assert_eq!(
            host.get(Fact::FailedUnits).unwrap().as_str(),
            "nginx.service, b.service"
        );
        assert_eq!(host.get(Fact::SystemState).unwrap().as_str(), "degraded");
        let only_reads = [
            "Hello()",
            "ListUnitsFiltered(as)",
            "Get(ss)",
            "ListUnitsByNames(as)",
        ];
        assert_eq!(
            bus.calls(),
            only_reads.map(|method| (method.to_owned(), false))
        );
    }
}

#[test]
fn what_is_no_answer_is_left_out() {
    let hello = || answer(LE, &"name");
    let mut too_long = answer(LE, &"x");
    too_long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut no_order = answer(LE, &"x");
    no_order[0] = b'x';
    let mut error = answer(LE, &"x");
    error[1] = 3;
    for wrong in [
        vec![],
        vec![hello()],
        vec![hello(), error],
        vec![hello(), too_long],
        vec![hello(), no_order],
        vec![hello(), answer(LE, &"no array of units")],
        vec![hello(), answer(LE, &7_u8)],
        vec![hello(), vec![0; 16]],
    ] {
        let bus = Bus::start(wrong);
        let (report, host) = collect(bus.tree(), "");
        assert!(report.samples().is_empty() && host.facts().count() == 0);
    }
}

#[test]
fn a_bus_that_is_silent_or_refuses_holds_nobody_up() {
    let start = Instant::now();
    for greeting in [&b"REJECTED EXTERNAL\r\n"[..], &[b'x'; 1000]] {
        let bus = Bus::speaking(greeting, vec![]);
        assert!(collect(bus.tree(), "").0.samples().is_empty());
    }
    assert!(start.elapsed() < Duration::from_secs(1));

    let tree = tempfile::tempdir().unwrap();
    let _silent = listen(tree.path());
    assert!(collect(tree.path(), "").0.samples().is_empty());
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_host_without_a_bus_is_left_out() {
    let tree = tempfile::tempdir().unwrap();
    let (report, host) = collect(tree.path(), "sshd");
    assert!(report.samples().is_empty() && host.facts().count() == 0);
}

fn collect(tree: &Path, services: &str) -> (Report, Host) {
    let identity = Identity {
        boot: Boot(1),
        seq: 0,
    };
    let mut report = Report::new(Timestamp::from_millis(0), identity);
    let mut host = Host::default();
    let services = services.parse().unwrap();
    units::collect(&Root::at(tree), &services, &mut report, &mut host);
    (report, host)
}

fn value(report: &Report, metric: Metric, label: &str) -> Option<f64> {
    let label = Some(Label::new(label).unwrap());
    let mut samples = report.samples().iter();
    let sample = samples.find(|sample| sample.metric == metric && sample.label == label);
    sample.map(|sample| sample.value)
}

type Unit = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    ObjectPath<'static>,
    u32,
    &'static str,
    ObjectPath<'static>,
);

fn unit(name: &'static str, active: &'static str) -> Unit {
    let path = || ObjectPath::from_static_str("/org/freedesktop/systemd1/unit/x").unwrap();
    (name, "", "loaded", active, "", "", path(), 0, "", path())
}
