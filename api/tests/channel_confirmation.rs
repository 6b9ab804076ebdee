//! An address for mail is asked before anything else goes to it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::alerting::Severity;
use server_scout::config::PublicUrl;
use server_scout::domain::ServiceError;
use server_scout::domain::acting::Acting;
use server_scout::domain::channels::NewChannel;
use server_scout::domain::channels::settings::{Kind, Settings};
use server_scout::domain::post::{Mail, Mailbag};
use server_scout::id::{Channel, Id};
use server_scout::store::Scope;
use server_scout::store::channels::ChannelRow;
use support::{EMAIL, World};

const OPS: &str = "ops@example.org";
const HOUR: Duration = Duration::from_hours(1);

async fn world() -> (World, Scope, Mailbag) {
    let world = World::new().await;
    let scope = world.organisation("Acme", EMAIL).await;
    let bag = world.services.open_post(&PublicUrl::default()).unwrap();
    (world, scope, bag)
}

async fn add(
    world: &World,
    scope: Scope,
    name: &str,
    recipient: &str,
) -> Result<ChannelRow, ServiceError> {
    let new = NewChannel {
        name: name.to_owned(),
        kind: Kind::Email,
        settings: Settings {
            recipient: Some(recipient.to_owned()),
            ..Settings::default()
        },
        severity: Severity::Warning,
        hours: None,
    };
    let acting = Acting::operator(scope);
    let added = world.services.add_channel(&acting, new);
    added.await.map(|(row, _)| row)
}

async fn ask_again(world: &World, scope: Scope, id: Id<Channel>) -> Result<(), ServiceError> {
    let acting = Acting::operator(scope);
    let asked = world.services.ask_channel_again(&acting, id);
    asked.await.map(drop)
}

/// The secret of a mail's link.
fn token(mail: Mail) -> String {
    let address = mail.letter.link.unwrap().address;
    let start = "https://localhost:8443/confirm-channel/";
    address.strip_prefix(start).unwrap().to_owned()
}

fn too_many<T>(result: Result<T, ServiceError>) -> Duration {
    match result.map(drop) {
        Err(ServiceError::TooManyConfirmations { retry_after }) => retry_after,
        other => panic!("{other:?}"),
    }
}

fn closed<T>(result: Result<T, ServiceError>) {
    let error = result.map(drop).unwrap_err();
    assert!(matches!(error, ServiceError::LinkClosed), "{error}");
}

#[tokio::test]
async fn a_strangers_address_is_asked_and_agrees_by_its_newest_link_once() {
    let (world, scope, mut bag) = world().await;
    let (services, acting) = (&world.services, Acting::operator(scope));
    let row = add(&world, scope, "Ops", OPS).await.unwrap();
    assert!(row.waits_for_confirmation());
    let mail = bag.next().await.unwrap();
    assert_eq!(mail.to, OPS);
    let said = mail.letter.paragraphs.concat();
    assert!(said.contains("“Acme”"), "{said}");
    let first = token(mail);
    let test = services.test_channel(&acting, row.id);
    let refused = test.await.map(drop).unwrap_err();
    assert!(
        matches!(
            refused,
            ServiceError::Conflict {
                member: "channel",
                ..
            }
        ),
        "{refused}"
    );

    ask_again(&world, scope, row.id).await.unwrap();
    let second = token(bag.next().await.unwrap());
    closed(services.look_at_channel_link(&first).await);
    closed(services.confirm_channel(&first).await);
    let asked = services.look_at_channel_link(&second).await.unwrap();
    assert_eq!(
        (&*asked.organisation, &*asked.channel, &*asked.email),
        ("Acme", "Ops", OPS)
    );
    let looked = services.channel(scope, row.id).await.unwrap();
    assert!(looked.waits_for_confirmation(), "a look changes nothing");
    services.confirm_channel(&second).await.unwrap();
    let confirmed = services.channel(scope, row.id).await.unwrap();
    assert_eq!(confirmed.confirmed_at, Some(world.now()));
    closed(services.confirm_channel(&second).await);
    closed(services.look_at_channel_link(&second).await);
    let again = ask_again(&world, scope, row.id).await.unwrap_err();
    assert!(matches!(again, ServiceError::Conflict { .. }), "{again}");
    let tested = services.test_channel(&acting, row.id);
    tested.await.unwrap();
    assert!(!world.files_hold(OPS), "the address is sealed");
}

#[tokio::test]
async fn a_link_opens_nothing_after_an_hour_or_without_its_channel() {
    let (world, scope, mut bag) = world().await;
    let services = &world.services;
    let row = add(&world, scope, "Ops", OPS).await.unwrap();
    let link = token(bag.next().await.unwrap());
    world.hand.advance(HOUR);
    closed(services.look_at_channel_link(&link).await);
    closed(services.confirm_channel(&link).await);
    services.clean().await.unwrap();
    ask_again(&world, scope, row.id).await.unwrap();
    let link = token(bag.next().await.unwrap());
    let acting = Acting::operator(scope);
    let deleted = services.delete_channel(&acting, row.id);
    deleted.await.unwrap();
    closed(services.confirm_channel(&link).await);
    closed(services.look_at_channel_link("ssl_none").await);
}

/// Neither another channel nor another organisation buys an address more mails, also after a restart.
#[tokio::test]
async fn an_address_an_organisation_and_a_channel_ask_so_often_in_a_day() {
    let (world, scope, mut bag) = world().await;
    let other = world.organisation("Other", "bob@example.org").await;
    let row = add(&world, scope, "Ops", "ops+a@example.org").await;
    let row = row.unwrap();
    for _ in 0..3 {
        ask_again(&world, scope, row.id).await.unwrap();
    }
    assert_eq!(too_many(ask_again(&world, scope, row.id).await), 24 * HOUR);
    // What stands behind a plus sign is the same mailbox.
    add(&world, other, "Theirs", "ops+b@example.org")
        .await
        .unwrap();
    for _ in 0..5 {
        let _ = bag.next().await.unwrap();
    }
    drop(bag);
    let world = world.restart().await;
    let _bag = world.services.open_post(&PublicUrl::default()).unwrap();
    let acting = Acting::operator(scope);
    let deleted = world.services.delete_channel(&acting, row.id);
    deleted.await.unwrap();
    for whose in [scope, other] {
        let refused = add(&world, whose, "Again", OPS).await;
        assert_eq!(too_many(refused), 24 * HOUR);
    }
    assert_eq!(world.services.channels(scope).await.unwrap(), []);

    // Four are counted already.
    for number in 0..16 {
        let address = format!("somebody-{number}@example.org");
        add(&world, scope, &address, &address).await.unwrap();
    }
    too_many(add(&world, scope, "More", "more@example.org").await);
    add(&world, other, "More", "more@example.org")
        .await
        .unwrap();
    world.hand.advance(24 * HOUR);
    world.services.clean().await.unwrap();
    add(&world, scope, "Again", OPS).await.unwrap();
}

#[tokio::test]
async fn a_members_address_needs_no_question_unless_they_are_suspended() {
    let (world, scope, mut bag) = world().await;
    let _ = world.organisation("Other", "bob@example.org").await;
    let own = add(&world, scope, "Mine", "Ada@Example.org").await.unwrap();
    assert!(!own.waits_for_confirmation());
    let member_elsewhere = add(&world, scope, "Theirs", "bob@example.org").await;
    assert!(member_elsewhere.unwrap().waits_for_confirmation());
    assert_eq!(bag.next().await.unwrap().to, "bob@example.org");

    let password = support::PASSWORD.to_owned();
    let added = world
        .services
        .add_person("eve@example.org", "Acme", None, password);
    added.await.unwrap();
    let store = world.store();
    let suspended = store.write(|c| {
        let statement = "UPDATE member SET suspended_at = 1 WHERE person_id IN \
                         (SELECT id FROM person WHERE email = 'eve@example.org')";
        Ok(diesel::RunQueryDsl::execute(
            diesel::sql_query(statement),
            c,
        )?)
    });
    assert_eq!(suspended.await.unwrap(), 1);
    let of_suspended = add(&world, scope, "Eve", "eve@example.org").await;
    assert!(of_suspended.unwrap().waits_for_confirmation());
}

#[tokio::test]
async fn another_organisation_asks_for_no_channel_of_ours() {
    let (world, scope, _bag) = world().await;
    let other = world.organisation("Other", "bob@example.org").await;
    let row = add(&world, scope, "Ops", OPS).await.unwrap();
    let foreign = ask_again(&world, other, row.id).await.unwrap_err();
    assert!(matches!(foreign, ServiceError::NotFound), "{foreign}");
}
