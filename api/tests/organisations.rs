//! Several organisations: which one a login opens, going to another, making, renaming and leaving.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::access::{Right, Role, TokenScope};
use server_scout::domain::ServiceError;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::id::{Id, Organisation};
use server_scout::secret::Secret;
use support::authenticator_app::set_up;
use support::{EMAIL, PASSWORD, World, attempt};

async fn world() -> World {
    let world = World::new().await;
    world.organisation("First", EMAIL).await;
    world.hand.advance(Duration::from_secs(1));
    join(&world, "Second", EMAIL, Role::Viewer).await;
    world
}

/// Makes a person with an account a member, in an organisation that somebody else owns.
async fn join(world: &World, organisation: &str, email: &str, role: Role) {
    if world.services.operator_scope(organisation).await.is_err() {
        let owner = format!("owner@{}.example", organisation.to_lowercase());
        world.organisation(organisation, &owner).await;
    }
    let joined = world
        .services
        .add_person(email, organisation, Some(role), String::new());
    joined.await.unwrap();
}

async fn by(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

async fn find(world: &World, by: &PersonPrincipal, name: &str) -> Id<Organisation> {
    let all = world.services.memberships(by).await.unwrap();
    let found = all.iter().find(|one| one.name == name);
    found.unwrap().organisation
}

#[tokio::test]
async fn a_login_opens_the_organisation_used_last_else_the_one_joined_first() {
    let world = world().await;
    let me = by(&world, &world.log_in().await).await;
    assert_eq!(me.identity.organisation, "First");
    let second = find(&world, &me, "Second").await;
    let switched = world.services.switch_organisation(&me, second).await;
    switched.unwrap();
    let me = by(&world, &world.log_in().await).await;
    assert_eq!(me.identity.organisation, "Second");
    assert_eq!(me.identity.role, Role::Viewer);

    // Suspended there: the other one again.
    let owner = attempt("owner@second.example", PASSWORD);
    let owner = world
        .services
        .log_in(owner)
        .await
        .unwrap()
        .done()
        .unwrap()
        .session;
    let owner = by(&world, &owner).await;
    let change = server_scout::domain::people::MemberChange {
        suspended: Some(true),
        ..Default::default()
    };
    let suspended = world.services.change_member(&owner, me.person(), change);
    suspended.await.unwrap();
    let me = by(&world, &world.log_in().await).await;
    assert_eq!(me.identity.organisation, "First");
    let back = world.services.switch_organisation(&me, second).await;
    assert!(matches!(back, Err(ServiceError::NotFound)));
}

#[tokio::test]
async fn going_to_another_organisation_gives_the_session_a_new_id_and_no_longer_life() {
    let world = world().await;
    let before = world.log_in().await;
    let me = by(&world, &before).await;
    let second = find(&world, &me, "Second").await;
    world.hand.advance(Duration::from_mins(20));
    let generation = world.services.generation().unwrap();

    let after = world.services.switch_organisation(&me, second).await;
    let after = after.unwrap();

    assert!(!world.session_counts(&before).await, "the old id is nobody");
    let there = by(&world, &after).await;
    assert_eq!(there.identity.organisation, "Second");
    assert!(!there.fresh, "a proof does not become younger");
    assert!(world.services.generation().unwrap() > generation);
    let sessions = world.services.own_sessions(&there).await.unwrap();
    assert_eq!(sessions.len(), 1);
    // The old principal's session is gone, so it cannot go on from there.
    let again = world.services.switch_organisation(&me, second).await;
    assert!(matches!(again, Err(ServiceError::Unauthenticated)));
    // Seven days from its login, and not from here.
    for _ in 0..14 {
        world.hand.advance(Duration::from_hours(11));
        let _ = world.session_counts(&after).await;
    }
    world.hand.advance(Duration::from_hours(11));
    world.hand.advance(Duration::from_hours(3));
    assert!(!world.session_counts(&after).await);
}

#[tokio::test]
async fn nobody_goes_where_they_do_not_belong() {
    let world = world().await;
    world.organisation("Foreign", "eve@example.org").await;
    let eve = attempt("eve@example.org", PASSWORD);
    let eve = world
        .services
        .log_in(eve)
        .await
        .unwrap()
        .done()
        .unwrap()
        .session;
    let eve = by(&world, &eve).await;
    let foreign = find(&world, &eve, "Foreign").await;
    let mine = world.log_in().await;
    let me = by(&world, &mine).await;
    for id in [foreign, Id::random()] {
        let gone = world.services.switch_organisation(&me, id).await;
        assert!(matches!(gone, Err(ServiceError::NotFound)));
        let left = world.services.leave_organisation(&me, id).await;
        assert!(matches!(left, Err(ServiceError::NotFound)));
    }
    assert!(world.session_counts(&mine).await);
    let key = world.services.add_token(EMAIL, "First", TokenScope::Admin);
    let key = Credential::AccessToken(key.await.unwrap().expose().to_owned());
    let program = world.person(key).await;
    let all = world.services.memberships(&program).await.unwrap();
    assert_eq!(all.len(), 1, "a token sees its own organisation alone");
    let id = find(&world, &me, "Second").await;
    let gone = world.services.switch_organisation(&program, id).await;
    assert!(matches!(gone, Err(ServiceError::Forbidden)));
}

#[tokio::test]
async fn owners_make_organisations_up_to_the_limit_and_others_none() {
    let world = World::with(|limits| limits.organisations_per_person = 3).await;
    world.organisation("First", EMAIL).await;
    join(&world, "Second", EMAIL, Role::Owner).await;
    let me = by(&world, &world.log_in().await).await;
    let services = &world.services;
    assert!(services.may_create_organisation(&me).await.unwrap());
    services.create_organisation(&me, "Third").await.unwrap();
    let taken = services.create_organisation(&me, "first").await;
    assert!(
        matches!(taken, Err(ServiceError::Invalid { .. })),
        "{taken:?}"
    );
    assert!(!services.may_create_organisation(&me).await.unwrap());
    let all = services.memberships(&me).await.unwrap();
    assert_eq!(all.len(), 3);

    let admin = "adm@example.org";
    let added = services.add_person(admin, "First", Some(Role::Admin), PASSWORD.to_owned());
    added.await.unwrap();
    let session = services
        .log_in(attempt(admin, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap();
    let admin = by(&world, &session.session).await;
    let made = services.create_organisation(&admin, "Fourth").await;
    assert!(matches!(made, Err(ServiceError::Forbidden)));
}

#[tokio::test]
async fn with_the_limit_at_nothing_nobody_makes_one() {
    let world = World::with(|limits| limits.organisations_per_person = 0).await;
    world.organisation("First", EMAIL).await;
    let me = by(&world, &world.log_in().await).await;
    assert!(!world.services.may_create_organisation(&me).await.unwrap());
    let made = world.services.create_organisation(&me, "More").await;
    assert!(matches!(made, Err(ServiceError::Forbidden)));
}

#[tokio::test]
async fn a_name_is_checked_and_is_nobody_elses() {
    let world = world().await;
    let me = by(&world, &world.log_in().await).await;
    for bad in ["", "a\nb", "a\u{202e}b", &"x".repeat(65)] {
        let renamed = world.services.rename_organisation(&me, bad).await;
        assert!(
            matches!(renamed, Err(ServiceError::Invalid { .. })),
            "{bad:?}"
        );
        let made = world.services.create_organisation(&me, bad).await;
        assert!(matches!(made, Err(ServiceError::Invalid { .. })), "{bad:?}");
    }
    let taken = world.services.rename_organisation(&me, "SECOND").await;
    assert!(matches!(taken, Err(ServiceError::Conflict { .. })));
    world
        .services
        .rename_organisation(&me, " Erste ")
        .await
        .unwrap();
    let me = by(&world, &world.log_in().await).await;
    assert_eq!(me.identity.organisation, "Erste");
}

#[tokio::test]
async fn whoever_leaves_is_out_and_with_the_last_organisation_goes_the_account() {
    let world = world().await;
    let mine = world.log_in().await;
    let me = by(&world, &mine).await;
    let [first, second] = [
        find(&world, &me, "First").await,
        find(&world, &me, "Second").await,
    ];
    let services = &world.services;
    services.leave_organisation(&me, second).await.unwrap();
    assert!(
        world.session_counts(&mine).await,
        "the session is elsewhere"
    );
    let last = services.leave_organisation(&me, first).await;
    assert!(matches!(last, Err(ServiceError::LastOwner)));

    let other = "bob@example.org";
    let added = services.add_person(other, "First", Some(Role::Owner), PASSWORD.to_owned());
    added.await.unwrap();
    services.leave_organisation(&me, first).await.unwrap();
    assert!(!world.session_counts(&mine).await);
    let login = services.log_in(attempt(EMAIL, PASSWORD)).await;
    assert!(matches!(login, Err(ServiceError::WrongLogin)));
}

#[tokio::test]
async fn whoever_can_do_nothing_here_for_lack_of_a_factor_goes_elsewhere() {
    let world = world().await;
    let owner = attempt("owner@second.example", PASSWORD);
    let owner = world.services.log_in(owner).await.unwrap().done().unwrap();
    let (_, changed) = set_up(&world, &by(&world, &owner.session).await).await;
    let owner = by(&world, &changed.logged_in.session).await;
    let acting = owner.acting_fresh(Right::Administer).unwrap();
    let me = by(&world, &world.log_in().await).await;
    let [first, second] = [
        find(&world, &me, "First").await,
        find(&world, &me, "Second").await,
    ];
    let there = world.services.switch_organisation(&me, second).await;
    let required = world.services.require_second_factor(&acting, true).await;
    required.unwrap();

    let me = by(&world, &there.unwrap()).await;
    assert!(me.scope(Right::Read).is_err());
    assert_eq!(world.services.memberships(&me).await.unwrap().len(), 2);
    let back = world.services.switch_organisation(&me, first).await;
    let me = by(&world, &back.unwrap()).await;
    assert!(me.scope(Right::Own).is_ok());
    let left = world.services.leave_organisation(&me, second).await;
    left.unwrap();
}
