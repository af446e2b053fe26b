//! What the tests share: a cancellation to put into errors, and a stream that is a queue.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyio_cancel_scope::{CancelScope, Cancelled, checkpoint};
use anyio_streams::{
    AsyncResource, ObjectReceiveStream, ObjectSendStream, ObjectStream, ReceiveError, SendError, SendReason,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use futures_lite::future::block_on;

pub(crate) fn cancelled() -> Cancelled {
    block_on(cancelled_scope().enter(checkpoint())).unwrap_err()
}

pub(crate) fn cancelled_scope() -> CancelScope {
    let scope = CancelScope::new();
    scope.cancel();
    scope
}

/// The text with which `f` panics.
#[track_caller]
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it did not panic") };
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => payload.downcast::<String>().map_or_else(|_| "?".into(), |text| *text),
    }
}

/// Gives back what was sent to it. It is written as implementers write: plain `async fn`s.
#[derive(Default)]
pub(crate) struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    /// How often it was closed: gracefully, and at once.
    pub(crate) closed: [AtomicUsize; 2],
    ended: AtomicUsize,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { items: Mutex::default(), closed: Default::default(), ended: AtomicUsize::new(0) }
    }

    pub(crate) fn counts(&self) -> [usize; 2] {
        self.closed.each_ref().map(|count| count.load(Ordering::SeqCst))
    }

    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    fn is_closed(&self) -> bool {
        self.counts() != [0, 0]
    }
}

impl<T: Send> AsyncResource for Queue<T> {
    async fn aclose(&self) -> io::Result<()> {
        self.closed[0].fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn close(&self) {
        self.closed[1].fetch_add(1, Ordering::SeqCst);
    }
}

impl<T: Send> UnreliableObjectReceiveStream for Queue<T> {
    type Item = T;

    async fn receive(&self) -> Result<T, ReceiveError> {
        checkpoint().await?;
        if self.is_closed() {
            return Err(ReceiveError::Closed);
        }
        self.items.lock().unwrap().pop_front().ok_or(ReceiveError::EndOfStream)
    }
}

impl<T: Send> UnreliableObjectSendStream for Queue<T> {
    type SendItem = T;

    async fn send(&self, item: T) -> Result<(), SendError<T>> {
        if let Err(cancelled) = checkpoint().await {
            return Err(SendError::new(item, cancelled));
        }
        if self.is_closed() {
            return Err(SendError::new(item, SendReason::Closed));
        }
        self.items.lock().unwrap().push_back(item);
        Ok(())
    }
}

impl<T: Send> ObjectReceiveStream for Queue<T> {}
impl<T: Send> ObjectSendStream for Queue<T> {}

impl<T: Send> ObjectStream for Queue<T> {
    async fn send_eof(&self) -> io::Result<()> {
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
