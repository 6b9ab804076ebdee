//! An organisation that requires a second factor.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod support;

use server_scout::access::{Right, Role, TokenScope};
use server_scout::domain::ServiceError;
use server_scout::domain::principal::{Credential, Means};
use server_scout::domain::second_factor::Changed;
use support::authenticator_app::{App, person, set_up};
use support::{EMAIL, PASSWORD, World, attempt};

const COLLEAGUE: &str = "bob@example.org";

async fn acme() -> World {
    let world = World::new().await;
    world.organisation("Acme", EMAIL).await;
    world
}

async fn with_app(world: &World) -> (App, Changed) {
    let session = world.log_in().await;
    let me = person(world, &session).await;
    set_up(world, &me).await
}

#[tokio::test]
async fn whoever_lacks_a_required_factor_has_no_right_until_one_is_set_up() {
    let world = acme().await;
    let password = PASSWORD.to_owned();
    let added = world
        .services
        .add_person(COLLEAGUE, "Acme", Some(Role::Admin), password);
    added.await.unwrap();
    let login = world.services.log_in(attempt(COLLEAGUE, PASSWORD)).await;
    let colleague = login.unwrap().done().unwrap().session;
    let token = world
        .services
        .add_token(COLLEAGUE, "Acme", TokenScope::Metrics)
        .await
        .unwrap();
    let (_, changed) = with_app(&world).await;
    let owner = person(&world, &changed.logged_in.session).await;
    let acting = owner.acting_fresh(Right::Administer).unwrap();
    let asked = person(&world, &colleague).await;
    let asked = asked.acting_fresh(Right::Administer).unwrap();
    // Only somebody who has one may ask it of others.
    let refused = world.services.require_second_factor(&asked, true).await;
    assert!(matches!(refused, Err(ServiceError::Invalid { .. })));
    let generation = world.services.generation().unwrap();

    let required = world.services.require_second_factor(&acting, true).await;
    required.unwrap();

    assert!(world.services.generation().unwrap() > generation);
    let locked = person(&world, &colleague).await;
    assert!(matches!(
        locked.scope(Right::Read),
        Err(ServiceError::SecondFactorRequired)
    ));
    let means = Means::Session(colleague.hash());
    assert!(world.services.ask_again(means).await.unwrap().is_none());
    let program = Credential::AccessToken(token.expose().to_owned());
    let program = world.person(program).await;
    for refused in [
        program.scope(Right::Read).err(),
        program.own_right(Right::Read).err(),
    ] {
        assert!(matches!(refused, Some(ServiceError::SecondFactorRequired)));
    }
    assert!(owner.scope(Right::Administer).is_ok());

    let (_, changed) = set_up(&world, &locked).await;
    let free = person(&world, &changed.logged_in.session).await;
    assert!(free.scope(Right::Administer).is_ok());
}

#[tokio::test]
async fn the_last_factor_stays_while_an_organisation_requires_one() {
    let world = acme().await;
    let (_, changed) = with_app(&world).await;
    let me = person(&world, &changed.logged_in.session).await;
    let acting = me.acting_fresh(Right::Administer).unwrap();
    let required = world.services.require_second_factor(&acting, true).await;
    required.unwrap();
    let own = world.services.own_factors(&me).await.unwrap();
    assert_eq!(own.required_by.as_deref(), Some("Acme"));
    let id = own.totp.unwrap().id.to_string();

    let refused = world.services.remove_factor(&me, &id).await;

    assert!(matches!(refused, Err(ServiceError::LastSecondFactor)));
    let own = world.services.own_factors(&me).await.unwrap();
    assert!(own.any() && own.recovery_codes_left == 10);
    let optional = world.services.require_second_factor(&acting, false).await;
    optional.unwrap();
    assert!(world.services.remove_factor(&me, &id).await.is_ok());
}
