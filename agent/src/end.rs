//! What tells the agent to end.

use std::io::Read as _;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::StartError;

/// SIGTERM, SIGINT and, where it was asked for, the end of standard input.
pub struct End {
    interrupt: Signal,
    terminate: Signal,
    stdin: Option<oneshot::Receiver<()>>,
}

impl End {
    /// Listens from now on. With `with_stdin`, whoever holds the other end of standard input need
    /// not tell the agent to end: it is enough that they are gone, however they went.
    pub fn new(with_stdin: bool) -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(StartError::Signal);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            stdin: with_stdin.then(watch_stdin),
        })
    }

    /// Resolves when the agent should end.
    pub async fn wait(&mut self) {
        let stdin = async {
            match &mut self.stdin {
                Some(ended) => drop(ended.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = stdin => {}
        }
    }
}

/// Reads to the end and throws it away, on a thread of its own, because reading waits.
fn watch_stdin() -> oneshot::Receiver<()> {
    let (alive, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while std::io::stdin()
            .read(&mut ignored)
            .is_ok_and(|read| read > 0)
        {}
        drop(alive);
    });
    ended
}
