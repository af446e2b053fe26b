//! The future of a send.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, check_cancelled};
use anyio_streams::{SendError, SendReason};
use anyio_wait_queue::Ticket;

use crate::{
    MemoryObjectSendStream,
    send_stream::reason,
    state::{Sent, Step},
};

/// The future of [`MemoryObjectSendStream::send`].
#[must_use = "futures do nothing unless polled"]
pub struct Sending<'a, T> {
    end: &'a MemoryObjectSendStream<T>,
    checkpoint: Checkpoint,
    stage: Stage<T>,
}

enum Stage<T> {
    /// The item is here.
    Ahead(T),
    /// It is in line.
    Waiting(Option<Ticket>),
    Done,
}

impl<'a, T> Sending<'a, T> {
    pub(crate) fn new(end: &'a MemoryObjectSendStream<T>, item: T, place: &'static Location<'static>) -> Self {
        Self { end, checkpoint: Checkpoint::at(&"send", place), stage: Stage::Ahead(item) }
    }

    fn enter(&mut self, item: T, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let end = self.end;
        let step = {
            let mut state = end.channel.lock();
            if end.is_closed() {
                drop(state);
                return Poll::Ready(Err(SendError::new(item, SendReason::Closed)));
            }
            state.send(item)
        };
        let item = match step {
            Step::Done(sent, waker) => return Poll::Ready(done(sent, waker)),
            Step::Wait(item) => item,
        };
        // It has to wait, so the waker is needed; the lock is not held while it is cloned.
        let waker = cx.waker().clone();
        let mut state = end.channel.lock();
        if end.is_closed() {
            drop(state);
            return Poll::Ready(Err(SendError::new(item, SendReason::Closed)));
        }
        match state.send(item) {
            Step::Done(sent, other) => {
                drop(state);
                Poll::Ready(done(sent, other))
            }
            Step::Wait(item) => {
                self.stage = Stage::Waiting(Some(state.join_senders(end.id, item, waker)));
                Poll::Pending
            }
        }
    }

    fn poll_waiting(&mut self, cx: &Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let Stage::Waiting(ticket) = &mut self.stage else { return Poll::Pending };
        let mut state = self.end.channel.lock();
        if let Some(sent) = state.senders().claim(ticket) {
            drop(state);
            return Poll::Ready(waited(sent));
        }
        if let Some(held) = &*ticket
            && !state.senders().will_wake(held, cx.waker())
        {
            drop(state);
            let waker = cx.waker().clone();
            let mut state = self.end.channel.lock();
            if let Some(sent) = state.senders().claim(ticket) {
                drop(state);
                return Poll::Ready(waited(sent));
            }
            let stale = ticket.as_ref().map(|held| state.senders().refresh(held, waker));
            drop(state);
            drop(stale);
        }
        Poll::Pending
    }

    /// Out of line, with the item, unless it was taken at the last moment (R3).
    fn give_up(&mut self, cancelled: Cancelled) -> Result<(), SendError<T>> {
        let Stage::Waiting(Some(ticket)) = std::mem::replace(&mut self.stage, Stage::Done) else {
            unreachable!("it is pending only in line")
        };
        let (left, stale) = self.end.channel.lock().leave_senders(ticket);
        drop(stale);
        match left {
            Ok(Ok(())) => Ok(()),
            Ok(Err((item, _))) | Err(item) => Err(SendError::new(item, cancelled)),
        }
    }
}

fn done<T>(sent: Sent<T>, waker: Option<std::task::Waker>) -> Result<(), SendError<T>> {
    if let Some(waker) = waker {
        waker.wake();
    }
    sent.map_err(|(item, why)| SendError::new(item, reason(why)))
}

/// Only a send that went through beats the cancellation (R3): who is cancelled together with the other side is not broken by it.
fn waited<T>(sent: Sent<T>) -> Result<(), SendError<T>> {
    sent.map_err(|(item, why)| {
        let reason = check_cancelled().map_or_else(SendReason::Cancelled, |()| reason(why));
        SendError { item, reason }
    })
}

impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let entered = match this.checkpoint.poll_entry(cx) {
            Poll::Ready(entered) => entered,
            Poll::Pending => return Poll::Pending,
        };
        let polled = if let Stage::Waiting(_) = this.stage {
            this.poll_waiting(cx)
        } else {
            let Stage::Ahead(item) = std::mem::replace(&mut this.stage, Stage::Done) else {
                panic!("send: polled after it was ready, which a future must not be; await it once")
            };
            if let Err(cancelled) = entered {
                return Poll::Ready(Err(SendError::new(item, cancelled)));
            }
            this.enter(item, cx)
        };
        if polled.is_ready() {
            this.stage = Stage::Done;
            return polled;
        }
        this.checkpoint.poll_pending(cx).map(|cancelled| this.give_up(cancelled))
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        if let Stage::Waiting(ticket) = &mut self.stage
            && let Some(ticket) = ticket.take()
        {
            // What comes out, waker and item, is dropped without the lock.
            let left = self.end.channel.lock().leave_senders(ticket);
            drop(left);
        }
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
