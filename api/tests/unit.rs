//! The plain units of the dashboard and every module that runs them have one sandbox each: a unit's lines are
//! those of the file that a module reads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;

const NOTIFY_SANDBOX: &str = include_str!("../sandbox-notify.json");
const NOTIFY: &str = include_str!("../server-scout-notify.service");
const SANDBOX: &str = include_str!("../sandbox.json");
const SOCKET: &str = include_str!("../server-scout.socket");
const UNIT: &str = include_str!("../server-scout.service");

#[test]
fn the_dashboards_sandbox_is_that_of_the_shared_file() {
    assert_eq!(lines_of(UNIT), shared(SANDBOX));
}

#[test]
fn the_sandbox_of_what_sends_is_that_of_its_shared_file() {
    assert_eq!(lines_of(NOTIFY), shared(NOTIFY_SANDBOX));
}

/// What sends and what is reached have the way out and the keys between them, and neither has both.
#[test]
fn the_dashboard_has_no_way_out_and_what_sends_has_no_key() {
    let (dashboard, notify) = (lines_of(UNIT), lines_of(NOTIFY));
    for line in [
        "PrivateNetwork=yes",
        "IPAddressDeny=any",
        "RestrictAddressFamilies=AF_UNIX",
    ] {
        assert!(dashboard.iter().any(|found| found == line), "{line}");
        assert!(!notify.iter().any(|found| found == line), "{line}");
    }
    for line in [
        "InaccessiblePaths=/var/lib/server-scout/keys -/etc/server-scout/tls",
        "SocketBindDeny=any",
    ] {
        assert!(notify.iter().any(|found| found == line), "{line}");
    }
    for unit in [UNIT, NOTIFY] {
        assert!(unit.contains("\nUser=server-scout\n"));
        assert!(unit.contains("\nEnvironment=SERVERSCOUT_OUTBOUND__MODE=separate\n"));
        assert!(unit.contains("\nLoadCredential=master-key:/etc/server-scout/master-key\n"));
    }
    assert!(UNIT.contains("\nWants=server-scout-notify.service\n"));
    assert!(NOTIFY.contains("\nPartOf=server-scout.service\nAfter=server-scout.service\n"));
}

#[test]
fn the_dashboard_has_its_socket_and_its_key_from_the_service_manager() {
    assert!(UNIT.contains("\nRequires=server-scout.socket\n"));
    assert!(UNIT.contains("\nLoadCredential=master-key:/etc/server-scout/master-key\n"));
    assert!(UNIT.contains("\nEnvironment=SERVERSCOUT_MASTER_KEY_FILE=%d/master-key\n"));
    // The link to the first owner is printed.
    assert!(UNIT.contains("\nStandardOutput=null\n"));
    assert!(UNIT.contains("\nStandardError=journal\n"));
    assert!(SOCKET.contains("\nListenStream=8443\n"));
}

/// The lines of a unit's sandbox. The order of different directives means nothing.
fn lines_of(unit: &str) -> Vec<String> {
    let (_, sandbox) = unit.split_once("# The sandbox, the same as in ").unwrap();
    let sandbox = sandbox.split("\n[Install]").next().unwrap();
    let lines = sandbox.lines().skip(1);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    sorted(lines.map(ToOwned::to_owned).collect())
}

/// The directives of a shared file, a list as a key that stands several times.
fn shared(sandbox: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(sandbox).unwrap();
    let directives = json.get("Service").and_then(Value::as_object).unwrap();
    let lines = directives.iter().flat_map(|(key, value)| {
        let values = value.as_array().cloned().unwrap_or(vec![value.clone()]);
        let line = move |value: Value| format!("{key}={}", value.as_str().unwrap());
        values.into_iter().map(line).collect::<Vec<_>>()
    });
    sorted(lines.collect())
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by_key(|line| line.split('=').next().map(str::to_owned));
    lines
}
