//! The futures of memory byte streams.
//!
//! # Invariants
//! 1. Who has to wait claims its side of the pipe, and releases it with its last attempt, or when it gives up or is dropped.
//! 2. A waker is cloned before the pipe is locked; wakers are woken and dropped after.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, Verb, check_cancelled};
use anyio_streams::{ByteSendError, ReceiveError, SendReason};

use crate::{
    byte_stream::{broken, wake},
    pipe::{Moved, Over, Pipe, Which},
    sync::Mutex,
};

/// One task at one side of a pipe.
pub(crate) struct PipeEnd<'s> {
    pipe: &'s Mutex<Pipe>,
    which: Which,
    claimed: bool,
    checkpoint: Checkpoint,
}

/// Why an operation ends without what it wanted.
enum Stop {
    Cancelled(Cancelled),
    Busy,
    Over(Over),
}

/// What came of one look at the pipe. The wakers are for after the lock.
enum Look {
    Moved(usize),
    Stop(Stop),
    Waiting,
    /// To wait, it takes a waker.
    NeedsWaker,
}

impl<'s> PipeEnd<'s> {
    pub(crate) fn new(pipe: &'s Mutex<Pipe>, which: Which, verb: Verb, place: &'static Location<'static>) -> Self {
        Self { pipe, which, claimed: false, checkpoint: Checkpoint::at(verb, place) }
    }

    /// Tries, and waits until something moved. `is_enough` tells whether that was all.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&mut Pipe) -> Moved,
        is_enough: impl Fn(usize) -> bool,
    ) -> Poll<Result<usize, Stop>> {
        if let Err(cancelled) = ready!(self.checkpoint.poll_entry(cx)) {
            return Poll::Ready(Err(Stop::Cancelled(cancelled)));
        }
        let mut look = self.look(cx.waker(), None, &mut attempt, &is_enough);
        if let Look::NeedsWaker = look {
            look = self.look(cx.waker(), Some(cx.waker().clone()), &mut attempt, &is_enough);
        }
        match look {
            Look::Moved(count) => Poll::Ready(Ok(count)),
            // Only what moved comes before the cancellation (R3): who is cancelled together with the other side is not told
            // that it is gone.
            Look::Stop(stop) => Poll::Ready(Err(check_cancelled().map_or_else(Stop::Cancelled, |()| stop))),
            Look::Waiting | Look::NeedsWaker => {
                let cancelled = ready!(self.checkpoint.poll_pending(cx));
                self.leave();
                Poll::Ready(Err(Stop::Cancelled(cancelled)))
            }
        }
    }

    fn look(
        &mut self,
        waker: &Waker,
        mut brought: Option<Waker>,
        attempt: &mut impl FnMut(&mut Pipe) -> Moved,
        is_enough: &impl Fn(usize) -> bool,
    ) -> Look {
        let mut pipe = self.pipe.lock();
        if !self.claimed && pipe.side(self.which).is_busy() {
            return Look::Stop(Stop::Busy);
        }
        let mut woken = None;
        let (look, is_over) = match attempt(&mut pipe) {
            Moved::Some(count, other) => {
                woken = other;
                (Look::Moved(count), is_enough(count))
            }
            Moved::Over(over) => (Look::Stop(Stop::Over(over)), true),
            Moved::Wait => (Look::Waiting, false),
        };
        let mut side = pipe.side(self.which);
        let (mut look, mut stale) = (look, None);
        if is_over {
            if std::mem::take(&mut self.claimed) {
                stale = side.release();
            }
        } else if matches!(look, Look::Waiting) && !(self.claimed && side.will_wake(waker)) {
            match brought.take() {
                Some(waker) => {
                    self.claimed = true;
                    stale = side.wait(waker);
                }
                None => look = Look::NeedsWaker,
            }
        }
        drop(pipe);
        if let Some(waker) = woken {
            waker.wake();
        }
        drop((stale, brought));
        look
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.claimed) {
            let stale = self.pipe.lock().side(self.which).release();
            drop(stale);
        }
    }
}

impl Drop for PipeEnd<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The future of [`MemoryByteStream::receive`](crate::MemoryByteStream::receive).
#[must_use = "futures do nothing unless polled"]
pub struct ReceiveBytes<'s, 'b> {
    end: PipeEnd<'s>,
    buf: &'b mut [u8],
}

impl<'s, 'b> ReceiveBytes<'s, 'b> {
    pub(crate) fn new(end: PipeEnd<'s>, buf: &'b mut [u8]) -> Self {
        Self { end, buf }
    }
}

impl Future for ReceiveBytes<'_, '_> {
    type Output = Result<usize, ReceiveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { end, buf } = self.get_mut();
        end.poll(cx, |pipe| pipe.receive(buf), |_| true).map_err(|stop| match stop {
            Stop::Cancelled(cancelled) => cancelled.into(),
            Stop::Busy => ReceiveError::Busy,
            Stop::Over(Over::Own) => ReceiveError::Closed,
            Stop::Over(Over::Other) => ReceiveError::EndOfStream,
        })
    }
}

impl fmt::Debug for ReceiveBytes<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveBytes").finish_non_exhaustive()
    }
}

/// The future of [`MemoryByteStream::send`](crate::MemoryByteStream::send).
#[must_use = "futures do nothing unless polled"]
pub struct SendBytes<'s, 'b> {
    end: PipeEnd<'s>,
    data: &'b [u8],
    sent: usize,
}

impl<'s, 'b> SendBytes<'s, 'b> {
    pub(crate) fn new(end: PipeEnd<'s>, data: &'b [u8]) -> Self {
        Self { end, data, sent: 0 }
    }
}

impl Future for SendBytes<'_, '_> {
    type Output = Result<(), ByteSendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { end, data, sent } = self.get_mut();
        loop {
            let rest = &data[*sent..];
            match ready!(end.poll(cx, |pipe| pipe.send(rest), |count| count == rest.len())) {
                Ok(count) => *sent += count,
                Err(stop) => return Poll::Ready(Err(ByteSendError::new(*sent, reason(stop)))),
            }
            if *sent == data.len() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl fmt::Debug for SendBytes<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBytes").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// The future that ends one direction.
pub(crate) struct EndOfSending<'s> {
    end: PipeEnd<'s>,
    /// Tells whether this end is closed rather than ended.
    other_pipe: &'s Mutex<Pipe>,
}

impl<'s> EndOfSending<'s> {
    pub(crate) fn new(end: PipeEnd<'s>, other_pipe: &'s Mutex<Pipe>) -> Self {
        Self { end, other_pipe }
    }
}

impl Future for EndOfSending<'_> {
    type Output = Result<(), ByteSendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { end, other_pipe } = self.get_mut();
        if let Err(cancelled) = ready!(end.checkpoint.poll_entry(cx)) {
            return Poll::Ready(Err(ByteSendError::new(0, cancelled)));
        }
        if other_pipe.lock().is_ended(Which::Receiver) {
            return Poll::Ready(Err(ByteSendError::new(0, SendReason::Closed)));
        }
        let mut pipe = end.pipe.lock();
        if pipe.side(Which::Sender).is_busy() {
            return Poll::Ready(Err(ByteSendError::new(0, SendReason::Busy)));
        }
        let woken = pipe.end(Which::Sender);
        drop(pipe);
        wake(woken);
        Poll::Ready(Ok(()))
    }
}

fn reason(stop: Stop) -> SendReason {
    match stop {
        Stop::Cancelled(cancelled) => cancelled.into(),
        Stop::Busy => SendReason::Busy,
        Stop::Over(Over::Own) => SendReason::Closed,
        Stop::Over(Over::Other) => broken(),
    }
}
