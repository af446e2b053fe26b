//! Streams and sinks of `futures` as object streams.
//!
//! # Invariants
//! 1. The object is polled under a lock, and dropped outside of it. Who waits has left a waker here, for closing.
//! 2. One task at a time is in there: it holds the claim across its waits.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    panic::Location,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{BoxError, Cancelled, Checkpoint, check_cancelled};
use anyio_typed_attrs::TypedAttributeProvider;
use futures_core::Stream;
use futures_sink::Sink;
use spin::mutex::SpinMutex;

use crate::{
    AsyncResource, ObjectReceiveStream, ObjectSendStream, ReceiveError, SendError, SendReason,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};

/// What can be closed while somebody polls it.
struct Closable<T> {
    state: Mutex<State<T>>,
    claim: SpinMutex<()>,
}

struct State<T> {
    object: Option<T>,
    waiting: Option<Waker>,
}

impl<T> Closable<T> {
    fn new(object: T) -> Self {
        Self { state: Mutex::new(State { object: Some(object), waiting: None }), claim: SpinMutex::new(()) }
    }

    /// Polls it; `None` when it was closed.
    fn poll<R>(&self, cx: &mut Context<'_>, poll: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<R>) -> Poll<Option<R>> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(object) = &mut state.object else { return Poll::Ready(None) };
            if let Poll::Ready(result) = poll(object, cx) {
                return Poll::Ready(Some(result));
            }
            if state.waiting.as_ref().is_some_and(|held| held.will_wake(cx.waker())) {
                return Poll::Pending;
            }
        }
        let waker = cx.waker().clone();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.object.is_none() {
            return Poll::Ready(None);
        }
        let stale = state.waiting.replace(waker);
        drop(state);
        drop(stale);
        Poll::Pending
    }

    /// The same as an operation that waits; only what is `Ok` comes before a cancellation (R3).
    fn operate<R, E: From<Cancelled>>(
        &self,
        checkpoint: &mut Checkpoint,
        cx: &mut Context<'_>,
        closed: impl FnOnce() -> E,
        poll: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<Result<R, E>>,
    ) -> Poll<Result<R, E>> {
        match self.poll(cx, poll) {
            Poll::Ready(Some(Ok(value))) => Poll::Ready(Ok(value)),
            Poll::Ready(other) => Poll::Ready(Err(match (check_cancelled(), other) {
                (Err(cancelled), _) => cancelled.into(),
                (Ok(()), Some(Err(error))) => error,
                (Ok(()), _) => closed(),
            })),
            Poll::Pending => Poll::Ready(Err(ready!(checkpoint.poll_pending(cx)).into())),
        }
    }

    fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (object, waiting) = (state.object.take(), state.waiting.take());
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        drop(object);
    }
}

/// A [`Stream`] as an object stream to receive from. The end of the one is the end of the other.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesStream, UnreliableObjectReceiveStream};
///
/// # futures_lite::future::block_on(async {
/// let numbers = FuturesStream::new(futures_lite::stream::iter([1, 2]));
/// assert_eq!(numbers.receive().await.unwrap(), 1);
/// assert_eq!(numbers.receive().await.unwrap(), 2);
/// assert!(numbers.receive().await.unwrap_err().is_end_of_stream());
/// # });
/// ```
pub struct FuturesStream<T>(Closable<Fused<T>>);

struct Fused<T> {
    stream: T,
    ended: bool,
}

impl<T: Stream + Unpin> FuturesStream<T> {
    /// Receives what `stream` gives. One that is not `Unpin` goes in as `Box::pin(stream)`.
    pub fn new(stream: T) -> Self {
        Self(Closable::new(Fused { stream, ended: false }))
    }
}

impl<T: Stream<Item: Send> + Send + Unpin> UnreliableObjectReceiveStream for FuturesStream<T> {
    type Item = T::Item;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<T::Item, ReceiveError>> + Send {
        let mut checkpoint = Checkpoint::at(&"receive", Location::caller());
        async move {
            poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
            let _claim = self.0.claim.try_lock().ok_or(ReceiveError::Busy)?;
            poll_fn(|cx| {
                self.0.operate(
                    &mut checkpoint,
                    cx,
                    || ReceiveError::Closed,
                    |fused, cx| {
                        if fused.ended {
                            return Poll::Ready(Err(ReceiveError::EndOfStream));
                        }
                        let item = ready!(Pin::new(&mut fused.stream).poll_next(cx));
                        fused.ended = item.is_none();
                        Poll::Ready(item.ok_or(ReceiveError::EndOfStream))
                    },
                )
            })
            .await
        }
    }
}

impl<T: Stream<Item: Send> + Send + Unpin> ObjectReceiveStream for FuturesStream<T> {}

impl<T: Send> AsyncResource for FuturesStream<T> {
    async fn aclose(&self) -> io::Result<()> {
        self.0.close();
        Ok(())
    }

    fn close(&self) {
        self.0.close();
    }
}

impl<T> TypedAttributeProvider for FuturesStream<T> {}

impl<T> fmt::Debug for FuturesStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuturesStream").finish_non_exhaustive()
    }
}

/// A [`Sink`] as an object stream to send on.
///
/// An item is sent when the sink has accepted it; each send then flushes. A sink keeps the item with which it fails, so the item that
/// comes back is a clone.
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
    sink: Closable<Flushed<K>>,
    item: std::marker::PhantomData<fn(T)>,
}

struct Flushed<K> {
    sink: K,
    /// What flushing failed with after an item had been accepted.
    failed: Option<BoxError>,
}

impl<K: Sink<T, Error: Into<BoxError>> + Unpin, T> FuturesSink<K, T> {
    /// Sends into `sink`. One that is not `Unpin` goes in as `Box::pin(sink)`.
    pub fn new(sink: K) -> Self {
        Self { sink: Closable::new(Flushed { sink, failed: None }), item: std::marker::PhantomData }
    }
}

impl<K, T> UnreliableObjectSendStream for FuturesSink<K, T>
where
    K: Sink<T, Error: Into<BoxError>> + Send + Unpin,
    T: Clone + Send,
{
    type SendItem = T;

    #[track_caller]
    fn send(&self, item: T) -> impl Future<Output = Result<(), SendError<T>>> + Send {
        let mut checkpoint = Checkpoint::at(&"send", Location::caller());
        async move {
            let mut item = item;
            if let Err(cancelled) = poll_fn(|cx| checkpoint.poll_entry(cx)).await {
                return Err(SendError::new(item, cancelled));
            }
            let Some(_claim) = self.sink.claim.try_lock() else { return Err(SendError::new(item, SendReason::Busy)) };
            // Borrowed as mutable, for who may only go to other threads, and not be shared with them.
            let (at_hand, at) = (&mut item, &mut checkpoint);
            let accepted = poll_fn(move |cx| {
                self.sink.operate(
                    at,
                    cx,
                    || SendReason::Closed,
                    |flushed, cx| {
                        if let Some(failed) = flushed.failed.take() {
                            return Poll::Ready(Err(SendReason::Broken(failed)));
                        }
                        let mut sink = Pin::new(&mut flushed.sink);
                        let ready =
                            ready!(sink.as_mut().poll_ready(cx)).and_then(|()| sink.start_send(at_hand.clone()));
                        Poll::Ready(ready.map_err(|error| SendReason::Broken(error.into())))
                    },
                )
            });
            if let Err(reason) = accepted.await {
                return Err(SendError::new(item, reason));
            }
            // It is accepted, so it is sent, whatever comes of the flush: that is told to the next.
            let flushed = poll_fn(|cx| {
                self.sink.operate(
                    &mut checkpoint,
                    cx,
                    || SendReason::Closed,
                    |flushed, cx| {
                        if let Err(error) = ready!(Pin::new(&mut flushed.sink).poll_flush(cx)) {
                            flushed.failed = Some(error.into());
                        }
                        Poll::Ready(Ok(()))
                    },
                )
            });
            drop(flushed.await);
            Ok(())
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
            let closed = async {
                poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
                poll_fn(|cx| {
                    self.sink.operate(&mut checkpoint, cx, already_closed, |flushed, cx| {
                        if let Some(failed) = flushed.failed.take() {
                            return Poll::Ready(Err(io::Error::other(failed)));
                        }
                        Pin::new(&mut flushed.sink).poll_close(cx).map_err(|error| io::Error::other(error.into()))
                    })
                })
                .await
            };
            let closed = closed.await;
            self.sink.close();
            closed.or_else(|error| if is_already_closed(&error) { Ok(()) } else { Err(error) })
        }
    }

    fn close(&self) {
        self.sink.close();
    }
}

/// What a second closing finds.
#[derive(Debug)]
struct AlreadyClosed;

impl fmt::Display for AlreadyClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is closed already")
    }
}

impl std::error::Error for AlreadyClosed {}

fn already_closed() -> io::Error {
    io::Error::other(AlreadyClosed)
}

fn is_already_closed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<AlreadyClosed>())
}

impl<K, T> TypedAttributeProvider for FuturesSink<K, T> {}

impl<K, T> fmt::Debug for FuturesSink<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuturesSink").finish_non_exhaustive()
    }
}
