//! The command line and what is printed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use server_scout_wire::Report;
use support::{Agent, KEY};

#[test]
fn report_prints_one_report_and_needs_no_dashboard() {
    let (status, output) = Agent::start(&["report"], &[]).end();
    assert!(status.success(), "{output}");
    let report = Report::from_json(output.as_bytes()).unwrap();
    assert!(report.host().is_some() && report.samples().len() >= 20);
    assert!(output.lines().count() > 20, "for people to read");
}

#[test]
fn help_and_version_are_printed() {
    let (status, output) = Agent::start(&["--help"], &[]).end();
    assert!(
        status.success() && output.contains("SERVERSCOUT_CA_FILE"),
        "{output}"
    );
    let (status, output) = Agent::start(&["--version"], &[]).end();
    assert!(
        status.success() && output.contains(env!("CARGO_PKG_VERSION")),
        "{output}"
    );
}

#[test]
fn settings_are_checked_without_key_and_network() {
    let url = |address| Agent::start(&["check-config"], &[("SERVERSCOUT_URL", address)]).end();
    let (status, output) = url("https://localhost:1");
    assert!(status.success(), "{output}");
    let (status, output) = url("http://localhost:1");
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(
        output.contains("SERVERSCOUT_URL") && output.contains("https://"),
        "{output}"
    );
}

#[test]
fn wrong_arguments_are_one_line_and_status_one() {
    for arguments in [
        &[][..],
        &["fly"],
        &["run", "now"],
        &["--insecure", "run"],
        &["run", "--config"],
        &["report", "--config", "/nowhere.toml"],
    ] {
        let (status, output) = Agent::start(arguments, &[]).end();
        assert_eq!(status.code(), Some(1), "{arguments:?}");
        assert_eq!(output.lines().count(), 1, "{arguments:?}: {output}");
        assert!(output.starts_with("server-scout-agent: "), "{output}");
    }
}

#[test]
fn a_wrong_start_is_one_line_and_status_one() {
    let url = ("SERVERSCOUT_URL", "https://localhost:1");
    let key = ("SERVERSCOUT_API_KEY", KEY);
    let cases = [
        (vec![key], "SERVERSCOUT_URL"),
        (vec![url], "SERVERSCOUT_API_KEY_FILE"),
        (
            vec![url, key, ("SERVERSCOUT_API_KEY_FILE", "/k")],
            "only one of them",
        ),
        (
            vec![url, ("SERVERSCOUT_API_KEY_FILE", "/nowhere/key")],
            "/nowhere/key",
        ),
        (
            vec![url, key, ("SERVERSCOUT_CA_FILE", "/nowhere/ca")],
            "/nowhere/ca",
        ),
        (
            vec![url, key, ("SERVERSCOUT_INSECURE", "true")],
            "SERVERSCOUT_INSECURE is not a setting",
        ),
        (
            vec![url, key, ("SERVERSCOUT_TLS_VERIFY", "no")],
            "SERVERSCOUT_TLS_VERIFY is not a setting",
        ),
    ];
    for (variables, expected) in cases {
        let (status, output) = Agent::start(&["run"], &variables).end();
        assert_eq!(status.code(), Some(1), "{output}");
        assert_eq!(output.lines().count(), 1, "{output}");
        assert!(output.contains(expected), "{output}");
    }
}

#[test]
fn the_service_manager_hears_when_it_is_ready() {
    let ca = support::Ca::new();
    let dashboard = support::Dashboard::accepting(&ca);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(10)))
        .unwrap();
    let agent = Agent::run(
        &dashboard.url(),
        &ca,
        &[
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "400000"),
        ],
    );
    let mut heard = String::new();
    let hear = |heard: &mut String, until: &str| {
        while !heard.contains(until) {
            let mut message = [0; 1024];
            let length = socket.recv(&mut message).unwrap();
            heard.push_str(std::str::from_utf8(message.get(..length).unwrap()).unwrap());
            heard.push('\n');
        }
    };
    hear(&mut heard, "READY=1");
    hear(&mut heard, "WATCHDOG=1");
    hear(&mut heard, "STATUS=Reports reach the dashboard");
    agent.terminate();
    hear(&mut heard, "STOPPING=1");
    assert!(agent.end().0.success());
}
