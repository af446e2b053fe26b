//! Waiting until a file descriptor can be read or written.
//!
//! async-io clones, drops and wakes wakers under locks of its own, and remembers an event that was already delivered
//! as if it were new. Here it only ever sees one waker per direction, ours (the [`Direction`]), which passes the event
//! on to whoever waits. So no foreign code runs under the locks of a source, any number of tasks can wait, and a wait
//! that begins after an event does not end with it.
//!
//! A wait that registers costs two mutex pairs of ours and async-io's registration (one system call if nobody waited).
//!
//! # Invariants
//!
//! 1. Whoever returns `Pending` has put its waker into `waits` *before* it armed the source. An event that async-io
//!    delivers after the arming thus finds the waker.
//! 2. `Direction::fire` turns every waiting entry into `Ready` and wakes its waker; nothing else does.
//!
//! # Lock order
//!
//! `Direction::waits` is innermost: wakers are cloned before it is taken, woken and dropped after it is released, and
//! async-io is not called under it.

use std::future::Future;
use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::{fmt, mem};

use slab::Slab;

use crate::driver::wake;

/// A file descriptor in the reactor: it can be waited for.
///
/// Reading and writing is done on [`get_ref`](Self::get_ref), which never blocks. *Try first, wait when it would block*:
/// a wait asks for an event from now on, and what can be read already is such an event, but it costs a system call and
/// a turn of the reactor. Readiness is a hint: others may have taken what was there, so try again in a loop.
///
/// The descriptor is taken out of the reactor when this value is dropped.
///
/// # Examples
///
/// ```
/// use std::io::{self, Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// use anyio_reactor::Readiness;
///
/// async fn read_some(from: &Readiness<UnixStream>, buffer: &mut [u8]) -> io::Result<usize> {
///     loop {
///         match from.get_ref().read(buffer) {
///             Err(error) if error.kind() == io::ErrorKind::WouldBlock => from.readable().await?,
///             result => return result,
///         }
///     }
/// }
///
/// let (mut near, far) = UnixStream::pair()?;
/// let far = Readiness::new(far)?;
/// near.write_all(b"hello")?;
/// let mut buffer = [0; 16];
/// let read = anyio_reactor::block_on(read_some(&far, &mut buffer))?;
/// assert_eq!(&buffer[..read], b"hello");
/// # io::Result::Ok(())
/// ```
pub struct Readiness<T> {
    io: async_io::Async<T>,
    read: Side,
    write: Side,
}

#[cfg(unix)]
impl<T: AsFd> Readiness<T> {
    /// Makes `io` non-blocking and enters it into the reactor.
    ///
    /// `T` must keep the same open descriptor as long as it lives, and a descriptor can be in the reactor only once.
    ///
    /// # Errors
    ///
    /// What the system says, for instance that files on disk cannot be waited for.
    ///
    /// # Panics
    ///
    /// The first use in a process starts the reactor, and panics if the system refuses it.
    pub fn new(io: T) -> io::Result<Self> {
        Ok(Self { io: async_io::Async::new(io)?, read: Side::new(), write: Side::new() })
    }

    /// Enters `io` into the reactor as it is. What others share with us, such as a terminal, stays blocking then: who reads it has
    /// to ask first whether there is something.
    ///
    /// # Errors
    ///
    /// What the system says, for instance that files on disk cannot be waited for.
    ///
    /// # Panics
    ///
    /// The first use in a process starts the reactor, and panics if the system refuses it.
    pub fn new_as_is(io: T) -> io::Result<Self> {
        Ok(Self { io: async_io::Async::new_nonblocking(io)?, read: Side::new(), write: Side::new() })
    }
}

impl<T> Readiness<T> {
    /// What is waited for.
    pub fn get_ref(&self) -> &T {
        self.io.get_ref()
    }

    /// Takes it out of the reactor. It stays non-blocking.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses; `T` is dropped then.
    pub fn into_inner(self) -> io::Result<T> {
        self.io.into_inner()
    }

    /// Waits until the reactor says that it can be read, that its end was reached or that it failed.
    ///
    /// Any number of tasks may wait, and all see the event.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a dropped wait takes nothing from what can be read.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses to watch the descriptor.
    pub fn readable(&self) -> Ready<'_, T> {
        Ready { readiness: self, interest: Interest::Read, key: None }
    }

    /// Waits until the reactor says that it can be written or that it failed.
    ///
    /// See [`readable`](Self::readable).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses to watch the descriptor.
    pub fn writable(&self) -> Ready<'_, T> {
        Ready { readiness: self, interest: Interest::Write, key: None }
    }

    /// Waits for the read side in a poll function.
    ///
    /// There is one place for this: a second task that polls takes it from the first, which is woken. A result that
    /// comes after the task stopped polling stays for the next call.
    ///
    /// # Errors
    ///
    /// What the system says when it refuses to watch the descriptor.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_wait(Interest::Read, POLLED, cx)
    }

    /// Waits for the write side in a poll function; see [`poll_readable`](Self::poll_readable).
    ///
    /// # Errors
    ///
    /// What the system says when it refuses to watch the descriptor.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_wait(Interest::Write, POLLED, cx)
    }

    fn poll_wait(&self, interest: Interest, key: usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let direction = &self.side(interest).direction;
        if direction.take_ready(key) {
            return Poll::Ready(Ok(()));
        }
        if !direction.is_waiting_for(key, cx.waker()) {
            let waker = cx.waker().clone();
            // Two tasks in one place: the one that lost it must get a chance to notice.
            if let Some(replaced) = direction.register(key, waker) {
                wake(replaced);
            }
        }
        if let Err(error) = self.watch(interest) {
            drop(direction.cancel(key));
            return Poll::Ready(Err(error));
        }
        // The event may have come before the waker was registered anew.
        if direction.take_ready(key) { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Asks async-io for an event from now on.
    fn watch(&self, interest: Interest) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.side(interest).waker);
        loop {
            let polled = match interest {
                Interest::Read => self.io.poll_readable(&mut cx),
                Interest::Write => self.io.poll_writable(&mut cx),
            };
            match polled {
                Poll::Pending => return Ok(()),
                // An event that was delivered before. The next call forgets it and asks anew; what is still there to
                // be read or written is reported again, so nothing is missed.
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
    }

    fn side(&self, interest: Interest) -> &Side {
        match interest {
            Interest::Read => &self.read,
            Interest::Write => &self.write,
        }
    }
}

/// Future of [`Readiness::readable`] and [`Readiness::writable`].
#[must_use = "futures do nothing unless they are polled"]
pub struct Ready<'a, T> {
    readiness: &'a Readiness<T>,
    interest: Interest,
    /// The entry in the waits of the direction, from the first poll on.
    key: Option<usize>,
}

impl<T> Future for Ready<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (readiness, interest) = (self.readiness, self.interest);
        let key = *self.key.get_or_insert_with(|| readiness.side(interest).direction.join());
        readiness.poll_wait(interest, key, cx)
    }
}

impl<T> Drop for Ready<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            drop(self.readiness.side(self.interest).direction.leave(key));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Interest {
    Read,
    Write,
}

/// A direction and the one waker which async-io gets for it.
struct Side {
    direction: Arc<Direction>,
    waker: Waker,
}

impl Side {
    fn new() -> Self {
        let direction = Arc::new(Direction::new());
        Self { waker: Waker::from(Arc::clone(&direction)), direction }
    }
}

/// Who waits for one direction.
struct Direction {
    waits: Mutex<Slab<Wait>>,
}

/// The entry of the poll functions.
const POLLED: usize = 0;

enum Wait {
    Idle,
    Waiting(Waker),
    Ready,
}

impl Direction {
    fn new() -> Self {
        let mut waits = Slab::new();
        let polled = waits.insert(Wait::Idle);
        debug_assert_eq!(polled, POLLED);
        Self { waits: Mutex::new(waits) }
    }

    fn join(&self) -> usize {
        self.lock().insert(Wait::Idle)
    }

    fn leave(&self, key: usize) -> Wait {
        self.lock().remove(key)
    }

    fn cancel(&self, key: usize) -> Wait {
        mem::replace(&mut self.lock()[key], Wait::Idle)
    }

    fn take_ready(&self, key: usize) -> bool {
        let wait = &mut self.lock()[key];
        let ready = matches!(wait, Wait::Ready);
        if ready {
            *wait = Wait::Idle;
        }
        ready
    }

    fn is_waiting_for(&self, key: usize, waker: &Waker) -> bool {
        matches!(&self.lock()[key], Wait::Waiting(held) if held.will_wake(waker))
    }

    /// Enters a waker, unless the event has come. The waker that is not kept comes back.
    fn register(&self, key: usize, waker: Waker) -> Option<Waker> {
        match &mut self.lock()[key] {
            Wait::Waiting(held) => Some(mem::replace(held, waker)),
            wait @ Wait::Idle => {
                *wait = Wait::Waiting(waker);
                None
            }
            Wait::Ready => Some(waker),
        }
    }

    fn fire(&self) {
        // One waiter is the rule, and an empty `Vec` allocates nothing.
        let mut first = None;
        let mut others = Vec::new();
        for (_, wait) in self.lock().iter_mut() {
            if let Wait::Waiting(_) = wait
                && let Wait::Waiting(waker) = mem::replace(wait, Wait::Ready)
            {
                match first {
                    None => first = Some(waker),
                    Some(_) => others.push(waker),
                }
            }
        }
        first.into_iter().chain(others).for_each(wake);
    }

    fn lock(&self) -> MutexGuard<'_, Slab<Wait>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Direction {
    fn wake(self: Arc<Self>) {
        self.fire();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.fire();
    }
}

#[cfg(unix)]
impl<T: AsFd> AsFd for Readiness<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: fmt::Debug> fmt::Debug for Readiness<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(self.get_ref()).finish()
    }
}

impl<T> fmt::Debug for Ready<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").field("interest", &self.interest).finish_non_exhaustive()
    }
}
