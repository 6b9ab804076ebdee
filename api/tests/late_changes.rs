//! P8 and P12: what was judged before a change waited to be written is asked again in its
//! transaction. Whoever lost session, token or role meanwhile changes nothing any more.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use server_scout::access::{Right, Role, TokenScope};
use server_scout::config::PublicUrl;
use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::audit::EventQuery;
use server_scout::domain::enrolments::EnrolmentFor;
use server_scout::domain::people::MemberChange;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::tokens::TokenRequest;
use server_scout::id::{Group, Id, Person, Server};
use server_scout::store::Scope;
use support::{EMAIL, PASSWORD, World, attempt};

const BOB: &str = "bob@example.org";
const CAT: &str = "cat@example.org";

/// A world with an owner and another one, Bob, who will lose what he was let in by.
async fn world() -> (World, Scope) {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let services = &world.services;
    let added = services.add_person(BOB, "Acme", Some(Role::Owner), PASSWORD.to_owned());
    added.await.unwrap();
    let added = services.add_person(CAT, "Acme", Some(Role::Viewer), PASSWORD.to_owned());
    added.await.unwrap();
    (world, scope)
}

async fn log_in(world: &World) -> PersonPrincipal {
    let login = world.services.log_in(attempt(BOB, PASSWORD)).await.unwrap();
    let session = login.done().unwrap().session.expose().to_owned();
    world.person(Credential::Session(session)).await
}

#[track_caller]
fn refused<T>(late: Result<T, ServiceError>) {
    let error = late.map(drop).unwrap_err();
    // Whoever has no account any more is not found, or owns nothing.
    let refused = matches!(
        error,
        ServiceError::Unauthenticated | ServiceError::NotFound | ServiceError::Forbidden
    );
    assert!(refused, "{error:?}");
}

/// Everything that can be changed, tried by who was let in a moment ago.
async fn try_everything(world: &World, bob: &PersonPrincipal, scope: Scope) {
    let people = world.services.members(scope, None, 10).await.unwrap();
    let mut people = people.members.iter();
    let viewer = people.find(|row| row.email == CAT).unwrap().person;
    let operator = Acting::operator(scope);
    let (server, _) = world.services.add_server(&operator, "kept").await.unwrap();
    let before = events(world, scope).await;
    let acting = bob.acting_fresh(Right::Own).unwrap();
    try_servers(world, &acting, server.row.id).await;
    let after = events(world, scope).await;
    assert_eq!(before, after, "an event without a change");

    let group = world
        .services
        .add_group(&operator, "Kept")
        .await
        .unwrap()
        .id;
    let before = events(world, scope).await;
    try_groups(world, &acting, group, viewer).await;
    try_people(world, bob, viewer).await;
    try_account(world, bob).await;
    let after = events(world, scope).await;
    assert_eq!(before, after, "an event without a change");
}

async fn try_servers(world: &World, acting: &Acting, server: Id<Server>) {
    let services = &world.services;
    let keys = services.agent_keys(acting.scope, server).await.unwrap();
    let key = keys.first().unwrap().row.id;
    refused(services.add_server(acting, "late").await);
    refused(services.delete_server(acting, server).await);
    refused(services.add_agent_key(acting, server).await);
    refused(services.rotate_agent_keys(acting, server).await);
    refused(services.revoke_agent_key(acting, server, key).await);
    for what in [EnrolmentFor::New(None), EnrolmentFor::Server(server)] {
        refused(services.add_enrolment(acting, what).await);
    }
}

async fn try_groups(world: &World, acting: &Acting, group: Id<Group>, viewer: Id<Person>) {
    let services = &world.services;
    refused(services.add_group(acting, "late").await);
    refused(services.rename_group(acting, group, "late").await);
    refused(services.delete_group(acting, group).await);
    let limits = Some(Vec::new());
    refused(services.set_member_groups(acting, viewer, limits).await);
    refused(services.export_organisation(acting).await);
    refused(services.delete_organisation(acting, "Acme").await);
}

async fn try_people(world: &World, bob: &PersonPrincipal, viewer: Id<Person>) {
    let services = &world.services;
    refused(services.rename_organisation(bob, "late").await);
    let invited = services.invite(bob, "late@example.org", Role::Owner);
    refused(invited.await);
    let change = MemberChange {
        role: Some(Role::Admin),
        suspended: None,
    };
    refused(services.change_member(bob, viewer, change).await);
    refused(services.remove_member(bob, viewer).await);
    refused(services.note_audit_export(bob).await);
}

async fn try_account(world: &World, bob: &PersonPrincipal) {
    let services = &world.services;
    let token = TokenRequest {
        name: "late".to_owned(),
        scope: TokenScope::Admin,
        days: None,
    };
    refused(services.make_token(bob, token).await);
    let changed = services.change_own_email(bob, "late@example.org");
    refused(changed.await);
    refused(services.change_own_name(bob, "late").await);
    refused(services.create_organisation(bob, "late").await);
    let here = bob.identity.scope.organisation();
    refused(services.leave_organisation(bob, here).await);
    refused(services.switch_organisation(bob, here).await);
    refused(services.end_other_sessions(bob).await);
    refused(services.log_out(bob).await);
}

async fn events(world: &World, scope: Scope) -> usize {
    let owner = world.log_in().await.expose().to_owned();
    let owner = world.person(Credential::Session(owner)).await;
    assert_eq!(owner.identity.scope, scope);
    let page = world
        .services
        .audit_events(&owner, EventQuery::default(), 1000);
    let page = page.await.unwrap();
    let late = |event: &&server_scout::domain::audit::Event| event.row.action != "login.succeeded";
    page.events.iter().filter(late).count()
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_changes_nothing() {
    let (world, scope) = world().await;
    let _bag = world.services.open_post(&PublicUrl::default()).unwrap();
    let bob = log_in(&world).await;
    world.services.log_out(&bob).await.unwrap();
    try_everything(&world, &bob, scope).await;
}

#[tokio::test]
async fn who_was_removed_meanwhile_changes_nothing() {
    let (world, scope) = world().await;
    let bob = log_in(&world).await;
    let owner = world.log_in().await.expose().to_owned();
    let owner = world.person(Credential::Session(owner)).await;
    let removed = world.services.remove_member(&owner, bob.person()).await;
    removed.unwrap();
    try_everything(&world, &bob, scope).await;
}

#[tokio::test]
async fn a_token_whose_person_may_less_meanwhile_changes_nothing_it_could_before() {
    let (world, scope) = world().await;
    let services = &world.services;
    let token = services.add_token(BOB, "Acme", TokenScope::Admin).await;
    let token = Credential::AccessToken(token.unwrap().expose().to_owned());
    let bob = world.person(token).await;
    let acting = bob.acting_fresh(Right::Administer).unwrap();
    let owner = world.log_in().await.expose().to_owned();
    let owner = world.person(Credential::Session(owner)).await;
    let less = MemberChange {
        role: Some(Role::Viewer),
        suspended: None,
    };
    services
        .change_member(&owner, bob.person(), less)
        .await
        .unwrap();
    refused(services.add_server(&acting, "late").await);
    refused(services.add_group(&acting, "late").await);
    assert!(services.groups(scope).await.unwrap().is_empty());
}
