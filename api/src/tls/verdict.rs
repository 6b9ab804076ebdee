//! What is wrong with a certificate, in words for people: the end of a sentence, and what to do.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use server_scout_wire::{Label, Timestamp};
use webpki::Error as Untyped;

/// The certificate's error that is behind another one. An I/O error hides what it wraps from `source`, so
/// it is opened by hand.
#[must_use]
pub fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CertificateError> {
    let mut causes = std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
        match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    });
    causes.find_map(|cause| match cause.downcast_ref() {
        Some(rustls::Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    })
}

/// What is wrong, after "the certificate": at most 170 characters, whatever the certificate holds.
/// `ca_file` is the operator's setting for more CAs.
#[must_use]
pub fn words(error: &CertificateError, ca_file: &str) -> String {
    let words = match error {
        CertificateError::UnknownIssuer => {
            return format!(
                "was issued by a CA that is not trusted here. Use one of a public CA, or have the operator \
                 name its CA in {ca_file}."
            );
        }
        CertificateError::BadSignature => {
            return format!(
                "was not signed by the CA whose name it bears. Have it issued anew, or have the operator \
                 name that CA in {ca_file}."
            );
        }
        CertificateError::Expired => "has expired. Renew it",
        CertificateError::ExpiredContext { not_after, .. } => {
            return format!("expired on {}. Renew it.", day(*not_after));
        }
        CertificateError::NotValidYet => "is not valid yet. Are the clocks right?",
        CertificateError::NotValidYetContext { not_before, .. } => {
            let from = day(*not_before);
            return format!("is not valid before {from}. Are the clocks right?");
        }
        CertificateError::NotValidForName => OTHER_NAME,
        CertificateError::NotValidForNameContext { presented, .. } => {
            return other_name(presented);
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not one for servers. Have it issued with the extended key usage of a server"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            OLD_SIGNATURE
        }
        CertificateError::BadEncoding => "cannot be read. Have it issued anew",
        CertificateError::UnhandledCriticalExtension => {
            "has a critical extension that is not known here. Have it issued without"
        }
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(error) => untyped(error),
            None => UNUSABLE,
        },
        #[expect(deprecated, reason = "it is what older verifiers say")]
        CertificateError::UnsupportedSignatureAlgorithm => OLD_SIGNATURE,
        _ => UNUSABLE,
    };
    let end = if words.ends_with('?') { "" } else { "." };
    format!("{words}{end}")
}

/// What rustls passes on as it is, most of all from certificates that somebody made by hand.
fn untyped(error: &Untyped) -> &'static str {
    match error {
        Untyped::CaUsedAsEndEntity => {
            "is that of a CA itself. Use one that the CA has issued, which is no CA (CA:FALSE)"
        }
        Untyped::EndEntityUsedAsCa => {
            "was issued by a certificate that is no CA. Have it issued by one (CA:TRUE)"
        }
        Untyped::UnsupportedCertVersion => {
            "has no extensions (version 1). Have it issued as version 3, with subject alternative names"
        }
        Untyped::NameConstraintViolation => "is for a name that its CA may not issue for",
        Untyped::PathLenConstraintViolated => {
            "has more CAs above it than one of them allows. Have it issued by one of those allowed"
        }
        Untyped::InvalidSerialNumber => {
            "has a serial number that is none, zero or too long. Have it issued anew"
        }
        _ => UNUSABLE,
    }
}

/// The first names that it is for, each fit for one line.
fn other_name(presented: &[String]) -> String {
    if presented.is_empty() {
        return "names no host. Have it issued with its name as a subject alternative name."
            .to_owned();
    }
    let mut words = OTHER_NAME.to_owned();
    for (place, name) in presented.iter().take(MAX_NAMES).enumerate() {
        let before = if place == 0 { ", but for " } else { ", " };
        let name: String = Label::escaped(name)
            .0
            .as_str()
            .chars()
            .take(MAX_NAME_CHARS)
            .collect();
        // Writing to memory does not fail.
        let _ = write!(words, "{before}{name}");
    }
    words + "."
}

/// `2026-01-31`.
fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let moment = Timestamp::from_millis(seconds.saturating_mul(1000));
    moment
        .to_string()
        .chars()
        .take("2026-01-31".len())
        .collect()
}

const OTHER_NAME: &str = "is not for the name in the address";
const OLD_SIGNATURE: &str = "is signed in a way that is no longer safe. Have it issued with ECDSA, or RSA of 2048 bits, and SHA-256";
const UNUSABLE: &str = "cannot be used. Have it issued anew";
/// Names of a certificate that are shown.
const MAX_NAMES: usize = 3;
/// Characters of one of them.
const MAX_NAME_CHARS: usize = 40;
