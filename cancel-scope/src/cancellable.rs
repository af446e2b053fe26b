//! Foreign futures as checkpoints.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use crate::{Cancelled, Checkpoint};

pin_project! {
    /// The future of [`CancelExt::cancellable`](crate::CancelExt::cancellable).
    #[must_use = "futures do nothing unless polled"]
    pub struct Cancellable<F> {
        #[pin]
        fut: Option<F>,
        checkpoint: Checkpoint,
    }
}

impl<F> Cancellable<F> {
    #[track_caller]
    pub(crate) fn new(fut: F) -> Self {
        Self { fut: Some(fut), checkpoint: Checkpoint::new(&"cancellable") }
    }
}

impl<F: Future> Future for Cancellable<F> {
    type Output = Result<F::Output, Cancelled>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let entry = ready!(this.checkpoint.poll_entry(cx));
        let cancelled = match entry {
            Err(cancelled) => cancelled,
            Ok(()) => {
                let fut = this.fut.as_mut().as_pin_mut();
                let fut = fut.expect("Cancellable: polled after it was ready; a future must not be");
                if let Poll::Ready(output) = fut.poll(cx) {
                    this.fut.set(None);
                    return Poll::Ready(Ok(output));
                }
                ready!(this.checkpoint.poll_pending(cx))
            }
        };
        // What is awaited for a clean-up begins only after the future is gone.
        this.fut.set(None);
        Poll::Ready(Err(cancelled))
    }
}

impl<F> fmt::Debug for Cancellable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellable").field("checkpoint", &self.checkpoint).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`CancelExt::or_cancelled`](crate::CancelExt::or_cancelled).
    #[must_use = "futures do nothing unless polled"]
    pub struct OrCancelled<F> {
        #[pin]
        fut: Cancellable<F>,
    }
}

impl<F> OrCancelled<F> {
    #[track_caller]
    pub(crate) fn new(fut: F) -> Self {
        Self { fut: Cancellable::new(fut) }
    }
}

impl<T, E, F> Future for OrCancelled<F>
where
    F: Future<Output = Result<T, E>>,
    E: From<Cancelled>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().fut.poll(cx).map(|output| output?)
    }
}

impl<F> fmt::Debug for OrCancelled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OrCancelled").field(&self.fut).finish()
    }
}
