//! What is forbidden fails within the units, and it is their directives that stop it: for root as for the
//! service's own user, while a unit without them lets everything pass.

use std::collections::BTreeMap;

use server_scout_tests::machine::appliance;
use server_scout_tests::{Machine, Release};

/// What came of each attempt.
type Results = BTreeMap<String, String>;

#[tokio::test]
async fn what_is_forbidden_fails_in_the_agents_unit_on_debian_12() {
    is_forbidden(Release::Bookworm, "server-scout-agent", &HERE).await;
}

#[tokio::test]
async fn what_is_forbidden_fails_in_the_agents_unit_on_debian_13() {
    is_forbidden(Release::Trixie, "server-scout-agent", &HERE).await;
}

/// The port of a dashboard is systemd's, and it connects to nobody.
#[tokio::test]
async fn what_is_forbidden_fails_in_the_dashboards_unit_on_debian_12() {
    is_forbidden(Release::Bookworm, "server-scout", &[]).await;
}

#[tokio::test]
async fn what_is_forbidden_fails_in_the_dashboards_unit_on_debian_13() {
    is_forbidden(Release::Trixie, "server-scout", &[]).await;
}

/// Webhooks and mail servers may be anywhere.
#[tokio::test]
async fn what_is_forbidden_fails_in_the_unit_that_sends_on_debian_12() {
    is_forbidden(Release::Bookworm, "server-scout-notify", &EVERYWHERE).await;
}

#[tokio::test]
async fn what_is_forbidden_fails_in_the_unit_that_sends_on_debian_13() {
    is_forbidden(Release::Trixie, "server-scout-notify", &EVERYWHERE).await;
}

async fn is_forbidden(release: Release, name: &str, allowed: &[&str]) {
    let machine = Machine::boot_alone(release).await;
    machine.install(name.trim_end_matches("-notify")).await;
    // What the unit hides has to be there.
    machine
        .run("install -d -o server-scout /var/lib/server-scout/keys 2>/dev/null || true")
        .await;
    machine.put(&appliance().join("probe"), "/usr/bin/probe");
    // An address that is there to be reached. The copies lack the drop-in that opens the agent's egress, as
    // where it is replaced by one with the addresses of the dashboard.
    machine.run("ip address add 192.0.2.77/32 dev lo").await;

    let own = copy(&machine, name, "/usr/bin/probe").await;
    let of_root = as_root(&own);
    let bare = "[Service]\nType=oneshot\nExecStart=/usr/bin/probe\n";
    let unprotected = results(&machine.run_unit("bare", bare).await);
    let own = results(&machine.run_unit("own", &own).await);
    let of_root = results(&machine.run_unit("root", &of_root).await);

    assert!(unprotected.len() > 30, "{unprotected:?}");
    for (attempt, without) in &unprotected {
        if BEYOND_THE_MACHINE.contains(&attempt.as_str()) {
            continue;
        }
        assert_eq!(without, "allowed", "{attempt} without a sandbox");
        let is_allowed = allowed.contains(&attempt.as_str());
        for (who, results) in [("the service's user", &own), ("root", &of_root)] {
            let result = results.get(attempt).unwrap();
            assert_eq!(
                result == "allowed",
                is_allowed,
                "{attempt} by {who}: {result}"
            );
        }
    }
}

/// A copy of a unit as it is installed that starts something else, once.
pub(super) async fn copy(machine: &Machine, name: &str, start: &str) -> String {
    let unit = machine
        .run(&format!("cat /usr/lib/systemd/system/{name}.service"))
        .await;
    let lines = unit.lines().filter_map(|line| match line.split_once('=') {
        Some(("ExecStart", _)) => Some(format!("ExecStart={start}")),
        Some(("Type", _)) => Some("Type=oneshot".to_owned()),
        Some(("StandardOutput", _)) => Some("StandardOutput=journal".to_owned()),
        // What a program that ends at once cannot have, and other units.
        Some(("Restart" | "WatchdogSec" | "NotifyAccess" | "Requires" | "Wants" | "PartOf", _)) => {
            None
        }
        _ => Some(line.to_owned()),
    });
    lines.map(|line| line + "\n").collect()
}

/// The same unit for root.
pub(super) fn as_root(unit: &str) -> String {
    let user = |line: &str| {
        if line.starts_with("User=") {
            "User=root\n".to_owned()
        } else {
            format!("{line}\n")
        }
    };
    let of_root: String = unit.lines().map(user).collect();
    assert_ne!(unit, of_root);
    of_root
}

fn results(printed: &str) -> Results {
    let results = printed.lines().filter_map(|line| {
        let (attempt, result) = line.split_once(": ")?;
        Some((attempt.to_owned(), result.to_owned()))
    });
    results.collect()
}

const HERE: [&str; 1] = ["reach this machine"];
const EVERYWHERE: [&str; 2] = ["reach this machine", "reach elsewhere"];
/// What a container cannot do either, so that nothing is shown by it.
const BEYOND_THE_MACHINE: [&str; 2] = ["kernel log", "kernel setting"];
