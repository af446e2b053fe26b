//! Streams of `futures` as object streams.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    panic::Location,
    pin::Pin,
    task::{Poll, ready},
};

use anyio_cancel_scope::{BoxError, Checkpoint};
use anyio_typed_attrs::TypedAttributeProvider;
use futures_core::Stream;

use crate::{
    AsyncResource, ObjectReceiveStream, ReceiveError, UnreliableObjectReceiveStream,
    closable::{Closable, Stop},
};

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
pub struct FuturesStream<T: Stream, I = <T as Stream>::Item> {
    stream: Closable<Fused<T>>,
    /// What is received for an item.
    take: fn(T::Item) -> Result<I, BoxError>,
}

struct Fused<T> {
    stream: T,
    ended: bool,
}

impl<T: Stream + Unpin> FuturesStream<T> {
    /// Receives what `stream` gives. One that is not `Unpin` goes in as `Box::pin(stream)`.
    ///
    /// Of a stream of results, results are received; see [`fallible`](Self::fallible).
    pub fn new(stream: T) -> Self {
        Self { stream: Closable::new(Fused { stream, ended: false }), take: Ok }
    }
}

impl<T: Stream<Item = Result<I, E>> + Unpin, I, E: Into<BoxError>> FuturesStream<T, I> {
    /// Receives the values that `stream` gives; its errors are those of receiving.
    ///
    /// An error is [`Broken`](ReceiveError::Broken), with itself as the source; a [`ReceiveError`] comes as it is. It comes once: what
    /// is received after it is up to `stream`, which is asked again. A receive that is cancelled leaves it to the next one.
    ///
    /// # Examples
    /// ```
    /// use anyio_streams::{FuturesStream, UnreliableObjectReceiveStream};
    /// use std::io;
    ///
    /// # futures_lite::future::block_on(async {
    /// let connection = [Ok(1), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
    /// let numbers = FuturesStream::fallible(futures_lite::stream::iter(connection));
    /// assert_eq!(numbers.receive().await.unwrap(), 1);
    /// assert!(numbers.receive().await.unwrap_err().is_broken());
    /// # });
    /// ```
    pub fn fallible(stream: T) -> Self {
        Self { stream: Closable::new(Fused { stream, ended: false }), take: |item| item.map_err(Into::into) }
    }
}

impl<T: Stream<Item: Send> + Send + Unpin, I: Send> UnreliableObjectReceiveStream for FuturesStream<T, I> {
    type Item = I;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<I, ReceiveError>> + Send {
        let mut checkpoint = Checkpoint::at(&"receive", Location::caller());
        async move {
            poll_fn(|cx| checkpoint.poll_entry(cx)).await?;
            let _claim = self.stream.claim().ok_or(ReceiveError::Busy)?;
            let received = poll_fn(|cx| {
                self.stream.operate(&mut checkpoint, cx, |fused, cx| {
                    if fused.ended {
                        return Poll::Ready(Err(Stop::Ended));
                    }
                    let item = ready!(Pin::new(&mut fused.stream).poll_next(cx));
                    fused.ended = item.is_none();
                    Poll::Ready(item.ok_or(Stop::Ended).and_then(|item| (self.take)(item).map_err(Stop::Failed)))
                })
            });
            received.await.map_err(|stop| match stop {
                Stop::Cancelled(cancelled) => cancelled.into(),
                Stop::Closed => ReceiveError::Closed,
                Stop::Ended => ReceiveError::EndOfStream,
                Stop::Failed(error) => as_it_is(error),
            })
        }
    }
}

/// One of ours comes as it is, but for a cancellation of something else.
fn as_it_is(error: BoxError) -> ReceiveError {
    match error.downcast::<ReceiveError>() {
        Ok(error) if error.is_cancelled() => ReceiveError::Broken(error),
        Ok(error) => *error,
        Err(error) => ReceiveError::Broken(error),
    }
}

impl<T: Stream<Item: Send> + Send + Unpin, I: Send> ObjectReceiveStream for FuturesStream<T, I> {}

impl<T: Stream + Send, I> AsyncResource for FuturesStream<T, I> {
    async fn aclose(&self) -> io::Result<()> {
        self.stream.close();
        Ok(())
    }

    fn close(&self) {
        self.stream.close();
    }
}

impl<T: Stream, I> TypedAttributeProvider for FuturesStream<T, I> {}

impl<T: Stream, I> fmt::Debug for FuturesStream<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FuturesStream").finish_non_exhaustive()
    }
}
