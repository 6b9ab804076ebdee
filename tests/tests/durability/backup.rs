//! A copy of a running dashboard's database.

use server_scout_tests::dashboard::Setup;
use server_scout_tests::{Fleet, report};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_busy_dashboard_holds_what_was_acknowledged_before() {
    let fleet = Fleet::start().await;
    let book = crate::stream::Book::new(vec![fleet.add_server("busy").await]);
    let senders = crate::stream::send(&fleet, &book);
    let at = report::seconds_ago(5);
    fleet.accepted(&report::with_cpu(at, 12.5)).await;

    let setup = Setup::new();
    let copy = setup.home().join("copy");
    let _ = fleet
        .dashboard
        .command(&["backup", copy.to_str().unwrap()], "")
        .await
        .success();
    drop(senders);

    // The copy is a whole database: a dashboard starts on it, and knows the report.
    let data_dir = fleet.dashboard.setup().data_dir();
    let mut private = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
    private.create(setup.data_dir()).unwrap();
    private.create(setup.data_dir().join("keys")).unwrap();
    std::fs::copy(&copy, setup.data_dir().join("server-scout.db")).unwrap();
    for kept in ["ca.pem", "keys/ca.key", "master.key"] {
        std::fs::copy(data_dir.join(kept), setup.data_dir().join(kept)).unwrap();
    }
    let restored = setup.start().await;
    let path = format!(
        "/api/v1/servers/{}/metrics?names=cpu_usage&from={at}&to={}&points=1",
        fleet.server.id,
        at + jiff::SignedDuration::from_secs(1)
    );
    let request = restored
        .client()
        .get(restored.url(&path))
        .bearer_auth(&fleet.token);
    let answer = server_scout_tests::fleet::answer(request).await;
    assert_eq!(
        answer.json()["series"][0]["average"][0],
        12.5,
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_backup_never_overwrites_a_file() {
    let fleet = Fleet::start().await;
    let copy = fleet.dashboard.setup().home().join("precious");
    std::fs::write(&copy, "precious").unwrap();

    let finished = fleet
        .dashboard
        .command(&["backup", copy.to_str().unwrap()], "")
        .await;

    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "precious");
}
