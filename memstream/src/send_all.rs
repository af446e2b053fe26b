//! Forwarding a stream.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::Checkpoint;
use anyio_streams::SendError;
use futures_core::Stream;

use crate::{MemoryObjectSendStream, Sending};

/// Takes an item, sends it, takes the next one.
pub(crate) struct SendAll<'a, T, S> {
    end: &'a MemoryObjectSendStream<T>,
    stream: Pin<Box<S>>,
    place: &'static Location<'static>,
    /// The wait for an item.
    checkpoint: Checkpoint,
    sending: Option<Sending<'a, T>>,
}

impl<'a, T, S> SendAll<'a, T, S> {
    pub(crate) fn new(end: &'a MemoryObjectSendStream<T>, stream: S, place: &'static Location<'static>) -> Self {
        let checkpoint = Checkpoint::at(&"send_all", place);
        Self { end, stream: Box::pin(stream), place, checkpoint, sending: None }
    }
}

impl<T, S: Stream<Item = T>> Future for SendAll<'_, T, S> {
    type Output = Result<(), SendError<Option<T>>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            if let Some(sending) = &mut this.sending {
                let sent = ready!(Pin::new(sending).poll(cx));
                this.sending = None;
                sent.map_err(|error| SendError::new(Some(error.item), error.reason))?;
                this.checkpoint = Checkpoint::at(&"send_all", this.place);
            }
            ready!(this.checkpoint.poll_entry(cx)).map_err(|cancelled| SendError::new(None, cancelled))?;
            match this.stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => this.sending = Some(Sending::new(this.end, item, this.place)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let cancelled = ready!(this.checkpoint.poll_pending(cx));
                    return Poll::Ready(Err(SendError::new(None, cancelled)));
                }
            }
        }
    }
}
