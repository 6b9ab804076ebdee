//! P8: a person sees the own sessions and ends them, and nobody else's.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::access::{Role, TokenScope};
use server_scout::domain::ServiceError;
use server_scout::domain::client::UserAgent;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::id::Id;
use server_scout::secret::Secret;
use support::{EMAIL, PASSWORD, World, attempt};

const EVE: &str = "eve@example.org";
const HOUR: Duration = Duration::from_hours(1);

async fn world() -> World {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world.organisation("Other", EVE).await;
    world
}

async fn by(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

async fn by_token(world: &World, email: &str, scope: TokenScope) -> PersonPrincipal {
    let token = world.services.add_token(email, "Acme", scope).await;
    let credential = Credential::AccessToken(token.unwrap().expose().to_owned());
    world.person(credential).await
}

#[tokio::test]
async fn the_list_says_when_where_and_with_what() {
    let world = world().await;
    let first = world.log_in().await;
    world.hand.advance(HOUR);
    let mut login = attempt(EMAIL, PASSWORD);
    login.client.user_agent = UserAgent::cleaned("Mozilla/5.0\u{202e} (X11)".as_bytes());
    let second = world
        .services
        .log_in(login)
        .await
        .unwrap()
        .done()
        .unwrap()
        .session;
    world.hand.advance(HOUR);
    assert!(world.session_counts(&first).await);

    let me = by(&world, &second).await;
    let mut sessions = world.services.own_sessions(&me).await.unwrap();

    // By use: the second has just been used to ask.
    sessions.sort_by_key(|session| session.row.created_at);
    let [older, newer] = sessions.as_slice() else {
        panic!("{sessions:?}")
    };
    assert_eq!(older.row.seen_at.since(older.row.created_at), 2 * HOUR);
    assert_eq!(newer.row.seen_at.since(newer.row.created_at), HOUR);
    assert_eq!(newer.row.address, "192.0.2.1");
    assert_eq!(newer.row.user_agent, "Mozilla/5.0 (X11)");
    assert_eq!(older.row.user_agent, "");
    assert!(newer.current && !older.current);
}

#[tokio::test]
async fn a_session_that_has_expired_is_not_in_the_list() {
    let world = world().await;
    let _ = world.log_in().await;
    world.hand.advance(12 * HOUR);
    let session = world.log_in().await;
    let me = by(&world, &session).await;
    assert_eq!(world.services.own_sessions(&me).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_session_ends_and_the_others_go_on() {
    let world = world().await;
    let [lost, kept, mine] = [
        world.log_in().await,
        world.log_in().await,
        world.log_in().await,
    ];
    let me = by(&world, &mine).await;
    let sessions = world.services.own_sessions(&me).await.unwrap();
    let named = sessions
        .iter()
        .find(|session| session.row.hash == lost.hash())
        .unwrap();
    let generation = world.services.generation().unwrap();

    let id = named.row.id;
    world.services.end_own_session(&me, id).await.unwrap();

    assert!(!world.session_counts(&lost).await);
    assert!(world.session_counts(&kept).await && world.session_counts(&mine).await);
    // What makes live streams ask again.
    assert!(world.services.generation().unwrap() > generation);
    let again = world.services.end_own_session(&me, id).await;
    assert!(matches!(again, Err(ServiceError::NotFound)));
}

#[tokio::test]
async fn all_others_end_and_those_of_other_people_do_not() {
    let world = world().await;
    let other = world.log_in().await;
    let mine = world.log_in().await;
    let eves = world
        .services
        .log_in(attempt(EVE, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap();
    let me = by(&world, &mine).await;

    assert_eq!(world.services.end_other_sessions(&me).await.unwrap(), 1);

    assert!(!world.session_counts(&other).await);
    assert!(world.session_counts(&mine).await);
    assert!(world.session_counts(&eves.session).await);
}

#[tokio::test]
async fn somebody_elses_session_is_as_unknown_as_one_that_is_none() {
    let world = world().await;
    let mine = world.log_in().await;
    let eves = world
        .services
        .log_in(attempt(EVE, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap();
    let (me, eve) = (by(&world, &mine).await, by(&world, &eves.session).await);
    let hers = world.services.own_sessions(&eve).await.unwrap();
    for id in [hers.first().unwrap().row.id, Id::random()] {
        let ended = world.services.end_own_session(&me, id).await;
        assert!(matches!(ended, Err(ServiceError::NotFound)));
    }
    assert!(world.session_counts(&eves.session).await);
}

#[tokio::test]
async fn the_name_of_a_session_is_not_its_hash_and_opens_nothing() {
    let world = world().await;
    let mine = world.log_in().await;
    let me = by(&world, &mine).await;
    let id = world.services.own_sessions(&me).await.unwrap();
    let id = id.first().unwrap().row.id.to_string();
    let hash: String = mine
        .hash()
        .as_bytes()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert!(!hash.contains(&id) && !mine.expose().contains(&id));
    let credential = Credential::Session(id);
    assert!(
        world
            .services
            .authenticate(&credential)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_token_looks_by_its_scope_and_ends_with_admin_alone() {
    let world = world().await;
    let viewer = "vic@example.org";
    let added = world
        .services
        .add_person(viewer, "Acme", Some(Role::Viewer), PASSWORD.to_owned());
    added.await.unwrap();
    let session = world.services.log_in(attempt(viewer, PASSWORD)).await;
    let session = session.unwrap().done().unwrap().session;
    let mine = by(&world, &session).await;
    let id = world.services.own_sessions(&mine).await.unwrap();
    let id = id.first().unwrap().row.id;

    let metrics = by_token(&world, viewer, TokenScope::Metrics).await;
    let listed = world.services.own_sessions(&metrics).await;
    assert!(matches!(listed, Err(ServiceError::Forbidden)));
    for scope in [TokenScope::Read, TokenScope::Write] {
        let token = by_token(&world, viewer, scope).await;
        let listed = world.services.own_sessions(&token).await.unwrap();
        assert!(listed.len() == 1 && listed.iter().all(|session| !session.current));
        let ended = world.services.end_own_session(&token, id).await;
        assert!(matches!(ended, Err(ServiceError::Forbidden)), "{scope}");
    }
    // A viewer's token, too: the session is the viewer's own.
    let admin = by_token(&world, viewer, TokenScope::Admin).await;
    assert!(world.services.end_own_session(&admin, id).await.is_ok());
    assert!(!world.session_counts(&session).await);
}

#[tokio::test]
async fn a_person_has_at_most_a_hundred_sessions_and_the_one_unused_longest_ends() {
    let world = world().await;
    let session = world.log_in().await;
    let me = by(&world, &session).await;
    let scope = me.identity.scope.organisation();
    let store = world.store();
    let person = me.person();
    for _ in 0..server_scout::store::sessions::OF_A_PERSON {
        world.hand.advance(Duration::from_secs(1));
        let now = world.now();
        let new = server_scout::store::sessions::NewSession {
            hash: Secret::generate(server_scout::secret::Purpose::Session).hash(),
            organisation: scope,
            person,
            address: String::new(),
            user_agent: String::new(),
        };
        let write = store.write(move |c| server_scout::store::sessions::create(c, &new, now));
        write.await.unwrap();
    }
    let sessions = world.services.own_sessions(&me).await.unwrap();
    assert_eq!(sessions.len(), 100);
    assert!(!world.session_counts(&session).await);
}
