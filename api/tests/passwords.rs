//! Passwords: what may be one, changing it, and hashes that grow with the times.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use server_scout::access::TokenScope;
use server_scout::domain::ServiceError;
use server_scout::domain::accounts::{LoggedIn, PasswordChange};
use server_scout::domain::client::Client;
use server_scout::domain::principal::Credential;
use server_scout::id::{Id, Person};
use server_scout::secret::Secret;
use server_scout::store::people;
use sha2::{Digest as _, Sha256};
use support::{EMAIL, PASSWORD, World, attempt, first_owner};

const NEW: &str = "a stapler of horses";
const ORGANISATION: &str = "Acme of the North";

async fn world() -> World {
    let world = World::new().await;
    world.organisation(ORGANISATION, EMAIL).await;
    world
}

async fn change(
    world: &World,
    session: &Secret,
    present: &str,
    new: &str,
) -> Result<LoggedIn, ServiceError> {
    let credential = Credential::Session(session.expose().to_owned());
    let person = world.person(credential).await;
    let change = PasswordChange {
        present: present.to_owned(),
        new: new.to_owned(),
        device: None,
        revoke_tokens: false,
        client: Client::default(),
    };
    world.services.change_password(&person, change).await
}

fn is_about<T>(result: &Result<T, ServiceError>, about: &str) -> bool {
    matches!(result, Err(ServiceError::Invalid { member, .. }) if *member == about)
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_renews_this_one() {
    let world = world().await;
    let [other, mine] = [world.log_in().await, world.log_in().await];

    let renewed = change(&world, &mine, PASSWORD, NEW).await.unwrap().session;

    assert_ne!(renewed.hash(), mine.hash());
    assert!(world.session_counts(&renewed).await);
    assert!(!world.session_counts(&mine).await, "the old id is dead");
    assert!(!world.session_counts(&other).await);
    let old = world.services.log_in(attempt(EMAIL, PASSWORD)).await;
    assert!(matches!(old, Err(ServiceError::WrongLogin)));
    assert!(world.services.log_in(attempt(EMAIL, NEW)).await.is_ok());
}

#[tokio::test]
async fn a_new_password_leaves_access_tokens_and_other_people_alone() {
    let world = world().await;
    let eve = "eve@example.org";
    world.organisation("Other", eve).await;
    let eves = world
        .services
        .log_in(attempt(eve, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap();
    let token = world
        .services
        .add_token(EMAIL, ORGANISATION, TokenScope::Read)
        .await
        .unwrap();
    let mine = world.log_in().await;

    change(&world, &mine, PASSWORD, NEW).await.unwrap();

    let credential = Credential::AccessToken(token.expose().to_owned());
    assert!(
        world
            .services
            .authenticate(&credential)
            .await
            .unwrap()
            .is_some()
    );
    assert!(world.session_counts(&eves.session).await);
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let world = world().await;
    let [other, mine] = [world.log_in().await, world.log_in().await];
    for (present, new, about) in [
        ("wrong", NEW, "present password"),
        ("", NEW, "present password"),
        (PASSWORD, "too short", "password"),
        (PASSWORD, PASSWORD, "password"),
        (PASSWORD, "Password1234", "password"),
    ] {
        let refused = change(&world, &mine, present, new).await;
        assert!(is_about(&refused, about), "{present} {new}");
    }
    assert!(world.session_counts(&other).await && world.session_counts(&mine).await);
    assert!(
        world
            .services
            .log_in(attempt(EMAIL, PASSWORD))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn guessing_the_present_password_is_slowed_down_like_logins() {
    let world = world().await;
    let mine = world.log_in().await;
    for _ in 0..5 {
        let wrong = change(&world, &mine, "wrong", NEW).await;
        assert!(is_about(&wrong, "present password"));
    }
    let slowed = change(&world, &mine, PASSWORD, NEW).await;
    assert!(matches!(slowed, Err(ServiceError::TooManyAttempts { .. })));
    // It is one count: logging in is slowed down, too.
    let login = world.services.log_in(attempt(EMAIL, PASSWORD)).await;
    assert!(matches!(login, Err(ServiceError::TooManyAttempts { .. })));
    world.hand.advance(Duration::from_secs(1));
    assert!(change(&world, &mine, PASSWORD, NEW).await.is_ok());
}

#[tokio::test]
async fn of_two_changes_at_once_one_counts() {
    let world = world().await;
    let mine = world.log_in().await;
    let (one, other) = tokio::join!(
        change(&world, &mine, PASSWORD, NEW),
        change(&world, &mine, PASSWORD, "a herd of staplers")
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1);
    let lost = one.err().or(other.err()).unwrap();
    assert!(matches!(lost, ServiceError::Unauthenticated), "{lost}");
}

#[tokio::test]
async fn a_login_with_the_old_password_cannot_outlive_its_change() {
    let world = world().await;
    // Checking this one takes so long that the change comes in between.
    put_hash(&world, &hash(PASSWORD, 32 * 1024, 12)).await;
    let change = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        put_hash(&world, &hash(NEW, 8 * 1024, 1)).await
    };
    let (login, _) = tokio::join!(world.services.log_in(attempt(EMAIL, PASSWORD)), change);
    assert!(matches!(login, Err(ServiceError::WrongLogin)));
}

#[tokio::test]
async fn what_everybody_tries_first_is_no_password() {
    let world = World::new().await;
    let link = world.services.first_owner_link().await.unwrap().unwrap();
    for bad in [
        "password1234",
        "PassWord1234",
        "qwertyuiop123",
        "Ada@Example.Org",
        "ACME OF THE NORTH",
    ] {
        let added = world
            .services
            .add_person(EMAIL, ORGANISATION, None, bad.to_owned())
            .await;
        assert!(is_about(&added, "password"), "{bad}");
        let mut form = first_owner();
        ORGANISATION.clone_into(&mut form.organisation);
        bad.clone_into(&mut form.password);
        let owner = world
            .services
            .create_first_owner(link.expose(), form, Client::default())
            .await;
        assert!(is_about(&owner, "password"), "{bad}");
    }
}

#[test]
fn the_list_of_common_passwords_is_the_one_of_its_record() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vendor/common-passwords-1.1.1");
    let list = std::fs::read(format!("{folder}/long.txt")).unwrap();
    let record = std::fs::read_to_string(format!("{folder}/VENDORED.md")).unwrap();
    let hash = Sha256::digest(&list)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert!(record.contains(&hash), "{hash}");
}

#[tokio::test]
async fn a_login_renews_a_hash_of_weaker_parameters() {
    let world = world().await;
    let weak = hash(PASSWORD, 8 * 1024, 1);
    put_hash(&world, &weak).await;

    let wrong = world.services.log_in(attempt(EMAIL, "wrong")).await;
    assert!(matches!(wrong, Err(ServiceError::WrongLogin)));
    assert_eq!(stored_hash(&world).await.1, weak);
    let session = world.log_in().await;
    let renewed = stored_hash(&world).await.1;
    assert!(
        renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{renewed}"
    );
    assert!(world.session_counts(&session).await);

    let _ = world.log_in().await;
    assert_eq!(stored_hash(&world).await.1, renewed, "once is enough");
}

/// A hash of these parameters.
fn hash(password: &str, memory: u32, passes: u32) -> String {
    let params = Params::new(memory, passes, 1, None).unwrap();
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon
        .hash_password(password.as_bytes())
        .unwrap()
        .to_string()
}

/// Whose hash stands in the database, and which.
async fn stored_hash(world: &World) -> (Id<Person>, String) {
    let read = world.store().read(|c| people::by_email(c, EMAIL)).await;
    let login = read.unwrap().unwrap();
    (login.person, login.password_hash)
}

/// Puts another hash there, as another process would; returns the one before.
async fn put_hash(world: &World, hash: &str) -> String {
    let (person, before) = stored_hash(world).await;
    let (old, new) = (before.clone(), hash.to_owned());
    let store = world.store();
    let write = store.write(move |c| people::replace_password_hash(c, person, &old, &new));
    write.await.unwrap();
    before
}
