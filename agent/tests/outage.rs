//! An outage loses nothing: what could not be sent waits, in memory and on disk.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;
use server_scout_agent::spool::Spool;
use server_scout_agent::spool::disk::{Disk, Options};
use support::{Agent, Ca, Dashboard, Reply};

#[test]
fn after_an_outage_everything_arrives_in_order_and_once() {
    let ca = Ca::new();
    let first = Dashboard::accepting(&ca);
    let (address, url) = (first.address, first.url());
    let agent = Agent::run(&url, &ca, &[]);
    let mut seqs: Vec<u64> = first
        .wait_for(1)
        .iter()
        .flat_map(support::Request::seqs)
        .collect();
    let before = first.requests().len();
    drop(first);
    agent.wait_for_output("dashboard unreachable");
    sleep(Duration::from_millis(1500));

    let tls = ca.server_config("localhost", (2020, 2100));
    let second = Dashboard::at(address, tls, Reply::accepted);
    let output = agent.wait_for_output("dashboard reachable again");
    assert_eq!(
        output.matches("dashboard unreachable").count(),
        1,
        "{output}"
    );
    agent.terminate();
    assert!(agent.end().0.success());

    assert_eq!(before, seqs.len());
    let requests = second.requests();
    assert!(
        requests.iter().any(|request| request.reports().len() > 1),
        "no batch was sent"
    );
    seqs.extend(requests.iter().flat_map(support::Request::seqs));
    let expected: Vec<u64> = (0..seqs.len() as u64).collect();
    assert_eq!(seqs, expected);
}

#[test]
fn what_waits_on_disk_arrives_in_order_and_once_whatever_ends_the_agent() {
    let ca = Ca::new();
    let state = tempfile::tempdir().unwrap();
    let state_dir = [("SERVERSCOUT_STATE_DIR", state.path().to_str().unwrap())];
    let first = Dashboard::accepting(&ca);
    let (address, url) = (first.address, first.url());
    let mut arrived = Vec::new();

    // One agent sees the dashboard go and is told to end; the next is killed; then one is killed
    // that found the reports of both.
    let agent = Agent::run(&url, &ca, &state_dir);
    first.wait_for(2);
    let requests = first.requests();
    drop(first);
    arrived.extend(requests.iter().flat_map(support::Request::identities));
    agent.wait_for_output("dashboard unreachable");
    sleep(Duration::from_millis(2500));
    agent.terminate();
    let (status, output) = agent.end();
    assert!(status.success() && !output.contains("are lost"), "{output}");
    assert!(output.contains("wait on disk"), "{output}");
    for _ in 0..2 {
        let agent = Agent::run(&url, &ca, &state_dir);
        agent.wait_for_output("reports of an earlier start wait on disk");
        agent.wait_for_output("dashboard unreachable");
        sleep(Duration::from_millis(3500));
        agent.kill();
    }

    let tls = ca.server_config("localhost", (2020, 2100));
    let second = Dashboard::at(address, tls, Reply::accepted);
    let agent = Agent::run(&url, &ca, &state_dir);
    agent.wait_for_output("dashboard reachable again");
    let made_now = second.requests()[0].identities();
    agent.terminate();
    assert!(agent.end().0.success());
    assert_eq!(made_now[0].1, 0, "the host as it is now comes first");

    let requests = second.requests();
    arrived.extend(requests.iter().flat_map(support::Request::identities));
    let mut boots: Vec<String> = Vec::new();
    for (boot, _) in &arrived {
        if !boots.contains(boot) {
            boots.push(boot.clone());
        }
    }
    assert_eq!(boots.len(), 4, "{arrived:?}");
    for boot in &boots {
        let of_boot = arrived.iter().filter(|(other, _)| other == boot);
        let seqs: Vec<u64> = of_boot.map(|(_, seq)| *seq).collect();
        let expected: Vec<u64> = (0..seqs.len() as u64).collect();
        assert_eq!(seqs, expected, "{arrived:?}");
        // Three seconds and a half of one report a second, but for those that a kill may take.
        assert!(seqs.len() >= 2 || boot == &made_now[0].0, "{arrived:?}");
    }
    let batches = requests
        .iter()
        .filter(|request| request.reports().len() > 1);
    assert!(batches.count() > 0, "no batch was sent");
    let left = fs::read_dir(state.path().join("spool")).unwrap();
    assert_eq!(left.count(), 1, "the lock alone is left");
}

#[test]
fn a_backlog_goes_at_a_limited_rate_and_new_reports_in_between() {
    let ca = Ca::new();
    let state = tempfile::tempdir().unwrap();
    let disk = Disk::open(state.path(), Options::default()).unwrap();
    let mut spool = Spool::on_disk(1_000_000, disk);
    for seq in 0..500 {
        spool.push(
            json!({"boot": "0123456789abcdef", "seq": seq})
                .to_string()
                .into_bytes(),
        );
    }
    assert_eq!(spool.end(), 0);
    drop(spool);

    let dashboard = Dashboard::accepting(&ca);
    let state_dir = [("SERVERSCOUT_STATE_DIR", state.path().to_str().unwrap())];
    let agent = Agent::run(&dashboard.url(), &ca, &state_dir);
    agent.wait_for_output("dashboard reachable again");
    agent.terminate();
    assert!(agent.end().0.success());

    let requests = dashboard.requests();
    let (old, new): (Vec<&support::Request>, Vec<_>) = requests
        .iter()
        .partition(|request| request.identities()[0].0 == "0123456789abcdef");
    let sizes: Vec<usize> = old.iter().map(|request| request.reports().len()).collect();
    assert_eq!(sizes, [25, 50, 100, 200, 125], "growing");
    let seqs: Vec<u64> = old.iter().flat_map(|request| request.seqs()).collect();
    assert_eq!(seqs, (0..500).collect::<Vec<u64>>());
    for pair in old.windows(2) {
        let waited = pair[1].at - pair[0].at;
        assert!(waited >= Duration::from_millis(450), "{waited:?}");
    }
    assert!(new[0].at < old[0].at && new[1].at < old[4].at);
}

#[test]
fn an_agent_without_a_usable_state_directory_says_so_once_and_goes_on() {
    let ca = Ca::new();
    let dashboard = Dashboard::accepting(&ca);
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("file");
    fs::write(&file, "").unwrap();
    let _other = Disk::open(state.path(), Options::default()).unwrap();
    for (more, said) in [
        (None, "no state directory is given"),
        (Some(file.to_str().unwrap()), "the spool cannot be used"),
        (
            Some(state.path().to_str().unwrap()),
            "used by another agent",
        ),
    ] {
        let seen = dashboard.requests().len();
        let variables: Vec<_> = more
            .map(|directory| ("SERVERSCOUT_STATE_DIR", directory))
            .into_iter()
            .collect();
        let agent = Agent::run(&dashboard.url(), &ca, &variables);
        dashboard.wait_for(seen + 3);
        agent.terminate();
        let (status, output) = agent.end();
        assert!(status.success(), "{output}");
        assert_eq!(output.matches(said).count(), 1, "{output}");
        assert_eq!(output.matches("WARN").count(), 1, "{output}");
    }
}
