//! What the port says to those who speak no modern TLS.

use std::time::Duration;

use server_scout_tests::{Dashboard, Fleet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends `bytes` without TLS and reads until the dashboard closes.
async fn answer_to(dashboard: &Dashboard, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(dashboard.address()).await.unwrap();
    tcp.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let limit = Duration::from_secs(20);
    let read = tokio::time::timeout(limit, tcp.read_to_end(&mut answer)).await;
    // A reset is a way to close, too.
    let _ = read.expect("the dashboard closes the connection");
    answer
}

#[tokio::test]
async fn plain_http_to_the_tls_port_gets_nothing() {
    let fleet = Fleet::start().await;
    let body =
        r#"{"cpu_usage":1,"memory_usage":1,"disk_usage":1,"timestamp":"2026-01-01T00:00:00Z"}"#;
    let report = format!(
        "POST /api/v1/reports HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        fleet.server.key,
        body.len()
    );
    for request in [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &report,
    ] {
        let answer = answer_to(&fleet.dashboard, request.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(
            !text.contains("HTTP") && !text.contains('<'),
            "{request:?} was answered: {text}"
        );
        assert!(answer.len() <= 7, "more than an alert: {answer:?}");
    }
}

#[tokio::test]
async fn tls_1_1_and_older_are_not_spoken() {
    let dashboard = Dashboard::start().await;
    for (name, minor) in [("SSL 3.0", 0), ("TLS 1.0", 1), ("TLS 1.1", 2)] {
        let answer = answer_to(&dashboard, &client_hello(minor)).await;
        // Record type 21 is an alert; 22 would be the start of a handshake.
        assert_eq!(answer.first(), Some(&21), "{name}: {answer:?}");
        let description = answer.get(6);
        assert!(matches!(description, Some(40 | 70)), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn the_certificate_is_good_for_the_names_it_was_made_for_alone() {
    let dashboard = Dashboard::start().await;
    let (ca, address) = (dashboard.ca_file(), dashboard.address());
    let open = async |name: &str| {
        server_scout_tests::https::Connection::try_open(&ca, address, name).await
    };
    for good in ["localhost", "127.0.0.1", "::1"] {
        assert!(open(good).await.is_ok(), "{good}");
    }
    for bad in ["example.org", "127.0.0.2", "sub.localhost"] {
        let error = open(bad)
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains("not valid for name"), "{bad}: {error}");
    }
}

/// A greeting of a client that knows nothing newer than version 3.`minor`, after RFC 4346.
fn client_hello(minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend_from_slice(&[7; 32]);
    body.push(0);
    // ECDHE with RSA and ECDSA and AES-128-CBC, RSA with AES-128-CBC.
    body.extend_from_slice(&[0, 6, 0xc0, 0x13, 0xc0, 0x09, 0x00, 0x2f]);
    body.extend_from_slice(&[1, 0]);
    // The curve P-256 and uncompressed points.
    let extensions = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0];
    body.extend_from_slice(&[0, u8::try_from(extensions.len()).unwrap()]);
    body.extend_from_slice(&extensions);
    let length = u8::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, minor.min(1), 0, length + 4, 1, 0, 0, length];
    record.extend_from_slice(&body);
    record
}
