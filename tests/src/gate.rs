//! A receiver that stops at a step of a delivery until it is told to go on, or that never behaves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Leaf;
use crate::sink::{content_length, server_config};
use crate::wait::{PATIENCE, until};

/// How a receiver takes requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Conduct {
    /// It answers 200, after so long.
    Good(Duration),
    /// It takes the connection, and no more until it is opened.
    HoldsConnection,
    /// It takes TLS and reads nothing until it is opened.
    HoldsRequest,
    /// It reads the request and answers nothing until it is opened.
    HoldsAnswer,
    /// It sends half of the answer's first line, and no more until it is opened.
    HoldsHalf,
    /// It answers with something that is not HTTP.
    Garbage,
    /// It sends header after header, without an end.
    EndlessHead,
    /// It sends one byte of its answer a second.
    Slow,
    /// It answers 200 and a body without an end.
    EndlessBody,
    /// It closes before it answers.
    Closes,
}

impl Conduct {
    /// Whether it goes no further until it is opened.
    #[must_use]
    pub fn is_held(self) -> bool {
        matches!(
            self,
            Self::HoldsConnection | Self::HoldsRequest | Self::HoldsAnswer | Self::HoldsHalf
        )
    }
}

/// A request that came whole.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// When its last byte came.
    pub at: Instant,
}

/// The receiver. It ends when dropped.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    book: Arc<Book>,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What came, and how far.
#[derive(Debug, Default)]
struct Book {
    taken: Mutex<Vec<Taken>>,
    held: Mutex<usize>,
    /// Connections that the sender ended after an answer.
    ended: Mutex<usize>,
    /// Bytes of answers that were taken.
    answered: Mutex<usize>,
}

/// What every connection needs.
#[derive(Clone)]
struct Means {
    acceptor: TlsAcceptor,
    book: Arc<Book>,
    open: watch::Receiver<bool>,
    conduct: Conduct,
}

impl Gate {
    /// Listens on a free port of 127.0.0.1 and shows `leaf`.
    pub async fn start(leaf: &Leaf, conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port exists");
        let address = listener.local_addr().expect("a listener has an address");
        let (open, opened) = watch::channel(false);
        let book = Arc::<Book>::default();
        let means = Means {
            acceptor: TlsAcceptor::from(Arc::new(server_config(leaf))),
            book: Arc::clone(&book),
            open: opened,
            conduct,
        };
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                // Whatever ends a connection is the sender's right.
                tokio::spawn(means.clone().serve(tcp));
            }
        });
        Self {
            address,
            book,
            open,
            task,
        }
    }

    /// `https://localhost:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// From now on nothing is held.
    pub fn open(&self) {
        let _ = self.open.send(true);
    }

    /// Waits until so many connections were held.
    pub async fn holds(&self, count: usize) {
        let what = format!("{count} connections are held");
        until(&what, PATIENCE, async || {
            (*lock(&self.book.held) >= count).then_some(())
        })
        .await;
    }

    /// Waits until the sender has read so many answers and ended their connections.
    pub async fn is_left(&self, count: usize) {
        let what = format!("{count} answers are read");
        until(&what, PATIENCE, async || {
            (*lock(&self.book.ended) >= count).then_some(())
        })
        .await;
    }

    /// The requests that came whole, in turn.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.book.taken).clone()
    }

    /// Bytes of answers that the kernel took, sent or not.
    #[must_use]
    pub fn answered_bytes(&self) -> usize {
        *lock(&self.book.answered)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Means {
    async fn serve(self, tcp: TcpStream) -> std::io::Result<()> {
        self.hold(Conduct::HoldsConnection).await;
        let mut stream = self.acceptor.accept(tcp).await?;
        self.hold(Conduct::HoldsRequest).await;
        let taken = read(&mut stream).await?;
        lock(&self.book.taken).push(taken);
        self.hold(Conduct::HoldsAnswer).await;
        self.answer(&mut stream).await?;
        stream.flush().await?;
        // The sender closes once it has read the head.
        let mut rest = [0; 64];
        while stream.read(&mut rest).await.unwrap_or(0) > 0 {}
        *lock(&self.book.ended) += 1;
        Ok(())
    }

    async fn answer(&self, stream: &mut (impl AsyncWriteExt + Unpin)) -> std::io::Result<()> {
        match self.conduct {
            Conduct::Good(pause) => {
                tokio::time::sleep(pause).await;
                self.write(stream, WELL).await
            }
            Conduct::HoldsConnection | Conduct::HoldsRequest | Conduct::HoldsAnswer => {
                self.write(stream, WELL).await
            }
            Conduct::HoldsHalf => {
                let (half, rest) = WELL.split_at(WELL.len() / 3);
                self.write(stream, half).await?;
                self.hold(Conduct::HoldsHalf).await;
                self.write(stream, rest).await
            }
            Conduct::Garbage => self.write(stream, &[0x00, 0xff, 0x0a].repeat(2000)).await,
            Conduct::EndlessHead => {
                self.write(stream, b"HTTP/1.1 200 OK\r\n").await?;
                loop {
                    self.write(stream, b"X-More: and more of it, without an end\r\n")
                        .await?;
                }
            }
            Conduct::Slow => {
                for byte in WELL.iter().cycle() {
                    self.write(stream, &[*byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Ok(())
            }
            Conduct::EndlessBody => {
                self.write(
                    stream,
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                )
                .await?;
                let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
                while self.write(stream, &chunk).await.is_ok() {}
                Ok(())
            }
            Conduct::Closes => Err(std::io::ErrorKind::ConnectionReset.into()),
        }
    }

    async fn write(
        &self,
        stream: &mut (impl AsyncWriteExt + Unpin),
        bytes: &[u8],
    ) -> std::io::Result<()> {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        *lock(&self.book.answered) += bytes.len();
        Ok(())
    }

    /// Waits here, if this is the step, until the gate is opened.
    async fn hold(&self, step: Conduct) {
        let mut open = self.open.clone();
        if self.conduct == step && !*open.borrow() {
            *lock(&self.book.held) += 1;
            let _ = open.wait_for(|open| *open).await;
        }
    }
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Taken> {
    let mut unread = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    let head = loop {
        if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break unread.drain(..at + 4).collect::<Vec<u8>>();
        }
        unread.extend_from_slice(some(stream, &mut buffer).await?);
    };
    while unread.len() < content_length(&head) {
        unread.extend_from_slice(some(stream, &mut buffer).await?);
    }
    let head = String::from_utf8_lossy(&head);
    Ok(Taken {
        headers: headers(&head),
        body: unread,
        at: Instant::now(),
    })
}

async fn some<'a>(
    stream: &mut (impl AsyncReadExt + Unpin),
    buffer: &'a mut [u8],
) -> std::io::Result<&'a [u8]> {
    match stream.read(buffer).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        length => Ok(&buffer[..length]),
    }
}

/// The headers of a request, for whoever verifies it.
#[must_use]
pub fn headers(head: &str) -> HeaderMap {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let header = |(name, value): (&str, &str)| {
        let name = HeaderName::try_from(name).expect("a header's name");
        (
            name,
            HeaderValue::from_str(value.trim()).expect("a header's value"),
        )
    };
    lines.map(header).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const WELL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
