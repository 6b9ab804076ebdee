//! Clients that trust one dashboard alone, down to single bytes.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::wait::{PATIENCE, within};

/// A client that reaches `localhost` at `address` and trusts the certificates in `ca_file` alone.
#[must_use]
pub fn client(ca_file: &Path, address: SocketAddr) -> reqwest::Client {
    builder(ca_file, address)
        .build()
        .expect("the client's settings are sound")
}

/// The same, to be set up further.
pub fn builder(ca_file: &Path, address: SocketAddr) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(config(ca_file))
        .resolve("localhost", address)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
}

/// TLS for clients that trust the certificates in `ca_file` alone.
#[must_use]
pub fn config(ca_file: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(ca_file)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", ca_file.display()));
    for certificate in certificates {
        roots
            .add(certificate.expect("the CA file holds certificates"))
            .expect("a CA is a root");
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows the protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A TLS connection on which a test says every byte itself.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    port: u16,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects to `address` as `localhost`; panics when the certificate is not good for that.
    pub async fn open(ca_file: &Path, address: SocketAddr) -> Self {
        Self::try_open(ca_file, address, "localhost")
            .await
            .expect("TLS is established")
    }

    /// Connects to `address` and demands a certificate for `name`.
    pub async fn try_open(
        ca_file: &Path,
        address: SocketAddr,
        name: &str,
    ) -> std::io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).expect("a valid name");
        let connector = TlsConnector::from(Arc::new(config(ca_file)));
        let stream = within("the handshake", PATIENCE, connector.connect(name, tcp)).await?;
        Ok(Self {
            stream,
            port: address.port(),
            unread: Vec::new(),
        })
    }

    /// The DER form of the certificates that the server showed, its own first.
    #[must_use]
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let (_, session) = self.stream.get_ref();
        let chain = session.peer_certificates().unwrap_or_default();
        chain
            .iter()
            .map(|certificate| certificate.to_vec())
            .collect()
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends a request with `body` and reads the answer.
    pub async fn exchange(&mut self, head: &str, body: &[u8]) -> Answer {
        self.request(head, body).await;
        self.answer().await
    }

    /// Sends `head`, lines that end in `\n`, completed by host and length, and `body`.
    pub async fn request(&mut self, head: &str, body: &[u8]) {
        let port = self.port;
        let (first, rest) = head
            .trim_end()
            .split_once('\n')
            .unwrap_or((head.trim_end(), ""));
        let mut text = format!("{first} HTTP/1.1\r\nHost: localhost:{port}\r\n");
        for line in rest.lines() {
            text.push_str(line.trim());
            text.push_str("\r\n");
        }
        if !body.is_empty() || first.starts_with("POST") {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
        text.push_str("\r\n");
        // A server may answer and close before it has read everything; the answer tells.
        let _ = self.send(&[text.as_bytes(), body].concat()).await;
    }

    /// Reads one answer; panics when there is none.
    pub async fn answer(&mut self) -> Answer {
        within("an answer", PATIENCE, self.try_answer())
            .await
            .expect("the server answers")
    }

    /// Reads one answer, or nothing when the connection ends before it is complete.
    pub async fn try_answer(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end);
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if answer
            .header("transfer-encoding")
            .is_some_and(|coding| coding == "chunked")
        {
            answer.body = self.chunks().await?;
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().ok()?;
            answer.body = self.take(length).await?;
        }
        Some(answer)
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = find(&self.unread, b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let size = String::from_utf8_lossy(&self.unread[..end]).into_owned();
            self.unread.drain(..end + 2);
            let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
            body.extend(self.take(size).await?);
            self.take(2).await?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            self.more().await?;
        }
        Some(self.unread.drain(..length).collect())
    }

    async fn more(&mut self) -> Option<()> {
        self.unread.reserve(16 * 1024);
        match self.stream.read_buf(&mut self.unread).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    /// Reads what comes within `time`.
    pub async fn listen(&mut self, time: Duration) {
        let _ = tokio::time::timeout(time, self.more()).await;
    }

    /// What came and was not made an answer of.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Reads until the server closes; returns what came, or nothing when it does not close in time.
    pub async fn until_closed(&mut self, limit: Duration) -> Option<Vec<u8>> {
        let all = async { while self.more().await.is_some() {} };
        tokio::time::timeout(limit, all).await.ok()?;
        Some(std::mem::take(&mut self.unread))
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the answer {self:?}: {}", self.text()))
    }

    /// The member that a problem document names.
    #[must_use]
    pub fn member(&self) -> String {
        self.json()["member"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
