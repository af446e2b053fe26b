//! The one place of a process where signals come in and go out to the receivers.
//!
//! The handler writes the number of each signal into a pipe. Who drains the pipe, under the lock, hands each delivery to
//! the receivers that are open: the reactor does when the pipe can be read ([`Bell`]), and so does every operation that
//! looks for a delivery, if the handler left word that something came. So what is in the pipe reaches its receivers
//! whether they are polled or not, and what was raised before an operation is seen by it.
//!
//! The pipe is drained before a receiver is opened, so it gets no delivery from before. What did not fit into the pipe is
//! counted by the handler, per signal: one of these is delivered after the rest, the others are told as lost.
//!
//! # Invariants
//! 1. Receivers are opened and closed, signals held and let go, and the pipe is drained, only under the lock.
//! 2. While the pipe may have something in it that nobody drained, either the reactor watches it, or somebody is on the way
//!    to drain it and to have it watched.
//! 3. There is one exchange, which stays for ever: so does its pipe, and handlers of ours that others still call find it.
//!
//! # Lock order
//! [`Exchange::lock`] is innermost, but for the lock of [`crate::second`], which has no callers here. No waker is cloned,
//! woken or dropped under it, and the reactor is not called under it.

use std::{
    io::{self, PipeReader, Read},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use anyio_reactor::Readiness;
use anyio_wait_queue::WakeList;

use crate::{
    SignalError,
    readers::{ReaderId, Readers},
    set::SignalSet,
    sys::{self, Dispositions},
};

/// How much is read from the pipe at a time.
const CHUNK: usize = 1024;

/// How often it is read before others get the lock, which is more than it takes to empty it.
const CHUNKS: usize = 128;

static EXCHANGE: OnceLock<Exchange> = OnceLock::new();

pub(crate) struct Exchange {
    state: Mutex<State>,
    pipe: Readiness<PipeReader>,
    /// The one waker which the reactor gets.
    bell: Waker,
}

pub(crate) struct State {
    pub(crate) readers: Readers,
    dispositions: Dispositions,
}

impl Exchange {
    /// The exchange, watched by the reactor. A child that was forked from its process has none.
    pub(crate) fn open() -> io::Result<&'static Self> {
        static OPENING: Mutex<()> = Mutex::new(());
        let exchange = match EXCHANGE.get() {
            Some(exchange) => exchange,
            None => {
                let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
                match EXCHANGE.get() {
                    Some(exchange) => exchange,
                    None => {
                        let exchange = Self::new()?;
                        EXCHANGE.get_or_init(|| exchange)
                    }
                }
            }
        };
        if !sys::in_own_process() {
            return Err(SignalError::Forked.into());
        }
        let mut woken = WakeList::new();
        let watched = exchange.watch(&mut woken);
        woken.wake();
        watched.map(|()| exchange)
    }

    fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        let pipe = Readiness::new(reader)?;
        sys::write_to(OwnedFd::from(writer));
        let state = State { readers: Readers::new(), dispositions: Dispositions::new() };
        Ok(Self { state: Mutex::new(state), pipe, bell: Waker::from(Arc::new(Bell)) })
    }

    /// Opens a receiver, from this moment on. What came before goes to those that are open, whose wakers come out.
    pub(crate) fn open_reader(&self, signals: SignalSet) -> (io::Result<ReaderId>, WakeList) {
        let mut woken = WakeList::new();
        let mut state = self.lock();
        state.drain(&self.pipe, &mut woken);
        let held = state.dispositions.hold(signals);
        let opened = held.map(|()| state.readers.open(signals));
        (opened, woken)
    }

    /// Closes a receiver; what it had unread is dropped.
    pub(crate) fn close_reader(&self, id: ReaderId) {
        let mut state = self.lock();
        let closed = state.readers.close(id);
        if let Some(reader) = &closed {
            state.dispositions.let_go(reader.signals());
        }
        drop(state);
        // Wakers of futures that were leaked.
        drop(closed);
    }

    /// Holds signals without a receiver.
    pub(crate) fn hold(&self, signals: SignalSet) -> io::Result<()> {
        self.lock().dispositions.hold(signals)
    }

    pub(crate) fn let_go(&self, signals: SignalSet) {
        self.lock().dispositions.let_go(signals);
    }

    /// Hands out what the handler reported before this call.
    pub(crate) fn catch_up(&self) {
        if sys::something_came() {
            let mut woken = WakeList::new();
            self.lock().drain(&self.pipe, &mut woken);
            woken.wake();
        }
    }

    /// Nothing panics halfway under the lock, so a poisoned one is as good as any.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drains the pipe, and has the reactor ring when something can be read from now on.
    fn watch(&self, woken: &mut WakeList) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.bell);
        loop {
            self.lock().drain(&self.pipe, woken);
            match self.pipe.poll_readable(&mut cx) {
                Poll::Ready(rung) => rung?,
                Poll::Pending => return Ok(()),
            }
        }
    }
}

impl State {
    fn drain(&mut self, pipe: &Readiness<PipeReader>, woken: &mut WakeList) {
        // The pipe is shared with a forked child, which must leave to its parent what is in it.
        if !sys::in_own_process() {
            return;
        }
        sys::forget_that_something_came();
        let mut chunk = [0; CHUNK];
        for _ in 0..CHUNKS {
            let Ok(count) = pipe.get_ref().read(&mut chunk) else { break };
            for signal in chunk.iter().take(count).map(|&number| crate::Signal::from_raw(number.into())) {
                self.readers.deliver(signal, woken);
            }
            if count < CHUNK {
                break;
            }
        }
        for (signal, count) in sys::take_unwritten() {
            self.readers.deliver(signal, woken);
            self.readers.lose(signal, count - 1);
        }
    }
}

/// What the reactor wakes.
struct Bell;

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(exchange) = EXCHANGE.get() {
            let mut woken = WakeList::new();
            // Refused, there is nobody to tell; operations still find what came, and who opens the next receiver is told.
            let _ = exchange.watch(&mut woken);
            // Last, for a waker may panic.
            woken.wake();
        }
    }
}
