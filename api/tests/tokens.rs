//! P12: access tokens are made by people who proved who they are, end by themselves, and say where
//! they were used.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::net::IpAddr;
use std::time::Duration;

use server_scout::access::{Role, TokenScope};
use server_scout::domain::ServiceError;
use server_scout::domain::accounts::PasswordChange;
use server_scout::domain::client::Client;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::tokens::TokenRequest;
use server_scout::secret::Secret;
use server_scout::store::tokens::TokenRow;
use support::{EMAIL, PASSWORD, World, attempt};

const VIEWER: &str = "vic@example.org";
const EVE: &str = "eve@example.org";
const DAY: Duration = Duration::from_hours(24);

async fn world() -> World {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world.organisation("Other", EVE).await;
    let password = PASSWORD.to_owned();
    let viewer = world
        .services
        .add_person(VIEWER, "Acme", Some(Role::Viewer), password);
    viewer.await.unwrap();
    world
}

async fn log_in(world: &World, email: &str) -> PersonPrincipal {
    let session = world.services.log_in(attempt(email, PASSWORD)).await;
    let session = session.unwrap().done().unwrap().session;
    by_session(world, &session).await
}

async fn by_session(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

fn by_token(token: &Secret) -> Credential {
    Credential::AccessToken(token.expose().to_owned())
}

fn request(scope: TokenScope, days: Option<u32>) -> TokenRequest {
    TokenRequest {
        name: "reporting".to_owned(),
        scope,
        days,
    }
}

async fn make(world: &World, person: &PersonPrincipal, scope: TokenScope) -> (TokenRow, Secret) {
    let made = world.services.make_token(person, request(scope, None));
    made.await.unwrap()
}

async fn counts(world: &World, token: &Secret) -> bool {
    let found = world.services.authenticate(&by_token(token)).await;
    found.unwrap().is_some()
}

fn is_invalid<T>(result: &Result<T, ServiceError>, about: &str) -> bool {
    matches!(result, Err(ServiceError::Invalid { member, .. }) if *member == about)
}

#[tokio::test]
async fn a_token_lasts_ninety_days_unless_said_otherwise_and_a_year_at_most() {
    let world = world().await;
    let me = log_in(&world, EMAIL).await;
    let (row, token) = make(&world, &me, TokenScope::Read).await;
    assert_eq!(row.expires_at.since(row.created_at), 90 * DAY);
    let year = request(TokenScope::Read, Some(365));
    let (year, _) = world.services.make_token(&me, year).await.unwrap();
    assert_eq!(year.expires_at.since(year.created_at), 365 * DAY);
    for days in [0, 366, u32::MAX] {
        let refused = request(TokenScope::Read, Some(days));
        let refused = world.services.make_token(&me, refused).await;
        assert!(is_invalid(&refused, "days"), "{days}");
    }

    let but_a_second = 90 * DAY.as_secs() - 1;
    world.hand.advance(Duration::from_secs(but_a_second));
    assert!(counts(&world, &token).await);
    world.hand.advance(Duration::from_secs(1));
    assert!(!counts(&world, &token).await);
}

#[tokio::test]
async fn a_token_is_made_by_a_fresh_session_alone() {
    let world = world().await;
    let me = log_in(&world, EMAIL).await;
    let (_, token) = make(&world, &me, TokenScope::Admin).await;

    let program = world.person(by_token(&token)).await;
    let by_program = world
        .services
        .make_token(&program, request(TokenScope::Read, None));
    assert!(matches!(by_program.await, Err(ServiceError::Forbidden)));

    let session = world.log_in().await;
    world.hand.advance(Duration::from_mins(16));
    let stale = by_session(&world, &session).await;
    let by_stale = world
        .services
        .make_token(&stale, request(TokenScope::Read, None));
    assert!(matches!(by_stale.await, Err(ServiceError::ProofNeeded)));
}

#[tokio::test]
async fn a_scope_beyond_the_role_is_refused_with_the_reason() {
    let world = world().await;
    let viewer = log_in(&world, VIEWER).await;
    for scope in [TokenScope::Write, TokenScope::Admin] {
        let made = world.services.make_token(&viewer, request(scope, None));
        let made = made.await;
        assert!(is_invalid(&made, "scope"), "{scope}");
        let words = made.err().unwrap().to_string();
        assert!(words.contains("viewer"), "{words}");
    }
    for scope in [TokenScope::Read, TokenScope::Metrics] {
        make(&world, &viewer, scope).await;
    }
}

#[tokio::test]
async fn a_person_has_at_most_fifty() {
    let world = world().await;
    let me = log_in(&world, EMAIL).await;
    let (first, _) = make(&world, &me, TokenScope::Read).await;
    for _ in 1..50 {
        make(&world, &me, TokenScope::Read).await;
    }
    let more = || {
        world
            .services
            .make_token(&me, request(TokenScope::Read, None))
    };
    assert!(matches!(more().await, Err(ServiceError::Conflict { .. })));
    // Others have their own fifty.
    make(&world, &log_in(&world, VIEWER).await, TokenScope::Read).await;
    world.services.revoke_token(&me, first.id).await.unwrap();
    assert!(more().await.is_ok());
    assert_eq!(world.services.own_tokens(&me).await.unwrap().len(), 50);
}

#[tokio::test]
async fn the_last_use_is_noted_to_the_minute_and_moves_no_generation() {
    let world = world().await;
    let me = log_in(&world, EMAIL).await;
    let (_, token) = make(&world, &me, TokenScope::Read).await;
    let listed = async || world.services.own_tokens(&me).await.unwrap().remove(0);
    assert_eq!(listed().await.used_at, None);
    let generation = world.services.generation().unwrap();
    let from = |last: u8| Client {
        address: Some(IpAddr::from([192, 0, 2, last])),
        ..Client::default()
    };
    let credential = by_token(&token);
    let used = async |last| {
        let found = world.services.authenticate_from(&credential, from(last));
        assert!(found.await.unwrap().is_some());
    };

    used(7).await;
    let first = world.now();
    world.hand.advance(Duration::from_secs(59));
    used(8).await;
    let row = listed().await;
    assert_eq!(row.used_at, Some(first));
    assert_eq!(row.used_from, "192.0.2.7");

    world.hand.advance(Duration::from_secs(1));
    used(9).await;
    let row = listed().await;
    assert_eq!(row.used_at, Some(world.now()));
    assert_eq!(row.used_from, "192.0.2.9");
    // What is remembered of agent keys stays good.
    assert_eq!(world.services.generation().unwrap(), generation);
}

#[tokio::test]
async fn own_tokens_are_everybodys_and_all_tokens_are_the_admins() {
    let world = world().await;
    let (me, viewer) = (log_in(&world, EMAIL).await, log_in(&world, VIEWER).await);
    let eve = log_in(&world, EVE).await;
    make(&world, &me, TokenScope::Read).await;
    world.hand.advance(Duration::from_secs(1));
    make(&world, &viewer, TokenScope::Read).await;
    make(&world, &eve, TokenScope::Read).await;

    let own = world.services.own_tokens(&viewer).await.unwrap();
    assert!(own.len() == 1 && own.iter().all(|token| token.email == VIEWER));
    let all = world.services.all_tokens(&viewer, None, 10).await;
    assert!(matches!(all, Err(ServiceError::Forbidden)));

    let page = world.services.all_tokens(&me, None, 1).await.unwrap();
    let emails = |tokens: &[TokenRow]| -> Vec<String> {
        tokens.iter().map(|token| token.email.clone()).collect()
    };
    assert_eq!(emails(&page.tokens), [VIEWER]);
    let rest = world.services.all_tokens(&me, page.next, 1).await.unwrap();
    assert_eq!(emails(&rest.tokens), [EMAIL]);
    assert!(rest.next.is_none());
}

#[tokio::test]
async fn a_revoked_token_is_dead_at_once_and_others_cannot_even_be_found() {
    let world = world().await;
    let (me, viewer) = (log_in(&world, EMAIL).await, log_in(&world, VIEWER).await);
    let eve = log_in(&world, EVE).await;
    let (mine, my_token) = make(&world, &me, TokenScope::Read).await;
    let (theirs, their_token) = make(&world, &viewer, TokenScope::Read).await;

    for stranger in [&viewer, &eve] {
        let revoked = world.services.revoke_token(stranger, mine.id).await;
        assert!(matches!(revoked, Err(ServiceError::NotFound)));
    }
    // A token of less than admin does not revoke, not even itself.
    let program = world.person(by_token(&their_token)).await;
    let revoked = world.services.revoke_token(&program, theirs.id).await;
    assert!(matches!(revoked, Err(ServiceError::Forbidden)));

    let generation = world.services.generation().unwrap();
    world
        .services
        .revoke_token(&viewer, theirs.id)
        .await
        .unwrap();
    assert!(!counts(&world, &their_token).await);
    // What makes live streams ask again.
    assert!(world.services.generation().unwrap() > generation);
    let (theirs, _) = make(&world, &viewer, TokenScope::Read).await;
    world.services.revoke_token(&me, theirs.id).await.unwrap();
    assert!(counts(&world, &my_token).await);
    let again = world.services.revoke_token(&me, theirs.id).await;
    assert!(matches!(again, Err(ServiceError::NotFound)));
}

#[tokio::test]
async fn an_expired_token_is_listed_for_thirty_days() {
    let world = world().await;
    let me = log_in(&world, EMAIL).await;
    let day = request(TokenScope::Read, Some(1));
    world.services.make_token(&me, day).await.unwrap();
    let listed = async || world.services.own_tokens(&me).await.unwrap().len();
    world.hand.advance(31 * DAY);
    world.services.clean().await.unwrap();
    assert_eq!(listed().await, 1);
    world.hand.advance(Duration::from_secs(1));
    world.services.clean().await.unwrap();
    assert_eq!(listed().await, 0);
}

#[tokio::test]
async fn a_password_change_revokes_tokens_where_that_is_asked() {
    for asked in [false, true] {
        let world = world().await;
        let me = log_in(&world, EMAIL).await;
        let (_, token) = make(&world, &me, TokenScope::Read).await;
        let viewer = log_in(&world, VIEWER).await;
        let (_, other) = make(&world, &viewer, TokenScope::Read).await;
        let change = PasswordChange {
            present: PASSWORD.to_owned(),
            new: "another horse battery".to_owned(),
            device: None,
            revoke_tokens: asked,
            client: Client::default(),
        };
        world.services.change_password(&me, change).await.unwrap();
        assert_eq!(counts(&world, &token).await, !asked);
        assert!(counts(&world, &other).await);
    }
}
