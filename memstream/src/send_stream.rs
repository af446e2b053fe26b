//! The sending end.

use std::{fmt, io, panic::Location, sync::Arc};

use anyio_cancel_scope::host::Opened;
use anyio_streams::{
    AsyncResource, ObjectSendStream, SendError, TrySendError, TrySendReason, UnreliableObjectSendStream,
};
use futures_core::Stream;

use crate::{
    MemoryObjectStreamStatistics, Sending,
    channel::{Channel, NoReceivers},
    send_all::SendAll,
    state::{EndId, Step, Why},
    sync::{AtomicBool, Ordering},
};

/// What a test is told that leaves one open.
const WHAT: &str = "the sending end of a memory object stream";

/// The sending end of a [memory object stream](crate::memory_object_stream).
///
/// A clone is another end, which is closed on its own, by dropping or by [`close`](Self::close). When all are closed, receivers
/// get what is left in the buffer, and then the end of the stream.
pub struct MemoryObjectSendStream<T> {
    pub(crate) channel: Arc<Channel<T>>,
    pub(crate) id: EndId,
    /// Changed under the lock.
    closed: AtomicBool,
    /// For the test kit.
    opened: Opened,
}

impl<T> MemoryObjectSendStream<T> {
    pub(crate) fn new(channel: Arc<Channel<T>>, place: &'static Location<'static>) -> Self {
        let id = channel.lock().add_sender(true);
        Self { channel, id, closed: AtomicBool::new(false), opened: Opened::new(WHAT, place) }
    }

    /// Sends an item: to the receiver that waits longest, or into the buffer, or else waits for one of the two.
    ///
    /// # Errors
    /// [`SendError`] with the item: the send was cancelled; this end is closed, or was closed meanwhile; or it is broken, for
    /// every receive end is closed. An item that was taken is sent, whatever happens to the scope at that moment; in a cancelled
    /// scope nothing else comes before the cancellation.
    ///
    /// # Cancel safety
    /// Cancelled, the send gives the item back. Dropped while it waits, it drops the item, which then was not sent. Kept and not
    /// polled, it holds up nobody: its item is taken when it is its turn.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::CancelScope;
    /// use anyio_memstream::memory_object_stream;
    /// use std::time::Duration;
    ///
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = memory_object_stream(1);
    /// send.send("first").await.unwrap();
    /// // A limited send gives its item back: `enter` absorbs nothing.
    /// let late = CancelScope::after(Duration::from_millis(1)).enter(send.send("second")).await;
    /// assert_eq!(late.unwrap_err().into_item(), "second");
    ///
    /// drop(receive);
    /// assert!(send.send("third").await.unwrap_err().is_broken());
    /// # });
    /// ```
    #[track_caller]
    pub fn send(&self, item: T) -> Sending<'_, T> {
        Sending::new(self, item, Location::caller())
    }

    /// Sends an item if that is possible without waiting. It overtakes nobody who waits.
    ///
    /// With a buffer of 0 it is possible while a receiver waits.
    ///
    /// # Errors
    /// [`TrySendError`] with the item: it would have to wait, this end is closed, or every receive end is.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let step = {
            let mut state = self.channel.lock();
            if self.is_closed() {
                return Err(TrySendError::new(item, TrySendReason::Closed));
            }
            state.send(item)
        };
        match step {
            Step::Done(sent, waker) => {
                if let Some(waker) = waker {
                    waker.wake();
                }
                sent.map_err(|(item, why)| TrySendError::new(item, try_reason(why)))
            }
            Step::Wait(item) => Err(TrySendError::new(item, TrySendReason::WouldBlock)),
        }
    }

    /// Sends everything that `stream` gives, one after the other, until it ends.
    ///
    /// # Errors
    /// [`SendError`] with the item at hand; with `None` if it was cancelled while it waited for `stream`.
    ///
    /// # Cancel safety
    /// Cancelled, it gives back the item at hand. Dropped, it drops it, and `stream`: pass a `&mut` to keep that.
    ///
    /// # Examples
    /// ```
    /// use anyio_memstream::memory_object_stream;
    /// use futures_lite::stream;
    ///
    /// # futures_lite::future::block_on(async {
    /// let (send, receive) = memory_object_stream(3);
    /// send.send_all(stream::iter(["a", "b", "c"])).await.unwrap();
    /// assert_eq!(receive.statistics().current_buffer_used, 3);
    /// # });
    /// ```
    #[track_caller]
    pub fn send_all<S: Stream<Item = T>>(
        &self,
        stream: S,
    ) -> impl Future<Output = Result<(), SendError<Option<T>>>> + use<'_, T, S> {
        SendAll::new(self, stream, Location::caller())
    }

    /// Closes this end, as dropping it does. Sends that wait on it fail with `Closed`, and get their items back. A second call does
    /// nothing.
    pub fn close(&self) {
        let closes = {
            let _state = self.channel.lock();
            !self.closed.swap(true, Ordering::Relaxed)
        };
        if closes {
            self.opened.close();
            self.channel.close_sender(self.id);
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
}

pub(crate) fn reason(why: Why) -> anyio_streams::SendReason {
    match why {
        Why::Closed => anyio_streams::SendReason::Closed,
        Why::Gone => anyio_streams::SendReason::Broken(Box::new(NoReceivers)),
    }
}

fn try_reason(why: Why) -> TrySendReason {
    match why {
        Why::Closed => TrySendReason::Closed,
        Why::Gone => TrySendReason::Broken(Box::new(NoReceivers)),
    }
}

/// Another end; a closed one if this is closed.
impl<T> Clone for MemoryObjectSendStream<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        let mut state = self.channel.lock();
        let open = !self.is_closed();
        let id = state.add_sender(open);
        drop(state);
        let opened = if open { Opened::new(WHAT, Location::caller()) } else { Opened::none() };
        Self { channel: self.channel.clone(), id, closed: AtomicBool::new(!open), opened }
    }
}

impl<T> Drop for MemoryObjectSendStream<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> fmt::Debug for MemoryObjectSendStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryObjectSendStream").field("statistics", &self.channel).finish_non_exhaustive()
    }
}

impl<T: Send> AsyncResource for MemoryObjectSendStream<T> {
    async fn aclose(&self) -> io::Result<()> {
        self.close();
        Ok(())
    }

    fn close(&self) {
        self.close();
    }
}

impl<T: Send> UnreliableObjectSendStream for MemoryObjectSendStream<T> {
    type SendItem = T;

    #[track_caller]
    fn send(&self, item: T) -> impl Future<Output = Result<(), SendError<T>>> + Send {
        self.send(item)
    }
}

impl<T: Send> ObjectSendStream for MemoryObjectSendStream<T> {}
