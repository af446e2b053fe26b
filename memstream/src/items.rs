//! A receiving end as a `Stream`.

use std::{
    borrow::Borrow,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::Cancelled;
use anyio_streams::ReceiveError;
use futures_core::Stream;

use crate::{MemoryObjectReceiveStream, receive::Turn};

/// The items of an end that is borrowed or owned: one turn after the other.
pub(crate) struct Items<R: Borrow<MemoryObjectReceiveStream<T>>, T> {
    end: R,
    turn: Turn,
    place: &'static Location<'static>,
    /// The last item was `Cancelled`.
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
        let received = ready!(this.turn.poll(this.end.borrow(), cx));
        this.turn = Turn::new(&"next", this.place);
        let told = std::mem::replace(&mut this.told, false);
        Poll::Ready(match received {
            Ok(item) => Some(Ok(item)),
            Err(ReceiveError::Cancelled(_)) if told => None,
            Err(ReceiveError::Cancelled(cancelled)) => {
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
