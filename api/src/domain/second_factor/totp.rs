//! Codes by time (RFC 6238): the seed, its picture, and the step of a code.

use std::fmt;

use qrcode::QrCode;
use qrcode::render::svg;
use server_scout_wire::Timestamp;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::domain::ServiceError;
use crate::secret::random_bytes;

/// A seed: 160 random bits, as RFC 4226 recommends.
pub(super) struct Seed(Zeroizing<[u8; 20]>);

/// What a person puts into an authenticator, once.
pub struct TotpSetup {
    /// The seed in base32, for typing.
    pub seed: Zeroizing<String>,
    /// The seed as an address that authenticators read, for the picture.
    address: Zeroizing<String>,
}

impl Seed {
    pub(super) fn generate() -> Self {
        Self(Zeroizing::new(random_bytes()))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Zeroizing::new).map(Self)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The step that the code belongs to: the present one, or one beside it, because clocks differ.
    pub(super) fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let seconds = u64::try_from(now.as_millis()).ok()? / 1000;
        let step = self.totp("").ok()?.check(&digits, seconds)?;
        i64::try_from(step).ok()
    }

    /// What the person's authenticator is given.
    pub(super) fn setup(&self, email: &str) -> Result<TotpSetup, ServiceError> {
        // A colon would end the name in the address.
        let totp = self.totp(&email.replace(':', " "))?;
        let address = totp.to_url().map_err(|error| broken(&error))?;
        Ok(TotpSetup {
            seed: Zeroizing::new(totp.secret().to_base32()),
            address: Zeroizing::new(address),
        })
    }

    fn totp(&self, email: &str) -> Result<Totp, ServiceError> {
        Builder::new()
            .with_secret(*self.0)
            .with_skew(1)
            .with_issuer(Some("Server Scout"))
            .with_account_name(email)
            .build()
            .map_err(|error| broken(&error))
    }
}

impl TotpSetup {
    /// The picture that an authenticator's camera reads, as SVG.
    pub fn picture(&self) -> Result<String, ServiceError> {
        let code = QrCode::new(self.address.as_bytes()).map_err(|error| broken(&error))?;
        Ok(code
            .render::<svg::Color<'_>>()
            .min_dimensions(240, 240)
            .build())
    }
}

impl fmt::Debug for TotpSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSetup(…)")
    }
}

fn broken(error: &dyn fmt::Display) -> ServiceError {
    tracing::error!("codes by time cannot be made: {error}");
    ServiceError::WrongSecondFactor
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, with six digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let seed = Seed::from_bytes(b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let now = Timestamp::from_millis(seconds * 1000);
            let step = seed.as_ref().and_then(|seed| seed.step_of(code, now));
            assert_eq!(step, Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_no_more() {
        let seed = Seed::from_bytes(b"12345678901234567890");
        let step = |seconds: i64, code| {
            let now = Timestamp::from_millis(seconds * 1000);
            seed.as_ref().and_then(|seed| seed.step_of(code, now))
        };
        // The code of step 1, which is 30 to 59.
        assert_eq!(step(0, "287082"), Some(1));
        assert_eq!(step(89, "287 082"), Some(1));
        assert_eq!(step(90, "287082"), None);
        for bad in ["", "28708", "2870822", "287-082", "a87082", "٢٨٧٠٨٢"] {
            assert_eq!(step(59, bad), None, "{bad}");
        }
    }

    #[test]
    fn the_picture_is_an_svg_and_the_seed_can_be_typed() {
        let setup = Seed::generate().setup("ada:x@example.org");
        assert!(setup.is_ok_and(|setup| {
            setup.seed.len() == 32
                && setup.address.starts_with("otpauth://totp/Server%20Scout")
                && setup
                    .picture()
                    .is_ok_and(|picture| picture.contains("<svg"))
        }));
    }
}
