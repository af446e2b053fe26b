//! Whether a stream is open, and who waits on it is told when it is not any more (H4).

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use anyio_sync::Event;

#[derive(Default)]
pub(crate) struct Gate {
    closed: Event,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.closed.set();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_set()
    }

    /// What `operation` comes to; `None` if the stream is closed while it waits. It is dropped then.
    pub(crate) async fn while_open<T>(&self, operation: impl Future<Output = T>) -> Option<T> {
        let (mut operation, mut closed) = (pin!(operation), pin!(self.closed.wait()));
        let mut told = false;
        poll_fn(|cx| {
            if let Poll::Ready(output) = operation.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            // In a cancelled scope it is for the operation to say so.
            told = told || closed.as_mut().poll(cx).is_ready();
            // Once more, for the wait that the task is seen in is that of the operation.
            match operation.as_mut().poll(cx) {
                Poll::Pending if self.is_closed() => Poll::Ready(None),
                polled => polled.map(Some),
            }
        })
        .await
    }
}
