//! Passkeys: bound to the site, to their person and to one question each.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod support;

use std::time::Duration;

use server_scout::domain::ServiceError;
use server_scout::domain::accounts::LoggedIn;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::second_factor::{Arrival, Login, PasskeyAnswer, Question, SecondProof};
use server_scout::secret::Secret;
use support::authenticator::Authenticator;
use support::{EMAIL, PASSWORD, World, attempt};

const SITE: &str = "https://scout.example.org";
const EVE: &str = "eve@example.org";

async fn acme() -> World {
    let world = World::new().await;
    world.services.bind_passkeys(&SITE.parse().unwrap());
    world.organisation("Acme", EMAIL).await;
    world
}

async fn person(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

fn answer(question: &Question, credential: String) -> PasskeyAnswer {
    PasskeyAnswer {
        question: question.name.expose().to_owned(),
        credential,
    }
}

/// An authenticator with a passkey of the person, whose session goes on as the one that is returned.
async fn register(world: &World, me: &PersonPrincipal) -> (Authenticator, Secret) {
    let mut authenticator = Authenticator::at(SITE);
    let question = world.services.question_for_passkey(me).await.unwrap();
    let credential = authenticator.register(&question.options);
    let answer = answer(&question, credential);
    let added = world.services.add_passkey(me, "Laptop", &answer).await;
    (authenticator, added.unwrap().logged_in.session)
}

async fn with_passkey(world: &World) -> (Authenticator, Secret) {
    let session = world.log_in().await;
    let me = person(world, &session).await;
    register(world, &me).await
}

async fn question(world: &World) -> Question {
    let client = attempt(EMAIL, "").client;
    world.services.question_for_stranger(&client).await.unwrap()
}

async fn log_in(world: &World, answer: PasskeyAnswer) -> Result<LoggedIn, ServiceError> {
    let arrival = Arrival {
        client: attempt(EMAIL, "").client,
        ..Arrival::default()
    };
    world.services.log_in_by_passkey(answer, arrival).await
}

fn is_wrong<T>(result: &Result<T, ServiceError>) -> bool {
    matches!(result, Err(ServiceError::WrongSecondFactor))
}

#[tokio::test]
async fn a_passkey_logs_in_alone_and_each_question_is_answered_once() {
    let world = acme().await;
    let (mut authenticator, _) = with_passkey(&world).await;
    let asked = question(&world).await;
    assert_eq!(asked.options["allowCredentials"], serde_json::json!([]));
    let credential = authenticator.prove(&asked.options);
    let logged_in = log_in(&world, answer(&asked, credential.clone())).await;
    let me = person(&world, &logged_in.unwrap().session).await;
    assert_eq!(me.identity.email, EMAIL);
    assert!(me.fresh);
    let own = world.services.own_factors(&me).await.unwrap();
    assert_eq!(own.passkeys[0].used_at, Some(world.now()));

    let replayed = log_in(&world, answer(&asked, credential.clone())).await;
    assert!(is_wrong(&replayed));
    // Nor does it answer another question.
    let other = question(&world).await;
    assert!(is_wrong(&log_in(&world, answer(&other, credential)).await));
}

#[tokio::test]
async fn a_question_waits_five_minutes() {
    let world = acme().await;
    let (mut authenticator, _) = with_passkey(&world).await;
    let asked = question(&world).await;
    let credential = authenticator.prove(&asked.options);
    world.hand.advance(Duration::from_mins(5));
    assert!(is_wrong(&log_in(&world, answer(&asked, credential)).await));
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_for_its_own_login_alone() {
    let world = acme().await;
    let (mut authenticator, _) = with_passkey(&world).await;
    let [step, other] = [second_step(&world).await, second_step(&world).await];
    let asked = world.services.question_for_login(Some(step.expose())).await;
    let asked = asked.unwrap();
    assert_eq!(
        asked.options["allowCredentials"].as_array().map(Vec::len),
        Some(1)
    );
    let finish = async |step: &Secret, answer| {
        let proof = SecondProof::Passkey(answer);
        world
            .services
            .finish_login(Some(step.expose()), proof, Arrival::default())
            .await
    };
    let credential = authenticator.prove(&asked.options);
    let elsewhere = finish(&other, answer(&asked, credential)).await;
    assert!(is_wrong(&elsewhere));
    let asked = world.services.question_for_login(Some(step.expose())).await;
    let asked = asked.unwrap();
    let credential = authenticator.prove(&asked.options);
    assert!(finish(&step, answer(&asked, credential)).await.is_ok());
}

async fn second_step(world: &World) -> Secret {
    match world.services.log_in(attempt(EMAIL, PASSWORD)).await {
        Ok(Login::SecondStep(step)) => step,
        other => panic!("no second step: {other:?}"),
    }
}

#[tokio::test]
async fn an_answer_from_another_site_or_without_its_user_is_refused() {
    let world = acme().await;
    let (mut authenticator, session) = with_passkey(&world).await;
    for origin in [
        "https://scout.example.org:8443",
        "http://scout.example.org",
        "https://evil.scout.example.org",
        "https://scout.example.org.evil.example",
    ] {
        origin.clone_into(&mut authenticator.origin);
        let asked = question(&world).await;
        let credential = authenticator.prove(&asked.options);
        let refused = log_in(&world, answer(&asked, credential)).await;
        assert!(is_wrong(&refused), "{origin}");
    }
    SITE.clone_into(&mut authenticator.origin);
    authenticator.verifies = false;
    let asked = question(&world).await;
    let credential = authenticator.prove(&asked.options);
    assert!(is_wrong(&log_in(&world, answer(&asked, credential)).await));

    let me = person(&world, &session).await;
    let mut careless = Authenticator::at(SITE);
    careless.verifies = false;
    let asked = world.services.question_for_passkey(&me).await.unwrap();
    let credential = careless.register(&asked.options);
    let answered = answer(&asked, credential);
    let added = world.services.add_passkey(&me, "Careless", &answered);
    assert!(is_wrong(&added.await));
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused() {
    let world = acme().await;
    let mut authenticator = Authenticator::at(SITE);
    authenticator.counter = 7;
    let session = world.log_in().await;
    let me = person(&world, &session).await;
    let asked = world.services.question_for_passkey(&me).await.unwrap();
    let credential = authenticator.register(&asked.options);
    let answered = answer(&asked, credential);
    let added = world.services.add_passkey(&me, "Key", &answered);
    added.await.unwrap();
    let enter = async |authenticator: &mut Authenticator| {
        let asked = question(&world).await;
        let credential = authenticator.prove(&asked.options);
        log_in(&world, answer(&asked, credential)).await
    };
    assert!(enter(&mut authenticator).await.is_ok());
    // A copy that was made before the last use.
    authenticator.counter = 7;
    assert!(is_wrong(&enter(&mut authenticator).await));
    assert!(enter(&mut authenticator).await.is_ok());
}

#[tokio::test]
async fn a_passkey_of_one_person_is_none_of_another() {
    let world = acme().await;
    world.organisation("Other", EVE).await;
    let login = world.services.log_in(attempt(EVE, PASSWORD)).await;
    let eve = person(&world, &login.unwrap().done().unwrap().session).await;
    let (mut eves, _) = register(&world, &eve).await;
    let (_, _) = with_passkey(&world).await;
    let step = second_step(&world).await;
    let asked = world.services.question_for_login(Some(step.expose())).await;
    let asked = asked.unwrap();
    let credential = eves.prove(&asked.options);
    let proof = SecondProof::Passkey(answer(&asked, credential));
    let finished = world
        .services
        .finish_login(Some(step.expose()), proof, Arrival::default());
    assert!(is_wrong(&finished.await));
}

#[tokio::test]
async fn passkeys_are_named_renamed_and_removed_by_their_person_alone() {
    let world = acme().await;
    let (_, session) = with_passkey(&world).await;
    world.organisation("Other", EVE).await;
    let login = world.services.log_in(attempt(EVE, PASSWORD)).await;
    let eve = person(&world, &login.unwrap().done().unwrap().session).await;
    let me = person(&world, &session).await;
    let row = world.services.own_factors(&me).await.unwrap().passkeys[0].clone();
    assert_eq!(row.name, "Laptop");
    let id = row.id;
    for name in ["", "a\u{202e}b", &"x".repeat(65)] {
        let refused = world.services.rename_passkey(&me, id, name).await;
        assert!(matches!(refused, Err(ServiceError::Invalid { .. })));
    }
    let foreign = world.services.rename_passkey(&eve, id, "Mine").await;
    assert!(matches!(foreign, Err(ServiceError::NotFound)));
    let foreign = world.services.remove_factor(&eve, &id.to_string()).await;
    assert!(matches!(foreign, Err(ServiceError::NotFound)));

    let renamed = world.services.rename_passkey(&me, id, "Old laptop").await;
    renamed.unwrap();
    let own = world.services.own_factors(&me).await.unwrap();
    assert_eq!(own.passkeys[0].name, "Old laptop");
    let removed = world.services.remove_factor(&me, &id.to_string()).await;
    let me = person(&world, &removed.unwrap().session).await;
    assert!(!world.services.own_factors(&me).await.unwrap().any());
}

#[tokio::test]
async fn one_authenticator_is_added_once() {
    let world = acme().await;
    let (mut authenticator, session) = with_passkey(&world).await;
    let me = person(&world, &session).await;
    let asked = world.services.question_for_passkey(&me).await.unwrap();
    assert_eq!(
        asked.options["excludeCredentials"].as_array().map(Vec::len),
        Some(1)
    );
    let credential = authenticator.register(&asked.options);
    let added = world
        .services
        .add_passkey(&me, "Again", &answer(&asked, credential))
        .await;
    assert!(added.is_err());
}

#[tokio::test]
async fn there_are_no_passkeys_at_an_address_without_a_host_name() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    assert!(!world.services.passkeys_work());
    let address = "https://192.0.2.1:8443".parse().unwrap();
    world.services.bind_passkeys(&address);
    assert!(!world.services.passkeys_work());
    let session = world.log_in().await;
    let me = person(&world, &session).await;
    let refused = world.services.question_for_passkey(&me).await;
    assert!(matches!(refused, Err(ServiceError::Invalid { .. })));
}
