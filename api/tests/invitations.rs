//! P12: a link makes one person a member of one organisation, once, within an hour.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use std::time::Duration;

use server_scout::access::Role;
use server_scout::config::PublicUrl;
use server_scout::domain::ServiceError;
use server_scout::domain::client::Client;
use server_scout::domain::invitations::NewMember;
use server_scout::domain::people::MemberChange;
use server_scout::domain::post::Mailbag;
use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::secret::{Purpose, Secret};
use support::{EMAIL, PASSWORD, World, attempt};

const BOB: &str = "bob@example.org";
const EVE: &str = "eve@example.org";

async fn world() -> World {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world
}

async fn as_person(world: &World, email: &str) -> PersonPrincipal {
    let login = world.services.log_in(attempt(email, PASSWORD)).await;
    by(world, &login.unwrap().done().unwrap().session).await
}

async fn by(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

async fn invite(world: &World, email: &str, role: Role) -> Secret {
    let owner = as_person(world, EMAIL).await;
    let invited = world.services.invite(&owner, email, role).await.unwrap();
    invited.link.unwrap()
}

fn form() -> NewMember {
    NewMember {
        name: "Bob".to_owned(),
        password: PASSWORD.to_owned(),
    }
}

async fn accept(world: &World, link: &Secret) -> Result<Secret, ServiceError> {
    let accepted = world
        .services
        .accept_as_new(link.expose(), form(), Client::default());
    Ok(accepted.await?.session)
}

fn open_post(world: &World) -> Mailbag {
    world.services.open_post(&PublicUrl::default()).unwrap()
}

#[tokio::test]
async fn somebody_new_chooses_a_password_and_is_in() {
    let world = world().await;
    let link = invite(&world, BOB, Role::Member).await;
    for _ in 0..3 {
        let open = world.services.look_at_invitation(link.expose()).await;
        let open = open.unwrap();
        assert_eq!(
            (open.organisation.as_str(), open.email.as_str(), open.role),
            ("Acme", BOB, Role::Member)
        );
        assert!(!open.has_account);
    }
    let bob = by(&world, &accept(&world, &link).await.unwrap()).await;
    assert_eq!(
        (bob.identity.role, bob.identity.email.as_str()),
        (Role::Member, BOB)
    );
    assert_eq!(world.services.own_name(&bob).await.unwrap(), "Bob");
    assert!(world.services.log_in(attempt(BOB, PASSWORD)).await.is_ok());
}

#[tokio::test]
async fn an_invitation_works_once_and_for_an_hour() {
    let world = world().await;
    let link = invite(&world, BOB, Role::Member).await;
    accept(&world, &link).await.unwrap();
    assert!(matches!(
        accept(&world, &link).await,
        Err(ServiceError::LinkClosed)
    ));
    let looked = world.services.look_at_invitation(link.expose()).await;
    assert!(matches!(looked, Err(ServiceError::LinkClosed)));

    let late = invite(&world, "late@example.org", Role::Viewer).await;
    world.hand.advance(Duration::from_hours(1));
    assert!(matches!(
        accept(&world, &late).await,
        Err(ServiceError::LinkClosed)
    ));
    let never = Secret::generate(Purpose::Link);
    assert!(matches!(
        accept(&world, &never).await,
        Err(ServiceError::LinkClosed)
    ));
    let nonsense = world.services.look_at_invitation("nonsense").await;
    assert!(matches!(nonsense, Err(ServiceError::LinkClosed)));
}

#[tokio::test]
async fn two_who_accept_at_the_same_moment_are_one() {
    let world = world().await;
    let link = invite(&world, BOB, Role::Member).await;
    let (one, other) = tokio::join!(accept(&world, &link), accept(&world, &link));
    assert!(one.is_ok() != other.is_ok());
}

#[tokio::test]
async fn who_has_an_account_logs_in_and_must_be_the_one_who_is_invited() {
    let world = world().await;
    world.organisation("Other", EVE).await;
    world.organisation("Third", BOB).await;
    let link = invite(&world, BOB, Role::Admin).await;
    let open = world.services.look_at_invitation(link.expose()).await;
    assert!(open.unwrap().has_account);
    let as_new = accept(&world, &link).await;
    assert!(matches!(as_new, Err(ServiceError::Conflict { .. })));

    let eve = as_person(&world, EVE).await;
    let wrong = world.services.accept_as_member(&eve, link.expose()).await;
    assert!(matches!(wrong.map(drop), Err(ServiceError::Forbidden)));
    let login = world
        .services
        .log_in(attempt(BOB, PASSWORD))
        .await
        .unwrap()
        .done()
        .unwrap();
    let bob = by(&world, &login.session).await;
    let joined = world.services.accept_as_member(&bob, link.expose()).await;
    let joined = by(&world, &joined.unwrap()).await;
    assert_eq!(joined.identity.organisation, "Acme");
    assert_eq!(joined.identity.role, Role::Admin);
    assert!(
        !world.session_counts(&login.session).await,
        "the old id is nobody"
    );
    let again = world
        .services
        .accept_as_member(&joined, link.expose())
        .await;
    assert!(matches!(again.map(drop), Err(ServiceError::LinkClosed)));
}

#[tokio::test]
async fn another_invitation_voids_the_one_before_and_one_taken_back_opens_nothing() {
    let world = world().await;
    let first = invite(&world, BOB, Role::Member).await;
    let second = invite(&world, "BOB@example.org ", Role::Viewer).await;
    assert!(matches!(
        accept(&world, &first).await,
        Err(ServiceError::LinkClosed)
    ));
    let owner = as_person(&world, EMAIL).await;
    let scope = owner.identity.scope;
    let open = world.services.invitations(scope).await.unwrap();
    let [one] = open.as_slice() else {
        panic!("{open:?}")
    };
    assert_eq!((one.role, one.by.as_deref()), (Role::Viewer, Some(EMAIL)));

    world.organisation("Other", EVE).await;
    let eve = as_person(&world, EVE).await;
    let foreign = world.services.end_invitation(&eve, one.id).await;
    assert!(matches!(foreign, Err(ServiceError::NotFound)));
    world.services.end_invitation(&owner, one.id).await.unwrap();
    assert!(matches!(
        accept(&world, &second).await,
        Err(ServiceError::LinkClosed)
    ));
    let again = world.services.end_invitation(&owner, one.id).await;
    assert!(matches!(again, Err(ServiceError::NotFound)));
}

#[tokio::test]
async fn an_invitation_ends_with_the_right_of_who_made_it() {
    let world = world().await;
    for change in [
        MemberChange {
            role: Some(Role::Member),
            ..MemberChange::default()
        },
        MemberChange {
            suspended: Some(true),
            ..MemberChange::default()
        },
    ] {
        let link = invite(&world, BOB, Role::Admin).await;
        let bob = by(&world, &accept(&world, &link).await.unwrap()).await;
        let made = world.services.invite(&bob, "dan@example.org", Role::Admin);
        let dans = made.await.unwrap().link.unwrap();
        let owner = as_person(&world, EMAIL).await;
        let changed = world.services.change_member(&owner, bob.person(), change);
        changed.await.unwrap();
        assert!(matches!(
            accept(&world, &dans).await,
            Err(ServiceError::LinkClosed)
        ));
        world
            .services
            .remove_member(&owner, bob.person())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn members_are_not_invited_and_nonsense_is_refused() {
    let world = world().await;
    let owner = as_person(&world, EMAIL).await;
    let member = world.services.invite(&owner, EMAIL, Role::Viewer).await;
    assert!(matches!(
        member.map(drop),
        Err(ServiceError::Conflict { .. })
    ));
    for bad in ["", "bob", "a@b\r\nBcc: c@d", "a@b\u{202e}", "a b@c.example"] {
        let invited = world.services.invite(&owner, bad, Role::Viewer).await;
        let refused = matches!(
            invited.map(drop),
            Err(ServiceError::Invalid {
                member: "email",
                ..
            })
        );
        assert!(refused, "{bad:?}");
    }
    let link = invite(&world, BOB, Role::Viewer).await;
    for bad in ["short", BOB, "password1234", &"x".repeat(1025)] {
        let form = NewMember {
            name: String::new(),
            password: bad.to_owned(),
        };
        let client = Client::default();
        let refused = world.services.accept_as_new(link.expose(), form, client);
        assert!(matches!(
            refused.await.map(drop),
            Err(ServiceError::Invalid { .. })
        ));
    }
    let form = NewMember {
        name: "B\u{202e}ob".to_owned(),
        ..form()
    };
    let client = Client::default();
    let refused = world.services.accept_as_new(link.expose(), form, client);
    let refused = refused.await.map(drop);
    assert!(matches!(
        refused,
        Err(ServiceError::Invalid { member: "name", .. })
    ));
    assert!(
        accept(&world, &link).await.is_ok(),
        "nothing used the link up"
    );
}

#[tokio::test]
async fn an_organisation_has_as_many_people_as_the_operator_allows() {
    let world = World::with(|limits| limits.people = 3).await;
    world.organisation("Acme", EMAIL).await;
    let link = invite(&world, BOB, Role::Viewer).await;
    invite(&world, "cat@example.org", Role::Viewer).await;
    let owner = as_person(&world, EMAIL).await;
    let one_more = world
        .services
        .invite(&owner, "dan@example.org", Role::Viewer);
    assert!(matches!(
        one_more.await.map(drop),
        Err(ServiceError::Invalid { .. })
    ));
    assert!(accept(&world, &link).await.is_ok());
    // Those that have expired do not count.
    world.hand.advance(Duration::from_hours(1));
    let owner = as_person(&world, EMAIL).await;
    let now = world
        .services
        .invite(&owner, "dan@example.org", Role::Viewer);
    assert!(now.await.is_ok());
}

#[tokio::test]
async fn with_mail_the_link_goes_to_who_is_invited_and_to_nobody_else() {
    let world = world().await;
    let mut bag = open_post(&world);
    let owner = as_person(&world, EMAIL).await;
    let invited = world
        .services
        .invite(&owner, BOB, Role::Member)
        .await
        .unwrap();
    assert!(invited.link.is_none(), "the inviter does not see it");
    let mail = bag.next().await.unwrap();
    assert_eq!(mail.to, BOB);
    let text = mail.letter.paragraphs.join(" ");
    assert!(text.contains("“Acme”") && text.contains(EMAIL) && text.contains("member"));
    let address = mail.letter.link.unwrap().address;
    let token = address
        .strip_prefix("https://localhost:8443/invitation/")
        .unwrap();
    assert!(world.services.look_at_invitation(token).await.is_ok());
}

#[tokio::test]
async fn nobody_has_mails_sent_without_end() {
    let world = world().await;
    let mut bag = open_post(&world);
    let owner = as_person(&world, EMAIL).await;
    for _ in 0..50 {
        world
            .services
            .invite(&owner, BOB, Role::Member)
            .await
            .unwrap();
        bag.next().await.unwrap();
    }
    let more = world.services.invite(&owner, BOB, Role::Member).await;
    assert!(matches!(
        more.map(drop),
        Err(ServiceError::TooManyAttempts { .. })
    ));
}

#[tokio::test]
async fn when_too_much_waits_no_invitation_is_made_and_lost() {
    let world = world().await;
    let _bag = open_post(&world);
    for number in 0..200 {
        // Strangers fill the queue, each from an address of their own.
        let client = Client {
            address: Some(std::net::Ipv4Addr::from_bits(number).into()),
            ..Client::default()
        };
        let email = format!("{number}@example.org");
        world.services.request_reset(&email, client).unwrap();
    }
    let owner = as_person(&world, EMAIL).await;
    let busy = world.services.invite(&owner, BOB, Role::Member).await;
    assert!(matches!(
        busy.map(drop),
        Err(ServiceError::Unavailable { .. })
    ));
    let open = world.services.invitations(owner.identity.scope).await;
    assert!(open.unwrap().is_empty());
}

#[tokio::test]
async fn an_invitation_ends_with_its_organisation() {
    let world = world().await;
    let link = invite(&world, BOB, Role::Member).await;
    let owner = as_person(&world, EMAIL).await;
    let acting = owner
        .acting_fresh(server_scout::access::Right::Own)
        .unwrap();
    let deleted = world.services.delete_organisation(&acting, "Acme").await;
    deleted.unwrap();
    assert!(matches!(
        accept(&world, &link).await,
        Err(ServiceError::LinkClosed)
    ));
}
