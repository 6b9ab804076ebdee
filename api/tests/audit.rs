//! P12: what is done is recorded, and a record that was changed, removed or cut off is noticed.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use server_scout::domain::acting::Acting;
use server_scout::domain::audit::{EventQuery, Finding};
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::{ServiceError, Services};
use support::{EMAIL, PASSWORD, World, attempt};

const DAY: Duration = Duration::from_hours(24);

async fn me(world: &World) -> PersonPrincipal {
    let session = world.log_in().await;
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

async fn actions(world: &World, person: &PersonPrincipal) -> Vec<String> {
    let page = world
        .services
        .audit_events(person, EventQuery::default(), 1000)
        .await
        .unwrap();
    page.events
        .into_iter()
        .map(|event| event.row.action)
        .collect()
}

async fn verified(services: &Services) -> Vec<Finding> {
    services.verify_audit(Vec::new()).await.unwrap()
}

/// What verification says after `change` was made to the database behind the dashboard's back.
async fn after(change: &'static str) -> Vec<String> {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let acting = Acting::operator(scope);
    for name in ["a", "b", "c", "d"] {
        world.services.add_server(&acting, name).await.unwrap();
    }
    let whole = verified(&world.services).await;
    assert!(
        whole.iter().all(|finding| finding.broken.is_none()),
        "{whole:?}"
    );
    let tampered = world
        .store()
        .write(move |c| {
            c.batch_execute(change).unwrap();
            Ok(())
        })
        .await;
    tampered.unwrap();
    let found = verified(&world.services).await;
    found
        .into_iter()
        .filter_map(|finding| finding.broken)
        .collect()
}

#[tokio::test]
async fn what_people_do_stands_in_the_log_of_their_organisation() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world.organisation("Other", "eve@example.org").await;
    let me = me(&world).await;
    let acting = me.acting(server_scout::access::Right::Write).unwrap();
    let (server, _) = world.services.add_server(&acting, "web").await.unwrap();
    world
        .services
        .delete_server(&acting, server.row.id)
        .await
        .unwrap();

    let mine = actions(&world, &me).await;
    assert_eq!(
        mine,
        [
            "server.deleted",
            "server.added",
            "login.succeeded",
            "person.added"
        ]
    );
    let query = EventQuery {
        action: Some("server".to_owned()),
        ..EventQuery::default()
    };
    let page = world.services.audit_events(&me, query, 1).await.unwrap();
    let event = page.events.first().unwrap();
    assert_eq!(event.row.object_name, "web");
    assert_eq!(event.row.actor_name, EMAIL);
    assert_eq!(event.at, world.now());
    assert!(page.next.is_some());
}

#[tokio::test]
async fn a_failed_login_is_noted_and_an_unknown_account_is_the_installations() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    for email in [EMAIL, "nobody@example.org"] {
        let login = world
            .services
            .log_in(attempt(email, "not the password"))
            .await;
        assert!(matches!(login, Err(ServiceError::WrongLogin)));
    }
    // Nobody waits for the note, so that time tells nothing.
    for _ in 0..200 {
        let me = me(&world).await;
        let noted = actions(&world, &me).await;
        let chains = verified(&world.services).await.len();
        if noted.contains(&"login.failed".to_owned()) && chains == 2 {
            let own = noted
                .iter()
                .filter(|action| *action == "login.failed")
                .count();
            assert_eq!(own, 1, "the stranger's is not ours");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the failed logins were not noted");
}

#[tokio::test]
async fn a_viewer_sees_the_own_events_alone() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    let viewer = "viewer@example.org";
    let password = PASSWORD.to_owned();
    world
        .services
        .add_person(viewer, "Acme", None, password)
        .await
        .unwrap();
    let owner = me(&world).await;
    let session = world
        .services
        .log_in(attempt(viewer, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap();
    let credential = Credential::Session(session.session.expose().to_owned());
    let viewer = world.person(credential).await;
    assert_eq!(actions(&world, &viewer).await, ["login.succeeded"]);
    let of = |person| EventQuery {
        person: Some(person),
        ..EventQuery::default()
    };
    let asked = of(owner.person());
    let others = world.services.audit_events(&viewer, asked, 10).await;
    assert!(matches!(others, Err(ServiceError::Forbidden)));
    for somebody in [&viewer, &owner] {
        let asked = of("00000000000000aa".parse().unwrap());
        let nobodys = world.services.audit_events(somebody, asked, 10).await;
        assert!(matches!(nobodys, Err(ServiceError::NotFound)));
    }
}

#[tokio::test]
async fn a_changed_event_is_found() {
    let found = after("UPDATE audit_event SET object_name = 'x' WHERE number = 3").await;
    assert_eq!(found, ["event number 3 was changed or put in"]);
    let found = after("UPDATE audit_event SET address = '192.0.2.9' WHERE number = 2").await;
    assert_eq!(found, ["event number 2 was changed or put in"]);
}

#[tokio::test]
async fn a_removed_event_is_found() {
    let found = after("DELETE FROM audit_event WHERE number = 3").await;
    assert_eq!(found, ["event number 3 is missing"]);
    let found = after(
        "DELETE FROM audit_event WHERE number = 3;
         UPDATE audit_event SET number = 3 WHERE number = 4;
         UPDATE audit_event SET number = 4 WHERE number = 5;
         UPDATE audit_chain SET count = 4",
    )
    .await;
    assert_eq!(found, ["event number 3 was changed or put in"]);
}

#[tokio::test]
async fn a_missing_end_is_found() {
    let found = after("DELETE FROM audit_event WHERE number > 3").await;
    assert_eq!(
        found,
        ["the events from number 4 on are missing; 5 were recorded"]
    );
}

#[tokio::test]
async fn a_beginning_that_was_cut_off_without_the_key_is_found() {
    let found = after(
        "DELETE FROM audit_event WHERE number < 3;
         UPDATE audit_chain SET checkpoint_number = 2, checkpoint_head = zeroblob(32), checkpoint_seal = zeroblob(32)",
    )
    .await;
    assert_eq!(
        found,
        ["its checkpoint, where older events were removed, was changed"]
    );
}

/// Whoever takes the end away and sets the chain back leaves a whole chain. The service log knows better.
#[tokio::test]
async fn an_end_that_was_cut_off_neatly_is_found_with_the_service_log() {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let acting = Acting::operator(scope);
    for name in ["a", "b", "c"] {
        world.services.add_server(&acting, name).await.unwrap();
    }
    let told = verified(&world.services).await.remove(0).head;
    let known = vec![told.parse().unwrap()];
    let whole = world.services.verify_audit(known.clone()).await.unwrap();
    assert!(
        whole.iter().all(|finding| finding.broken.is_none()),
        "{whole:?}"
    );
    let cut = "DELETE FROM audit_event WHERE number > 2;
        UPDATE audit_chain SET count = 2, head = (SELECT seal FROM audit_event WHERE number = 2)";
    let store = world.store();
    store
        .write(move |c| {
            c.batch_execute(cut).unwrap();
            Ok(())
        })
        .await
        .unwrap();
    let alone = verified(&world.services).await;
    assert!(alone.iter().all(|finding| finding.broken.is_none()));
    let found = world.services.verify_audit(known).await.unwrap();
    assert_eq!(
        found.first().unwrap().broken.as_deref(),
        Some("it was cut off after number 2; the service log knew 4 events")
    );
}

#[tokio::test]
async fn old_events_go_and_the_rest_still_verifies() {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let acting = Acting::operator(scope);
    world.services.add_server(&acting, "old").await.unwrap();
    world.hand.advance(399 * DAY);
    world.services.add_server(&acting, "new").await.unwrap();
    world.hand.advance(2 * DAY);
    world.services.clean().await.unwrap();
    let me = me(&world).await;
    assert_eq!(
        actions(&world, &me).await,
        ["login.succeeded", "audit.closed", "server.added"]
    );
    let found = verified(&world.services).await;
    assert!(
        found.iter().all(|finding| finding.broken.is_none()),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_a_command_did_is_sealed_by_the_dashboard() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    let command = world.command().await;
    let scope = command.operator_scope("Acme").await.unwrap();
    command
        .add_server(&Acting::operator(scope), "by command")
        .await
        .unwrap();
    let me = me(&world).await;
    assert!(
        !actions(&world, &me)
            .await
            .contains(&"server.added".to_owned())
    );
    world.services.seal_what_commands_left().await.unwrap();
    let page = world
        .services
        .audit_events(&me, EventQuery::default(), 1)
        .await
        .unwrap();
    let event = &page.events.first().unwrap().row;
    assert_eq!(
        (event.action.as_str(), event.actor_kind.as_str()),
        ("server.added", "operator")
    );
    let found = verified(&world.services).await;
    assert!(
        found.iter().all(|finding| finding.broken.is_none()),
        "{found:?}"
    );
    assert!(
        command.verify_audit(Vec::new()).await.is_err(),
        "a command has no key"
    );
}

#[tokio::test]
async fn the_chains_go_on_after_a_restart() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    let world = world.restart().await;
    let _ = me(&world).await;
    let found = verified(&world.services).await;
    assert!(
        found.iter().all(|finding| finding.broken.is_none()),
        "{found:?}"
    );
    assert_eq!(found.first().unwrap().events, 2);
}
