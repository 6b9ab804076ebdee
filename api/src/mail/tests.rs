//! A mail server that is not to be trusted, over real TLS.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

#[tokio::test]
async fn what_is_wrong_with_the_servers_certificate_is_said_in_words() {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, certificate.pem()).unwrap();

    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    });

    let smtp = Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        from: "Scout <scout@example.org>".parse().unwrap(),
        tls: SmtpTls::Implicit,
        ca_file: Some(ca_file),
        login: None,
    };
    let letter = Letter {
        subject: "Hello".to_owned(),
        paragraphs: vec!["Hello.".to_owned()],
        link: None,
        end: "That is all.".to_owned(),
    };
    let mailer = Mailer::open(&smtp, None).unwrap();
    let sent = mailer.send("ada@example.org", &letter).await;
    let said = sent.unwrap_err().to_string();
    let expected = "The mail server's certificate is that of a CA itself.";
    assert!(said.starts_with(expected), "{said}");
}
