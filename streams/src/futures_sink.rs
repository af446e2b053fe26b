//! Sinks of `futures` as object streams.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    task::{Poll, ready},
};

use anyio_cancel_scope::{BoxError, Checkpoint};
use anyio_typed_attrs::TypedAttributeProvider;
use futures_sink::Sink;

use crate::{
    AsyncResource, ObjectSendStream, SendError, SendReason, UnreliableObjectSendStream,
    closable::{Closable, Stop},
};

/// A [`Sink`] as an object stream to send on.
///
/// Each send flushes. A sink keeps what it has accepted, so an item is sent from then on: a send that is cancelled while it flushes
/// succeeds, and leaves the rest of the flush to [`flush`](Self::flush), to the next send, or to closing gracefully. A sink that
/// fails, while it flushes too, has broken: the item comes back, as a clone.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesSink, UnreliableObjectSendStream};
/// use futures::StreamExt;
///
/// # futures_lite::future::block_on(async {
/// let (send, mut receive) = futures::channel::mpsc::channel(1);
/// let sink = FuturesSink::new(send);
/// sink.send(7).await.unwrap();
/// assert_eq!(receive.next().await, Some(7));
/// # });
/// ```
pub struct FuturesSink<K, T> {
    sink: Closable<K>,
    item: PhantomData<fn(T)>,
}

impl<K: Sink<T, Error: Into<BoxError>> + Unpin, T> FuturesSink<K, T> {
    /// Sends into `sink`. One that is not `Unpin` goes in as `Box::pin(sink)`.
    pub fn new(sink: K) -> Self {
        Self { sink: Closable::new(sink), item: PhantomData }
    }
}

impl<K: Sink<T, Error: Into<BoxError>> + Send + Unpin, T> FuturesSink<K, T> {
    /// Flushes what a cancelled send left in the sink.
    ///
    /// # Errors
    /// Those of a send.
    ///
    /// # Cancel safety
    /// Cancelled or dropped, it can be called again.
    #[track_caller]
    pub fn flush(&self) -> impl Future<Output = Result<(), SendReason>> + Send {
        let mut checkpoint = Checkpoint::at(&"flush", Location::caller());
        async move {
            poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
            let _claim = self.sink.claim().ok_or(SendReason::Busy)?;
            Ok(self.flushed(&mut checkpoint).await?)
        }
    }

    async fn flushed(&self, checkpoint: &mut Checkpoint) -> Result<(), Stop> {
        poll_fn(|cx| {
            self.sink.operate(checkpoint, cx, |sink, cx| Pin::new(sink).poll_flush(cx).map_err(failed::<K, T>))
        })
        .await
    }
}

impl<K, T> UnreliableObjectSendStream for FuturesSink<K, T>
where
    K: Sink<T, Error: Into<BoxError>> + Send + Unpin,
    T: Clone + Send,
{
    type SendItem = T;

    /// # Cancel safety
    /// Cancelled before the sink has accepted the item, it gives it back; after that, it succeeds. Dropped while it waits, nobody
    /// knows.
    #[track_caller]
    fn send(&self, item: T) -> impl Future<Output = Result<(), SendError<T>>> + Send {
        let mut checkpoint = Checkpoint::at(&"send", Location::caller());
        async move {
            let mut item = item;
            if let Err(cancelled) = poll_fn(|cx| checkpoint.poll_entry(cx)).await {
                return Err(SendError::new(item, cancelled));
            }
            let Some(_claim) = self.sink.claim() else { return Err(SendError::new(item, SendReason::Busy)) };
            // Borrowed as mutable, for who may only go to other threads, and not be shared with them.
            let (at_hand, at) = (&mut item, &mut checkpoint);
            let accepted = poll_fn(move |cx| {
                self.sink.operate(at, cx, |sink, cx| {
                    let mut sink = Pin::new(sink);
                    let ready = ready!(sink.as_mut().poll_ready(cx));
                    let accepted = ready.and_then(|()| sink.start_send(at_hand.clone()));
                    Poll::Ready(accepted.map_err(failed::<K, T>))
                })
            });
            if let Err(stop) = accepted.await {
                return Err(SendError::new(item, stop));
            }
            match self.flushed(&mut checkpoint).await {
                // It cannot be taken back any more.
                Ok(()) | Err(Stop::Cancelled(_)) => Ok(()),
                // Closing flushes, and tells what comes of it.
                Err(Stop::Closed) if self.sink.is_closing() => Ok(()),
                Err(stop) => Err(SendError::new(item, stop)),
            }
        }
    }
}

fn failed<K: Sink<T, Error: Into<BoxError>>, T>(error: K::Error) -> Stop {
    Stop::Failed(error.into())
}

impl From<Stop> for SendReason {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled(cancelled) => cancelled.into(),
            Stop::Closed | Stop::Ended => Self::Closed,
            Stop::Failed(error) => Self::Broken(error),
        }
    }
}

impl<K, T> ObjectSendStream for FuturesSink<K, T>
where
    K: Sink<T, Error: Into<BoxError>> + Send + Unpin,
    T: Clone + Send,
{
}

impl<K: Sink<T, Error: Into<BoxError>> + Send + Unpin, T> AsyncResource for FuturesSink<K, T> {
    #[track_caller]
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        let mut checkpoint = Checkpoint::at(&"aclose", Location::caller());
        async move {
            if !self.sink.begin_closing() {
                return Ok(());
            }
            let closed = async {
                poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
                let closed = poll_fn(|cx| {
                    self.sink.poll_closing(&mut checkpoint, cx, |sink, cx| {
                        Pin::new(sink).poll_close(cx).map_err(failed::<K, T>)
                    })
                });
                closed.await.map_err(|stop| match stop {
                    Stop::Failed(error) => io::Error::other(error),
                    stop => SendReason::from(stop).into(),
                })
            };
            let closed = closed.await;
            self.sink.close();
            closed
        }
    }

    fn close(&self) {
        self.sink.close();
    }
}

impl<K, T> TypedAttributeProvider for FuturesSink<K, T> {}

impl<K, T> fmt::Debug for FuturesSink<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuturesSink").finish_non_exhaustive()
    }
}
