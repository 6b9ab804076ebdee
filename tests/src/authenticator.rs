//! An authenticator app: the codes that belong to a seed, as RFC 6238 makes them.

use totp_rs::{Builder, Secret, Totp};

use crate::https::Answer;

/// An app that holds one seed.
#[derive(Clone, Debug)]
pub struct AuthenticatorApp {
    totp: Totp,
    /// The seed as it was shown.
    pub seed: String,
}

impl AuthenticatorApp {
    /// The app that somebody typed the seed into.
    #[must_use]
    pub fn typed(seed: &str) -> Self {
        let secret = Secret::try_from_base32(seed).expect("the seed is base32");
        let totp = Builder::new().with_secret(secret).build();
        Self {
            totp: totp.expect("the seed is long enough"),
            seed: seed.to_owned(),
        }
    }

    /// The app of somebody who reads the set-up page.
    #[must_use]
    pub fn of_page(page: &Answer) -> Self {
        let text = page.text();
        let seed = text
            .split_once("id=\"seed\"")
            .and_then(|(_, rest)| rest.split_once("value=\""))
            .and_then(|(_, rest)| rest.split_once('"'))
            .unwrap_or_else(|| panic!("no seed on the page: {text}"))
            .0;
        Self::typed(seed)
    }

    /// The code that it shows, `steps` half minutes from now. One step ahead is taken as well, and
    /// lets a test go on without waiting.
    #[must_use]
    pub fn code(&self, steps: u64) -> String {
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
        self.totp.generate(now + 30 * steps).to_string()
    }
}
