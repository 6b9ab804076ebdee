//! What people look after and how the agent is confined: what the files say, and what they do not.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test that cannot go on fails, and figures are exact"
)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use server_scout_agent::collect::options::{Group, Options, Services, Withheld};
use server_scout_agent::collect::sandbox::{self, Privileges};
use server_scout_agent::collect::upkeep::{self, Updates};
use server_scout_agent::collect::{Collector, Due, Root};
use server_scout_wire::report::Boot;
use server_scout_wire::{Host, Identity, Label, Metric, Protection, Report, Timestamp};

#[test]
fn updates_are_those_that_the_distribution_noted() {
    let updates = |pending, security| Some(Updates { pending, security });
    for (text, expected) in [
        (
            "\n35 updates can be applied immediately.\n20 of these updates are standard security updates.\n\
             7 additional security updates can be applied with ESM Apps.\n",
            updates(35, 20),
        ),
        (
            "12 packages can be updated.\n3 updates are security updates.\n",
            updates(12, 3),
        ),
        ("0 updates can be applied immediately.\n", updates(0, 0)),
        (
            "0 updates can be applied immediately.\n\n9 additional security updates can be applied with ESM.\n",
            updates(0, 0),
        ),
        ("", None),
        ("no number\n-5 updates\n", None),
        ("18446744073709551616 updates\n", None),
    ] {
        assert_eq!(upkeep::parse_updates(text), expected, "{text}");
    }
}

#[test]
fn a_kernel_is_newer_when_its_flavour_is_the_same_and_a_number_greater() {
    for (kernel, running, newer) in [
        ("6.1.0-18-amd64", "6.1.0-9-amd64", true),
        ("6.1.0-9-amd64", "6.1.0-18-amd64", false),
        ("6.1.0-18-amd64", "6.1.0-18-amd64", false),
        ("6.1.0-22-rt-amd64", "6.1.0-18-amd64", false),
        ("5.14.0-427.el9.x86_64", "5.14.0-362.8.1.el9_3.x86_64", true),
        ("6.9.2-arch1-1", "6.9.1-arch1-2", true),
        ("6.6.31+rpt-rpi-2712", "6.6.20+rpt-rpi-v8", false),
        ("6.10.0", "6.9.0", true),
        ("", "6.9.0", false),
    ] {
        assert_eq!(
            upkeep::is_newer(kernel, running),
            newer,
            "{kernel} {running}"
        );
    }
}

#[test]
fn an_agent_is_confined_when_nothing_is_missing() {
    let confined = "Uid:\t998\t998\t998\t998\nCapPrm:\t0\nCapEff:\t0\nCapBnd:\t1ff\nNoNewPrivs:\t1\nSeccomp:\t2\n";
    let read = |status: &str| sandbox::parse(status.as_bytes());
    assert!(read(confined).unwrap().are_confined());
    for (whole, broken) in [
        ("Uid:\t998\t998", "Uid:\t998\t0"),
        ("CapPrm:\t0", "CapPrm:\t0000000000000400"),
        ("CapEff:\t0", "CapEff:\t1"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
        ("NoNewPrivs:\t1\n", ""),
        ("Seccomp:\t2", "Seccomp:\t1"),
        ("Seccomp:\t2", "Seccomp:\t0"),
    ] {
        let status = confined.replace(whole, broken);
        assert!(!read(&status).unwrap().are_confined(), "{broken}");
    }
    for wrong in [
        "",
        "Uid:\t1\n",
        &confined.replace("CapEff:\t0", "CapEff:\tzz"),
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn the_facts_of_the_sandbox_say_the_same_as_the_metric() {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("proc/self")).unwrap();
    let mut seen = Vec::new();
    for number in 0..32_u32 {
        let bit = |place: u32| number >> place & 1;
        let status = format!(
            "Uid:\t9\t{}\t9\t9\nCapPrm:\t{}\nCapEff:\t{}\nCapBnd:\t1ff\nNoNewPrivs:\t{}\nSeccomp:\t{}\n",
            bit(0),
            bit(1),
            bit(2),
            bit(3),
            2 * bit(4),
        );
        fs::write(tree.path().join("proc/self/status"), status).unwrap();
        let identity = Identity {
            boot: Boot(1),
            seq: 0,
        };
        let mut report = Report::new(Timestamp::from_millis(0), identity);
        let mut host = Host::default();
        let root = Root::at(tree.path());
        sandbox::collect(&root, None, &mut Vec::new(), &mut report, &mut host);
        let metric = report.samples().first().unwrap().value;
        let facts = Protection::of(|fact| host.get(fact).map(Label::as_str));
        let expected = if metric == 1.0 {
            Protection::Protected
        } else {
            Protection::Unprotected
        };
        assert_eq!(facts, expected, "{number:05b}");
        seen.push(facts);
    }
    assert!(seen.contains(&Protection::Protected));
    assert_eq!(Protection::of(|_| None), Protection::Unsaid);
}

#[test]
fn this_process_is_as_its_status_says() {
    let status = fs::read("/proc/self/status").unwrap();
    let Privileges { user, .. } = sandbox::parse(&status).unwrap();
    assert_eq!(user, u64::from(rustix::process::geteuid().as_raw()));
}

#[test]
fn services_and_groups_are_words_with_commas_between_them() {
    let names = |text: &str| {
        text.parse::<Services>()
            .map(|services| services.names().to_vec())
    };
    assert_eq!(
        names("sshd, nginx.service,docker.socket").unwrap(),
        ["sshd.service", "nginx.service", "docker.socket"]
    );
    assert!(names(" ").unwrap().is_empty());
    let many = (0..33)
        .map(|n| format!("s{n}"))
        .collect::<Vec<_>>()
        .join(",");
    for wrong in [
        "a,,b",
        "a,a",
        "a b",
        "../x",
        "x/y.service",
        ".service",
        "\u{202e}x",
        &many,
        &"x".repeat(128),
    ] {
        assert!(names(wrong).is_err(), "{wrong}");
    }
    let withheld: Withheld = "updates,sandbox".parse().unwrap();
    assert!(
        withheld.has(Group::Updates)
            && withheld.has(Group::Sandbox)
            && !withheld.has(Group::Services)
    );
    for wrong in ["all", "Updates", "updates,,sandbox"] {
        assert!(wrong.parse::<Withheld>().is_err(), "{wrong}");
    }
}

#[test]
fn shares_are_of_the_time_between_two_reports() {
    let tree = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/trees/written/debian-12-vm/proc");
    for file in ["stat", "meminfo", "pressure/cpu"] {
        let to = tree.path().join("proc").join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from.join(file), to).unwrap();
    }
    let mut collector = Collector::new(Root::at(tree.path()), Options::default()).unwrap();
    let mut collect = || {
        collector
            .collect(
                Identity {
                    boot: Boot(1),
                    seq: 0,
                },
                Due::FAST,
            )
            .unwrap()
    };
    let core = |report: &Report, number: &str| {
        let label = Some(Label::new(number).unwrap());
        let mut samples = report.samples().iter();
        let of_core = samples.find(|s| s.metric == Metric::CpuCoreUsage && s.label == label);
        of_core.map(|sample| sample.value)
    };
    assert_eq!(core(&collect(), "0"), None);

    // Core 0 works half of the time, core 1 is gone, core 2 is new.
    fs::write(
        tree.path().join("proc/stat"),
        "cpu  72187 50501 26189 461230 1812 17 432 905\ncpu0 36061 25200 13111 230550 900 9 220 450\n\
         cpu2 1 1 1 1 1 1 1 1\n",
    )
    .unwrap();
    fs::write(
        tree.path().join("proc/pressure/cpu"),
        "some avg10=0 total=99999999999\n",
    )
    .unwrap();
    let report = collect();
    assert_eq!(report.value(Metric::CpuUsage), Some(50.0));
    assert_eq!(
        (core(&report, "0"), core(&report, "1"), core(&report, "2")),
        (Some(50.0), None, None)
    );
    assert_eq!(report.value(Metric::PressureCpuSome), Some(100.0));
    // Nothing happened since: the last shares stand.
    let report = collect();
    assert_eq!(
        (report.value(Metric::CpuUsage), core(&report, "0")),
        (Some(50.0), Some(50.0))
    );
    assert_eq!(report.value(Metric::PressureCpuSome), Some(0.0));
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text: String, other: String) {
        let _ = upkeep::parse_updates(&text);
        let _ = (upkeep::is_newer(&text, &other), upkeep::is_newer(&other, &other));
        let _ = sandbox::parse(text.as_bytes());
        let _ = (text.parse::<Services>(), text.parse::<Withheld>());
    }
}
