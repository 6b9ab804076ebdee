//! The agent's package.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};
use server_scout_tests::wait::until;
use server_scout_tests::{Fleet, Machine, Release};

use super::{SLOW, code, online};

const NAME: &str = "server-scout-agent";
const UPDATES: &str = "12 updates can be applied immediately.";
const WRITTEN: &str = "/var/lib/update-notifier/updates-available";
const CHOSEN: &str = "SERVERSCOUT_SERVICES=dbus";

#[tokio::test]
async fn a_packaged_agent_enrols_and_reports_on_debian_12() {
    enrols_and_reports(Release::Bookworm).await;
}

#[tokio::test]
async fn a_packaged_agent_enrols_and_reports_on_debian_13() {
    enrols_and_reports(Release::Trixie).await;
}

async fn enrols_and_reports(release: Release) {
    let (fleet, machine) = (Fleet::start().await, Machine::boot(release).await);
    let said = machine.install(NAME).await;
    assert!(
        said.contains("1. server-scout-agent enrol") && said.contains("2. systemctl enable"),
        "{said}"
    );

    machine.run(&there_is_something_to_tell()).await;
    enrol(&fleet, &machine, release.name()).await;
    let server = online(&fleet, &machine, release.name()).await;

    it_has_systemd_asked_about_the_clock(&machine).await;
    it_understands_what_systemd_says_of_its_units(&machine).await;
    nothing_is_missing(&fleet, &machine, &server).await;
    what_is_replaced_is_read(&fleet, &machine, &server).await;
    it_says_that_it_is_confined(&machine).await;
    it_is_watched(&machine).await;
    it_goes_without_a_trace(&machine).await;
}

/// As root, with what the installation says.
pub(super) async fn enrol(fleet: &Fleet, machine: &Machine, name: &str) {
    let origin = fleet.dashboard.origin();
    let code = code(fleet, name).await;
    let script = format!("server-scout-agent enrol --url {origin} --code -");
    let enrolled = machine.feed(&script, &code).await.success();
    assert!(enrolled.contains(&format!("as {name}")), "{enrolled}");
    machine
        .run("systemctl enable --now server-scout-agent.service")
        .await;
}

/// What a small system lacks: updates, a reboot that is due and a service to look at.
fn there_is_something_to_tell() -> String {
    format!(
        "mkdir -p /var/lib/update-notifier && echo '{UPDATES}' > {WRITTEN} && touch /run/reboot-required \
         && echo {CHOSEN} >> /etc/server-scout-agent/agent.env"
    )
}

/// A file that another takes the place of is read as before.
async fn what_is_replaced_is_read(fleet: &Fleet, machine: &Machine, server: &Value) {
    let replace = format!("echo '77{UPDATES}' > {WRITTEN}.new && mv {WRITTEN}.new {WRITTEN}");
    machine
        .run(&format!(
            "{replace} && systemctl kill --signal=USR1 server-scout-agent"
        ))
        .await;
    let path = format!("/api/v1/servers/{}", server["id"].as_str().unwrap());
    until("the new number arrives", SLOW, async || {
        let shown = fleet.get(&path).await.json();
        let values = shown["values"].as_array()?.clone();
        let pending = values
            .iter()
            .find(|value| value["metric"] == "updates_pending")?;
        (pending["value"].as_f64() == Some(7712.0)).then_some(())
    })
    .await;
}

/// From within its sandbox: whoever answers is started by the first who asks. Here that is systemd in a container,
/// which may not know better, so that its "no" counts only where it does not say where it runs.
async fn it_has_systemd_asked_about_the_clock(machine: &Machine) {
    let started = "journalctl --no-pager --unit systemd-timedated | grep -c Started";
    assert_ne!(machine.run(started).await, "0");
    let read = async |script: &str| {
        let report: Value = serde_json::from_str(&machine.run(script).await).unwrap();
        report["clock_synchronised"].clone()
    };
    assert_eq!(read("server-scout-agent report").await, Value::Null);
    let elsewhere = "mv /run/systemd/container /run/aside
                     server-scout-agent report
                     mv /run/aside /run/systemd/container";
    assert_eq!(read(elsewhere).await, 0);
}

/// Each of the calls, on a real bus.
async fn it_understands_what_systemd_says_of_its_units(machine: &Machine) {
    let report = "SERVERSCOUT_SERVICES=dbus,gone server-scout-agent report";
    let report: Value = serde_json::from_str(&machine.run(report).await).unwrap();
    assert_eq!(report["units"]["reloading"], 0, "{report}");
    let expected = json!({ "dbus.service": 1, "gone.service": 0 });
    assert_eq!(report["service_active"], expected, "{report}");
    let state = machine.run("systemctl is-system-running || true").await;
    assert_eq!(report["host"]["system_state"], state.trim(), "{report}");
}

/// Whatever an agent without any sandbox can read arrives from within both.
async fn nothing_is_missing(fleet: &Fleet, machine: &Machine, server: &Value) {
    let path = format!("/api/v1/servers/{}", server["id"].as_str().unwrap());
    let patience = Instant::now();
    // Read anew each time, as interfaces of this host may come and go meanwhile. Counters are shown as their
    // growth from one report with every tier to the next.
    let unprotected = loop {
        let text = machine
            .run(&format!("{CHOSEN} server-scout-agent report"))
            .await;
        let unprotected: Value = serde_json::from_str(&text).unwrap();
        machine
            .run("systemctl kill --signal=USR1 server-scout-agent; sleep 2")
            .await;
        let mut missing = all_series(&unprotected);
        assert!(missing.len() > 40, "{missing:?}");
        for told in [
            "updates_pending ",
            "reboot_required ",
            "service_active dbus.service",
        ] {
            assert!(missing.contains(told), "{told}: {missing:?}");
        }
        let shown = fleet.get(&path).await.json();
        for value in shown["values"].as_array().unwrap() {
            let metric = value["metric"].as_str().unwrap();
            missing.remove(&series(metric, value["label"].as_str()));
        }
        if missing.is_empty() {
            break unprotected;
        }
        assert!(patience.elapsed() < SLOW, "missing: {missing:?}");
    };

    let shown = fleet.get(&path).await.json();
    for fact in unprotected["host"].as_object().unwrap().keys() {
        let is_there = shown["host"].get(fact).is_some();
        assert!(is_there, "{fact} is missing: {}", shown["host"]);
    }
    let landlock = &shown["host"]["sandbox_landlock"];
    assert_eq!(landlock, "files, ports, signals", "{}", shown["host"]);
}

/// Every metric of a report, with each of its labels.
fn all_series(report: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (metric, value) in report.as_object().unwrap() {
        if ["boot", "host", "seq", "timestamp"].contains(&metric.as_str()) {
            continue;
        }
        match value {
            Value::Object(labels) => {
                found.extend(labels.keys().map(|label| series(metric, Some(label))));
            }
            _ => {
                found.insert(series(metric, None));
            }
        }
    }
    found
}

fn series(metric: &str, label: Option<&str>) -> String {
    format!("{metric} {}", label.unwrap_or_default())
}

/// `check` in a copy of the unit that differs in what it starts.
async fn it_says_that_it_is_confined(machine: &Machine) {
    let unit = super::probing::copy(machine, NAME, "/usr/bin/server-scout-agent check").await;
    let said = machine.run_unit("check", &unit).await;
    for held in [
        "capabilities: holds, none",
        "file system: holds, read-only",
        "Landlock: holds, files, ports, signals",
        "new privileges: holds, impossible",
        "processes of others: holds, hidden",
        "system calls: holds, filtered",
        "user: holds, another",
        "memory dumps: holds, impossible",
    ] {
        assert!(
            said.lines().any(|line| line == format!("sandbox, {held}")),
            "{held}: {said}"
        );
    }
    assert!(!said.contains(": missing"), "{said}");
    assert!(said.contains("key: ok"), "{said}");
}

/// systemd hears that it lives, and starts it anew when it does not.
async fn it_is_watched(machine: &Machine) {
    let shown = machine
        .run("systemctl show -P WatchdogUSec -P NRestarts -P ActiveState server-scout-agent")
        .await;
    assert_eq!(shown, "1min\n0\nactive");
    machine
        .run(
            "mkdir -p /run/systemd/system/server-scout-agent.service.d
             printf '[Service]\\nWatchdogSec=1\\nRestartSec=0\\nRestart=on-failure\\n' \
                 >/run/systemd/system/server-scout-agent.service.d/watch.conf
             systemctl daemon-reload
             systemctl restart server-scout-agent
             sleep 3
             test \"$(systemctl show -P NRestarts server-scout-agent)\" = 0
             kill -STOP \"$(systemctl show -P MainPID server-scout-agent)\"
             for i in $(seq 100); do
                 test \"$(systemctl show -P NRestarts server-scout-agent)\" = 0 || exit 0
                 sleep 0.2
             done
             exit 1",
        )
        .await;
}

async fn it_goes_without_a_trace(machine: &Machine) {
    machine.run("dpkg --remove server-scout-agent").await;
    let left =
        "test -e /var/lib/server-scout-agent/api-key && test -e /etc/server-scout-agent/agent.env";
    machine.run(left).await;
    let state = machine
        .try_run("systemctl is-active server-scout-agent")
        .await;
    assert_ne!(state.stdout.trim(), "active");
    machine.run("dpkg --purge server-scout-agent").await;
    // The machine's own directory of its watchdog's drop-in is the test's.
    let found = machine
        .run("find / -xdev -path /run -prune -o -path /proc -prune -o -name '*server-scout-agent*' -print")
        .await;
    assert_eq!(found, "");
}
