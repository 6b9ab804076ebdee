//! P8 and P12: what was judged before a change waited to be written is asked again in its
//! transaction. Whoever lost session, token or role meanwhile changes nothing any more.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::fmt::Debug;

use server_scout::access::{Right, Role, TokenScope};
use server_scout::config::PublicUrl;
use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::audit::EventQuery;
use server_scout::domain::enrolments::EnrolmentFor;
use server_scout::domain::people::MemberChange;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::tokens::TokenRequest;
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
fn refused<T: Debug>(what: &str, late: Result<T, ServiceError>) {
    // Whoever has no account any more is not found, or owns nothing.
    let refused = matches!(
        late,
        Err(ServiceError::Unauthenticated | ServiceError::NotFound | ServiceError::Forbidden)
    );
    assert!(refused, "{what}: {late:?}");
}

/// Everything that can be changed, tried by who was let in a moment ago.
async fn try_everything(world: &World, bob: &PersonPrincipal, scope: Scope) {
    let services = &world.services;
    let operator = Acting::operator(scope);
    let (server, _) = services.add_server(&operator, "kept").await.unwrap();
    let server = server.row.id;
    let keys = services.agent_keys(scope, server).await.unwrap();
    let key = keys.first().unwrap().row.id;
    let group = services.add_group(&operator, "Kept").await.unwrap().id;
    let acting = bob.acting_fresh(Right::Own).unwrap();
    let people = services.members(scope, None, 10).await.unwrap().members;
    let id = |email: &str| people.iter().find(|row| row.email == email).unwrap().person;
    let viewer = id(CAT);
    let before = events(world, scope).await;

    refused(
        "add server",
        services.add_server(&acting, "late").await.map(drop),
    );
    refused(
        "delete server",
        services.delete_server(&acting, server).await,
    );
    refused(
        "add key",
        services.add_agent_key(&acting, server).await.map(drop),
    );
    refused(
        "rotate key",
        services.rotate_agent_keys(&acting, server).await.map(drop),
    );
    refused(
        "revoke key",
        services.revoke_agent_key(&acting, server, key).await,
    );
    for what in [EnrolmentFor::New(None), EnrolmentFor::Server(server)] {
        refused(
            "code",
            services.add_enrolment(&acting, what).await.map(drop),
        );
    }
    refused(
        "add group",
        services.add_group(&acting, "late").await.map(drop),
    );
    refused(
        "rename group",
        services
            .rename_group(&acting, group, "late")
            .await
            .map(drop),
    );
    refused("delete group", services.delete_group(&acting, group).await);
    refused(
        "put in group",
        services.set_in_group(&acting, group, server, true).await,
    );
    let limits = Some(Vec::new());
    refused(
        "limit",
        services
            .set_member_groups(&acting, viewer, limits)
            .await
            .map(drop),
    );
    refused(
        "export",
        services.export_organisation(&acting).await.map(drop),
    );
    refused("end", services.delete_organisation(&acting, "Acme").await);
    refused("rename", services.rename_organisation(bob, "late").await);
    refused(
        "invite",
        services
            .invite(bob, "late@example.org", Role::Owner)
            .await
            .map(drop),
    );
    let change = MemberChange {
        role: Some(Role::Admin),
        suspended: None,
    };
    refused(
        "role",
        services.change_member(bob, viewer, change).await.map(drop),
    );
    refused("remove", services.remove_member(bob, viewer).await);
    let token = TokenRequest {
        name: "late".to_owned(),
        scope: TokenScope::Admin,
        days: None,
    };
    refused("token", services.make_token(bob, token).await.map(drop));
    refused(
        "address",
        services
            .change_own_email(bob, "late@example.org")
            .await
            .map(drop),
    );
    refused("name", services.change_own_name(bob, "late").await);
    refused(
        "organisation",
        services.create_organisation(bob, "late").await.map(drop),
    );
    let here = bob.identity.scope.organisation();
    refused("leave", services.leave_organisation(bob, here).await);
    refused(
        "switch",
        services.switch_organisation(bob, here).await.map(drop),
    );
    refused("sessions", services.end_other_sessions(bob).await.map(drop));
    refused("audit export", services.note_audit_export(bob).await);
    refused("log out", services.log_out(bob).await);
    assert_eq!(
        before,
        events(world, scope).await,
        "an event without a change"
    );
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
    refused(
        "add server",
        services.add_server(&acting, "late").await.map(drop),
    );
    refused(
        "add group",
        services.add_group(&acting, "late").await.map(drop),
    );
    assert!(services.groups(scope).await.unwrap().is_empty());
}
