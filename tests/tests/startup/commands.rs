//! The command line beside a running dashboard.

use server_scout_tests::fleet::{ORGANISATION, OWNER};
use server_scout_tests::process::run;
use server_scout_tests::wait::PATIENCE;
use server_scout_tests::{Agent, Dashboard, Fleet};

#[tokio::test]
async fn healthcheck_tells_a_ready_dashboard_from_none() {
    let mut dashboard = Dashboard::start().await;
    let origin = dashboard.origin();
    let ca = dashboard.ca_file();
    let arguments = [
        "healthcheck",
        "--url",
        &origin,
        "--ca-file",
        ca.to_str().unwrap(),
    ];

    assert!(dashboard.command(&arguments, "").await.status.success());
    dashboard.stop().await;
    let finished = dashboard.command(&arguments, "").await;
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
}

#[tokio::test]
async fn healthcheck_believes_no_strange_certificate() {
    let dashboard = Dashboard::start().await;
    let stranger = Dashboard::start().await;
    let origin = dashboard.origin();
    let ca = stranger.ca_file();

    let arguments = [
        "healthcheck",
        "--url",
        &origin,
        "--ca-file",
        ca.to_str().unwrap(),
    ];
    let finished = dashboard.command(&arguments, "").await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
}

#[tokio::test]
async fn a_password_that_is_too_short_is_refused() {
    let dashboard = Dashboard::start().await;
    let arguments = [
        "user",
        "add",
        "--email",
        OWNER,
        "--organisation",
        ORGANISATION,
    ];

    let finished = dashboard.command(&arguments, "short").await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
}

#[tokio::test]
async fn what_the_commands_name_has_to_exist() {
    let fleet = Fleet::start().await;
    for arguments in [
        &[
            "server",
            "add",
            "--organisation",
            "Nobody",
            "--name",
            "web-9",
        ][..],
        &[
            "token",
            "add",
            "--email",
            "no@example.org",
            "--organisation",
            ORGANISATION,
            "--scope",
            "read",
        ],
        &[
            "token",
            "add",
            "--email",
            OWNER,
            "--organisation",
            "Nobody",
            "--scope",
            "read",
        ],
    ] {
        let finished = fleet.dashboard.command(arguments, "").await;
        assert_eq!(
            finished.status.code(),
            Some(1),
            "{arguments:?}: {}",
            finished.stderr
        );
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert_eq!(finished.stdout, "", "{arguments:?}");
    }
}

#[tokio::test]
async fn a_name_with_control_characters_is_refused_and_not_printed() {
    let fleet = Fleet::start().await;
    for name in ["", "a\u{1b}[31mred", "a\nb", &"x".repeat(300)] {
        let arguments = [
            "server",
            "add",
            "--organisation",
            ORGANISATION,
            "--name",
            name,
        ];
        let finished = fleet.dashboard.command(&arguments, "").await;
        assert!(!finished.status.success(), "{name:?}");
        assert!(!finished.stderr.contains('\u{1b}'), "{:?}", finished.stderr);
    }
}

#[tokio::test]
async fn the_agent_prints_a_report_that_the_dashboard_accepts() {
    let fleet = Fleet::start().await;

    let printed = Agent::of(&fleet).finish(&["report"]).await.success();

    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    for member in ["cpu_usage", "memory_usage", "disk_usage", "timestamp"] {
        assert!(!report[member].is_null(), "{member} is missing: {printed}");
    }
    fleet.accepted(&report).await;
}

#[tokio::test]
async fn the_agent_ends_at_once_when_asked_to() {
    let fleet = Fleet::start().await;
    let mut agent = Agent::of(&fleet).start();
    let limit = std::time::Duration::from_secs(15);
    server_scout_tests::wait::until("the agent reports", limit, async || {
        (fleet.state().await["status"] == "online").then_some(())
    })
    .await;

    agent.signal(rustix::process::Signal::TERM);

    let status = agent.end(std::time::Duration::from_secs(5)).await;
    assert!(status.success(), "{status}");
    let said = format!("{}{}", agent.stdout(), agent.stderr());
    assert!(!said.contains(&fleet.server.key), "the key is in the log");
}

#[tokio::test]
async fn a_new_master_key_is_printed_alone_and_serves_a_dashboard() {
    let setup = server_scout_tests::dashboard::Setup::new();
    let finished = run(setup.command(&["master-key", "new"]), "", PATIENCE).await;
    let key = finished.success();
    assert!(key.starts_with("ssm_") && key.lines().count() == 1, "{key}");

    let file = setup.home().join("master-key");
    std::fs::write(&file, &key).unwrap();
    let setup = setup.set("SERVERSCOUT_MASTER_KEY_FILE", file.display().to_string());
    let mut dashboard = setup.start().await;

    assert!(!dashboard.setup().data_dir().join("master.key").exists());
    assert!(dashboard.stop().await.success());
}
