//! An authenticator app, and setting it up.

use server_scout::domain::principal::{Credential, PersonPrincipal};
use server_scout::domain::second_factor::Changed;
use server_scout::secret::Secret;
use totp_rs::{Builder, Totp};

use super::World;

/// The person whose session it is.
pub(crate) async fn person(world: &World, session: &Secret) -> PersonPrincipal {
    let credential = Credential::Session(session.expose().to_owned());
    world.person(credential).await
}

/// The authenticator app of the person, which is set up.
pub(crate) struct App(Totp);

impl App {
    pub(crate) fn code(&self, world: &World) -> String {
        let seconds = u64::try_from(world.now().as_millis()).unwrap() / 1000;
        self.0.generate(seconds).to_string()
    }
}

pub(crate) async fn set_up(world: &World, person: &PersonPrincipal) -> (App, Changed) {
    world.services.begin_totp(person).await.unwrap();
    let setup = world.services.totp_setup(person).await.unwrap().unwrap();
    let seed = totp_rs::Secret::try_from_base32(setup.seed.as_str()).unwrap();
    let app = App(Builder::new().with_secret(seed).build().unwrap());
    let code = app.code(world);
    let changed = world.services.confirm_totp(person, &code).await.unwrap();
    (app, changed)
}
