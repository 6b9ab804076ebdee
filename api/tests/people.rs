//! P12: who may change whom; the last owner stays; what a change ends.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::access::{Role, TokenScope};
use server_scout::domain::ServiceError;
use server_scout::domain::accounts::LoginAttempt;
use server_scout::domain::audit::EventQuery;
use server_scout::domain::people::MemberChange;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::id::{Id, Person};
use server_scout::secret::Secret;
use support::{EMAIL, PASSWORD, World, attempt};

const BOB: &str = "bob@example.org";
const CAT: &str = "cat@example.org";

/// Acme, owned by Ada, with Bob and Cat in the given roles.
async fn world(bob: Role, cat: Role) -> World {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    add(&world, BOB, bob).await;
    add(&world, CAT, cat).await;
    world
}

async fn add(world: &World, email: &str, role: Role) {
    let password = PASSWORD.to_owned();
    let added = world
        .services
        .add_person(email, "Acme", Some(role), password);
    added.await.unwrap();
}

async fn session(world: &World, email: &str) -> Secret {
    let login: LoginAttempt = attempt(email, PASSWORD);
    world
        .services
        .log_in(login)
        .await
        .unwrap()
        .done()
        .unwrap()
        .session
}

async fn person(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

async fn as_person(world: &World, email: &str) -> PersonPrincipal {
    person(world, &session(world, email).await).await
}

async fn token(world: &World, email: &str, scope: TokenScope) -> Secret {
    let token = world.services.add_token(email, "Acme", scope).await;
    token.unwrap()
}

async fn token_counts(world: &World, token: &Secret) -> bool {
    let credential = Credential::AccessToken(token.expose().to_owned());
    let found = world.services.authenticate(&credential).await;
    found.unwrap().is_some()
}

async fn id(world: &World, email: &str) -> Id<Person> {
    let scope = world.services.operator_scope("Acme").await.unwrap();
    let page = world.services.members(scope, None, 200).await.unwrap();
    let mut members = page.members.into_iter();
    members.find(|row| row.email == email).unwrap().person
}

fn role(role: Role) -> MemberChange {
    MemberChange {
        role: Some(role),
        ..MemberChange::default()
    }
}

fn suspended(suspended: bool) -> MemberChange {
    MemberChange {
        suspended: Some(suspended),
        ..MemberChange::default()
    }
}

#[tokio::test]
async fn the_last_owner_stays_on_every_way_out() {
    let world = world(Role::Owner, Role::Viewer).await;
    let (ada, bob) = (id(&world, EMAIL).await, id(&world, BOB).await);
    let owner = as_person(&world, EMAIL).await;
    let other = as_person(&world, BOB).await;
    let here = owner.identity.scope.organisation();
    let services = &world.services;

    // A suspended owner is none that could help.
    services
        .change_member(&owner, bob, suspended(true))
        .await
        .unwrap();
    let refused = [
        services
            .change_member(&owner, ada, role(Role::Admin))
            .await
            .map(drop),
        services.remove_member(&owner, ada).await,
        services.leave_organisation(&owner, here).await,
    ];
    for refused in refused {
        assert!(
            matches!(refused, Err(ServiceError::LastOwner)),
            "{refused:?}"
        );
    }
    let own = services.change_member(&owner, ada, suspended(true)).await;
    assert!(matches!(own, Err(ServiceError::Invalid { .. })));
    drop(other);

    // With another owner each of them goes.
    services
        .change_member(&owner, bob, suspended(false))
        .await
        .unwrap();
    services
        .change_member(&owner, ada, role(Role::Admin))
        .await
        .unwrap();
    let bob_now = as_person(&world, BOB).await;
    for change in [role(Role::Viewer), suspended(true)] {
        let last = services.change_member(&bob_now, bob, change).await;
        assert!(last.is_err());
    }
    let left = services.leave_organisation(&bob_now, here).await;
    assert!(matches!(left, Err(ServiceError::LastOwner)));
}

#[tokio::test]
async fn two_owners_who_take_each_other_down_leave_one() {
    for _ in 0..10 {
        let world = world(Role::Owner, Role::Viewer).await;
        let (ada, bob) = (id(&world, EMAIL).await, id(&world, BOB).await);
        let (one, other) = (as_person(&world, EMAIL).await, as_person(&world, BOB).await);
        let (first, second) = tokio::join!(
            world.services.remove_member(&one, bob),
            world.services.remove_member(&other, ada),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let scope = world.services.operator_scope("Acme").await.unwrap();
        let page = world.services.members(scope, None, 200).await.unwrap();
        let owners = page.members.iter().filter(|row| row.role == Role::Owner);
        assert_eq!(owners.count(), 1);
    }
}

#[tokio::test]
async fn an_admin_touches_no_owner_and_makes_none() {
    let world = world(Role::Admin, Role::Member).await;
    let admin = as_person(&world, BOB).await;
    let (ada, bob, cat) = (
        id(&world, EMAIL).await,
        id(&world, BOB).await,
        id(&world, CAT).await,
    );
    let services = &world.services;
    let refused = [
        services
            .change_member(&admin, ada, role(Role::Viewer))
            .await
            .map(drop),
        services
            .change_member(&admin, ada, suspended(true))
            .await
            .map(drop),
        services.remove_member(&admin, ada).await,
        services
            .change_member(&admin, cat, role(Role::Owner))
            .await
            .map(drop),
        services
            .change_member(&admin, bob, role(Role::Owner))
            .await
            .map(drop),
        services
            .invite(&admin, "dan@example.org", Role::Owner)
            .await
            .map(drop),
    ];
    for refused in refused {
        assert!(
            matches!(refused, Err(ServiceError::Forbidden)),
            "{refused:?}"
        );
    }
    let changed = services.change_member(&admin, cat, role(Role::Admin)).await;
    assert_eq!(changed.unwrap().role, Role::Admin);
}

#[tokio::test]
async fn a_member_changes_nobody_and_a_stranger_is_nobody() {
    let world = world(Role::Member, Role::Viewer).await;
    world.organisation("Other", "eve@example.org").await;
    let (member, eve) = (
        as_person(&world, BOB).await,
        as_person(&world, "eve@example.org").await,
    );
    let cat = id(&world, CAT).await;
    let services = &world.services;
    let changed = services
        .change_member(&member, cat, role(Role::Member))
        .await;
    assert!(matches!(changed, Err(ServiceError::Forbidden)));
    let removed = services.remove_member(&member, cat).await;
    assert!(matches!(removed, Err(ServiceError::Forbidden)));
    for id in [cat, Id::random()] {
        let changed = services.change_member(&eve, id, role(Role::Member)).await;
        assert!(matches!(changed, Err(ServiceError::NotFound)));
        let removed = services.remove_member(&eve, id).await;
        assert!(matches!(removed, Err(ServiceError::NotFound)));
        let scope = eve.identity.scope;
        assert!(services.member(scope, id).await.is_err());
    }
}

#[tokio::test]
async fn people_are_changed_with_a_proof_of_the_last_quarter_of_an_hour() {
    let world = world(Role::Member, Role::Viewer).await;
    let mine = session(&world, EMAIL).await;
    world.hand.advance(Duration::from_mins(15));
    let stale = person(&world, &mine).await;
    let bob = id(&world, BOB).await;
    let services = &world.services;
    let refused = [
        services
            .change_member(&stale, bob, role(Role::Viewer))
            .await
            .map(drop),
        services.remove_member(&stale, bob).await,
        services
            .invite(&stale, "dan@example.org", Role::Viewer)
            .await
            .map(drop),
        services.rename_organisation(&stale, "Other").await,
        services
            .create_organisation(&stale, "Other")
            .await
            .map(drop),
        services
            .change_own_email(&stale, "new@example.org")
            .await
            .map(drop),
        services
            .leave_organisation(&stale, stale.identity.scope.organisation())
            .await,
    ];
    for refused in refused {
        assert!(
            matches!(refused, Err(ServiceError::ProofNeeded)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_change_of_role_ends_sessions_and_tokens_there_and_nowhere_else() {
    let world = world(Role::Admin, Role::Viewer).await;
    world.hand.advance(Duration::from_secs(1));
    let elsewhere = world
        .services
        .add_person(BOB, "Other", Some(Role::Owner), String::new());
    elsewhere.await.unwrap();
    let here = session(&world, BOB).await;
    let there = session(&world, BOB).await;
    let other = {
        let bob = person(&world, &there).await;
        let all = world.services.memberships(&bob).await.unwrap();
        let other = all.iter().find(|one| one.name == "Other").unwrap();
        let to = other.organisation;
        world.services.switch_organisation(&bob, to).await.unwrap()
    };
    let key = token(&world, BOB, TokenScope::Admin).await;
    let owner = as_person(&world, EMAIL).await;
    let generation = world.services.generation().unwrap();

    let bob = id(&world, BOB).await;
    let changed = world
        .services
        .change_member(&owner, bob, role(Role::Member));
    changed.await.unwrap();

    assert!(!world.session_counts(&here).await);
    assert!(world.session_counts(&other).await);
    assert!(!token_counts(&world, &key).await);
    // What makes live streams ask again.
    assert!(world.services.generation().unwrap() > generation);
    // The same role again changes nothing and ends nothing.
    let mine = session(&world, CAT).await;
    let cat = id(&world, CAT).await;
    let same = world
        .services
        .change_member(&owner, cat, role(Role::Viewer));
    same.await.unwrap();
    assert!(world.session_counts(&mine).await);
}

#[tokio::test]
async fn whoever_is_suspended_is_refused_at_once_and_goes_on_afterwards() {
    let world = world(Role::Admin, Role::Viewer).await;
    let theirs = session(&world, BOB).await;
    let key = token(&world, BOB, TokenScope::Read).await;
    let owner = as_person(&world, EMAIL).await;
    let bob = id(&world, BOB).await;
    let services = &world.services;

    let row = services.change_member(&owner, bob, suspended(true)).await;
    assert_eq!(row.unwrap().suspended_at, Some(world.now()));
    assert!(!world.session_counts(&theirs).await);
    assert!(!token_counts(&world, &key).await);
    let login = services.log_in(attempt(BOB, PASSWORD)).await;
    assert!(matches!(login, Err(ServiceError::WrongLogin)));

    services
        .change_member(&owner, bob, suspended(false))
        .await
        .unwrap();
    assert!(!world.session_counts(&theirs).await, "ended is ended");
    assert!(token_counts(&world, &key).await);
    assert!(services.log_in(attempt(BOB, PASSWORD)).await.is_ok());
}

#[tokio::test]
async fn whoever_loses_the_right_while_a_change_is_under_way_cannot_make_it() {
    let world = world(Role::Admin, Role::Viewer).await;
    // What the request was let in with, before the right was taken away.
    let admin = as_person(&world, BOB).await;
    let owner = as_person(&world, EMAIL).await;
    let (bob, cat) = (id(&world, BOB).await, id(&world, CAT).await);
    let services = &world.services;
    for change in [suspended(true), role(Role::Viewer)] {
        services.change_member(&owner, bob, change).await.unwrap();
        let late = services.change_member(&admin, cat, role(Role::Admin)).await;
        assert!(matches!(late, Err(ServiceError::Unauthenticated)));
        let late = services
            .invite(&admin, "dan@example.org", Role::Admin)
            .await;
        assert!(matches!(late, Err(ServiceError::Unauthenticated)));
        let late = services.rename_organisation(&admin, "Mine").await;
        assert!(matches!(late, Err(ServiceError::Unauthenticated)));
        services
            .change_member(&owner, bob, suspended(false))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_token_of_scope_admin_manages_people_and_no_owners() {
    let world = world(Role::Member, Role::Owner).await;
    let key = token(&world, EMAIL, TokenScope::Admin).await;
    let program = world
        .person(Credential::AccessToken(key.expose().to_owned()))
        .await;
    let (bob, cat) = (id(&world, BOB).await, id(&world, CAT).await);
    let services = &world.services;
    let changed = services
        .change_member(&program, bob, role(Role::Viewer))
        .await;
    assert!(changed.is_ok());
    let changed = services
        .change_member(&program, bob, role(Role::Owner))
        .await;
    assert!(matches!(changed, Err(ServiceError::Forbidden)));
    assert!(matches!(
        services.remove_member(&program, cat).await,
        Err(ServiceError::Forbidden)
    ));
    let made = services.create_organisation(&program, "More").await;
    assert!(matches!(made, Err(ServiceError::Forbidden)));
    let changed = services.change_own_email(&program, "new@example.org").await;
    assert!(matches!(changed, Err(ServiceError::Forbidden)));
}

#[tokio::test]
async fn whoever_is_removed_has_no_account_any_more_unless_they_belong_elsewhere() {
    let world = world(Role::Member, Role::Member).await;
    world.hand.advance(Duration::from_secs(1));
    let elsewhere = world
        .services
        .add_person(CAT, "Other", None, String::new())
        .await;
    elsewhere.unwrap();
    let keys = [
        token(&world, BOB, TokenScope::Read).await,
        token(&world, CAT, TokenScope::Read).await,
    ];
    let theirs = session(&world, BOB).await;
    let owner = as_person(&world, EMAIL).await;
    for email in [BOB, CAT] {
        let who = id(&world, email).await;
        world.services.remove_member(&owner, who).await.unwrap();
    }
    assert!(!world.session_counts(&theirs).await);
    for key in &keys {
        assert!(!token_counts(&world, key).await);
    }
    let login = world.services.log_in(attempt(BOB, PASSWORD)).await;
    assert!(matches!(login, Err(ServiceError::WrongLogin)));
    // Cat goes on elsewhere; and an old token stays dead when Cat comes back.
    let cat = as_person(&world, CAT).await;
    assert_eq!(cat.identity.organisation, "Other");
    let again = world
        .services
        .add_person(CAT, "Acme", None, String::new())
        .await;
    again.unwrap();
    for key in &keys {
        assert!(!token_counts(&world, key).await);
    }
    // Bob is somebody new.
    let again = world
        .services
        .add_person(BOB, "Acme", None, PASSWORD.to_owned());
    assert!(again.await.is_ok());
}

#[tokio::test]
async fn an_account_that_is_there_takes_no_second_password() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    let services = &world.services;
    let with = services
        .add_person(EMAIL, "Other", None, "another fine password".to_owned())
        .await;
    assert!(matches!(
        with,
        Err(ServiceError::Invalid {
            member: "password",
            ..
        })
    ));
    let without = services.add_person(EMAIL, "Other", None, String::new());
    assert_eq!(without.await.unwrap(), Role::Owner);
    let again = services.add_person(EMAIL, "Other", None, String::new());
    assert!(matches!(again.await, Err(ServiceError::Conflict { .. })));
    let nobody = services.add_person(BOB, "Other", None, String::new());
    assert!(matches!(nobody.await, Err(ServiceError::Invalid { .. })));
}

#[tokio::test]
async fn what_is_done_to_people_stands_in_the_audit_log() {
    let world = world(Role::Member, Role::Viewer).await;
    let owner = as_person(&world, EMAIL).await;
    let (bob, cat) = (id(&world, BOB).await, id(&world, CAT).await);
    let services = &world.services;
    services
        .change_member(&owner, bob, role(Role::Admin))
        .await
        .unwrap();
    services
        .change_member(&owner, bob, suspended(true))
        .await
        .unwrap();
    services
        .change_member(&owner, bob, suspended(false))
        .await
        .unwrap();
    services.remove_member(&owner, cat).await.unwrap();
    services
        .rename_organisation(&owner, "Acme Ltd")
        .await
        .unwrap();
    let query = EventQuery::default();
    let page = services.audit_events(&owner, query, 20).await.unwrap();
    let told: Vec<(&str, &str)> = page
        .events
        .iter()
        .map(|event| (event.row.action.as_str(), event.row.detail.as_str()))
        .collect();
    for expected in [
        ("organisation.renamed", "before: Acme"),
        ("person.removed", "viewer"),
        ("person.resumed", ""),
        ("person.suspended", ""),
        ("person.role-changed", "from member to admin"),
    ] {
        assert!(told.contains(&expected), "{expected:?}: {told:?}");
    }
}
