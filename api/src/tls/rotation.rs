//! How another CA takes the place of the one that signs, without a gap.
//!
//! First both stand in `ca.pem`, and the old one goes on signing: agents that trust it learn of the
//! next. After the overlap the next one signs; once its leaf is served, the old one leaves `ca.pem`.
//! Every step is one rename, so that a power cut leaves one of the states that are told apart here:
//!
//! | files | state |
//! |---|---|
//! | no `ca-next.pem` | none |
//! | `ca-next.pem`, `keys/ca-next.key`, not in `ca.pem` | one that was never begun; the next begins anew |
//! | `ca-next.pem`, `keys/ca-next.key`, in `ca.pem` | the overlap |
//! | `ca-next.pem` alone | its key is the CA's already, and the old one is still trusted |

use rustls::pki_types::CertificateDer;
use server_scout_wire::Timestamp;
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::authority::{
    AuthorityError, CA_CERT, CA_KEY, LEAF_CERT, LEEWAY, certificates, check_hosts, damaged,
    fingerprint, make, read_text,
};
use crate::clock::Clock;
use crate::data_dir::DataDir;

/// A rotation in its overlap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Overlap {
    /// The SHA-256 of the next CA, hexadecimal.
    pub next_sha256: String,
    /// When the dashboard goes over to it by itself.
    pub ends_at: Timestamp,
}

/// Makes the next CA, for `hosts` and those that the present leaf is for, and puts it beside the
/// present one.
pub fn begin(
    data_dir: &DataDir,
    hosts: &[url::Host],
    clock: &Clock,
) -> Result<Overlap, AuthorityError> {
    if data_dir.read(CA_CERT)?.is_none() {
        return Err(AuthorityError::Incomplete { missing: CA_CERT });
    }
    if is_ending(data_dir)? || next(data_dir)?.is_some() {
        return Err(AuthorityError::Rotating);
    }
    let present = read_text(data_dir, CA_CERT)?;
    let (key, certificate) = make(&with_hosts_of_leaf(data_dir, hosts)?, clock)?;
    data_dir.write(NEXT_KEY, key.as_bytes())?;
    data_dir.write(NEXT_CERT, certificate.as_bytes())?;
    let both = format!("{}\n{certificate}", present.trim_end());
    data_dir.write(CA_CERT, both.as_bytes())?;
    overlap(data_dir)?.ok_or(AuthorityError::NotRotating)
}

/// The rotation that is in progress.
pub fn overlap(data_dir: &DataDir) -> Result<Option<Overlap>, AuthorityError> {
    let Some(next) = next(data_dir)? else {
        return Ok(None);
    };
    let (_, certificate) =
        X509Certificate::from_der(&next).map_err(|error| damaged(NEXT_CERT, &error))?;
    let from = certificate.validity().not_before.timestamp();
    let made = Timestamp::from_millis(from.saturating_mul(1000)).after(LEEWAY);
    Ok(Some(Overlap {
        next_sha256: fingerprint(&next),
        ends_at: made.after(OVERLAP),
    }))
}

/// Goes over to the next CA. A dashboard that runs has a new leaf within seconds, and forgets the old
/// CA then.
pub fn finish(data_dir: &DataDir, hosts: &[url::Host]) -> Result<(), AuthorityError> {
    let next = next(data_dir)?.ok_or(AuthorityError::NotRotating)?;
    check_hosts(&next, hosts)?;
    data_dir.replace(NEXT_KEY, CA_KEY)?;
    Ok(())
}

/// Goes over to the next CA when the overlap is over.
pub(super) fn finish_if_due(
    data_dir: &DataDir,
    hosts: &[url::Host],
    clock: &Clock,
) -> Result<(), AuthorityError> {
    if data_dir.read(NEXT_CERT)?.is_none() {
        return Ok(());
    }
    match overlap(data_dir)? {
        Some(overlap) if overlap.ends_at <= clock.now() => finish(data_dir, hosts),
        Some(_) | None => Ok(()),
    }
}

/// Whether the next CA signs already, and the old one is still trusted.
fn is_ending(data_dir: &DataDir) -> Result<bool, AuthorityError> {
    Ok(data_dir.read(NEXT_CERT)?.is_some() && data_dir.read(NEXT_KEY)?.is_none())
}

/// Forgets the old CA, once a leaf of the new one is served.
pub(super) fn forget_old(data_dir: &DataDir) -> Result<(), AuthorityError> {
    if is_ending(data_dir)? {
        data_dir.replace(NEXT_CERT, CA_CERT)?;
    }
    Ok(())
}

/// The next CA, if a rotation was begun: it stands in `ca.pem`, and its key waits.
fn next(data_dir: &DataDir) -> Result<Option<CertificateDer<'static>>, AuthorityError> {
    if data_dir.read(NEXT_KEY)?.is_none() || data_dir.read(NEXT_CERT)?.is_none() {
        return Ok(None);
    }
    let known = certificates(CA_CERT, &read_text(data_dir, CA_CERT)?)?;
    let next = certificates(NEXT_CERT, &read_text(data_dir, NEXT_CERT)?)?;
    Ok(next.into_iter().find(|next| known.contains(next)))
}

/// A command may not know all that the dashboard is called; the leaf does.
fn with_hosts_of_leaf(
    data_dir: &DataDir,
    hosts: &[url::Host],
) -> Result<Vec<url::Host>, AuthorityError> {
    let mut hosts = hosts.to_vec();
    for leaf in certificates(LEAF_CERT, &read_text(data_dir, LEAF_CERT)?)? {
        let (_, leaf) =
            X509Certificate::from_der(&leaf).map_err(|error| damaged(LEAF_CERT, &error))?;
        let names = leaf
            .subject_alternative_name()
            .map_err(|error| damaged(LEAF_CERT, &error))?;
        let certified = names.iter().flat_map(|names| &names.value.general_names);
        for host in certified.filter_map(host_of) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    Ok(hosts)
}

fn host_of(name: &GeneralName<'_>) -> Option<url::Host> {
    match name {
        GeneralName::DNSName(name) => url::Host::parse(name).ok(),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|ip| url::Host::Ipv4(ip.into()));
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|ip| url::Host::Ipv6(ip.into())))
                .ok()
        }
        _ => None,
    }
}

/// How long both are trusted, and the old one signs.
const OVERLAP: Duration = Duration::from_hours(30 * 24);
const NEXT_CERT: &str = "ca-next.pem";
pub(super) const NEXT_KEY: &str = "keys/ca-next.key";
