//! A future under a test's hand: polled one step at a time, and asked whether anyone woke it in between.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::Counts;

/// A future that is polled by hand, with a counting waker.
///
/// # Examples
///
/// ```
/// use std::future;
/// use std::task::Poll;
///
/// use anyio_future_contract::Polled;
///
/// let mut once_more = false;
/// let mut yielding = Polled::new(future::poll_fn(|cx| {
///     if once_more {
///         return Poll::Ready("done");
///     }
///     once_more = true;
///     cx.waker().wake_by_ref();
///     Poll::Pending
/// }));
/// yielding.assert_pending();
/// assert!(yielding.is_woken());
/// assert_eq!(yielding.assert_ready(), "done");
/// ```
pub struct Polled<F> {
    future: Pin<Box<F>>,
    counts: Counts,
    /// The wake-ups before the last poll began: a wake-up during a poll asks for another poll.
    wakes_seen: usize,
    is_finished: bool,
}

impl<F: Future> Polled<F> {
    /// Takes a future, and does not poll it.
    pub fn new(future: F) -> Self {
        Self { future: Box::pin(future), counts: Counts::new(), wakes_seen: 0, is_finished: false }
    }

    /// Polls with the counting waker, of which the future holds only what it cloned.
    ///
    /// # Panics
    ///
    /// When the future has been ready before.
    #[track_caller]
    pub fn poll(&mut self) -> Poll<F::Output> {
        let waker = self.counts.waker();
        self.poll_with(&waker)
    }

    /// Polls with a waker of the caller's.
    ///
    /// # Panics
    ///
    /// When the future has been ready before.
    #[track_caller]
    pub fn poll_with(&mut self, waker: &Waker) -> Poll<F::Output> {
        assert!(!self.is_finished, "the future is polled again after it was ready");
        self.wakes_seen = self.counts.wakes();
        let poll = self.future.as_mut().poll(&mut Context::from_waker(waker));
        self.is_finished = poll.is_ready();
        poll
    }

    /// Polls, and asserts that the future still waits.
    ///
    /// # Panics
    ///
    /// When it is ready.
    #[track_caller]
    pub fn assert_pending(&mut self) {
        assert!(self.poll().is_pending(), "the future is ready, but should be pending");
    }

    /// Polls, and returns the output.
    ///
    /// # Panics
    ///
    /// When the future is pending.
    #[track_caller]
    pub fn assert_ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future is pending, but should be ready"),
        }
    }

    /// Uses a new counting waker from the next poll on, and returns the counts of the old one.
    ///
    /// All counts of this `Polled` are those of the new waker at once, while the future still holds the old one.
    pub fn replace_waker(&mut self) -> Counts {
        self.wakes_seen = 0;
        mem::take(&mut self.counts)
    }

    /// Drops the future, and returns the counts of the waker, to see what the future has left behind.
    pub fn into_counts(self) -> Counts {
        self.counts
    }
}

impl<F> Polled<F> {
    /// Whether the waker was woken since the last poll began.
    pub fn is_woken(&self) -> bool {
        self.wakes() > self.wakes_seen
    }

    /// Returns how often the waker was woken.
    pub fn wakes(&self) -> usize {
        self.counts.wakes()
    }

    /// Returns how many copies of the waker live.
    pub fn live_wakers(&self) -> usize {
        self.counts.live_wakers()
    }

    /// Returns the counts of the waker.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl<F> fmt::Debug for Polled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polled")
            .field("is_finished", &self.is_finished)
            .field("is_woken", &self.is_woken())
            .field("wakes", &self.wakes())
            .field("live_wakers", &self.live_wakers())
            .finish_non_exhaustive()
    }
}

/// Polls `future` once, in the task that awaits this, and leaves it pending.
///
/// # Panics
///
/// When it is ready.
///
/// # Examples
///
/// ```
/// use std::future::pending;
///
/// anyio_future_contract::block_on(async {
///     let mut waits = Box::pin(pending::<()>());
///     anyio_future_contract::start(&mut waits).await;
/// });
/// ```
pub async fn start<F: Future + Unpin>(future: &mut F) {
    poll_fn(|cx| {
        assert!(Pin::new(&mut *future).poll(cx).is_pending(), "the future is ready, but should be pending");
        Poll::Ready(())
    })
    .await;
}
