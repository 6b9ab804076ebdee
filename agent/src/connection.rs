//! HTTP over the one connection that the agent makes: verified TLS, kept as long as both sides like,
//! nothing followed, no proxy.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use server_scout_wire::limits::MAX_ANSWER_BYTES;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::failure::Failure;

/// A connection to a dashboard: made when it is needed, and again when it has ended.
pub struct Connection {
    tls: TlsConnector,
    url: Url,
    host: String,
    open: Option<SendRequest<Full<Bytes>>>,
}

/// What came back.
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// How long the dashboard asks to wait.
    pub retry_after: Option<Duration>,
    /// At most [`MAX_ANSWER_BYTES`].
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The answer is longer than an answer may be.
    #[error("the answer is too long")]
    AnswerTooLong,
    /// No address takes the connection.
    #[error("no connection")]
    Connect(#[source] io::Error),
    /// TLS cannot be agreed upon, or not be verified.
    #[error("no TLS")]
    Handshake(#[source] io::Error),
    /// The connection ended, or what came is no HTTP.
    #[error("no whole answer")]
    Http(#[from] hyper::Error),
    /// The name has no address.
    #[error("cannot find the address of {name}: {why}; is the name right, and does DNS work?")]
    Name {
        /// The name.
        name: String,
        /// What the system says.
        why: String,
    },
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
}

impl Connection {
    /// A connection to the dashboard at `url`. Nothing is sent yet.
    #[must_use]
    pub fn new(url: &Url, tls: ClientConfig) -> Self {
        Self {
            tls: TlsConnector::from(Arc::new(tls)),
            url: url.clone(),
            host: host_of(url),
            open: None,
        }
    }

    /// The dashboard's address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The dashboard's host and port, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the next request goes over the connection of the one before, as far as is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.is_closed())
    }

    /// Asks for `path`.
    pub async fn get(&mut self, path: &'static str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, HeaderMap::new(), Bytes::new())
            .await
    }

    /// Sends `body` to `path`.
    pub async fn post(
        &mut self,
        path: &'static str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Failure> {
        self.send(Method::POST, path, headers, body).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &'static str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Failure> {
        // What a URL holds is visible ASCII.
        if let Ok(host) = HeaderValue::from_str(&authority(&self.url)) {
            headers.insert(HOST, host);
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = hyper::Uri::from_static(path);
        *request.headers_mut() = headers;
        let done = timeout(TIMEOUT, self.exchange(request)).await;
        done.unwrap_or(Err(ConnectionError::TimedOut))
            .map_err(|error| Failure::explain(&error, &self.host))
    }

    /// One request and its answer. A connection on which something went wrong is not kept.
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, ConnectionError> {
        let mut open = self.ready().await?;
        let reply = read(open.send_request(request).await?).await?;
        self.open = Some(open);
        Ok(reply)
    }

    async fn ready(&mut self) -> Result<SendRequest<Full<Bytes>>, ConnectionError> {
        if let Some(mut open) = self.open.take()
            && open.ready().await.is_ok()
        {
            return Ok(open);
        }
        let stream = connect(&addresses(&self.url).await?).await?;
        let name = server_name(&self.url)?;
        let stream = self.tls.connect(name, stream);
        let stream = stream.await.map_err(ConnectionError::Handshake)?;
        let (open, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        // Its end shows in `open`.
        tokio::spawn(connection);
        Ok(open)
    }
}

/// The dashboard's host and port, for messages.
#[must_use]
pub fn host_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(443);
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Host and port as a request names them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn server_name(url: &Url) -> Result<ServerName<'static>, ConnectionError> {
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(IpAddr::from(address).into()),
        Some(Host::Ipv6(address)) => Ok(IpAddr::from(address).into()),
        name => {
            let name = name.map_or_else(String::new, |name| name.to_string());
            let bare = name.strip_suffix('.').unwrap_or(&name).to_owned();
            ServerName::try_from(bare).map_err(|why| ConnectionError::Name {
                name,
                why: why.to_string(),
            })
        }
    }
}

/// The addresses of the host, in the order that the system prefers.
async fn addresses(url: &Url) -> Result<Vec<SocketAddr>, ConnectionError> {
    let port = url.port_or_known_default().unwrap_or(443);
    let name = match url.host() {
        Some(Host::Ipv4(address)) => return Ok(vec![(address, port).into()]),
        Some(Host::Ipv6(address)) => return Ok(vec![(address, port).into()]),
        name => name.map_or_else(String::new, |name| name.to_string()),
    };
    let found = lookup_host((name.as_str(), port)).await;
    let unknown = |why: String| ConnectionError::Name {
        name: name.clone(),
        why,
    };
    let addresses: Vec<SocketAddr> = found.map_err(|why| unknown(why.to_string()))?.collect();
    if addresses.is_empty() {
        return Err(unknown("it has none".to_owned()));
    }
    Ok(addresses)
}

/// Connects to the first address that takes it; together they have [`CONNECT_TIMEOUT`].
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectionError> {
    let tried = addresses.len().clamp(1, MAX_ADDRESSES);
    let patience = CONNECT_TIMEOUT.div_f64(tried as f64);
    let mut failed = ConnectionError::TimedOut;
    for address in addresses.iter().take(tried) {
        match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A request is written at once: there is nothing to wait for.
                stream.set_nodelay(true).map_err(ConnectionError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(why)) => failed = ConnectionError::Connect(why),
            Err(_) => {}
        }
    }
    Err(failed)
}

/// Reads an answer, no further than one may be long.
async fn read(answer: Response<Incoming>) -> Result<Reply, ConnectionError> {
    let (head, mut rest) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = rest.frame().await {
        let frame = frame?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if body.len() + data.len() > MAX_ANSWER_BYTES {
            return Err(ConnectionError::AnswerTooLong);
        }
        body.extend_from_slice(data);
    }
    Ok(Reply {
        status: head.status,
        retry_after: retry_after(&head.headers),
        body,
    })
}

/// Whole seconds; a date is left to the back-off, which is never far from it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// What the agent says it is.
pub const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("server-scout-agent/", env!("CARGO_PKG_VERSION")));

/// For everything: look-up, connection, handshake, request and answer.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;
/// Of the head of an answer; hyper's least.
const BUFFER_BYTES: usize = 8192;
