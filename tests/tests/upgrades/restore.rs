//! A new machine from a backup, as docs/OPERATING.md says.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;

use server_scout_tests::dashboard::Setup;
use server_scout_tests::fleet::answer;
use server_scout_tests::{Fleet, report};

/// What belongs to a backup beside the copy of the database.
const BESIDE: [&str; 3] = ["keys/ca.key", "ca.pem", "master.key"];

#[tokio::test]
async fn a_backup_makes_a_new_machine_the_same_dashboard() {
    let fleet = Fleet::start().await;
    fleet
        .accepted(&report::with_cpu(report::seconds_ago(2), 12.5))
        .await;
    let old = fleet.dashboard.setup().clone();
    let copy = old.home().join("copy");
    let _ = fleet
        .dashboard
        .command(&["backup", copy.to_str().unwrap()], "")
        .await
        .success();

    let setup = Setup::new();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(setup.data_dir())
        .unwrap();
    fs::create_dir(setup.data_dir().join("keys")).unwrap();
    fs::copy(copy, setup.data_dir().join("server-scout.db")).unwrap();
    for name in BESIDE {
        fs::copy(old.data_dir().join(name), setup.data_dir().join(name)).unwrap();
    }
    let restored = setup.start().await;

    // Agents and people go on: the same CA, keys and tokens.
    let client =
        server_scout_tests::https::client(&old.data_dir().join("ca.pem"), restored.address());
    let sent = client
        .post(restored.url("/api/v1/reports"))
        .header("X-API-Key", &fleet.server.key)
        .json(&report::seed_at(report::seconds_ago(1)));
    assert_eq!(answer(sent).await.status, 200);
    let asked = client
        .get(restored.url(&format!("/api/v1/servers/{}", fleet.server.id)))
        .bearer_auth(&fleet.token);
    let asked = answer(asked).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    let verified = restored.command(&["audit", "verify"], "").await.success();
    assert!(!verified.contains("BROKEN"), "{verified}");
}
