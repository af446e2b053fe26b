//! A receiving end as a `Stream`.

use std::{
    borrow::Borrow,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_cancel_scope::{Cancelled, check_cancelled};
use anyio_streams::ReceiveError;
use futures_core::Stream;

use crate::{MemoryObjectReceiveStream, receive::Turn};

/// The items of an end that is borrowed or owned: one turn after the other.
pub(crate) struct Items<R: Borrow<MemoryObjectReceiveStream<T>>, T> {
    end: R,
    turn: Turn,
    place: &'static Location<'static>,
    /// It gave `Cancelled`, and was polled nowhere else since.
    told: bool,
    item: PhantomData<fn() -> T>,
}

impl<R: Borrow<MemoryObjectReceiveStream<T>>, T> Items<R, T> {
    pub(crate) fn new(end: R, place: &'static Location<'static>) -> Self {
        Self { end, turn: Turn::new(&"next", place), place, told: false, item: PhantomData }
    }
}

impl<R: Borrow<MemoryObjectReceiveStream<T>> + Unpin, T> Stream for Items<R, T> {
    type Item = Result<T, Cancelled>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Poll::Ready(received) = this.turn.poll(this.end.borrow(), cx) else {
            // Waiting where nothing is cancelled, it goes on, and has the next cancellation to tell.
            this.told &= check_cancelled().is_err();
            return Poll::Pending;
        };
        this.turn = Turn::new(&"next", this.place);
        Poll::Ready(match received {
            Ok(item) => {
                this.told = false;
                Some(Ok(item))
            }
            Err(ReceiveError::Cancelled(cancelled)) if !this.told => {
                this.told = true;
                Some(Err(cancelled))
            }
            Err(_) => None,
        })
    }
}

impl<R: Borrow<MemoryObjectReceiveStream<T>>, T> Drop for Items<R, T> {
    fn drop(&mut self) {
        self.turn.leave(self.end.borrow());
    }
}
