//! The receiving end.

use std::{fmt, io, panic::Location, sync::Arc, task::Waker};

use anyio_cancel_scope::{Cancelled, host::Opened};
use anyio_streams::{AsyncResource, ObjectReceiveStream, ReceiveError, TryReceiveError, UnreliableObjectReceiveStream};
use futures_core::Stream;

use crate::{
    MemoryObjectStreamStatistics, Next, Receive,
    channel::Channel,
    items::Items,
    receive::done,
    state::{EndId, Received, State, Step, Why},
    sync::{AtomicBool, Ordering},
};

/// What a test is told that leaves one open.
const WHAT: &str = "the receiving end of a memory object stream";

/// The receiving end of a [memory object stream](crate::memory_object_stream).
///
/// A clone is another end, which is closed on its own, by dropping or by [`close`](Self::close); each item goes to one of them, to
/// whoever waits longest. When all are closed, sends are broken, and what was in the buffer is dropped, and counted.
///
/// It is no `Stream` itself, as its [`next`](Self::next) would collide with that of the adapters: [`stream`](Self::stream) and
/// [`into_stream`](Self::into_stream) give one.
pub struct MemoryObjectReceiveStream<T> {
    pub(crate) channel: Arc<Channel<T>>,
    pub(crate) id: EndId,
    /// Changed under the lock.
    closed: AtomicBool,
    /// For the test kit.
    opened: Opened,
}

impl<T> MemoryObjectReceiveStream<T> {
    pub(crate) fn new(channel: Arc<Channel<T>>, place: &'static Location<'static>) -> Self {
        let id = channel.lock().add_receiver(true);
        Self { channel, id, closed: AtomicBool::new(false), opened: Opened::new(WHAT, place) }
    }

    /// Receives the next item.
    ///
    /// # Errors
    /// [`Cancelled`](ReceiveError::Cancelled); [`EndOfStream`](ReceiveError::EndOfStream) when every send end is closed and the
    /// buffer is empty; [`Closed`](ReceiveError::Closed) when this end is closed, or was closed meanwhile. In a cancelled scope only
    /// an item comes before the cancellation.
    ///
    /// # Cancel safety
    /// Nothing is lost. An item that was handed over before the future was polled again is returned, though the scope is cancelled;
    /// if the future is dropped instead, the item goes to the next in line, or is the next to be received. If it is kept and not
    /// polled, the item is with it, and nobody else gets that one, until it is polled or dropped.
    ///
    /// # Examples
    /// ```
    /// use anyio_memstream::memory_object_stream;
    ///
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = memory_object_stream(8);
    /// send.send(1).await.unwrap();
    /// drop(send);
    /// assert_eq!(receive.receive().await.unwrap(), 1);
    /// assert!(receive.receive().await.unwrap_err().is_end_of_stream());
    /// # });
    /// ```
    #[track_caller]
    pub fn receive(&self) -> Receive<'_, T> {
        Receive::new(self, Location::caller())
    }

    /// Receives the next item: `None` at the end of the stream. For `while let Some(item) = receive.next().await? { .. }`.
    ///
    /// # Errors
    /// As [`receive`](Self::receive), but for the end.
    ///
    /// # Cancel safety
    /// Nothing is lost, as with [`receive`](Self::receive).
    #[track_caller]
    pub fn next(&self) -> Next<'_, T> {
        Next::new(self, Location::caller())
    }

    /// Receives an item if one is there. It looks at no scope, and overtakes nobody.
    ///
    /// # Errors
    /// [`TryReceiveError`]: nothing is there now, every send end is closed, or this one is.
    pub fn try_receive(&self) -> Result<T, TryReceiveError> {
        let step = {
            let mut state = self.channel.lock();
            if self.is_closed() {
                return Err(TryReceiveError::Closed);
            }
            state.receive()
        };
        match step {
            Step::Done(received, waker) => done(self, received, waker).map_err(|why| match why {
                Why::Closed => TryReceiveError::Closed,
                Why::Gone => TryReceiveError::EndOfStream,
            }),
            Step::Wait(()) => Err(TryReceiveError::WouldBlock),
        }
    }

    /// The items as a stream, which borrows this end.
    ///
    /// It ends when every send end is closed, and when this end is. Polled in a cancelled scope it gives `Err(Cancelled)` once and
    /// then ends, as one that went on would never let its loop end; polled in a scope that is not cancelled, it goes on.
    ///
    /// # Cancel safety
    /// Nothing is lost, as with [`receive`](Self::receive).
    ///
    /// # Examples
    /// ```
    /// use anyio_memstream::memory_object_stream;
    /// use futures_lite::StreamExt;
    ///
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = memory_object_stream(2);
    /// send.send(1).await.unwrap();
    /// send.send(2).await.unwrap();
    /// drop(send);
    /// let doubled: Result<Vec<i32>, _> = receive.stream().map(|item| item.map(|n| n * 2)).try_collect().await;
    /// assert_eq!(doubled, Ok(vec![2, 4]));
    /// # });
    /// ```
    #[track_caller]
    pub fn stream(&self) -> impl Stream<Item = Result<T, Cancelled>> + Unpin + use<'_, T> {
        Items::new(self, Location::caller())
    }

    /// The same stream, which owns this end.
    ///
    /// # Cancel safety
    /// Nothing is lost, as with [`receive`](Self::receive). Dropping the stream closes the end.
    #[track_caller]
    pub fn into_stream(self) -> impl Stream<Item = Result<T, Cancelled>> + Unpin + use<T> {
        Items::new(self, Location::caller())
    }

    /// Closes this end, as dropping it does. Receives that wait on it fail with `Closed`. A second call does nothing.
    pub fn close(&self) {
        let closes = {
            let _state = self.channel.lock();
            !self.closed.swap(true, Ordering::Relaxed)
        };
        if closes {
            self.opened.close();
            self.channel.close_receiver(self.id);
        }
    }

    /// What is going on in the stream now.
    pub fn statistics(&self) -> MemoryObjectStreamStatistics {
        self.channel.statistics()
    }

    /// Whether this end was closed. To be called under the lock.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Wakes, with an item in hand that is not lost if that panics: then it is the next to be taken.
    pub(crate) fn keep_while_waking(&self, item: T, waker: Waker) -> T {
        let mut kept = Kept { end: self, item: Some(item) };
        waker.wake();
        kept.item.take().expect("it is there until now")
    }

    /// An item that was taken goes to the next in line, or back to the front.
    pub(crate) fn give_back(&self, item: T) {
        let (waker, unwanted) = self.channel.lock().pass_on(item);
        if let Some(waker) = waker {
            waker.wake();
        }
        drop(unwanted);
    }

    /// What a receive in line was granted; in place of the end of the stream, an item that another receive gave back since.
    pub(crate) fn granted(&self, state: &mut State<T>, received: Received<T>) -> Received<T> {
        match received {
            Err(Why::Gone) if !self.is_closed() => state.take_left(),
            received => received,
        }
    }
}

/// An item that is given back if it is dropped with this.
struct Kept<'a, T> {
    end: &'a MemoryObjectReceiveStream<T>,
    item: Option<T>,
}

impl<T> Drop for Kept<'_, T> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            self.end.give_back(item);
        }
    }
}

/// Another end; a closed one if this is closed.
impl<T> Clone for MemoryObjectReceiveStream<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        let mut state = self.channel.lock();
        let open = !self.is_closed();
        let id = state.add_receiver(open);
        drop(state);
        let opened = if open { Opened::new(WHAT, Location::caller()) } else { Opened::none() };
        Self { channel: self.channel.clone(), id, closed: AtomicBool::new(!open), opened }
    }
}

impl<T> Drop for MemoryObjectReceiveStream<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> fmt::Debug for MemoryObjectReceiveStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryObjectReceiveStream").field("statistics", &self.channel).finish_non_exhaustive()
    }
}

impl<T: Send> AsyncResource for MemoryObjectReceiveStream<T> {
    async fn aclose(&self) -> io::Result<()> {
        self.close();
        Ok(())
    }

    fn close(&self) {
        self.close();
    }
}

impl<T: Send> UnreliableObjectReceiveStream for MemoryObjectReceiveStream<T> {
    type Item = T;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<T, ReceiveError>> + Send {
        self.receive()
    }
}

impl<T: Send> ObjectReceiveStream for MemoryObjectReceiveStream<T> {}
