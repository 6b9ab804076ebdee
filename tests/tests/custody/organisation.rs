//! P11: an owner takes all data along, and deletes it.

use std::io::Read as _;

use server_scout_tests::fleet::{ORGANISATION, OWNER, PASSWORD};
use server_scout_tests::wait::{PATIENCE, until};
use server_scout_tests::{Fleet, Person, report};

#[tokio::test]
async fn an_owner_takes_everything_along_but_the_secrets() {
    let fleet = Fleet::start().await;
    fleet.accepted(&report::seed()).await;
    let mut owner = fleet.owner().await;
    let archive = owner.get("/settings/data/export").await;
    assert_eq!(archive.status, 200, "{}", archive.text());
    assert_eq!(archive.header("content-type"), Some("application/gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(archive.body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    let records: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = records
        .iter()
        .map(|record| record["kind"].as_str().unwrap())
        .collect();
    for kind in [
        "organisation",
        "member",
        "server",
        "agent-key",
        "access-token",
        "series",
        "samples",
        "audit-event",
    ] {
        assert!(kinds.contains(&kind), "{kind} is missing in {kinds:?}");
    }
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("export", "end"));
    assert_eq!(records[records.len() - 1]["records"], records.len() - 2);
    for secret in [
        fleet.server.key.as_str(),
        fleet.token.as_str(),
        "argon2",
        "hash",
        "sealed",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn only_an_owner_with_a_fresh_session_exports_or_deletes() {
    let fleet = Fleet::start().await;
    let admin = "admin@example.org";
    fleet
        .dashboard
        .add_user(admin, ORGANISATION, "admin", PASSWORD)
        .await;
    let mut person = Person::new(&fleet.dashboard);
    person.log_in(admin, PASSWORD).await;
    assert_eq!(person.get("/settings/data/export").await.status, 403);
    let deletion = person
        .submit("/settings/data/delete", &[("name", ORGANISATION)])
        .await;
    assert_eq!(deletion.status, 403);
    // A token never does what only owners may.
    let exported = fleet.get("/api/v1/organisation/export").await;
    assert_eq!(exported.status, 403, "{}", exported.text());
    let body = serde_json::json!({ "name": ORGANISATION });
    let path = "/api/v1/organisation/deletion";
    let deleted = fleet
        .call(reqwest::Method::POST, path, &fleet.token, Some(&body))
        .await;
    assert_eq!(deleted.status, 403, "{}", deleted.text());
}

#[tokio::test]
async fn a_deleted_organisation_is_gone_for_people_agents_and_tokens() {
    let fleet = Fleet::start().await;
    let mut owner = fleet.owner().await;
    owner.get("/settings/data").await;
    let mistyped = owner
        .submit("/settings/data/delete", &[("name", "Exmple")])
        .await;
    assert_eq!(mistyped.status, 422);
    assert!(mistyped.text().contains("must be the organisation"));
    let deleted = owner
        .submit("/settings/data/delete", &[("name", ORGANISATION)])
        .await;
    assert_eq!(
        (deleted.status, deleted.header("location")),
        (303, Some("/login"))
    );

    assert!(!owner.is_logged_in().await);
    assert_eq!(fleet.get("/api/v1/servers").await.status, 401);
    let report = fleet.report(&report::seed()).await;
    assert_eq!(report.status, 401);
    let again = fleet.stranger().log_in(OWNER, PASSWORD).await;
    assert_eq!(again.status, 401);
    let database = fleet.dashboard.setup().data_dir().join("server-scout.db");
    until("its server is gone from the file", PATIENCE, async || {
        let content = std::fs::read(&database).unwrap();
        let name = fleet.server.name.as_bytes();
        (!content.windows(name.len()).any(|part| part == name)).then_some(())
    })
    .await;
}
