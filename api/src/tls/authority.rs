//! The own certificate authority: made at the first start, good for ten years, and only for the
//! names that the dashboard has, so that a stolen CA key cannot speak for anybody else (name
//! constraints, RFC 5280 section 4.2.1.10). How another one takes its place is in `rotation`.

use std::fmt::Write as _;
use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PublicKeyData as _, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use server_scout_wire::Timestamp;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::{AgentsTrust, Pair, rotation};
use crate::clock::Clock;
use crate::data_dir::{DataDir, DataDirError, KEYS};

/// The CA and the leaf that it signed for this dashboard.
#[derive(Debug)]
pub struct Authority {
    data_dir: DataDir,
    hosts: Vec<url::Host>,
    /// What agents trust: the CA that signs, and while it is replaced also the next.
    ca_pem: String,
    signer: CertificateDer<'static>,
    leaf_expires: Timestamp,
}

/// What is wrong with the CA or its leaf.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file that is not what it should be.
    #[error("{file} in the data directory is damaged: {reason}")]
    Damaged {
        /// Which file.
        file: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The CA was made for other names.
    #[error(
        "the certificate authority in the data directory is not allowed to certify {host}; to have a new one made for the present SERVERSCOUT_HOSTS, remove ca.pem and keys/ca.key and give the new ca.pem to every agent"
    )]
    HostNotAllowed {
        /// The host that was added since.
        host: String,
    },
    /// Half of the CA is gone. A new one would cut every agent off, so nobody makes it unasked.
    #[error(
        "{missing} is missing in the data directory while the other half of the certificate authority is there; put it back, or remove ca.pem and keys/ca.key to have a new one made and give the new ca.pem to every agent"
    )]
    Incomplete {
        /// The file that is missing.
        missing: &'static str,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Making(#[from] rcgen::Error),
    /// Nothing is in progress that could be finished.
    #[error("no CA rotation is in progress; begin one with server-scout ca rotate")]
    NotRotating,
    /// One rotation at a time.
    #[error(
        "a CA rotation is in progress: the next CA is in ca.pem already; finish it with server-scout ca rotate --finish"
    )]
    Rotating,
}

impl Authority {
    /// Reads the CA, or makes it when there is none; renews the leaf where that is due.
    pub fn open(
        data_dir: &DataDir,
        hosts: &[url::Host],
        clock: &Clock,
    ) -> Result<Self, AuthorityError> {
        adopt_keys(data_dir)?;
        match (data_dir.read(CA_CERT)?, data_dir.read(CA_KEY)?) {
            (None, None) => create(data_dir, hosts, clock)?,
            (Some(_), Some(_)) => {}
            (Some(_), None) => return Err(AuthorityError::Incomplete { missing: CA_KEY }),
            // The key is written first: without certificate and leaf, a first start was interrupted.
            (None, Some(_)) if data_dir.read(LEAF_CERT)?.is_none() => {
                create(data_dir, hosts, clock)?;
            }
            (None, Some(_)) => return Err(AuthorityError::Incomplete { missing: CA_CERT }),
        }
        let ca_pem = read_text(data_dir, CA_CERT)?;
        let signer = signer(data_dir, &ca_pem)?;
        let mut authority = Self {
            data_dir: data_dir.clone(),
            hosts: hosts.to_vec(),
            ca_pem,
            signer,
            leaf_expires: Timestamp::default(),
        };
        check_hosts(&authority.signer, hosts)?;
        match authority.usable_leaf()? {
            Some(expires) => authority.leaf_expires = expires,
            None => authority.renew(clock)?,
        }
        if authority.leaf_is_due(clock) {
            authority.renew(clock)?;
        }
        Ok(authority)
    }

    /// The certificates that agents trust, PEM: the CA's, and while it is replaced also the next.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.ca_pem
    }

    /// The SHA-256 of the certificate (DER) of the CA that signs now, hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        fingerprint(&self.signer)
    }

    /// What an agent must be given to trust this dashboard.
    #[must_use]
    pub fn trust(&self) -> AgentsTrust {
        AgentsTrust {
            pem: self.ca_pem.clone(),
            sha256: self.sha256(),
        }
    }

    /// Takes up what a rotation has changed, and renews the leaf where that is due. Whether there
    /// is another leaf or another CA now.
    pub fn tend(&mut self, clock: &Clock) -> Result<bool, AuthorityError> {
        rotation::finish_if_due(&self.data_dir, &self.hosts, clock)?;
        if signer(&self.data_dir, &self.ca_pem)? == self.signer {
            // Ours has been served since the last look, so the one before has done its work.
            rotation::forget_old(&self.data_dir)?;
        }
        let ca_pem = read_text(&self.data_dir, CA_CERT)?;
        if ca_pem != self.ca_pem || signer(&self.data_dir, &ca_pem)? != self.signer {
            *self = Self::open(&self.data_dir, &self.hosts, clock)?;
            return Ok(true);
        }
        if self.leaf_is_due(clock) {
            self.renew(clock)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The leaf, the CA that signed it, and the leaf's key, from the files. The CA is shown too, for
    /// agents that know it by its fingerprint alone.
    pub fn leaf(&self) -> Result<Pair, AuthorityError> {
        let cert = read_text(&self.data_dir, LEAF_CERT)?;
        let key = read_text(&self.data_dir, LEAF_KEY)?;
        let mut chain = CertificateDer::pem_slice_iter(cert.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| damaged(LEAF_CERT, &error))?;
        chain.push(self.signer.clone());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| damaged(LEAF_KEY, &error))?;
        Ok(Pair { chain, key })
    }

    /// Whether the leaf has less than a third of its life left.
    #[must_use]
    pub fn leaf_is_due(&self, clock: &Clock) -> bool {
        self.leaf_expires.since(clock.now()) < LEAF_LIFE / 3
    }

    /// Signs a new leaf with a new key.
    pub fn renew(&mut self, clock: &Clock) -> Result<(), AuthorityError> {
        let ca_key = read_text(&self.data_dir, CA_KEY)?;
        let ca_key = KeyPair::from_pem(&ca_key).map_err(|error| damaged(CA_KEY, &error))?;
        if !belongs(&self.signer, &ca_key) {
            return Err(damaged(CA_KEY, &"it is not the key of the CA that signs"));
        }
        let issuer = Issuer::from_ca_cert_der(&self.signer, ca_key)
            .map_err(|error| damaged(CA_CERT, &error))?;

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("Server Scout dashboard");
        params.subject_alt_names = self.hosts.iter().map(alt_name).collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let expires = live_for(&mut params, clock, LEAF_LIFE);
        let leaf = params.signed_by(&key, &issuer)?;

        // Key first: a leaf without its key would be found unusable and made again.
        self.data_dir
            .write(LEAF_KEY, key.serialize_pem().as_bytes())?;
        self.data_dir.write(LEAF_CERT, leaf.pem().as_bytes())?;
        self.leaf_expires = expires;
        Ok(())
    }

    /// When the leaf on disk ends, if it is there, whole, and for today's hosts.
    fn usable_leaf(&self) -> Result<Option<Timestamp>, AuthorityError> {
        let present =
            self.data_dir.read(LEAF_CERT)?.is_some() && self.data_dir.read(LEAF_KEY)?.is_some();
        if !present {
            return Ok(None);
        }
        let Ok(pair) = self.leaf() else {
            return Ok(None);
        };
        let Some(der) = pair.chain.first().cloned() else {
            return Ok(None);
        };
        if super::certified(pair).is_err() {
            return Ok(None);
        }
        let Ok((_, leaf)) = X509Certificate::from_der(&der) else {
            return Ok(None);
        };
        // The CA's name is random, so the issuer tells whether it was this one.
        if !self.signed(&leaf) {
            return Ok(None);
        }
        let named = leaf.subject_alternative_name().ok().flatten();
        let same = named.is_some_and(|names| {
            let certified: Vec<String> = names
                .value
                .general_names
                .iter()
                .filter_map(shown_name)
                .collect();
            let wanted: Vec<String> = self.hosts.iter().map(shown_host).collect();
            certified == wanted
        });
        let expires = leaf.validity().not_after.timestamp().saturating_mul(1000);
        Ok(same.then(|| Timestamp::from_millis(expires)))
    }

    fn signed(&self, leaf: &X509Certificate<'_>) -> bool {
        X509Certificate::from_der(&self.signer).is_ok_and(|(_, ca)| ca.subject() == leaf.issuer())
    }
}

/// The SHA-256 of the certificate (DER) of the CA that signs now, hexadecimal, for commands.
pub fn signer_sha256(data_dir: &DataDir) -> Result<String, AuthorityError> {
    let ca_pem = read_text(data_dir, CA_CERT)?;
    Ok(fingerprint(&signer(data_dir, &ca_pem)?))
}

/// The certificate in `ca_pem` whose key is the CA's key.
fn signer(data_dir: &DataDir, ca_pem: &str) -> Result<CertificateDer<'static>, AuthorityError> {
    let certificates = certificates(CA_CERT, ca_pem)?;
    let key = read_text(data_dir, CA_KEY)?;
    let key = KeyPair::from_pem(&key).map_err(|error| damaged(CA_KEY, &error))?;
    certificates
        .into_iter()
        .find(|certificate| belongs(certificate, &key))
        .ok_or_else(|| {
            damaged(
                CA_CERT,
                &"it holds no certificate of the key in keys/ca.key",
            )
        })
}

fn belongs(certificate: &CertificateDer<'_>, key: &KeyPair) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, ca)| ca.public_key().raw == key.subject_public_key_info())
}

pub(super) fn certificates(
    file: &'static str,
    pem: &str,
) -> Result<Vec<CertificateDer<'static>>, AuthorityError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| damaged(file, &error))
}

/// The SHA-256 of a certificate, hexadecimal.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(certificate) {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Refuses hosts that the CA may not certify.
pub(super) fn check_hosts(
    ca: &CertificateDer<'_>,
    hosts: &[url::Host],
) -> Result<(), AuthorityError> {
    let (_, ca) = X509Certificate::from_der(ca).map_err(|error| damaged(CA_CERT, &error))?;
    let constraints = ca
        .name_constraints()
        .map_err(|error| damaged(CA_CERT, &error))?;
    let Some(permitted) = constraints.and_then(|c| c.value.permitted_subtrees.as_ref()) else {
        return Ok(());
    };
    let refused = hosts
        .iter()
        .find(|host| !permitted.iter().any(|subtree| permits(&subtree.base, host)));
    match refused {
        None => Ok(()),
        Some(host) => Err(AuthorityError::HostNotAllowed {
            host: host.to_string(),
        }),
    }
}

/// Moves keys that lie where they once did, as in an old backup, to where they belong.
fn adopt_keys(data_dir: &DataDir) -> Result<(), AuthorityError> {
    for key in [CA_KEY, LEAF_KEY, rotation::NEXT_KEY] {
        let once = key.trim_start_matches(KEYS).trim_start_matches('/');
        if data_dir.read(key)?.is_none() {
            data_dir.replace(once, key)?;
        }
    }
    Ok(())
}

fn create(data_dir: &DataDir, hosts: &[url::Host], clock: &Clock) -> Result<(), AuthorityError> {
    let (key, certificate) = make(hosts, clock)?;
    data_dir.write(CA_KEY, key.as_bytes())?;
    data_dir.write(CA_CERT, certificate.as_bytes())?;
    Ok(())
}

/// A new CA for these hosts alone: its key and its certificate, PEM.
pub(super) fn make(
    hosts: &[url::Host],
    clock: &Clock,
) -> Result<(Zeroizing<String>, String), AuthorityError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&format!(
        "Server Scout CA {}",
        crate::id::Id::<()>::random()
    ));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted(hosts),
        excluded_subtrees: vec![],
    });
    live_for(&mut params, clock, CA_LIFE);
    let ca = params.self_signed(&key)?;
    Ok((Zeroizing::new(key.serialize_pem()), ca.pem()))
}

/// A constraint binds only names of its own kind, so each kind needs at least one.
fn permitted(hosts: &[url::Host]) -> Vec<GeneralSubtree> {
    let mut subtrees: Vec<GeneralSubtree> = Vec::new();
    let (mut names, mut addresses) = (false, false);
    for host in hosts {
        match host {
            url::Host::Domain(name) => {
                names = true;
                subtrees.push(GeneralSubtree::DnsName(name.clone()));
            }
            url::Host::Ipv4(ip) => {
                addresses = true;
                subtrees.push(single_address(IpAddr::V4(*ip)));
            }
            url::Host::Ipv6(ip) => {
                addresses = true;
                subtrees.push(single_address(IpAddr::V6(*ip)));
            }
        }
    }
    if !names {
        subtrees.push(GeneralSubtree::DnsName("localhost".to_owned()));
    }
    if !addresses {
        subtrees.push(single_address(IpAddr::from([127, 0, 0, 1])));
    }
    subtrees
}

fn single_address(ip: IpAddr) -> GeneralSubtree {
    let prefix = if ip.is_ipv4() { 32 } else { 128 };
    GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(ip, prefix))
}

fn permits(base: &x509_parser::extensions::GeneralName<'_>, host: &url::Host) -> bool {
    use x509_parser::extensions::GeneralName;
    match (base, host) {
        (GeneralName::DNSName(base), url::Host::Domain(name)) => {
            name == base || name.ends_with(&format!(".{base}"))
        }
        (GeneralName::IPAddress(bytes), url::Host::Ipv4(ip)) => {
            bytes.starts_with(&ip.octets()) && bytes.len() == 8
        }
        (GeneralName::IPAddress(bytes), url::Host::Ipv6(ip)) => {
            bytes.starts_with(&ip.octets()) && bytes.len() == 32
        }
        _ => false,
    }
}

fn alt_name(host: &url::Host) -> Result<SanType, rcgen::Error> {
    Ok(match host {
        url::Host::Domain(name) => SanType::DnsName(name.as_str().try_into()?),
        url::Host::Ipv4(ip) => SanType::IpAddress(IpAddr::V4(*ip)),
        url::Host::Ipv6(ip) => SanType::IpAddress(IpAddr::V6(*ip)),
    })
}

fn shown_host(host: &url::Host) -> String {
    match host {
        url::Host::Domain(name) => name.clone(),
        url::Host::Ipv4(ip) => ip.to_string(),
        url::Host::Ipv6(ip) => ip.to_string(),
    }
}

fn shown_name(name: &x509_parser::extensions::GeneralName<'_>) -> Option<String> {
    use x509_parser::extensions::GeneralName;
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|b| IpAddr::from(b).to_string());
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|b| IpAddr::from(b).to_string()))
                .ok()
        }
        _ => None,
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// From an hour ago, for clients whose clock is a little behind.
fn live_for(params: &mut CertificateParams, clock: &Clock, life: std::time::Duration) -> Timestamp {
    let now = clock.now();
    let expires = now.after(life);
    let at = |time: Timestamp| {
        rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(time.as_millis().unsigned_abs() / 1000)
    };
    params.not_before = at(now.before(LEEWAY));
    params.not_after = at(expires);
    expires
}

pub(super) fn read_text(data_dir: &DataDir, file: &'static str) -> Result<String, AuthorityError> {
    let bytes = data_dir.read(file)?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|error| damaged(file, &error))
}

pub(super) fn damaged(file: &'static str, reason: &dyn std::fmt::Display) -> AuthorityError {
    AuthorityError::Damaged {
        file,
        reason: reason.to_string(),
    }
}

pub(super) const CA_CERT: &str = "ca.pem";
pub(super) const CA_KEY: &str = "keys/ca.key";
/// How long before it was made a certificate is valid.
pub(super) const LEEWAY: std::time::Duration = std::time::Duration::from_hours(1);
pub(super) const LEAF_CERT: &str = "tls.pem";
const LEAF_KEY: &str = "keys/tls.key";
const DAY: u64 = 24 * 60 * 60;
const CA_LIFE: std::time::Duration = std::time::Duration::from_secs(3653 * DAY);
const LEAF_LIFE: std::time::Duration = std::time::Duration::from_secs(90 * DAY);
