//! P4: the key that seals secrets.

use std::os::unix::fs::MetadataExt as _;

use server_scout_tests::dashboard::Setup;
use server_scout_tests::{Dashboard, Fleet};

#[tokio::test]
async fn the_key_is_private_and_its_place_is_warned_about() {
    let dashboard = Dashboard::start().await;
    let key = dashboard.setup().data_dir().join("master.key");
    assert_eq!(key.metadata().unwrap().mode() & 0o777, 0o600);
    let log = dashboard.program().stderr();
    assert!(log.contains("SERVERSCOUT_MASTER_KEY_FILE"), "{log}");
    let text = std::fs::read_to_string(&key).unwrap();
    assert!(text.starts_with("ssm_") && !log.contains(text.trim()));
}

#[tokio::test]
async fn a_configured_key_is_used_and_no_other_is_made() {
    let first = Dashboard::start().await;
    let key = first.setup().data_dir().join("master.key");
    let setup = Setup::new();
    let elsewhere = setup.home().join("elsewhere.key");
    std::fs::copy(&key, &elsewhere).unwrap();
    let setup = setup.set(
        "SERVERSCOUT_MASTER_KEY_FILE",
        elsewhere.display().to_string(),
    );
    let dashboard = setup.start().await;
    assert!(!dashboard.setup().data_dir().join("master.key").exists());
    assert!(!dashboard.program().stderr().contains("lies beside"));
}

#[tokio::test]
async fn a_lost_or_wrong_key_is_said_in_one_line() {
    let mut dashboard = Dashboard::start().await;
    dashboard.stop().await;
    let key = dashboard.setup().data_dir().join("master.key");
    let kept = dashboard.setup().home().join("kept.key");
    std::fs::rename(&key, &kept).unwrap();
    let lost = dashboard.setup().serve_to_the_end().await;
    assert_eq!(lost.status.code(), Some(1));
    assert!(
        lost.stderr
            .contains("is missing, but the database holds secrets"),
        "{}",
        lost.stderr
    );
    assert!(!key.exists(), "no key takes the place of a lost one");

    let other = Dashboard::start().await;
    std::fs::copy(other.setup().data_dir().join("master.key"), &key).unwrap();
    let wrong = dashboard.setup().serve_to_the_end().await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        wrong.stderr.contains("under another master key"),
        "{}",
        wrong.stderr
    );

    std::fs::rename(&kept, &key).unwrap();
    let _ = dashboard.again().await;
}

#[tokio::test]
async fn the_key_is_rotated_while_the_dashboard_runs() {
    let fleet = Fleet::start().await;
    let key = fleet.dashboard.setup().data_dir().join("master.key");
    let before = std::fs::read_to_string(&key).unwrap();
    let said = fleet
        .dashboard
        .command(&["master-key", "rotate"], "")
        .await
        .success();
    assert!(said.contains("sealed under the new master key"), "{said}");
    let after = std::fs::read_to_string(&key).unwrap();
    assert_ne!(before, after);
    assert_eq!(key.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(
        !key.with_extension("previous").exists(),
        "the key before is gone"
    );

    let _ = fleet.owner().await;
    let _ = fleet
        .dashboard
        .command(&["audit", "verify"], "")
        .await
        .success();
    let mut fleet = fleet;
    fleet.dashboard.stop().await;
    let fleet = fleet.again().await;
    let _ = fleet
        .dashboard
        .command(&["audit", "verify"], "")
        .await
        .success();

    std::fs::write(&key, before).unwrap();
    let old = fleet.dashboard.command(&["audit", "verify"], "").await;
    assert_eq!(
        old.status.code(),
        Some(1),
        "the old key opens nothing: {}",
        old.stdout
    );
}

#[tokio::test]
async fn a_rotation_that_was_cut_off_leaves_the_key_that_fits() {
    let mut dashboard = Dashboard::start().await;
    dashboard.stop().await;
    let key = dashboard.setup().data_dir().join("master.key");
    let good = std::fs::read_to_string(&key).unwrap();
    // As if the power had gone between the file's change and the commit.
    let other = Dashboard::start().await;
    let unfinished = std::fs::read(other.setup().data_dir().join("master.key")).unwrap();
    std::fs::rename(&key, key.with_extension("previous")).unwrap();
    std::fs::write(&key, unfinished).unwrap();
    let dashboard = dashboard.again().await;
    assert_eq!(std::fs::read_to_string(&key).unwrap(), good);
    assert!(!key.with_extension("previous").exists());
    drop(dashboard);
}

#[tokio::test]
async fn an_operators_own_place_gets_the_new_key_while_the_dashboard_stands_still() {
    let mut fleet = Fleet::start().await;
    let new = fleet.dashboard.setup().home().join("new.key");
    let arguments = [
        "master-key",
        "rotate",
        "--new-key-file",
        new.to_str().unwrap(),
    ];
    let running = fleet.dashboard.command(&arguments, "").await;
    assert_eq!(running.status.code(), Some(1), "{}", running.stderr);
    assert!(
        running.stderr.contains("stop it first"),
        "{}",
        running.stderr
    );
    fleet.dashboard.stop().await;
    let _ = fleet.dashboard.command(&arguments, "").await.success();
    assert_eq!(new.metadata().unwrap().mode() & 0o777, 0o600);
    let data_dir = fleet.dashboard.setup().data_dir().to_owned();
    std::fs::remove_file(data_dir.join("master.key")).unwrap();
    let setup = fleet.dashboard.setup().clone();
    let again = setup.set("SERVERSCOUT_MASTER_KEY_FILE", new.display().to_string());
    let _ = again.start().await;
}
