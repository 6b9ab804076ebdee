//! Requests over real connections.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{SENDER, policy, target};
use crate::outbound::{Outbound, OutboundError, Refusal, Request};

pub(super) fn request(to: &str) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("x-kept", HeaderValue::from_static("word"));
    Request {
        method: Method::POST,
        target: target(to),
        headers,
        body: Bytes::from_static(b"{\"text\":\"hello\"}"),
    }
}

/// Takes one connection, answers whatever comes with `answer`, and says what came.
async fn receiver(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\"hello\"}") {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
        }
        stream.write_all(answer).await.unwrap();
        // Whoever reads on would get more.
        let _ = stream.read_buf(&mut Vec::new()).await;
        String::from_utf8(seen).unwrap()
    });
    (address, taken)
}

fn open() -> Outbound {
    Outbound::new(policy(&["127.0.0.0/8"]), None).unwrap()
}

#[tokio::test]
async fn nothing_connects_to_this_machine_by_address_or_by_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut policy = policy(&["Other=127.0.0.0/8", "Other=localhost"]);
    policy.ports.push(port);
    let outbound = Outbound::new(policy, None).unwrap();
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "localhost",
        "localhost.",
    ] {
        for scheme in ["https", "http"] {
            let sent = outbound
                .send(SENDER, request(&format!("{scheme}://{host}:{port}/")))
                .await;
            let refused = match &sent {
                Err(OutboundError::Refused(Refusal::InTheClear)) => scheme == "http",
                Err(OutboundError::Refused(Refusal::NoPublicAddress)) => host.starts_with('l'),
                Err(OutboundError::Refused(Refusal::NotPublic)) => !host.starts_with('l'),
                _ => false,
            };
            assert!(refused, "{scheme} {host}: {sent:?}");
        }
    }
    let connected = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(connected.is_err(), "something connected");
}

/// Whoever may type names must not learn which of them exist inside.
#[tokio::test]
async fn a_name_inside_looks_like_one_that_nobody_has() {
    let mut told = Vec::new();
    for host in ["localhost", "nobody-has-this.invalid"] {
        let error = Outbound::new(policy(&[]), None)
            .unwrap()
            .send(SENDER, request(&format!("https://{host}/")))
            .await
            .unwrap_err();
        assert!(error.is_passing(), "{host}");
        told.push(error.to_string());
    }
    assert_eq!(told, ["The name has no public address."; 2]);
}

#[tokio::test]
async fn a_request_arrives_whole_and_its_answer_is_a_status() {
    let answer =
        b"HTTP/1.1 202 Accepted\r\nRetry-After: 7\r\nContent-Length: 1000000\r\n\r\nsecret";
    let (address, taken) = receiver(answer).await;
    let answer = open()
        .send(SENDER, request(&format!("http://{address}/a?b=c")))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
    let seen = taken.await.unwrap();
    assert!(seen.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains(&format!("host: {address}\r\n")), "{seen}");
    assert!(
        seen.contains("x-kept: word\r\n") && seen.contains("content-length: 16\r\n"),
        "{seen}"
    );
    assert!(seen.contains("user-agent: server-scout/"), "{seen}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let answer =
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (address, taken) = receiver(answer).await;
    let answer = open()
        .send(SENDER, request(&format!("http://{address}/")))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
    taken.await.unwrap();
}

#[tokio::test]
async fn garbage_and_endless_heads_are_no_answer() {
    static ENDLESS: &[u8] = &[b'x'; 100_000];
    for garbage in [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n".as_slice(),
        b"\0\0\0\0",
        ENDLESS,
    ] {
        let (address, taken) = receiver(garbage).await;
        let sent = open()
            .send(SENDER, request(&format!("http://{address}/")))
            .await;
        assert!(matches!(sent, Err(OutboundError::Answer)), "{sent:?}");
        taken.abort();
    }
}

#[tokio::test]
async fn an_answer_before_the_connection_ends_counts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\"hello\"}") {
                stream.read_buf(&mut seen).await.unwrap();
            }
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
        }
    });
    for _ in 0..50 {
        let sent = open()
            .send(SENDER, request(&format!("http://{address}/")))
            .await;
        assert_eq!(sent.unwrap().status, StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_silent_receiver_costs_no_more_than_the_patience() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sent = open()
        .send(SENDER, request(&format!("http://{address}/")))
        .await;
    assert!(matches!(sent, Err(OutboundError::TimedOut(_))), "{sent:?}");
}
