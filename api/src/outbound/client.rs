//! Sending one request over one connection that was made to an address that was judged.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::lookup::Lookup;
use super::{Policy, Refusal, Sender, Target};
use crate::tls::verdict;

/// The client. It keeps no connection and remembers nothing of an answer.
#[derive(Clone, Debug)]
pub struct Outbound {
    policy: Arc<Policy>,
    tls: TlsSettings,
    lookup: Lookup,
    pub(super) patience: Duration,
}

#[derive(Clone)]
struct TlsSettings(Arc<ClientConfig>);

/// What is sent.
#[derive(Clone)]
pub struct Request {
    /// `GET`, `POST` or `PUT`.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// Headers besides host, length and user agent. They may hold secrets.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What is known of an answer: no word of it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// When to come back, where the receiver said so in seconds.
    pub retry_after: Option<Duration>,
    /// From the look-up of the name to the head of the answer.
    pub took: Duration,
}

/// Why there is no answer. The words tell nothing of what is inside a network.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address must not be reached.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No connection.
    #[error("The receiver could not be connected to.")]
    Connect,
    /// No verified TLS.
    #[error("The receiver's certificate {0}")]
    Tls(String),
    /// It took too long.
    #[error("No answer in time: {0} took too long.")]
    TimedOut(&'static str),
    /// What came is no answer.
    #[error("The receiver did not answer with HTTP.")]
    Answer,
}

/// Why the certificates to trust cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The operator's file.
    #[error("cannot read the CA certificates of SERVERSCOUT_OUTBOUND__CA_FILE, {path}: {reason}")]
    File {
        /// Which file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The provider.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl OutboundError {
    /// Whether the same request could succeed later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        !matches!(self, Self::Refused(refusal) if *refusal != Refusal::NoPublicAddress)
    }
}

impl Outbound {
    /// A client that trusts the system's CAs and those of `ca_file`.
    pub fn new(policy: Policy, ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        for certificate in rustls_native_certs::load_native_certs().certs {
            // The system's bundle may hold what no CA should look like.
            let _ = roots.add(certificate);
        }
        if let Some(path) = ca_file {
            add_file(&mut roots, path)?;
        }
        let mut tls = ClientConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A receiver has no reason to know one request from the next.
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(Self {
            policy: Arc::new(policy),
            tls: TlsSettings(Arc::new(tls)),
            lookup: Lookup::new(),
            patience: PATIENCE,
        })
    }

    /// What may be reached.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Sends a request and waits for the head of the answer, for ten seconds in all.
    pub async fn send(
        &self,
        sender: Sender<'_>,
        request: Request,
    ) -> Result<Answer, OutboundError> {
        let begun = Instant::now();
        let exchange = self.exchange(sender, request);
        let head = tokio::time::timeout(self.patience, exchange).await;
        let (status, headers) = head.map_err(|_| OutboundError::TimedOut("the request"))??;
        Ok(Answer {
            status,
            retry_after: retry_after(&headers),
            took: begun.elapsed(),
        })
    }

    async fn exchange(
        &self,
        sender: Sender<'_>,
        request: Request,
    ) -> Result<(StatusCode, HeaderMap), OutboundError> {
        let target = &request.target;
        self.policy.check(sender, target)?;
        let addresses = match (target.literal(), target.host()) {
            (Some(address), _) => vec![address],
            (None, host) => self.lookup.addresses(sender.id, &host.to_string()).await?,
        };
        self.policy.check_addresses(sender, target, &addresses)?;
        let stream = connect(&addresses, target.port()).await?;
        if !target.is_encrypted() {
            return speak(stream, request).await;
        }
        let name = server_name(target)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls.0));
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| unverified(&error))?;
        speak(stream, request).await
    }
}

/// Connects to the first of some addresses that takes the connection.
async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, OutboundError> {
    for address in addresses.iter().take(MAX_ADDRESSES) {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT_PATIENCE, connecting).await {
            return Ok(stream);
        }
    }
    Err(OutboundError::Connect)
}

fn server_name(target: &Target) -> Result<ServerName<'static>, OutboundError> {
    let name = match target.host() {
        url::Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(name).map_err(|_| Refusal::NoPublicAddress)?
        }
        url::Host::Ipv4(address) => ServerName::from(IpAddr::from(address)),
        url::Host::Ipv6(address) => ServerName::from(IpAddr::from(address)),
    };
    Ok(name)
}

/// Sends the request over `stream` and reads the head of the answer.
async fn speak<S>(stream: S, request: Request) -> Result<(StatusCode, HeaderMap), OutboundError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| OutboundError::Answer)?;
    let message = message(request).ok_or(OutboundError::Answer)?;
    // What was answered before the connection's end is still there after it.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    let answer = tokio::select! {
        answer = sender.send_request(message) => answer,
        never = driven => match never {},
    };
    let (head, _body) = answer.map_err(|_| OutboundError::Answer)?.into_parts();
    Ok((head.status, head.headers))
}

fn message(request: Request) -> Option<hyper::Request<Full<Bytes>>> {
    // A GET has no body, so it says no length either.
    let length = (request.method != Method::GET).then(|| HeaderValue::from(request.body.len()));
    let host = HeaderValue::from_str(&request.target.authority()).ok()?;
    let mut message = hyper::Request::builder()
        .method(request.method)
        .uri(request.target.request_path())
        .body(Full::new(request.body))
        .ok()?;
    let headers = message.headers_mut();
    *headers = request.headers;
    headers.insert(HOST, host);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length);
    }
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    Some(message)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The reason of a failed handshake: what the receiver says of itself, and no content.
fn unverified(error: &std::io::Error) -> OutboundError {
    match verdict::behind(error) {
        Some(reason) => OutboundError::Tls(verdict::words(reason, "SERVERSCOUT_OUTBOUND__CA_FILE")),
        None => OutboundError::Connect,
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    let failure = |reason: String| TrustError::File {
        path: path.display().to_string(),
        reason,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failure(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failure("it holds no certificate".to_owned()));
    }
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|error| failure(error.to_string()))?;
    }
    Ok(())
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsSettings")
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// For everything: look-up, connection, handshake, request and the head of the answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// For one address.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 3;
/// Of the head of an answer; hyper's least.
const MAX_HEAD_BYTES: usize = 8192;
const MAX_HEADERS: usize = 64;
const AGENT: &str = concat!("server-scout/", env!("CARGO_PKG_VERSION"));
