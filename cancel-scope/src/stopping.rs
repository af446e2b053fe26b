//! Seeing a graceful stop (R13).

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use crate::{Cancelled, Checkpoint, ambient, ambient_leaf::AmbientLeaf};

/// Waits until a [`stop`](crate::CancelScope::stop) of this scope or of an enclosing one begins, shields or not. Ready at
/// once when it began already, and stays so.
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope.
///
/// # Cancel safety
/// Nothing is lost.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{CancelScope, stopping};
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// let server = CancelScope::new();
/// server.stop(Duration::from_secs(5));
/// let result = server.run(async {
///     stopping().await?;
///     anyio_cancel_scope::ok("said goodbye")
/// });
/// assert_eq!(result.await.unwrap(), Some("said goodbye"));
/// # });
/// ```
#[track_caller]
pub fn stopping() -> Stopping {
    Stopping { checkpoint: Checkpoint::new(&"stopping") }
}

/// The future of [`stopping`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Stopping {
    checkpoint: Checkpoint,
}

impl Future for Stopping {
    type Output = Result<(), Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.checkpoint.poll_entry(cx))?;
        if ambient::verdict().1.is_stopping() {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(cancelled) = this.checkpoint.poll_pending(cx) {
            return Poll::Ready(Err(cancelled));
        }
        // It may have begun before the wait was registered.
        if ambient::verdict().1.is_stopping() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

pin_project! {
    /// The future of [`CancelExt::unless_stopping`](crate::CancelExt::unless_stopping).
    #[must_use = "futures do nothing unless polled"]
    pub struct UnlessStopping<F> {
        #[pin]
        fut: Option<F>,
        begun: bool,
        leaf: AmbientLeaf,
    }
}

impl<F> UnlessStopping<F> {
    pub(crate) fn new(fut: F) -> Self {
        Self { fut: Some(fut), begun: false, leaf: AmbientLeaf::default() }
    }
}

impl<F: Future> Future for UnlessStopping<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let begun = std::mem::replace(this.begun, true);
        if begun || !ambient::verdict().1.is_stopping() {
            let fut = this.fut.as_mut().as_pin_mut();
            let fut = fut.expect("UnlessStopping: polled after it was ready; a future must not be");
            if let Poll::Ready(output) = fut.poll(cx) {
                this.fut.set(None);
                return Poll::Ready(Some(output));
            }
            this.leaf.register(cx);
            // It may have begun before the wait was registered.
            if !ambient::verdict().1.is_stopping() {
                return Poll::Pending;
            }
        }
        this.fut.set(None);
        Poll::Ready(None)
    }
}

impl<F> fmt::Debug for UnlessStopping<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnlessStopping").field("begun", &self.begun).finish_non_exhaustive()
    }
}
