//! Enrolment: a code is exchanged once, within an hour, for the key of the server it was made for.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use diesel::RunQueryDsl as _;
use server_scout::access::{Right, Role};
use server_scout::domain::ServiceError;
use server_scout::domain::acting::{Acting, Actor};
use server_scout::domain::client::Client;
use server_scout::domain::enrolments::{Enrolled, EnrolmentFor, Exchange};
use server_scout::domain::names::Name;
use server_scout::domain::principal::Credential;
use server_scout::domain::servers::ServerQuery;
use server_scout::id::{Group, Id, Server};
use server_scout::store::Scope;
use server_scout::store::agent_keys::KeyState;
use support::{EMAIL, PASSWORD, World, attempt, report};

const HOUR: Duration = Duration::from_hours(1);

async fn world() -> (World, Scope) {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    (world, scope)
}

async fn code(world: &World, scope: Scope, for_what: EnrolmentFor) -> String {
    let acting = Acting::operator(scope);
    let made = world.services.add_enrolment(&acting, for_what).await;
    made.unwrap().shown(None)
}

async fn exchange(world: &World, code: &str, hostname: &str) -> Result<Enrolled, ServiceError> {
    let exchange = Exchange {
        code: code.to_owned(),
        hostname: hostname.to_owned(),
        agent_version: "0.1.0".to_owned(),
        client: Client::default(),
    };
    world.services.enrol(exchange).await
}

async fn states(world: &World, scope: Scope, server: Id<Server>) -> Vec<KeyState> {
    let keys = world.services.agent_keys(scope, server).await.unwrap();
    keys.iter().map(|key| key.row.state()).collect()
}

fn is_closed<T>(result: &Result<T, ServiceError>) -> bool {
    matches!(result, Err(ServiceError::EnrolmentClosed))
}

#[tokio::test]
async fn a_code_for_a_new_server_adds_it_and_works_once() {
    let (world, scope) = world().await;
    let named = EnrolmentFor::New(Some("web-1".to_owned()));
    let code = code(&world, scope, named).await;

    let enrolled = exchange(&world, &code, "some-host").await.unwrap();

    assert_eq!(enrolled.server.name, "web-1");
    let agent = world.agent(&enrolled.key).await.unwrap();
    assert_eq!((agent.server, agent.scope), (enrolled.server.id, scope));
    assert_eq!(agent.unseen_until, None, "a first key does not expire");
    assert!(is_closed(&exchange(&world, &code, "some-host").await));
}

#[tokio::test]
async fn without_a_name_the_host_gives_it_and_never_gets_into_an_old_server() {
    let (world, scope) = world().await;
    let (old, key) = world.server(scope, "db").await;
    for expected in ["db-2", "db-3"] {
        let code = code(&world, scope, EnrolmentFor::New(None)).await;
        let enrolled = exchange(&world, &code, "db").await.unwrap();
        assert_eq!(enrolled.server.name, expected);
        assert_ne!(enrolled.server.id, old.server);
    }
    assert!(world.agent(&key).await.is_some());
    let long = "x".repeat(Name::MAX);
    for _ in 0..2 {
        let code = code(&world, scope, EnrolmentFor::New(None)).await;
        let hostile = format!("{long}\u{202e}\n<b>");
        let enrolled = exchange(&world, &code, &hostile).await.unwrap();
        assert!(enrolled.server.name.chars().count() <= Name::MAX);
    }
}

#[tokio::test]
async fn a_code_ends_after_an_hour() {
    let (world, scope) = world().await;
    let code = code(&world, scope, EnrolmentFor::New(None)).await;
    world.hand.advance(HOUR);
    assert!(is_closed(&exchange(&world, &code, "host").await));
    world.services.clean().await.unwrap();
    assert!(is_closed(&exchange(&world, &code, "host").await));
}

#[tokio::test]
async fn of_two_exchanges_at_once_exactly_one_gets_a_key() {
    let (world, scope) = world().await;
    let beside = world.command().await;
    for _ in 0..10 {
        let code = code(&world, scope, EnrolmentFor::New(None)).await;
        let again = Exchange {
            code: code.clone(),
            hostname: "host".to_owned(),
            agent_version: "0.1.0".to_owned(),
            client: Client::default(),
        };
        let (one, other, third) = tokio::join!(
            exchange(&world, &code, "host"),
            exchange(&world, &code, "host"),
            beside.enrol(again),
        );
        let results = [one, other, third];
        let got = results.iter().filter(|result| result.is_ok()).count();
        let closed = results.iter().filter(|result| is_closed(result)).count();
        assert_eq!((got, closed), (1, 2));
    }
    let servers = world
        .services
        .servers(scope, ServerQuery::default())
        .await
        .unwrap();
    assert_eq!(servers.servers.len(), 10);
}

#[tokio::test]
async fn enrolling_a_server_that_has_keys_rotates_them() {
    let (world, scope) = world().await;
    let (agent, old) = world.server(scope, "web-1").await;
    world.hand.advance(Duration::from_secs(1));
    let lost = code(&world, scope, EnrolmentFor::Server(agent.server)).await;
    let first = exchange(&world, &lost, "host").await.unwrap();
    assert_eq!(first.server.id, agent.server);
    assert_eq!(
        states(&world, scope, agent.server).await,
        [KeyState::Leaving, KeyState::Successor]
    );

    // Its answer was lost: another code makes another successor, and the rotation stays one.
    world.hand.advance(Duration::from_secs(1));
    let code = code(&world, scope, EnrolmentFor::Server(agent.server)).await;
    let second = exchange(&world, &code, "host").await.unwrap();
    assert!(world.agent(&first.key).await.is_none());
    assert!(world.agent(&old).await.is_some());
    let used = world.agent(&second.key).await.unwrap();
    let body = report(world.now(), 1.0, "").into();
    let sent = world.services.ingest(used, Client::default(), body).await;
    sent.unwrap();
    assert!(world.agent(&old).await.is_none());
    assert_eq!(
        states(&world, scope, agent.server).await,
        [KeyState::Replaced, KeyState::Replaced, KeyState::Good]
    );
}

#[tokio::test]
async fn a_newer_code_for_a_server_takes_the_place_of_the_older() {
    let (world, scope) = world().await;
    let (agent, _) = world.server(scope, "web-1").await;
    let older = code(&world, scope, EnrolmentFor::Server(agent.server)).await;
    let newer = code(&world, scope, EnrolmentFor::Server(agent.server)).await;
    assert!(is_closed(&exchange(&world, &older, "host").await));
    assert!(exchange(&world, &newer, "host").await.is_ok());
}

#[tokio::test]
async fn a_code_for_a_server_that_is_gone_or_foreign_opens_nothing() {
    let (world, scope) = world().await;
    let (agent, _) = world.server(scope, "web-1").await;
    let code = code(&world, scope, EnrolmentFor::Server(agent.server)).await;
    let acting = Acting::operator(scope);
    let deleted = world.services.delete_server(&acting, agent.server).await;
    deleted.unwrap();
    assert!(is_closed(&exchange(&world, &code, "host").await));

    let other = world.organisation("Other", "eve@example.org").await;
    let (theirs, _) = world.server(other, "db").await;
    let foreign = EnrolmentFor::Server(theirs.server);
    let made = world.services.add_enrolment(&acting, foreign).await;
    assert!(matches!(made, Err(ServiceError::NotFound)));
}

#[tokio::test]
async fn a_code_is_worth_no_more_than_its_maker() {
    let (world, scope) = world().await;
    let mel = "mel@example.org";
    let added = world
        .services
        .add_person(mel, "Acme", Some(Role::Member), PASSWORD.to_owned());
    added.await.unwrap();
    let session = world.services.log_in(attempt(mel, PASSWORD)).await.unwrap();
    let session = Credential::Session(session.done().unwrap().session.expose().to_owned());
    let person = world.person(session).await;
    let acting = Acting {
        scope,
        by: Actor::person(person.person(), mel, Client::default()),
    };
    let made = world
        .services
        .add_enrolment(&acting, EnrolmentFor::New(None));
    let code = made.await.unwrap().shown(None);
    let store = world.store();
    let leave = format!(
        "DELETE FROM member WHERE person_id = {}",
        person.person().as_i64()
    );
    let removed = store.write(move |c| Ok(diesel::sql_query(leave).execute(c)?));
    removed.await.unwrap();
    assert!(is_closed(&exchange(&world, &code, "host").await));
}

#[tokio::test]
async fn what_is_no_code_is_answered_like_an_unknown_one_and_slowed_down() {
    let (world, _) = world().await;
    let from = Client {
        address: Some([192, 0, 2, 9].into()),
        ..Client::default()
    };
    let attempt = async |code: &str| {
        let exchange = Exchange {
            code: code.to_owned(),
            hostname: "host".to_owned(),
            agent_version: "0.1.0".to_owned(),
            client: from.clone(),
        };
        world.services.enrol(exchange).await
    };
    let unknown = server_scout::secret::Secret::generate(server_scout::secret::Purpose::Enrolment);
    for number in 0..20 {
        let code = if number % 2 == 0 {
            unknown.expose()
        } else {
            "nonsense"
        };
        assert!(is_closed(&attempt(code).await));
    }
    assert!(matches!(
        attempt(unknown.expose()).await,
        Err(ServiceError::TooManyAttempts { .. })
    ));
}

#[tokio::test]
async fn a_full_organisation_refuses_and_the_code_stays_good() {
    let world = World::with(|limits| limits.servers = 1).await;
    let scope = world.organisation("Acme", EMAIL).await;
    let code = code(&world, scope, EnrolmentFor::New(None)).await;
    let (agent, _) = world.server(scope, "web-1").await;
    let full = exchange(&world, &code, "host").await;
    assert!(matches!(full, Err(ServiceError::Conflict { .. })));
    let acting = Acting::operator(scope);
    let deleted = world.services.delete_server(&acting, agent.server).await;
    deleted.unwrap();
    assert!(exchange(&world, &code, "host").await.is_ok());
}

#[tokio::test]
async fn bad_names_and_versions_are_refused_by_name_before_the_code_is_used() {
    let (world, scope) = world().await;
    let acting = Acting::operator(scope);
    let _ = world.server(scope, "web-1").await;
    for name in ["", "a\u{7}b", "web-1"] {
        let named = EnrolmentFor::New(Some(name.to_owned()));
        let made = world.services.add_enrolment(&acting, named).await;
        assert!(made.is_err(), "{name:?}");
    }
    let code = code(&world, scope, EnrolmentFor::New(None)).await;
    for version in ["", "a\nb", &"x".repeat(33)] {
        let exchange = Exchange {
            code: code.clone(),
            hostname: "host".to_owned(),
            agent_version: version.to_owned(),
            client: Client::default(),
        };
        let refused = world.services.enrol(exchange).await;
        assert!(matches!(
            refused,
            Err(ServiceError::Invalid {
                member: "agent_version",
                ..
            })
        ));
    }
    assert!(exchange(&world, &code, "host").await.is_ok());
}

#[tokio::test]
async fn a_limited_members_code_puts_the_server_where_they_see_it_and_ends_with_their_groups() {
    let (world, scope) = world().await;
    let owner = Acting::operator(scope);
    let mel = "mel@example.org";
    let added = world
        .services
        .add_person(mel, "Acme", Some(Role::Member), PASSWORD.to_owned());
    added.await.unwrap();
    let login = world.services.log_in(attempt(mel, PASSWORD)).await.unwrap();
    let session = login.done().unwrap().session.expose().to_owned();
    let member = async || world.person(Credential::Session(session.clone())).await;
    let id = member().await.person();
    let limit = async |groups: Vec<Id<Group>>| {
        let set = world.services.set_member_groups(&owner, id, Some(groups));
        set.await.unwrap();
    };
    let make = async || {
        let acting = member().await.acting(Right::Write).unwrap();
        let new = EnrolmentFor::New(None);
        let made = world.services.add_enrolment(&acting, new).await;
        made.map(|made| made.shown(None))
    };
    limit(Vec::new()).await;
    assert!(matches!(make().await, Err(ServiceError::Invalid { .. })));
    let group = world.services.add_group(&owner, "Customer").await.unwrap();
    limit(vec![group.id]).await;

    let enrolled = exchange(&world, &make().await.unwrap(), "web")
        .await
        .unwrap();

    let sees = member().await.scope(Right::Read).unwrap();
    assert!(
        world
            .services
            .server(sees, enrolled.server.id)
            .await
            .is_ok()
    );
    // A name that they cannot see is no reason to refuse, and leads to no old server.
    let (hidden, _) = world.server(scope, "hidden").await;
    let code = make().await.unwrap();
    let other = exchange(&world, &code, "hidden").await.unwrap();
    assert_ne!(other.server.id, hidden.server);

    for change in ["other groups", "the group is deleted"] {
        limit(vec![group.id]).await;
        let code = make().await.unwrap();
        if change == "other groups" {
            limit(Vec::new()).await;
        } else {
            let deleted = world.services.delete_group(&owner, group.id).await;
            deleted.unwrap();
        }
        assert!(is_closed(&exchange(&world, &code, "web").await), "{change}");
    }
}
