//! Whether anything still moves on a connection.
//!
//! A client can hold a connection without a byte of its own: by never reading an answer, by a
//! window of nothing, by answering pings alone. None of that is a request that begins or a piece of
//! an answer that goes out, so a connection without either for long is closed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Frame, SizeHint};

/// When something last moved. Cloning shares it.
#[derive(Clone)]
pub(super) struct Pulse {
    begun: Instant,
    last_millis: Arc<AtomicU64>,
}

impl Pulse {
    /// Of a connection that begins now.
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            last_millis: Arc::default(),
        }
    }

    /// Something moved.
    pub(super) fn beat(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_millis.store(millis, Ordering::Relaxed);
    }

    /// Resolves when nothing has moved for `limit`.
    pub(super) async fn silence(&self, limit: Duration) {
        loop {
            let last = Duration::from_millis(self.last_millis.load(Ordering::Relaxed));
            let silent = self.begun.elapsed().saturating_sub(last);
            match limit.checked_sub(silent) {
                None | Some(Duration::ZERO) => return,
                Some(left) => tokio::time::sleep(left).await,
            }
        }
    }

    /// The body, each piece of which is a beat.
    pub(super) fn watch<B>(&self, inner: B) -> PulsingBody<B> {
        PulsingBody {
            inner,
            pulse: self.clone(),
        }
    }
}

/// A body whose pieces are beats.
pub(super) struct PulsingBody<B> {
    inner: B,
    pulse: Pulse,
}

impl<B: Body + Unpin> Body for PulsingBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if polled.is_ready() {
            self.pulse.beat();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn silence_comes_only_when_nothing_moves() {
        let pulse = Pulse::new();
        let limit = Duration::from_millis(200);
        let silent = pulse.silence(limit);
        let beating = async {
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                pulse.beat();
            }
        };
        let ((), ended) = tokio::join!(beating, async {
            silent.await;
            pulse.begun.elapsed()
        });
        assert!(ended >= Duration::from_millis(550), "{ended:?}");
    }
}
