//! P8: another password or address by a link that proves whose mailbox it is.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::config::PublicUrl;
use server_scout::domain::ServiceError;
use server_scout::domain::client::Client;
use server_scout::domain::post::{Mail, Mailbag};
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::profile::EmailChange;
use server_scout::domain::second_factor::Login;
use server_scout::secret::Secret;
use support::authenticator_app::set_up;
use support::{EMAIL, PASSWORD, World, attempt};

const NEW: &str = "a stapler for the battery";
const OTHER: &str = "ada@other.example";

async fn world() -> (World, Mailbag) {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    let bag = world.services.open_post(&PublicUrl::default()).unwrap();
    (world, bag)
}

async fn by(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

async fn ask(world: &World, bag: &mut Mailbag) -> String {
    let asked = world.services.request_reset(EMAIL, Client::default());
    asked.unwrap();
    loop {
        let mail = bag.next().await.unwrap();
        // One may tell of the change before.
        if mail.letter.link.is_some() {
            return token(mail, "reset");
        }
    }
}

/// The secret of a mail's link.
fn token(mail: Mail, page: &str) -> String {
    let address = mail.letter.link.unwrap().address;
    let start = format!("https://localhost:8443/{page}/");
    address.strip_prefix(&start).unwrap().to_owned()
}

async fn reset(world: &World, token: &str, password: &str) -> Result<(), ServiceError> {
    let password = password.to_owned();
    world
        .services
        .reset_password(token, password, Client::default())
        .await
}

/// The next mail, if one waits.
async fn waiting(bag: &mut Mailbag) -> Option<Mail> {
    let patience = Duration::from_millis(200);
    tokio::time::timeout(patience, bag.next())
        .await
        .ok()
        .flatten()
}

#[tokio::test]
async fn a_link_changes_the_password_once_and_ends_every_session_and_device() {
    let (world, mut bag) = world().await;
    let first = world
        .services
        .log_in(attempt(EMAIL, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap();
    let other = world.log_in().await;
    let token = ask(&world, &mut bag).await;
    for _ in 0..3 {
        let looked = world.services.look_at_reset(&token).await;
        assert_eq!(looked.unwrap(), EMAIL);
    }
    for bad in ["short", EMAIL, "password1234"] {
        let refused = reset(&world, &token, bad).await;
        assert!(matches!(refused, Err(ServiceError::Invalid { .. })));
    }
    reset(&world, &token, NEW).await.unwrap();

    assert!(!world.session_counts(&first.session).await);
    assert!(!world.session_counts(&other).await);
    let again = reset(&world, &token, "yet another battery").await;
    assert!(matches!(again, Err(ServiceError::LinkClosed)));
    assert!(
        world
            .services
            .log_in(attempt(EMAIL, PASSWORD))
            .await
            .is_err()
    );
    // The device is a stranger again: failures count for the account, not for it.
    for _ in 0..4 {
        let mut wrong = attempt(EMAIL, "a wrong password");
        wrong.device = Some(first.device.expose().to_owned());
        wrong.client = Client::default();
        let _ = world.services.log_in(wrong).await;
    }
    let mut right = attempt(EMAIL, NEW);
    right.client = Client::default();
    let slowed = world.services.log_in(right).await;
    assert!(matches!(
        slowed.map(drop),
        Err(ServiceError::TooManyAttempts { .. })
    ));
}

#[tokio::test]
async fn a_link_ends_after_an_hour_and_with_a_change_of_the_password() {
    let (world, mut bag) = world().await;
    let late = ask(&world, &mut bag).await;
    world.hand.advance(Duration::from_hours(1));
    assert!(matches!(
        reset(&world, &late, NEW).await,
        Err(ServiceError::LinkClosed)
    ));

    let one = ask(&world, &mut bag).await;
    let two = ask(&world, &mut bag).await;
    reset(&world, &two, NEW).await.unwrap();
    let old = reset(&world, &one, "yet another battery").await;
    assert!(matches!(old, Err(ServiceError::LinkClosed)));

    let three = ask(&world, &mut bag).await;
    let session = world
        .services
        .log_in(attempt(EMAIL, NEW))
        .await
        .unwrap()
        .done()
        .unwrap();
    let me = by(&world, &session.session).await;
    let change = server_scout::domain::accounts::PasswordChange {
        revoke_tokens: false,
        present: NEW.to_owned(),
        new: "yet another battery".to_owned(),
        device: None,
        client: Client::default(),
    };
    let changed = world.services.change_password(&me, change).await;
    changed.map(drop).unwrap();
    let old = reset(&world, &three, "still another battery").await;
    assert!(matches!(old, Err(ServiceError::LinkClosed)));
}

#[tokio::test]
async fn asking_says_the_same_of_every_address_and_mails_only_accounts() {
    let (world, mut bag) = world().await;
    for email in [EMAIL, "nobody@example.org"] {
        for _ in 0..5 {
            let asked = world.services.request_reset(email, Client::default());
            assert!(asked.is_ok(), "{email}");
        }
        let more = world.services.request_reset(email, Client::default());
        assert!(
            matches!(more, Err(ServiceError::TooManyAttempts { .. })),
            "{email}"
        );
    }
    for _ in 0..5 {
        assert_eq!(waiting(&mut bag).await.unwrap().to, EMAIL);
    }
    assert!(waiting(&mut bag).await.is_none());
    let nonsense = world.services.request_reset("nonsense", Client::default());
    assert!(matches!(nonsense, Err(ServiceError::Invalid { .. })));
}

#[tokio::test]
async fn the_operator_makes_a_link_without_any_mail() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    let asked = world.services.request_reset(EMAIL, Client::default());
    assert!(
        matches!(asked, Err(ServiceError::NotFound)),
        "there is no mail"
    );
    let link = world.services.operator_reset_link(EMAIL).await.unwrap();
    reset(&world, link.expose(), NEW).await.unwrap();
    assert!(world.services.log_in(attempt(EMAIL, NEW)).await.is_ok());
    let nobody = world.services.operator_reset_link("nobody@example.org");
    assert!(matches!(
        nobody.await.map(drop),
        Err(ServiceError::Invalid { .. })
    ));
}

#[tokio::test]
async fn whoever_tried_passwords_does_not_keep_the_owner_out_after_a_reset() {
    let (world, mut bag) = world().await;
    for _ in 0..8 {
        let mut wrong = attempt(EMAIL, "a wrong password");
        wrong.client = Client::default();
        let _ = world.services.log_in(wrong).await;
    }
    let token = ask(&world, &mut bag).await;
    reset(&world, &token, NEW).await.unwrap();
    assert!(world.services.log_in(attempt(EMAIL, NEW)).await.is_ok());
}

#[tokio::test]
async fn another_address_counts_once_its_link_was_opened_and_the_old_one_is_told() {
    let (world, mut bag) = world().await;
    let me = by(&world, &world.log_in().await).await;
    let change = world.services.change_own_email(&me, OTHER).await;
    assert_eq!(change.unwrap(), EmailChange::Mailed);
    let mail = bag.next().await.unwrap();
    assert_eq!(mail.to, OTHER);
    let confirm = token(mail, "email");
    // An older mail, to the old address, must not open the account afterwards.
    let old = ask(&world, &mut bag).await;
    assert_eq!(
        world.services.look_at_email_link(&confirm).await.unwrap(),
        OTHER
    );
    assert!(
        world
            .services
            .log_in(attempt(OTHER, PASSWORD))
            .await
            .is_err()
    );

    let confirmed = world.services.confirm_email(&confirm, Client::default());
    confirmed.await.unwrap();

    let told = bag.next().await.unwrap();
    assert_eq!(told.to, EMAIL);
    assert!(told.letter.link.is_none());
    assert!(
        world
            .services
            .log_in(attempt(OTHER, PASSWORD))
            .await
            .is_ok()
    );
    assert!(
        world
            .services
            .log_in(attempt(EMAIL, PASSWORD))
            .await
            .is_err()
    );
    assert!(matches!(
        reset(&world, &old, NEW).await,
        Err(ServiceError::LinkClosed)
    ));
    let again = world.services.confirm_email(&confirm, Client::default());
    assert!(matches!(again.await, Err(ServiceError::LinkClosed)));
}

#[tokio::test]
async fn an_address_waits_for_an_hour_and_for_one_link() {
    let (world, mut bag) = world().await;
    let me = by(&world, &world.log_in().await).await;
    let services = &world.services;
    services.change_own_email(&me, OTHER).await.unwrap();
    let first = token(bag.next().await.unwrap(), "email");
    services
        .change_own_email(&me, "third@example.org")
        .await
        .unwrap();
    let second = token(bag.next().await.unwrap(), "email");
    let replaced = services.confirm_email(&first, Client::default()).await;
    assert!(matches!(replaced, Err(ServiceError::LinkClosed)));
    world.hand.advance(Duration::from_hours(1));
    let late = services.confirm_email(&second, Client::default()).await;
    assert!(matches!(late, Err(ServiceError::LinkClosed)));

    // A reset ends what a thief may have begun.
    let me = by(&world, &world.log_in().await).await;
    services.change_own_email(&me, OTHER).await.unwrap();
    let thief = token(bag.next().await.unwrap(), "email");
    let mine = ask(&world, &mut bag).await;
    reset(&world, &mine, NEW).await.unwrap();
    let ended = services.confirm_email(&thief, Client::default()).await;
    assert!(matches!(ended, Err(ServiceError::LinkClosed)));
}

#[tokio::test]
async fn somebody_elses_address_is_asked_like_any_other_and_never_taken() {
    let (world, mut bag) = world().await;
    world.organisation("Other", OTHER).await;
    let me = by(&world, &world.log_in().await).await;
    let asked = world.services.change_own_email(&me, OTHER).await;
    assert_eq!(asked.unwrap(), EmailChange::Mailed, "as of a free one");
    let link = token(bag.next().await.unwrap(), "email");
    let taken = world.services.confirm_email(&link, Client::default()).await;
    assert!(matches!(taken, Err(ServiceError::Conflict { .. })));
}

#[tokio::test]
async fn without_mail_another_address_counts_at_once() {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world.organisation("Other", "eve@example.org").await;
    let me = by(&world, &world.log_in().await).await;
    let services = &world.services;
    let taken = services.change_own_email(&me, "eve@example.org").await;
    assert!(matches!(taken, Err(ServiceError::Conflict { .. })));
    for bad in [EMAIL, "nonsense", "a@b\nc"] {
        let refused = services.change_own_email(&me, bad).await;
        assert!(
            matches!(refused, Err(ServiceError::Invalid { .. })),
            "{bad}"
        );
    }
    let changed = services.change_own_email(&me, OTHER).await;
    assert_eq!(changed.unwrap(), EmailChange::Done);
    assert!(services.log_in(attempt(OTHER, PASSWORD)).await.is_ok());
}

#[tokio::test]
async fn a_name_may_be_empty_and_hides_nothing() {
    let (world, _bag) = world().await;
    let me = by(&world, &world.log_in().await).await;
    let services = &world.services;
    for bad in ["a\nb", "a\u{200b}b", "\u{202e}a", &"x".repeat(65)] {
        let refused = services.change_own_name(&me, bad).await;
        assert!(matches!(
            refused,
            Err(ServiceError::Invalid { member: "name", .. })
        ));
    }
    for good in [" Ada Lovelace ", ""] {
        services.change_own_name(&me, good).await.unwrap();
        assert_eq!(services.own_name(&me).await.unwrap(), good.trim());
    }
}

#[tokio::test]
async fn a_reset_opens_nothing_past_a_second_factor() {
    let (world, mut bag) = world().await;
    let me = by(&world, &world.log_in().await).await;
    set_up(&world, &me).await;
    // Somebody who knew the old password waits for the second step.
    let waits = world.services.log_in(attempt(EMAIL, PASSWORD)).await;
    let Ok(Login::SecondStep(step)) = waits else {
        panic!("no second step")
    };
    let token = ask(&world, &mut bag).await;
    reset(&world, &token, NEW).await.unwrap();
    let login = world.services.log_in(attempt(EMAIL, NEW)).await;
    assert!(matches!(login, Ok(Login::SecondStep(_))));
    let known = world.services.pending_login(Some(step.expose())).await;
    assert!(known.map(drop).is_err(), "the old password's step lives on");
}
