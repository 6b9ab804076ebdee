//! Accepting connections: our own loop around hyper, because the open network needs deadlines and
//! bounds at every step.
//!
//! A handshake has ten seconds, a request's head twenty, a connection on which nothing moves a
//! minute; connections are counted, in all and by
//! address; when the process runs out of file descriptors it waits instead of spinning.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use ipnet::IpNet;
use poem::endpoint::BoxEndpoint;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint as _, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::pulse::Pulse;
use crate::address::of_one_client;
use crate::config::Limits;

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// An address and a port.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// What serves connections.
pub struct Acceptor {
    /// The routes.
    pub endpoint: Arc<BoxEndpoint<'static>>,
    /// TLS; none behind a proxy.
    pub tls: Option<TlsAcceptor>,
    /// Bounds of connections.
    pub limits: Limits,
    /// Proxies, whose addresses many clients share.
    pub trusted_proxies: Vec<IpNet>,
}

/// Accepts connections until `stopping` turns true, then lets those that are open finish for a
/// while.
pub async fn run(acceptor: Acceptor, listener: Listener, mut stopping: watch::Receiver<bool>) {
    let acceptor = Arc::new(acceptor);
    let seats = Arc::new(Semaphore::new(acceptor.limits.connections));
    let peers = Peers::default();
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break,
            accepted = accept(&listener, &seats) => accepted,
        };
        let (connection, seat) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely; asking again at once would only spin.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(place) = peers.enter(&connection, &acceptor) else {
            continue;
        };
        let acceptor = Arc::clone(&acceptor);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let _held = (seat, place);
            acceptor.serve(connection, watcher).await;
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some connections did not finish in time");
    }
}

enum Connection {
    Tcp(TcpStream, IpAddr),
    Unix(tokio::net::UnixStream),
}

async fn accept(
    listener: &Listener,
    seats: &Arc<Semaphore>,
) -> io::Result<(Connection, OwnedSemaphorePermit)> {
    // The seat first: what cannot be served stays in the kernel's queue.
    let seat = Arc::clone(seats)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let connection = match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            // Small answers must not wait for more to send.
            let _ = stream.set_nodelay(true);
            Connection::Tcp(stream, peer.ip().to_canonical())
        }
        Listener::Unix(listener) => Connection::Unix(listener.accept().await?.0),
    };
    Ok((connection, seat))
}

impl Acceptor {
    async fn serve(&self, connection: Connection, watcher: Watcher) {
        match connection {
            Connection::Unix(stream) => {
                self.speak(stream, Addr::custom("unix", ""), false, watcher)
                    .await;
            }
            Connection::Tcp(stream, peer) => {
                let peer = match stream.peer_addr() {
                    Ok(address) => Addr::SocketAddr(address),
                    Err(_) => Addr::SocketAddr((peer, 0).into()),
                };
                let Some(tls) = &self.tls else {
                    return self.speak(stream, peer, false, watcher).await;
                };
                // Whoever does not shake hands in time, or speaks something else, gets nothing.
                if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    self.speak(stream, peer, http2, watcher).await;
                }
            }
        }
    }

    async fn speak<S>(&self, stream: S, peer: Addr, http2: bool, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let scheme = if self.tls.is_some() {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        let pulse = Pulse::new();
        let beats = pulse.clone();
        let endpoint = Arc::clone(&self.endpoint);
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let endpoint = Arc::clone(&endpoint);
            let (peer, scheme, beats) = (peer.clone(), scheme.clone(), beats.clone());
            async move {
                beats.beat();
                let local = LocalAddr(Addr::custom("server-scout", ""));
                let request = Request::from((request, local, RemoteAddr(peer), scheme));
                let response: Response = endpoint.get_response(request).await;
                let mut response: hyper::Response<_> = response.into();
                let held = response.extensions_mut().remove();
                Ok::<_, Infallible>(response.map(|body| beats.watch(body, held)))
            }
        });
        let io = TokioIo::new(stream);
        // How a connection ended tells nothing that anybody could act on.
        if http2 {
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(Some(Duration::from_secs(20)))
                .keep_alive_timeout(HEAD)
                .max_concurrent_streams(64)
                .max_header_list_size(16 * 1024)
                .serve_connection(io, service);
            until_silent(watcher.watch(connection), &pulse).await;
        } else {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(32 * 1024)
                .max_headers(64)
                .serve_connection(io, service);
            until_silent(watcher.watch(connection), &pulse).await;
        }
    }
}

/// Serves until the connection ends, or nothing has moved on it for long.
async fn until_silent<T>(served: impl Future<Output = T>, pulse: &Pulse) {
    tokio::select! {
        _ = served => {}
        () = pulse.silence(SILENCE) => {}
    }
}

/// How many connections each address has open.
#[derive(Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One open connection of an address; counts until it is dropped.
struct Place {
    peers: Peers,
    address: Option<IpAddr>,
}

impl Peers {
    fn enter(&self, connection: &Connection, acceptor: &Acceptor) -> Option<Place> {
        let address = match connection {
            Connection::Tcp(_, address) => {
                let is_proxy = acceptor.trusted_proxies.iter().any(|n| n.contains(address));
                (!is_proxy).then(|| of_one_client(*address))
            }
            Connection::Unix(_) => None,
        };
        if let Some(address) = address {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(address).or_default();
            if *count >= acceptor.limits.connections_per_address {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            peers: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// Longer than any request may take before its answer begins; live streams say something every 15 s.
const SILENCE: Duration = Duration::from_mins(1);
const GRACE: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Also the longest that a kept-alive HTTP/1.1 connection may be silent between two requests.
const HEAD: Duration = Duration::from_secs(20);
