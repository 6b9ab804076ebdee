//! The plain unit of the dashboard and every module that runs it have one sandbox: the unit's lines are those
//! of the file that a module reads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::Value;

const SANDBOX: &str = include_str!("../sandbox.json");
const SOCKET: &str = include_str!("../server-scout.socket");
const UNIT: &str = include_str!("../server-scout.service");

#[test]
fn the_dashboards_sandbox_is_that_of_the_shared_file() {
    let (_, sandbox) = UNIT
        .split_once("# The sandbox, the same as in sandbox.json")
        .unwrap();
    let (sandbox, _) = sandbox.split_once("\n[Install]").unwrap();
    let mut lines: Vec<&str> = sandbox
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut shared = shared();
    // The order of different directives means nothing.
    lines.sort_by_key(|line| line.split('=').next());
    shared.sort_by_key(|line| line.split('=').next().map(str::to_owned));
    assert_eq!(lines, shared);
}

#[test]
fn the_dashboard_has_its_socket_and_its_key_from_the_service_manager() {
    assert!(UNIT.contains("\nRequires=server-scout.socket\n"));
    assert!(UNIT.contains("\nLoadCredential=master-key:/etc/server-scout/master-key\n"));
    assert!(UNIT.contains("\nEnvironment=SERVERSCOUT_MASTER_KEY_FILE=%d/master-key\n"));
    // The link to the first owner is printed.
    assert!(UNIT.contains("\nStandardOutput=null\n"));
    assert!(SOCKET.contains("\nListenStream=8443\n"));
}

/// The directives of sandbox.json, a list as a key that stands several times.
fn shared() -> Vec<String> {
    let json: Value = serde_json::from_str(SANDBOX).unwrap();
    let directives = json.get("Service").and_then(Value::as_object).unwrap();
    directives
        .iter()
        .flat_map(|(key, value)| {
            let values = value.as_array().cloned().unwrap_or(vec![value.clone()]);
            let line = move |value: Value| format!("{key}={}", value.as_str().unwrap());
            values.into_iter().map(line).collect::<Vec<_>>()
        })
        .collect()
}
