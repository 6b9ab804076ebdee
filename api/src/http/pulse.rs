//! Whether anything still moves on a connection, and whether its answers are taken.
//!
//! A client can hold a connection without a byte of its own: by never reading an answer, by a
//! window of nothing, by answering pings alone. None of that is a request that begins or a piece of
//! an answer that goes out, so a connection without either for long is closed. So is one on which a
//! single answer waits for long to be taken, whatever else goes on: it is memory, and a place among the
//! answers that are counted.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::streams::Held;

/// When something last moved. Cloning shares it.
#[derive(Clone)]
pub(super) struct Pulse {
    begun: Instant,
    last_millis: Arc<AtomicU64>,
    /// Of each answer under way, since when its next piece waits to be taken, or [`NOT_READY`].
    answers: Arc<Mutex<Vec<Weak<AtomicU64>>>>,
}

impl Pulse {
    /// Of a connection that begins now.
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            last_millis: Arc::default(),
            answers: Arc::default(),
        }
    }

    /// Something moved.
    pub(super) fn beat(&self) {
        self.last_millis.store(self.now(), Ordering::Relaxed);
    }

    /// Resolves when nothing has moved for `limit`, or a piece of an answer has waited for as long.
    pub(super) async fn silence(&self, limit: Duration) {
        loop {
            let silent = self.begun.elapsed().saturating_sub(self.oldest());
            match limit.checked_sub(silent) {
                None | Some(Duration::ZERO) => return,
                Some(left) => tokio::time::sleep(left).await,
            }
        }
    }

    /// The body, each piece of which is a beat.
    pub(super) fn watch<B>(&self, inner: B, held: Option<Held>) -> PulsingBody<B> {
        let waiting_since = Arc::new(AtomicU64::new(self.now()));
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.strong_count() > 0);
        answers.push(Arc::downgrade(&waiting_since));
        drop(answers);
        PulsingBody {
            inner,
            rest: Bytes::new(),
            pulse: self.clone(),
            waiting_since,
            _held: held,
        }
    }

    /// Since when the connection, or the answer that has waited longest, has not moved.
    fn oldest(&self) -> Duration {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = answers.iter().filter_map(Weak::upgrade);
        let waiting = waiting.map(|since| since.load(Ordering::Relaxed));
        let last = self.last_millis.load(Ordering::Relaxed);
        Duration::from_millis(waiting.fold(last, u64::min))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(NOT_READY - 1)
    }
}

/// A body whose pieces are small, and beats.
pub(super) struct PulsingBody<B> {
    inner: B,
    /// What of the last piece of `inner` is still to go.
    rest: Bytes,
    pulse: Pulse,
    waiting_since: Arc<AtomicU64>,
    /// What counts until the answer is gone.
    _held: Option<Held>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for PulsingBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            self.waiting_since.store(NOT_READY, Ordering::Relaxed);
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(length);
        self.pulse.beat();
        self.waiting_since
            .store(self.pulse.now(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}

/// The dashboard itself has nothing to send yet.
const NOT_READY: u64 = u64::MAX;
/// Of an answer, this much at a time goes to the connection, where it counts as taken.
const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    use http_body_util::{BodyExt as _, Full};

    const LIMIT: Duration = Duration::from_millis(200);

    /// Beats for twice the limit, and says whether that was silence nevertheless.
    async fn is_silent_while_others_move(pulse: &Pulse) -> bool {
        let beating = async {
            for _ in 0..16 {
                tokio::time::sleep(LIMIT / 8).await;
                pulse.beat();
            }
        };
        tokio::select! {
            biased;
            () = pulse.silence(LIMIT) => true,
            () = beating => false,
        }
    }

    #[tokio::test]
    async fn silence_comes_only_when_nothing_moves() {
        let pulse = Pulse::new();
        assert!(!is_silent_while_others_move(&pulse).await);
        pulse.silence(LIMIT).await;
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_silence_whatever_else_moves() {
        let pulse = Pulse::new();
        let untouched = pulse.watch(Full::new(Bytes::from_static(b"answer")), None);
        assert!(is_silent_while_others_move(&pulse).await);
        drop(untouched);
        assert!(!is_silent_while_others_move(&pulse).await);

        let mut half_taken = pulse.watch(Full::new(Bytes::from(vec![7; 3 * PIECE_BYTES])), None);
        half_taken.frame().await.unwrap().unwrap();
        assert!(is_silent_while_others_move(&pulse).await);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_ready_may_take_its_time() {
        let pulse = Pulse::new();
        let never = futures_util::stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
        let mut body = pulse.watch(http_body_util::StreamBody::new(never), None);
        let nothing = tokio::time::timeout(Duration::from_millis(1), body.frame()).await;
        assert!(nothing.is_err());
        assert!(!is_silent_while_others_move(&pulse).await);
    }

    #[tokio::test]
    async fn a_large_answer_goes_in_small_pieces_and_arrives_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PIECE_BYTES + 5).collect();
        let mut body = Pulse::new().watch(Full::new(Bytes::from(bytes.clone())), None);
        let (mut taken, whole) = (Vec::new(), bytes.len() as u64);
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            taken.extend_from_slice(&piece);
            assert_eq!(body.size_hint().exact(), Some(whole - taken.len() as u64));
        }
        assert!(taken == bytes && body.is_end_stream());
    }
}
