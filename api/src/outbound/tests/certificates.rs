//! Receivers whose certificate is not to be trusted, over real TLS.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, NameConstraints, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::requests::request;
use super::{SENDER, policy};
use crate::outbound::{Outbound, OutboundError};

/// A certificate and its key.
type Own = (CertificateDer<'static>, KeyPair);

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_in_words_for_people() {
    let (trusted, other) = (ca("Ours", None), ca("Others", None));
    let itself = trusted.0.self_signed(&trusted.1).unwrap();
    let no_ca = CertificateParams::new(vec!["ca.example.org".to_owned()]).unwrap();
    let no_ca = (no_ca, KeyPair::generate().unwrap());
    let elsewhere = NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::IpAddress(CidrSubnet::V4(
            [10, 0, 0, 0],
            [255, 0, 0, 0],
        ))],
        excluded_subtrees: Vec::new(),
    };
    let bound = ca("Bound", Some(elsewhere));
    let nothing = |_: &mut CertificateParams| {};
    let itself: Own = (
        itself.der().clone(),
        KeyPair::try_from(&trusted.1.serialize_der()[..]).unwrap(),
    );
    for (own, said) in [
        (
            itself,
            "is that of a CA itself. Use one that the CA has issued",
        ),
        (
            leaf(&other, "127.0.0.1", nothing),
            "was issued by a CA that is not trusted here.",
        ),
        (
            leaf(&trusted, "127.0.0.1", |leaf| {
                leaf.not_after = date_time_ymd(2020, 2, 1);
            }),
            "expired on 2020-02-01. Renew it.",
        ),
        (
            leaf(&trusted, "127.0.0.1", |leaf| {
                leaf.not_before = date_time_ymd(2090, 2, 1);
            }),
            "is not valid before 2090-02-01. Are the clocks right?",
        ),
        (
            leaf(&trusted, "hooks.example.org", nothing),
            "is not for the name in the address, but for ",
        ),
        (
            leaf(&trusted, "127.0.0.1", |leaf| leaf.subject_alt_names.clear()),
            "names no host.",
        ),
        (
            leaf(&trusted, "127.0.0.1", |leaf| {
                leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "is not one for servers.",
        ),
        (
            leaf(&bound, "127.0.0.1", nothing),
            "is for a name that its CA may not issue for.",
        ),
        (
            leaf(&no_ca, "127.0.0.1", nothing),
            "was issued by a CA that is not trusted here.",
        ),
    ] {
        let error = refused(own, &[&trusted, &bound]).await.to_string();
        let start = format!("The receiver's certificate {said}");
        assert!(error.starts_with(&start), "expected {start}: {error}");
        assert!(
            error.chars().count() <= 200 && !error.contains("Error"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn names_of_a_certificate_are_few_short_and_visible() {
    let trusted = ca("Ours", None);
    let own = leaf(&trusted, &"a.".repeat(100), |leaf| {
        let more = (0..50).map(|number| format!("{number}.example.org").try_into().unwrap());
        leaf.subject_alt_names
            .extend(more.map(rcgen::SanType::DnsName));
    });
    let error = refused(own, &[&trusted]).await.to_string();
    assert!(
        error.chars().count() <= 200 && !error.contains("7.example.org"),
        "{error}"
    );
}

type Ca = (CertificateParams, KeyPair);

fn ca(name: &str, constraints: Option<NameConstraints>) -> Ca {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.name_constraints = constraints;
    (params, KeyPair::generate().unwrap())
}

fn leaf(ca: &Ca, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Own {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::from_params(&ca.0, &ca.1);
    (params.signed_by(&key, &issuer).unwrap().der().clone(), key)
}

/// Why a request to a receiver with this certificate ends, where these CAs are trusted.
async fn refused((certificate, key): Own, trusted: &[&Ca]) -> OutboundError {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let pem = trusted
        .iter()
        .map(|ca| ca.0.self_signed(&ca.1).unwrap().pem());
    std::fs::write(&file, pem.collect::<String>()).unwrap();
    let outbound = Outbound::new(policy(&["127.0.0.0/8"]), Some(&file)).unwrap();

    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    });
    let sent = outbound.send(SENDER, request(&format!("https://{address}/")));
    let error = sent.await.unwrap_err();
    assert!(matches!(error, OutboundError::Tls(_)), "{error:?}");
    assert!(!taken.await.unwrap(), "the handshake must not succeed");
    error
}
