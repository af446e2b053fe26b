//! What the ends share, and how they are made.

use std::{
    ops::{Deref, DerefMut},
    panic::Location,
    sync::{
        Arc,
        // It is std's under loom too: any value is right.
        atomic::{AtomicIsize, Ordering},
    },
};

use anyio_wait_queue::WakeList;

use crate::{
    MemoryObjectReceiveStream, MemoryObjectSendStream, MemoryObjectStreamStatistics,
    state::{EndId, State},
    sync::{Guard, Mutex},
};

/// Makes a stream of objects between tasks, with room for `max_buffer_size` of them.
///
/// With 0 a send completes when a receiver takes the item. The ends can be cloned, and each clone closes on its own; the receiving
/// side ends when all send ends are closed. Each item goes to one receiver.
///
/// Mirrors AnyIO's
/// [`create_memory_object_stream`](https://anyio.readthedocs.io/en/stable/streams.html#memory-object-streams).
///
/// # Examples
/// ```
/// use anyio_memstream::memory_object_stream;
/// use anyio_task_group::task_group;
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// let (send, receive) = memory_object_stream(0);
/// let sum = task_group(async |tg| -> io::Result<u32> {
///     for worker in 0..3 {
///         let send = send.clone();
///         tg.start_soon(async move {
///             send.send(worker).await?;
///             io::Result::Ok(())
///         });
///     }
///     drop(send);
///     let mut sum = 0;
///     while let Some(number) = receive.next().await? {
///         sum += number;
///     }
///     Ok(sum)
/// });
/// assert_eq!(sum.await?, Some(3));
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn memory_object_stream<T>(max_buffer_size: usize) -> (MemoryObjectSendStream<T>, MemoryObjectReceiveStream<T>) {
    ends(Some(max_buffer_size), Location::caller())
}

/// Makes a stream of objects between tasks, with room for any number of them.
///
/// Nothing holds a fast sender back: where that matters, give a bound.
#[track_caller]
pub fn memory_object_stream_unbounded<T>() -> (MemoryObjectSendStream<T>, MemoryObjectReceiveStream<T>) {
    ends(None, Location::caller())
}

fn ends<T>(
    capacity: Option<usize>,
    place: &'static Location<'static>,
) -> (MemoryObjectSendStream<T>, MemoryObjectReceiveStream<T>) {
    let limit = capacity.and_then(|capacity| isize::try_from(capacity).ok()).unwrap_or(isize::MAX);
    let channel = Arc::new(Channel { state: Mutex::new(State::new(capacity)), level: AtomicIsize::new(0), limit });
    (MemoryObjectSendStream::new(channel.clone(), place), MemoryObjectReceiveStream::new(channel, place))
}

pub(crate) struct Channel<T> {
    state: Mutex<State<T>>,
    /// The level of the state when it was last unlocked.
    level: AtomicIsize,
    limit: isize,
}

impl<T> Channel<T> {
    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, T> {
        Locked { level: &self.level, state: self.state.lock() }
    }

    /// Whether a send would have to wait, as it seems. It is a hint: only under the lock it is known.
    #[inline]
    pub(crate) fn seems_full(&self) -> bool {
        self.level.load(Ordering::Relaxed) >= self.limit
    }

    /// Whether a receive would have to wait, as it seems.
    #[inline]
    pub(crate) fn seems_empty(&self) -> bool {
        self.level.load(Ordering::Relaxed) <= 0
    }

    pub(crate) fn close_sender(&self, id: EndId) {
        let woken: WakeList = self.lock().close_sender(id);
        woken.wake();
    }

    pub(crate) fn close_receiver(&self, id: EndId) {
        let (woken, left) = self.lock().close_receiver(id);
        // Should an item's destructor panic, nobody sleeps on.
        woken.wake();
        drop(left);
    }

    pub(crate) fn statistics(&self) -> MemoryObjectStreamStatistics {
        self.lock().statistics()
    }
}

/// The state, under the lock. It leaves the level behind.
pub(crate) struct Locked<'a, T> {
    level: &'a AtomicIsize,
    state: Guard<'a, State<T>>,
}

impl<T> Deref for Locked<'_, T> {
    type Target = State<T>;

    #[inline]
    fn deref(&self) -> &State<T> {
        &self.state
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State<T> {
        &mut self.state
    }
}

impl<T> Drop for Locked<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.level.store(self.state.level(), Ordering::Relaxed);
    }
}

/// The two ends of one channel know each other by it.
impl<T> std::fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.statistics(), f)
    }
}

/// What a send fails with when nobody can receive any more.
#[derive(Debug)]
pub(crate) struct NoReceivers;

impl std::fmt::Display for NoReceivers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("every receive end is closed")
    }
}

impl std::error::Error for NoReceivers {}
