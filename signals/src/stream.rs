//! A receiver as a `Stream`.

use std::{
    borrow::Borrow,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_cancel_scope::{Cancelled, check_cancelled};
use futures_core::Stream;

use crate::{Signal, SignalReceiver, turn::Turn};

/// The deliveries of a receiver that is borrowed or owned: one turn after the other.
pub(crate) struct Deliveries<R: Borrow<SignalReceiver>> {
    receiver: R,
    turn: Turn,
    place: &'static Location<'static>,
    /// The last item was `Cancelled`.
    told: bool,
}

impl<R: Borrow<SignalReceiver>> Deliveries<R> {
    pub(crate) fn new(receiver: R, place: &'static Location<'static>) -> Self {
        Self { receiver, turn: Turn::new(&"next", place), place, told: false }
    }
}

impl<R: Borrow<SignalReceiver> + Unpin> Stream for Deliveries<R> {
    type Item = Result<Signal, Cancelled>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Poll::Ready(item) = this.turn.poll(this.receiver.borrow(), cx) else {
            // Waiting where nothing is cancelled, it goes on, and has the next cancellation to tell.
            this.told &= check_cancelled().is_err();
            return Poll::Pending;
        };
        this.turn = Turn::new(&"next", this.place);
        let told = std::mem::replace(&mut this.told, item.is_err());
        Poll::Ready(if told && item.is_err() { None } else { Some(item) })
    }
}

impl<R: Borrow<SignalReceiver>> Drop for Deliveries<R> {
    fn drop(&mut self) {
        self.turn.leave(self.receiver.borrow());
    }
}
