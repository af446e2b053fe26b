//! The future of a send.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
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
///
/// Its parts lie apart, and a failure is left in them: a value that comes out of a call whole, by memory, is slow to look at.
#[must_use = "futures do nothing unless polled"]
pub struct Sending<'a, T> {
    end: &'a MemoryObjectSendStream<T>,
    checkpoint: Checkpoint,
    /// Here until it was sent, but for when it is in line.
    item: Option<T>,
    /// Its place in line.
    ticket: Option<Ticket>,
    /// Why it was not sent.
    reason: Option<SendReason>,
}

impl<'a, T> Sending<'a, T> {
    #[inline]
    pub(crate) fn new(end: &'a MemoryObjectSendStream<T>, item: T, place: &'static Location<'static>) -> Self {
        Self { end, checkpoint: Checkpoint::at(&"send", place), item: Some(item), ticket: None, reason: None }
    }

    #[inline]
    fn take_item(&mut self) -> T {
        self.item.take().unwrap_or_else(|| polled_again())
    }

    /// The item goes at once, if it can: to somebody who waits, or into the buffer.
    #[inline]
    fn goes_at_once(&mut self) -> bool {
        let end = self.end;
        if end.channel.seems_full() {
            return false;
        }
        let item = self.take_item();
        let mut state = end.channel.lock();
        let step = if end.is_closed() { Step::Wait(item) } else { state.send(item) };
        drop(state);
        match step {
            Step::Done(Ok(()), waker) => {
                if let Some(waker) = waker {
                    waker.wake();
                }
                true
            }
            Step::Done(Err((item, _)), _) | Step::Wait(item) => {
                self.item = Some(item);
                false
            }
        }
    }

    /// Polls a send that has to wait, or fails: whether it went through.
    #[inline(never)]
    fn poll_later(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let polled = if self.ticket.is_some() { self.poll_waiting(cx) } else { self.enter(cx) };
        let sent = match polled {
            Poll::Ready(sent) => sent,
            Poll::Pending => {
                let cancelled = ready!(self.checkpoint.poll_pending(cx));
                self.give_up(cancelled)
            }
        };
        Poll::Ready(sent)
    }

    /// The item did not go at once: it gets in line.
    fn enter(&mut self, cx: &Context<'_>) -> Poll<bool> {
        let end = self.end;
        // The lock is not held while the waker is cloned, and should that panic, the item is still here.
        let waker = cx.waker().clone();
        let item = self.take_item();
        let mut state = end.channel.lock();
        if end.is_closed() {
            drop(state);
            return Poll::Ready(self.failed(item, SendReason::Closed));
        }
        match state.send(item) {
            Step::Done(sent, other) => {
                drop(state);
                if let Some(other) = other {
                    other.wake();
                }
                Poll::Ready(sent.map_err(|(item, why)| self.failed(item, reason(why))).is_ok())
            }
            Step::Wait(item) => {
                self.ticket = Some(state.join_senders(end.id, item, waker));
                Poll::Pending
            }
        }
    }

    fn poll_waiting(&mut self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = self.end.channel.lock();
        if let Some(sent) = state.senders().claim(&mut self.ticket) {
            drop(state);
            return Poll::Ready(self.waited(sent));
        }
        if let Some(held) = &self.ticket
            && !state.senders().will_wake(held, cx.waker())
        {
            drop(state);
            let waker = cx.waker().clone();
            let mut state = self.end.channel.lock();
            if let Some(sent) = state.senders().claim(&mut self.ticket) {
                drop(state);
                return Poll::Ready(self.waited(sent));
            }
            let stale = self.ticket.as_ref().map(|held| state.senders().refresh(held, waker));
            drop(state);
            drop(stale);
        }
        Poll::Pending
    }

    /// Only a send that went through beats the cancellation (R3): who is cancelled together with the other side is not broken
    /// by it.
    #[inline]
    fn waited(&mut self, sent: Sent<T>) -> bool {
        let Err((item, why)) = sent else { return true };
        let reason = check_cancelled().map_or_else(SendReason::Cancelled, |()| reason(why));
        self.failed(item, reason)
    }

    /// Out of line, with the item, unless it was taken at the last moment (R3).
    #[cold]
    fn give_up(&mut self, cancelled: Cancelled) -> bool {
        let Some(ticket) = self.ticket.take() else { unreachable!("it is pending only in line") };
        let (left, stale) = self.end.channel.lock().leave_senders(ticket);
        drop(stale);
        match left {
            Ok(Ok(())) => true,
            Ok(Err((item, _))) | Err(item) => self.failed(item, cancelled.into()),
        }
    }

    #[cold]
    fn failed(&mut self, item: T, reason: SendReason) -> bool {
        (self.item, self.reason) = (Some(item), Some(reason));
        false
    }

    /// Leaves the line.
    #[cold]
    fn leave(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            // What comes out, waker and item, is dropped without the lock.
            let left = self.end.channel.lock().leave_senders(ticket);
            drop(left);
        }
    }
}

#[cold]
fn polled_again() -> ! {
    panic!("send: polled after it was ready, which a future must not be; await it once")
}

impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.ticket.is_none() {
            match ready!(this.checkpoint.poll_entry(cx)) {
                Ok(()) if this.goes_at_once() => return Poll::Ready(Ok(())),
                Ok(()) => {}
                // It does nothing (R4).
                Err(cancelled) => return Poll::Ready(Err(SendError::new(this.take_item(), cancelled))),
            }
        }
        if ready!(this.poll_later(cx)) {
            return Poll::Ready(Ok(()));
        }
        match this.reason.take() {
            Some(reason) => Poll::Ready(Err(SendError { item: this.take_item(), reason })),
            None => unreachable!("what fails says why"),
        }
    }
}

impl<T> Drop for Sending<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.leave();
        }
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
