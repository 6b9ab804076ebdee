//! A TLS server that takes any report, with a certificate of the test's choice.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Leaf;

/// Heads and bodies of requests.
type Received = Arc<Mutex<Vec<(Vec<u8>, Vec<u8>)>>>;

/// A server that answers every request as if it had stored a report. It ends when dropped.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    received: Received,
    task: JoinHandle<()>,
}

impl Sink {
    /// Listens on a free port of 127.0.0.1 and shows `leaf`.
    pub async fn start(leaf: &Leaf) -> Self {
        Self::answering(
            leaf,
            "200 OK",
            "",
            r#"{"accepted":1,"duplicate":0,"too_old":0,"refused":[]}"#,
        )
        .await
    }

    /// The same with an answer of the test's choice; every line of `headers` ends in `\r\n`.
    pub async fn answering(leaf: &Leaf, status: &str, headers: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port exists");
        let address = listener.local_addr().expect("a listener has an address");
        let acceptor = TlsAcceptor::from(Arc::new(server_config(leaf)));
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let received = Received::default();
        let log = Arc::clone(&received);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, answer, log) = (acceptor.clone(), answer.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    // A client that refuses the certificate ends here, which is its right.
                    let _ = serve(acceptor, tcp, &answer, &log).await;
                });
            }
        });
        Self {
            address,
            received,
            task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `https://localhost:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The heads of the requests that came, as they came.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received
            .iter()
            .map(|(head, _)| String::from_utf8_lossy(head).into_owned())
            .collect()
    }

    /// The bodies of the requests that came whole, as they came.
    #[must_use]
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().map(|(_, body)| body.clone()).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    answer: &str,
    log: &Received,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    let mut unread = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let end = loop {
            if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let length = stream.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            unread.extend_from_slice(&buffer[..length]);
        };
        let head: Vec<u8> = unread.drain(..end).collect();
        let body = content_length(&head);
        while unread.len() < body {
            let length = stream.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            unread.extend_from_slice(&buffer[..length]);
        }
        let body = unread.drain(..body).collect();
        log.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((head, body));
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}

pub(crate) fn content_length(head: &[u8]) -> usize {
    String::from_utf8_lossy(head)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or_default()
}

pub(crate) fn server_config(leaf: &Leaf) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(leaf.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .expect("the certificate is PEM");
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).expect("the key is PEM");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows the protocol versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the certificate fits its key")
}

/// A TCP relay that counts the bytes of both directions. It ends when dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    /// Bytes from the client to the server.
    pub sent: Arc<AtomicU64>,
    /// Bytes from the server to the client.
    pub received: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1 and passes everything on to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port exists");
        let address = listener.local_addr().expect("a listener has an address");
        let (sent, received) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let counters = (Arc::clone(&sent), Arc::clone(&received));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(target).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(from_client, to_server, Arc::clone(&counters.0)));
                tokio::spawn(pass(from_server, to_client, Arc::clone(&counters.1)));
            }
        });
        Self {
            address,
            sent,
            received,
            task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    counter: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        counter.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
