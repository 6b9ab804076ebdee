//! P11: an organisation that is deleted is gone, from every table and from the files.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::audit::EventQuery;
use server_scout::domain::channels::heartbeat::NewHeartbeat;
use server_scout::domain::client::Client;
use server_scout::domain::principal::Credential;
use server_scout::store::Scope;
use support::{EMAIL, PASSWORD, World, attempt, report};

const EVE: &str = "eve@example.org";

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The tables of tenant data that still hold rows of the organisation.
async fn left(world: &World, scope: Scope) -> Vec<String> {
    let id = scope.organisation().as_i64();
    let store = world.store();
    let look = move |c: &mut diesel::SqliteConnection| {
        let tables: Vec<Name> = sql_query(
            "SELECT DISTINCT m.name AS name FROM sqlite_master m, pragma_table_info(m.name) p
             WHERE m.type = 'table' AND p.name = 'organisation_id'",
        )
        .load(c)?;
        assert!(tables.len() >= 8, "the tables were not found");
        let mut left = Vec::new();
        for table in tables {
            let question = format!(
                "SELECT count(*) AS count FROM {} WHERE organisation_id = {id}",
                table.name
            );
            let counted: Count = sql_query(question).get_result(c)?;
            if counted.count > 0 {
                left.push(table.name);
            }
        }
        Ok(left)
    };
    store.read(look).await.unwrap()
}

#[tokio::test]
async fn nothing_is_left_of_an_organisation_and_the_others_stay() {
    let world = World::new().await;
    let ours = world.organisation("Acme", EMAIL).await;
    let theirs = world.organisation("Other", EVE).await;
    let (agent, _) = world.server(ours, "a-name-like-no-other").await;
    let (neighbour, _) = world.server(theirs, "kept").await;
    for (agent, label) in [(agent, "vanishing0"), (neighbour, "staying0")] {
        let more = format!(r#","network_sent_bytes_total":{{"{label}":1}}"#);
        let body = report(world.now(), 1.0, &more);
        let sent = world
            .services
            .ingest(agent, Client::default(), body.into())
            .await;
        assert!(sent.is_ok());
    }
    let heartbeat = NewHeartbeat {
        address: Some("https://ping.example.org/beat-like-none".to_owned()),
        method: None,
        every_minutes: 5,
    };
    let operator = Acting::operator(ours);
    let kept = world.services.set_heartbeat(&operator, heartbeat).await;
    assert_eq!(kept.unwrap().shown, "ping.example.org …none");
    // Something is folded, and something still in the log.
    world.services.fold(world.now()).await.unwrap();
    let body = report(
        world.now().before(std::time::Duration::from_secs(1)),
        1.0,
        "",
    );
    let sent = world.services.ingest(agent, Client::default(), body.into());
    assert!(sent.await.is_ok());
    assert!(world.files_hold("a-name-like-no-other") && world.files_hold("vanishing0"));

    let session = world.log_in().await;
    let acting = Acting::operator(ours);
    let refused = world.services.delete_organisation(&acting, "acme").await;
    assert!(matches!(refused, Err(ServiceError::Invalid { .. })));
    assert!(world.session_counts(&session).await);
    world
        .services
        .delete_organisation(&acting, " Acme ")
        .await
        .unwrap();

    assert!(!world.session_counts(&session).await);
    let again = world.services.log_in(attempt(EMAIL, PASSWORD)).await;
    assert!(matches!(again, Err(ServiceError::WrongLogin)));
    world.services.clean().await.unwrap();
    assert_eq!(left(&world, ours).await, Vec::<String>::new());
    assert!(!left(&world, theirs).await.is_empty());
    for gone in ["a-name-like-no-other", "vanishing0", "…none", EMAIL] {
        assert!(!world.files_hold(gone), "{gone} is still in a file");
    }
    assert!(world.files_hold("staying0"));
    // Its name is free again.
    world.organisation("Acme", EMAIL).await;
}

#[tokio::test]
async fn the_installations_chain_says_where_the_deleted_one_stood() {
    let world = World::new().await;
    let ours = world.organisation("Acme", EMAIL).await;
    world.organisation("Other", EVE).await;
    world
        .services
        .delete_organisation(&Acting::operator(ours), "Acme")
        .await
        .unwrap();
    let findings = world.services.verify_audit(Vec::new()).await.unwrap();
    let chains: Vec<&str> = findings
        .iter()
        .map(|finding| finding.chain.as_str())
        .collect();
    assert!(chains.contains(&"0000000000000000"), "{chains:?}");
    assert!(!chains.contains(&ours.organisation().to_string().as_str()));
    assert!(
        findings.iter().all(|finding| finding.broken.is_none()),
        "{findings:?}"
    );

    let session = world
        .services
        .log_in(attempt(EVE, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap()
        .session;
    let eve = Credential::Session(session.expose().to_owned());
    let eve = world.person(eve).await;
    let page = world
        .services
        .audit_events(&eve, EventQuery::default(), 100)
        .await
        .unwrap();
    let told = page
        .events
        .iter()
        .any(|event| event.row.action == "organisation.deleted");
    assert!(!told, "no organisation hears of another's end");
}

#[tokio::test]
async fn whoever_was_at_work_when_it_was_deleted_leaves_nothing() {
    let world = World::new().await;
    let ours = world.organisation("Acme", EMAIL).await;
    let session = world.log_in().await;
    let credential = Credential::Session(session.expose().to_owned());
    let person = world.person(credential).await;
    let acting = Acting::operator(ours);
    let deleted = world.services.delete_organisation(&acting, "Acme").await;
    assert!(deleted.is_ok());

    let late = world.services.note_audit_export(&person).await;

    assert!(
        matches!(late, Err(ServiceError::Unauthenticated)),
        "{late:?}"
    );
    world.services.clean().await.unwrap();
    assert_eq!(left(&world, ours).await, Vec::<String>::new());
}
