//! Object streams of ours as a `Stream` and as a `Sink`.
//!
//! # Invariants
//! 1. A receive or a send that was begun is kept until it is over, whoever polls: nothing is lost when a caller goes away.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;

use crate::{BoxFuture, ObjectReceiveStream, ObjectSendStream, ReceiveError, SendError};

/// An object stream as a [`Stream`] of what it receives.
///
/// It ends at the end of the stream, and after an error. A cancellation it gives once and then ends, as one that went on would never
/// let its loop end; polled in a scope that is not cancelled, it goes on. For both directions of one object, make it of an
/// `Arc`.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesStream, PolledStream};
/// use futures_lite::StreamExt;
///
/// # futures_lite::future::block_on(async {
/// // Any object stream: this one only goes there and back again.
/// let numbers = FuturesStream::new(futures_lite::stream::iter([1, 2]));
/// let doubled: Vec<u32> = PolledStream::new(numbers).map(|number| 2 * number.unwrap()).collect().await;
/// assert_eq!(doubled, [2, 4]);
/// # });
/// ```
pub struct PolledStream<S, T> {
    stream: Arc<S>,
    receive: Option<BoxFuture<'static, Result<T, ReceiveError>>>,
    last: Last,
}

/// How the last poll ended that gave something.
#[derive(PartialEq)]
enum Last {
    Item,
    Cancelled,
    End,
}

impl<S: ObjectReceiveStream + 'static> PolledStream<S, S::Item> {
    /// Gives what `stream` receives.
    pub fn new(stream: S) -> Self {
        Self { stream: Arc::new(stream), receive: None, last: Last::Item }
    }
}

impl<S, T> PolledStream<S, T> {
    /// The object stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<T, S: ObjectReceiveStream<Item = T> + 'static> Stream for PolledStream<S, T> {
    type Item = Result<T, ReceiveError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.last == Last::End {
            return Poll::Ready(None);
        }
        let stream = &this.stream;
        let receive = this.receive.get_or_insert_with(|| {
            let stream = stream.clone();
            Box::pin(async move { stream.receive().await })
        });
        let received = ready!(receive.as_mut().poll(cx));
        this.receive = None;
        let again = this.last == Last::Cancelled;
        this.last = match &received {
            Ok(_) => Last::Item,
            Err(ReceiveError::Cancelled(_)) => Last::Cancelled,
            Err(_) => Last::End,
        };
        Poll::Ready(match received {
            Err(ReceiveError::EndOfStream) => None,
            Err(ReceiveError::Cancelled(_)) if again => None,
            received => Some(received),
        })
    }
}

/// The receive is boxed, and nothing else is pinned.
impl<S, T> Unpin for PolledStream<S, T> {}

impl<S, T> fmt::Debug for PolledStream<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolledStream").finish_non_exhaustive()
    }
}

/// An object stream as a [`Sink`] of what it sends.
///
/// It fails with the item that was not sent. Closing it flushes, and no more: the stream ends when it is closed itself.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesSink, PolledSink};
/// use futures::{SinkExt, StreamExt};
///
/// # futures_lite::future::block_on(async {
/// // Any object stream: this one only goes there and back again.
/// let (send, receive) = futures::channel::mpsc::channel::<u32>(8);
/// let mut sink = PolledSink::new(FuturesSink::new(send));
/// sink.send_all(&mut futures::stream::iter([Ok(1), Ok(2)])).await.unwrap();
/// drop(sink);
/// assert_eq!(receive.collect::<Vec<_>>().await, [1, 2]);
/// # });
/// ```
pub struct PolledSink<S, T> {
    stream: Arc<S>,
    send: Option<BoxFuture<'static, Result<(), SendError<T>>>>,
}

impl<S: ObjectSendStream + 'static> PolledSink<S, S::SendItem> {
    /// Sends on `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream: Arc::new(stream), send: None }
    }
}

impl<S, T> PolledSink<S, T> {
    /// The object stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let Some(send) = &mut self.send else { return Poll::Ready(Ok(())) };
        let sent = ready!(send.as_mut().poll(cx));
        self.send = None;
        Poll::Ready(sent)
    }
}

impl<T: Send + 'static, S: ObjectSendStream<SendItem = T> + 'static> Sink<T> for PolledSink<S, T> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_sent(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), Self::Error> {
        let this = self.get_mut();
        assert!(this.send.is_none(), "start_send without poll_ready before it: wait until the sink is ready");
        let stream = this.stream.clone();
        this.send = Some(Box::pin(async move { stream.send(item).await }));
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_sent(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_sent(cx)
    }
}

/// The send is boxed, and nothing else is pinned.
impl<S, T> Unpin for PolledSink<S, T> {}

impl<S, T> fmt::Debug for PolledSink<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolledSink").field("sends", &self.send.is_some()).finish_non_exhaustive()
    }
}
