//! Whole reports of hosts.
//!
//! `fixtures/trees/recorded` holds what `fixtures/record` copied from machines that ran: Debian 11 to 13 and Ubuntu
//! 20.04 to 24.04 with their own kernels, the Debian 13 as the agent's unit shows it. `fixtures/trees/written` was
//! written by hand after the kernels' documents, for what no such machine has: an ARM board, ZFS and NixOS, Linux 2.6,
//! the firmware and sensors of hardware, managers of containers, and one where everything is damaged that may be.
//! `SERVERSCOUT_RECORD=1` writes what is expected anew; read the difference.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use server_scout_agent::collect::options::Withheld;
use server_scout_agent::collect::{Collector, Due, Options, Root};
use server_scout_wire::report::Boot;
use server_scout_wire::{Fact, Identity, Metric, Report, Tier};

#[test]
fn a_report_says_what_the_host_has_and_nothing_else() {
    let mut trees = 0;
    for tree in trees_of_hosts() {
        let report = report(&tree, Options::default(), Due::ALL);
        let said = serde_json::to_string_pretty(&of_tree(&report)).unwrap() + "\n";
        let expected = PathBuf::from(format!("{}.json", tree.display()));
        if std::env::var_os("SERVERSCOUT_RECORD").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap();
        assert_eq!(said, expected, "{}", tree.display());
        trees += 1;
    }
    assert!(trees >= 12, "{trees} hosts");
}

#[test]
fn no_host_makes_a_report_that_is_refused() {
    for tree in trees_of_hosts() {
        let report = report(&tree, Options::default(), Due::ALL);
        let read = Report::from_json(&report.to_json());
        assert!(read.is_ok(), "{}: {read:?}", tree.display());
    }
}

#[test]
fn a_tier_that_is_not_due_is_not_reported() {
    let tree = hardware();
    for tier in Tier::ALL {
        let mut due = Due::FAST;
        due.add(tier);
        let report = report(&tree, Options::default(), due);
        for sample in report.samples() {
            let of = sample.metric.describe().tier;
            assert!(
                of == Tier::Fast || of == tier,
                "{} with {tier:?}",
                sample.metric
            );
        }
        let carries_host = matches!(tier, Tier::Glacial | Tier::Daily);
        assert_eq!(report.host().is_some(), carries_host, "{tier:?}");
    }
}

#[test]
fn what_the_host_is_comes_whole_with_either_of_the_slowest_tiers() {
    let tree = hardware();
    let mut collector = Collector::new(Root::at(&tree), Options::default()).unwrap();
    let mut glacial = Due::FAST;
    glacial.add(Tier::Glacial);
    let all = collector.collect(identity(), Due::ALL).unwrap();
    let later = collector.collect(identity(), glacial).unwrap();
    assert_eq!(all.host(), later.host());
}

#[test]
fn each_group_can_be_withheld() {
    let tree = hardware();
    let said = |withheld: &str| {
        let options = Options {
            withheld: withheld.parse::<Withheld>().unwrap(),
            ..Options::default()
        };
        let report = report(&tree, options, Due::ALL);
        let sandbox = report.host().unwrap().get(Fact::SandboxUser).is_some();
        assert_eq!(sandbox, report.value(Metric::AgentConfined).is_some());
        let updates = report.value(Metric::UpdatesPending).is_some();
        assert_eq!(updates, report.value(Metric::RebootRequired).is_some());
        (sandbox, updates)
    };
    assert_eq!(said(""), (true, true));
    assert_eq!(said("sandbox"), (false, true));
    assert_eq!(said("updates"), (true, false));
    assert_eq!(said("services, updates, sandbox"), (false, false));
}

/// Otherwise the next recording would lack it, and nobody would see.
#[test]
fn what_is_read_is_recorded() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recorder = fs::read_to_string(manifest.join("tests/fixtures/record")).unwrap();
    let mut read = 0;
    for source in fs::read_dir(manifest.join("src/collect")).unwrap() {
        let source = fs::read_to_string(source.unwrap().path()).unwrap();
        for path in source.split('"').skip(1).step_by(2) {
            let is_of_host = PLACES.iter().any(|place| path.starts_with(place));
            // The bus is spoken to, and a name in the middle of a text is none.
            if !is_of_host || path == "run/dbus/system_bus_socket" || path.contains(' ') {
                continue;
            }
            assert!(recorder.contains(path), "{path} is read and not recorded");
            read += 1;
        }
    }
    assert!(read >= 30, "{read} paths");
}

/// What a report says of the tree, without what comes from the machine that runs the test.
fn of_tree(report: &Report) -> Value {
    let mut json: Value = serde_json::from_slice(&report.to_json()).unwrap();
    let members = json.as_object_mut().unwrap();
    for name in ["timestamp", "boot", "seq", "disk_usage", "processes"] {
        members.remove(name);
    }
    members.retain(|name, _| !name.starts_with("mount_") || name == "mount_read_only");
    let host = members["host"].as_object_mut().unwrap();
    for fact in [
        Fact::AgentVersion,
        Fact::Architecture,
        Fact::Hostname,
        Fact::Kernel,
        Fact::OperatingSystem,
    ] {
        host.remove(fact.name());
    }
    json
}

fn report(tree: &Path, options: Options, due: Due) -> Report {
    let mut collector = Collector::new(Root::at(tree), options).unwrap();
    collector.collect(identity(), due).unwrap()
}

fn identity() -> Identity {
    Identity {
        boot: Boot(1),
        seq: 0,
    }
}

fn trees_of_hosts() -> Vec<PathBuf> {
    let entries = ["recorded", "written"].map(|kind| fs::read_dir(fixtures().join(kind)).unwrap());
    let mut trees: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    trees.sort();
    trees
}

fn hardware() -> PathBuf {
    fixtures().join("written/ubuntu-22.04-hardware")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trees")
}

const PLACES: [&str; 8] = [
    ".dockerenv",
    "boot",
    "etc/",
    "lib/modules",
    "proc/",
    "run/",
    "sys/",
    "var/",
];
