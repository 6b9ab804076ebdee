//! P8: a session cannot be stolen, fixed or kept alive for ever; and the link to the first owner.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use server_scout::domain::client::Client;
use server_scout::domain::principal::{Credential, Means, Principal};
use server_scout::domain::{ServiceError, Services};
use server_scout::secret::SecretHash;
use support::{EMAIL, PASSWORD, World, attempt, first_owner};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

async fn world_with_owner() -> World {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world
}

#[tokio::test]
async fn a_session_that_is_not_used_ends_after_twelve_hours() {
    let world = world_with_owner().await;
    let session = world.log_in().await;
    world.hand.advance(11 * HOUR + 59 * MINUTE);
    assert!(world.session_counts(&session).await);
    world.hand.advance(12 * HOUR);
    assert!(!world.session_counts(&session).await);
}

#[tokio::test]
async fn a_session_in_use_still_ends_after_seven_days() {
    let world = world_with_owner().await;
    let session = world.log_in().await;
    for _ in 0..13 {
        world.hand.advance(11 * HOUR);
        assert!(world.session_counts(&session).await);
    }
    world.hand.advance(11 * HOUR);
    world.hand.advance(14 * HOUR);
    assert!(!world.session_counts(&session).await);
}

#[tokio::test]
async fn logging_in_gives_a_new_id_and_ends_the_session_before() {
    let world = world_with_owner().await;
    let before = world.log_in().await;
    let mut again = attempt(EMAIL, PASSWORD);
    again.before = Some(before.hash());
    let after = world
        .services
        .log_in(again)
        .await
        .unwrap()
        .done()
        .unwrap()
        .session;
    assert_ne!(before.hash(), after.hash());
    assert!(!world.session_counts(&before).await);
    assert!(world.session_counts(&after).await);
}

#[tokio::test]
async fn logging_out_ends_the_session_for_good() {
    let world = world_with_owner().await;
    let session = world.log_in().await;
    let hash: SecretHash = session.hash();
    let me = Credential::Session(session.expose().to_owned());
    let me = world.person(me).await;
    world.services.log_out(&me).await.unwrap();
    assert!(!world.session_counts(&session).await);
    let again = world.services.ask_again(Means::Session(hash)).await;
    assert!(again.unwrap().is_none());
}

#[tokio::test]
async fn a_session_survives_a_restart_of_the_dashboard() {
    let world = world_with_owner().await;
    let session = world.log_in().await;
    let world = world.restart().await;
    assert!(world.session_counts(&session).await);
}

#[tokio::test]
async fn wrong_password_and_unknown_address_are_refused_alike() {
    let world = world_with_owner().await;
    for (email, password) in [
        (EMAIL, "correct horse batterx"),
        ("nobody@example.org", PASSWORD),
        ("not an address", PASSWORD),
        (EMAIL, ""),
    ] {
        let login = world.services.log_in(attempt(email, password)).await;
        assert!(
            matches!(login, Err(ServiceError::WrongLogin)),
            "{email} {password}"
        );
    }
}

#[tokio::test]
async fn the_first_owner_link_opens_once() {
    let world = World::new().await;
    let link = world.services.first_owner_link().await.unwrap().unwrap();
    // Looking changes nothing, however often.
    for _ in 0..3 {
        assert!(
            world
                .services
                .look_at_first_owner_link(link.expose())
                .await
                .is_ok()
        );
    }
    let create = |link: String| {
        let services = world.services.clone();
        async move {
            services
                .create_first_owner(&link, first_owner(), Client::default())
                .await
        }
    };
    let session = create(link.expose().to_owned()).await.unwrap().session;
    assert!(world.session_counts(&session).await);
    let again = create(link.expose().to_owned()).await;
    assert!(matches!(again, Err(ServiceError::LinkClosed)));
    assert!(
        world
            .services
            .look_at_first_owner_link(link.expose())
            .await
            .is_err()
    );
    assert!(world.services.first_owner_link().await.unwrap().is_none());
}

#[tokio::test]
async fn two_who_use_the_link_at_once_make_one_owner() {
    let world = World::new().await;
    let link = world.services.first_owner_link().await.unwrap().unwrap();
    let create = || {
        world
            .services
            .create_first_owner(link.expose(), first_owner(), Client::default())
    };
    let (one, other) = tokio::join!(create(), create());
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
}

#[tokio::test]
async fn the_first_owner_link_closes_after_an_hour() {
    let world = World::new().await;
    let link = world.services.first_owner_link().await.unwrap().unwrap();
    world.hand.advance(59 * MINUTE);
    assert!(
        world
            .services
            .look_at_first_owner_link(link.expose())
            .await
            .is_ok()
    );
    world.hand.advance(MINUTE);
    let late = world
        .services
        .create_first_owner(link.expose(), first_owner(), Client::default())
        .await;
    assert!(matches!(late, Err(ServiceError::LinkClosed)));
}

#[tokio::test]
async fn a_new_first_owner_link_voids_the_one_before() {
    let world = World::new().await;
    let before = world.services.first_owner_link().await.unwrap().unwrap();
    let world = world.restart().await;
    let after = world.services.first_owner_link().await.unwrap().unwrap();
    assert!(
        world
            .services
            .look_at_first_owner_link(before.expose())
            .await
            .is_err()
    );
    assert!(
        world
            .services
            .look_at_first_owner_link(after.expose())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_refused_form_leaves_the_link_open() {
    let world = World::new().await;
    let link = world.services.first_owner_link().await.unwrap().unwrap();
    let mut form = first_owner();
    form.password = "too short".to_owned();
    let refused = world
        .services
        .create_first_owner(link.expose(), form, Client::default())
        .await;
    assert!(matches!(
        refused,
        Err(ServiceError::Invalid {
            member: "password",
            ..
        })
    ));
    let accepted =
        world
            .services
            .create_first_owner(link.expose(), first_owner(), Client::default());
    assert!(accepted.await.is_ok());
}

#[tokio::test]
async fn an_access_token_ends_after_ninety_days() {
    let world = world_with_owner().await;
    let scope = server_scout::access::TokenScope::Read;
    let token = world
        .services
        .add_token(EMAIL, "Acme", scope)
        .await
        .unwrap();
    let credential = || Credential::AccessToken(token.expose().to_owned());
    let found = world.services.authenticate(&credential()).await.unwrap();
    assert!(matches!(found, Some(Principal::Person(_))));
    world.hand.advance(90 * 24 * HOUR);
    assert!(
        world
            .services
            .authenticate(&credential())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn failed_logins_slow_further_ones_down_without_telling_whether_the_account_exists() {
    let world = world_with_owner().await;
    for email in [EMAIL, "nobody@example.org"] {
        for _ in 0..5 {
            let wrong = world.services.log_in(attempt(email, "wrong")).await;
            assert!(matches!(wrong, Err(ServiceError::WrongLogin)));
        }
        let right = world.services.log_in(attempt(email, PASSWORD)).await;
        let Err(ServiceError::TooManyAttempts { retry_after }) = right else {
            panic!("{email} is not slowed down")
        };
        assert_eq!(retry_after, Duration::from_secs(1));
    }
    world.hand.advance(Duration::from_secs(1));
    assert!(
        world
            .services
            .log_in(attempt(EMAIL, PASSWORD))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_stranger_cannot_lock_out_a_browser_that_has_logged_in_before() {
    let world = world_with_owner().await;
    let known = world
        .services
        .log_in(attempt(EMAIL, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap()
        .device;
    for _ in 0..5 {
        let _ = world.services.log_in(attempt(EMAIL, "wrong")).await;
    }
    let mut from_known = attempt(EMAIL, PASSWORD);
    from_known.device = Some(known.expose().to_owned());
    assert!(world.services.log_in(from_known).await.is_ok());
    let elsewhere = world.services.log_in(attempt(EMAIL, PASSWORD)).await;
    assert!(matches!(
        elsewhere,
        Err(ServiceError::TooManyAttempts { .. })
    ));
}

#[tokio::test]
async fn a_device_of_one_person_is_worth_nothing_for_another() {
    let world = world_with_owner().await;
    world.organisation("Other", "eve@example.org").await;
    let eves = world
        .services
        .log_in(attempt("eve@example.org", PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap()
        .device;
    for _ in 0..5 {
        let _ = world.services.log_in(attempt(EMAIL, "wrong")).await;
    }
    let mut with_eves = attempt(EMAIL, PASSWORD);
    with_eves.device = Some(eves.expose().to_owned());
    let tried = world.services.log_in(with_eves).await;
    assert!(matches!(tried, Err(ServiceError::TooManyAttempts { .. })));
}

/// Logins from one network, each with an address and an account of its own.
async fn strangers(services: Services, network: u8, stop: Arc<AtomicBool>) {
    for number in 0_u16.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let [high, low] = number.to_be_bytes();
        let email = format!("nobody-{network}-{number}@example.org");
        let mut stranger = attempt(&email, "not the password");
        stranger.client.address = Some(IpAddr::from([10, network, high, low]));
        let _ = services.log_in(stranger).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_flood_of_logins_does_not_use_up_the_owners_attempts() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    let stop = Arc::new(AtomicBool::new(false));
    let flood: Vec<_> = (0..100_u8)
        .map(|number| tokio::spawn(strangers(world.services.clone(), number, stop.clone())))
        .collect();
    // More in a row than wrong passwords that cost nothing.
    let mut sent_away = 0;
    while sent_away < 8 {
        match world.services.log_in(attempt(EMAIL, PASSWORD)).await {
            Ok(_) => sent_away = 0,
            Err(ServiceError::Unavailable { .. }) => sent_away += 1,
            Err(error) => panic!("{error:?} after {sent_away}"),
        }
    }
    stop.store(true, Ordering::Relaxed);
    for stranger in flood {
        stranger.await.unwrap();
    }
    assert!(
        world
            .services
            .log_in(attempt(EMAIL, PASSWORD))
            .await
            .is_ok()
    );
}
