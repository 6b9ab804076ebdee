//! A database that a newer version has been at.

use server_scout_tests::fleet::ORGANISATION;
use server_scout_tests::{Database, Fleet};

#[tokio::test]
async fn a_newer_database_is_refused_in_one_line_and_left_as_it_is() {
    let mut fleet = Fleet::start().await;
    let database = Database::of(&fleet.dashboard);
    fleet.dashboard.stop().await;
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000001')");
    let schema = "SELECT group_concat(sql) || (SELECT group_concat(version) FROM __diesel_schema_migrations) \
                  AS text FROM sqlite_schema";
    let before = database.texts(schema);

    let setup = fleet.dashboard.setup();
    let served = setup.serve_to_the_end().await;
    let add = [
        "server",
        "add",
        "--organisation",
        ORGANISATION,
        "--name",
        "late",
    ];
    let commanded = fleet.dashboard.command(&add, "").await;
    for finished in [served, commanded] {
        assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
        let line = finished.stderr.lines().last().unwrap();
        assert!(
            line.contains("newer server-scout")
                && line.contains("29990101000001")
                && line.contains("put back a backup"),
            "{line}"
        );
    }
    assert_eq!(database.texts(schema), before);

    // Whoever has upgraded by mistake can still take a copy with the older program.
    let copy = setup.home().join("copy");
    let _ = fleet
        .dashboard
        .command(&["backup", copy.to_str().unwrap()], "")
        .await
        .success();
    assert!(copy.is_file());
}
