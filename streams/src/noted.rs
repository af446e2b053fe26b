//! What makes a call through a wrapper or a trait object show where it waits, and an operation of a wrapper a checkpoint.

use std::{
    future::{Future, poll_fn},
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, Verb};
use pin_project_lite::pin_project;

pub(crate) type Place = &'static Location<'static>;

pin_project! {
    /// Leaves the caller's line in the task's record whenever `inner` waits, over what `inner` itself leaves there.
    pub(crate) struct Noted<F> {
        #[pin]
        inner: F,
        checkpoint: Checkpoint,
    }
}

pub(crate) fn noted<F: Future>(verb: Verb, place: Place, inner: F) -> Noted<F> {
    Noted { inner, checkpoint: Checkpoint::at(verb, place) }
}

impl<F: Future> Future for Noted<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.inner.poll(cx);
        if polled.is_pending() {
            this.checkpoint.note();
        }
        polled
    }
}

/// Enters an operation that may then be ready without asking anybody else: a checkpoint (R4).
#[inline]
pub(crate) async fn enter(verb: Verb, place: Place) -> Result<(), Cancelled> {
    let mut checkpoint = Checkpoint::at(verb, place);
    poll_fn(|cx| checkpoint.poll_entry(cx)).await
}
