//! Second factors: codes by time, recovery codes, the second step of a login, and who must have one.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod support;

use std::time::Duration;

use server_scout::access::{Right, TokenScope};
use server_scout::domain::ServiceError;
use server_scout::domain::accounts::LoggedIn;
use server_scout::domain::audit::EventQuery;
use server_scout::domain::principal::Credential;
use server_scout::domain::second_factor::{Arrival, Changed, Login, SecondProof};
use server_scout::secret::Secret;
use support::authenticator_app::{App, person, set_up};
use support::{EMAIL, PASSWORD, World, attempt};

const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_mins(1);

async fn acme() -> World {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world
}

/// A person with codes by time, and what set-up gave.
async fn with_app(world: &World) -> (App, Changed) {
    let session = world.log_in().await;
    let me = person(world, &session).await;
    let set_up = set_up(world, &me).await;
    world.hand.advance(STEP);
    set_up
}

async fn right_password(world: &World) -> Secret {
    match world.services.log_in(attempt(EMAIL, PASSWORD)).await {
        Ok(Login::SecondStep(step)) => step,
        other => panic!("no second step: {other:?}"),
    }
}

async fn finish(
    world: &World,
    step: &Secret,
    proof: SecondProof,
) -> Result<LoggedIn, ServiceError> {
    let arrival = Arrival {
        client: attempt(EMAIL, "").client,
        ..Arrival::default()
    };
    world
        .services
        .finish_login(Some(step.expose()), proof, arrival)
        .await
}

fn is_wrong<T>(result: &Result<T, ServiceError>) -> bool {
    matches!(result, Err(ServiceError::WrongSecondFactor))
}

#[tokio::test]
async fn a_set_up_counts_from_its_first_right_code_on() {
    let world = acme().await;
    let session = world.log_in().await;
    let me = person(&world, &session).await;
    world.services.begin_totp(&me).await.unwrap();
    let wrong = world.services.confirm_totp(&me, "000000").await;
    assert!(matches!(
        wrong,
        Err(ServiceError::Invalid { member: "code", .. })
    ));
    let login = world.services.log_in(attempt(EMAIL, PASSWORD)).await;
    assert!(login.unwrap().done().is_some(), "it counts already");

    let (app, changed) = set_up(&world, &me).await;

    assert_eq!(changed.recovery_codes.unwrap().expose().len(), 10);
    assert!(!world.session_counts(&session).await);
    assert!(world.session_counts(&changed.logged_in.session).await);
    world.hand.advance(STEP);
    let step = right_password(&world).await;
    let code = SecondProof::Code(app.code(&world));
    assert!(finish(&world, &step, code).await.is_ok());
}

#[tokio::test]
async fn a_set_up_that_takes_too_long_is_void() {
    let world = acme().await;
    let session = world.log_in().await;
    let me = person(&world, &session).await;
    world.services.begin_totp(&me).await.unwrap();
    assert!(world.services.totp_setup(&me).await.unwrap().is_some());
    world.hand.advance(15 * MINUTE);
    assert!(world.services.totp_setup(&me).await.unwrap().is_none());
    let late = world.services.confirm_totp(&me, "000000").await;
    assert!(matches!(late, Err(ServiceError::Invalid { .. })));
}

#[tokio::test]
async fn a_code_is_never_taken_twice() {
    let world = acme().await;
    let session = world.log_in().await;
    let me = person(&world, &session).await;
    let (app, _) = set_up(&world, &me).await;
    // The code that confirmed the set-up is used up, too.
    let confirming = SecondProof::Code(app.code(&world));
    let step = right_password(&world).await;
    assert!(is_wrong(&finish(&world, &step, confirming).await));

    world.hand.advance(STEP);
    let code = app.code(&world);
    let proof = SecondProof::Code(code.clone());
    assert!(finish(&world, &step, proof).await.is_ok());
    for _ in 0..2 {
        let again = right_password(&world).await;
        let proof = SecondProof::Code(code.clone());
        assert!(is_wrong(&finish(&world, &again, proof).await));
        // It would still be within the window.
        world.hand.advance(STEP);
    }
}

#[tokio::test]
async fn of_two_who_present_one_code_at_once_one_gets_in() {
    let world = acme().await;
    let (app, _) = with_app(&world).await;
    let code = app.code(&world);
    let [one, other] = [right_password(&world).await, right_password(&world).await];
    let proof = || SecondProof::Code(code.clone());
    let (one, other) = tokio::join!(
        finish(&world, &one, proof()),
        finish(&world, &other, proof())
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
}

#[tokio::test]
async fn a_code_of_the_step_before_or_after_is_taken_and_none_farther() {
    let world = acme().await;
    let (app, _) = with_app(&world).await;
    let early = app.code(&world);
    world.hand.advance(STEP);
    let step = right_password(&world).await;
    assert!(
        finish(&world, &step, SecondProof::Code(early))
            .await
            .is_ok()
    );

    let old = app.code(&world);
    world.hand.advance(2 * STEP);
    let step = right_password(&world).await;
    assert!(is_wrong(
        &finish(&world, &step, SecondProof::Code(old)).await
    ));
}

#[tokio::test]
async fn a_right_password_alone_opens_no_session() {
    let world = acme().await;
    let (_, changed) = with_app(&world).await;
    // Not even in a browser that is known.
    let mut known = attempt(EMAIL, PASSWORD);
    known.device = Some(changed.logged_in.device.expose().to_owned());
    let login = world.services.log_in(known).await.unwrap();
    let Login::SecondStep(step) = login else {
        panic!("a session without a second factor")
    };
    let as_session = Credential::Session(step.expose().to_owned());
    let found = world.services.authenticate(&as_session).await.unwrap();
    assert!(found.is_none());
}

#[tokio::test]
async fn a_login_waits_five_minutes_and_is_finished_once() {
    let world = acme().await;
    let (app, _) = with_app(&world).await;
    let step = right_password(&world).await;
    world.hand.advance(4 * MINUTE + 59 * SECOND);
    let pending = world.services.pending_login(Some(step.expose())).await;
    let pending = pending.unwrap();
    assert!(pending.totp && pending.recovery_codes && !pending.passkeys);
    let late = right_password(&world).await;
    let code = SecondProof::Code(app.code(&world));
    assert!(finish(&world, &step, code).await.is_ok());

    world.hand.advance(STEP);
    let again = SecondProof::Code(app.code(&world));
    let again = finish(&world, &step, again).await;
    assert!(matches!(again, Err(ServiceError::LoginOver)));
    world.hand.advance(5 * MINUTE);
    let late = finish(&world, &late, SecondProof::Code(app.code(&world))).await;
    assert!(matches!(late, Err(ServiceError::LoginOver)));
    let none = world.services.pending_login(None).await;
    assert!(matches!(none, Err(ServiceError::LoginOver)));
}

#[tokio::test]
async fn a_password_change_ends_the_logins_that_wait() {
    let world = acme().await;
    let (app, changed) = with_app(&world).await;
    let step = right_password(&world).await;
    let me = person(&world, &changed.logged_in.session).await;
    let change = server_scout::domain::accounts::PasswordChange {
        present: PASSWORD.to_owned(),
        new: "another horse battery".to_owned(),
        device: None,
        revoke_tokens: false,
        client: attempt(EMAIL, "").client,
    };
    world.services.change_password(&me, change).await.unwrap();
    let code = SecondProof::Code(app.code(&world));
    let finished = finish(&world, &step, code).await;
    assert!(matches!(finished, Err(ServiceError::LoginOver)));
}

#[tokio::test]
async fn wrong_codes_are_slowed_down_and_a_new_password_step_gives_no_new_tries() {
    let world = acme().await;
    let (app, _) = with_app(&world).await;
    let step = right_password(&world).await;
    for _ in 0..5 {
        let wrong = SecondProof::Code("000000".to_owned());
        assert!(is_wrong(&finish(&world, &step, wrong).await));
    }
    let anew = right_password(&world).await;
    for step in [&step, &anew] {
        let right = SecondProof::Code(app.code(&world));
        let slowed = finish(&world, step, right).await;
        assert!(matches!(slowed, Err(ServiceError::TooManyAttempts { .. })));
        let recovery = SecondProof::RecoveryCode("aaaa-aaaa-aaaa-aaaa".to_owned());
        let slowed = finish(&world, step, recovery).await;
        assert!(matches!(slowed, Err(ServiceError::TooManyAttempts { .. })));
    }
    world.hand.advance(SECOND);
    let right = SecondProof::Code(app.code(&world));
    assert!(finish(&world, &anew, right).await.is_ok());
}

#[tokio::test]
async fn a_recovery_code_opens_once_and_new_ones_void_the_old() {
    let world = acme().await;
    let (app, changed) = with_app(&world).await;
    let codes = changed.recovery_codes.unwrap().expose();
    let use_code = async |code: &str| {
        let step = right_password(&world).await;
        let proof = SecondProof::RecoveryCode(code.to_owned());
        finish(&world, &step, proof).await
    };
    let typed = codes[0].to_uppercase().replace('-', " ");
    let logged_in = use_code(&typed).await.unwrap();
    assert!(is_wrong(&use_code(&codes[0]).await));
    let me = person(&world, &logged_in.session).await;
    let own = world.services.own_factors(&me).await.unwrap();
    assert_eq!(own.recovery_codes_left, 9);

    let new = world.services.renew_recovery_codes(&me).await.unwrap();
    assert!(is_wrong(&use_code(&codes[1]).await));
    assert!(use_code(&new.expose()[1]).await.is_ok());
    // A recovery code is for logging in alone.
    let proof = SecondProof::RecoveryCode(new.expose()[2].clone());
    let proof = world.services.prove_by_factor(&me, proof, None).await;
    assert!(is_wrong(&proof));
    drop(app);
}

#[tokio::test]
async fn a_code_proves_again_who_it_is_and_is_used_up() {
    let world = acme().await;
    let (app, changed) = with_app(&world).await;
    world.hand.advance(15 * MINUTE);
    let me = person(&world, &changed.logged_in.session).await;
    let refused = world.services.renew_recovery_codes(&me).await;
    assert!(matches!(refused, Err(ServiceError::ProofNeeded)));
    let code = app.code(&world);
    let wrong = SecondProof::Code("000000".to_owned());
    let wrong = world.services.prove_by_factor(&me, wrong, None).await;
    assert!(is_wrong(&wrong));

    let proof = SecondProof::Code(code.clone());
    let proved = world.services.prove_by_factor(&me, proof, None).await;
    let me = person(&world, &proved.unwrap().session).await;

    assert!(world.services.renew_recovery_codes(&me).await.is_ok());
    let again = SecondProof::Code(code);
    let again = world.services.prove_by_factor(&me, again, None).await;
    assert!(is_wrong(&again));
}

#[tokio::test]
async fn every_change_ends_the_other_sessions_and_needs_a_fresh_proof() {
    let world = acme().await;
    let other = world.log_in().await;
    let (_, changed) = with_app(&world).await;
    assert!(!world.session_counts(&other).await);
    let me = person(&world, &changed.logged_in.session).await;
    let id = world.services.own_factors(&me).await.unwrap().totp.unwrap();
    let id = id.id.to_string();
    world.hand.advance(15 * MINUTE);
    let stale = person(&world, &changed.logged_in.session).await;
    let refused = world.services.remove_factor(&stale, &id).await;
    assert!(matches!(refused, Err(ServiceError::ProofNeeded)));
    for unknown in ["0000000000000000", "nonsense"] {
        let refused = world.services.remove_factor(&me, unknown).await;
        assert!(matches!(refused, Err(ServiceError::NotFound)), "{unknown}");
    }

    let removed = world.services.remove_factor(&me, &id).await.unwrap();

    assert!(!world.session_counts(&changed.logged_in.session).await);
    let me = person(&world, &removed.session).await;
    let own = world.services.own_factors(&me).await.unwrap();
    assert!(!own.any());
    assert_eq!(own.recovery_codes_left, 0);
    assert!(world.log_in().await.expose().starts_with("sss_"));
}

#[tokio::test]
async fn a_token_changes_no_second_factor() {
    let world = acme().await;
    let (_, changed) = with_app(&world).await;
    let token = world
        .services
        .add_token(EMAIL, "Acme", TokenScope::Admin)
        .await
        .unwrap();
    let program = Credential::AccessToken(token.expose().to_owned());
    let program = world.person(program).await;
    let own = world.services.own_factors(&program).await.unwrap();
    let id = own.totp.unwrap().id.to_string();
    assert!(matches!(
        world.services.remove_factor(&program, &id).await,
        Err(ServiceError::Forbidden)
    ));
    assert!(matches!(
        world.services.begin_totp(&program).await,
        Err(ServiceError::Forbidden)
    ));
    assert!(world.session_counts(&changed.logged_in.session).await);
}

#[tokio::test]
async fn the_operator_helps_somebody_who_has_lost_every_factor() {
    let world = acme().await;
    let (_, changed) = with_app(&world).await;
    let step = right_password(&world).await;
    let operator = world.command().await;
    assert!(operator.reset_second_factor(EMAIL).await.unwrap());
    assert!(!world.session_counts(&changed.logged_in.session).await);
    let code = SecondProof::Code("000000".to_owned());
    let over = finish(&world, &step, code).await;
    assert!(matches!(over, Err(ServiceError::LoginOver)));
    assert!(world.session_counts(&world.log_in().await).await);
    assert!(!operator.reset_second_factor(EMAIL).await.unwrap());
    let nobody = operator.reset_second_factor("nobody@example.org").await;
    assert!(matches!(nobody, Err(ServiceError::Invalid { .. })));
}

#[tokio::test]
async fn a_second_factor_survives_a_restart_of_the_dashboard() {
    let world = acme().await;
    let (app, _) = with_app(&world).await;
    let world = world.restart().await;
    let step = right_password(&world).await;
    let code = SecondProof::Code(app.code(&world));
    assert!(finish(&world, &step, code).await.is_ok());
}

#[tokio::test]
async fn every_change_and_every_use_of_a_recovery_code_is_an_event() {
    let world = acme().await;
    let (_, changed) = with_app(&world).await;
    let codes = changed.recovery_codes.unwrap().expose();
    let step = right_password(&world).await;
    let code = SecondProof::RecoveryCode(codes[0].clone());
    let logged_in = finish(&world, &step, code).await.unwrap();
    let me = person(&world, &logged_in.session).await;
    world.services.renew_recovery_codes(&me).await.unwrap();
    let acting = me.acting_fresh(Right::Administer).unwrap();
    for required in [true, false] {
        let change = world.services.require_second_factor(&acting, required);
        change.await.unwrap();
    }
    let id = world.services.own_factors(&me).await.unwrap().totp.unwrap();
    let removed = world.services.remove_factor(&me, &id.id.to_string()).await;
    let me = person(&world, &removed.unwrap().session).await;

    let query = EventQuery::default();
    let page = world.services.audit_events(&me, query, 1000).await.unwrap();

    let actions: Vec<&str> = page
        .events
        .iter()
        .rev()
        .map(|event| event.row.action.as_str())
        .filter(|action| action.contains("factor") || action.contains("recovery"))
        .collect();
    assert_eq!(
        actions,
        [
            "second-factor.added",
            "recovery-code.used",
            "recovery-codes.renewed",
            "second-factor.required",
            "second-factor.optional",
            "second-factor.removed",
        ]
    );
}
