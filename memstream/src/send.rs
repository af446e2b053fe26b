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
    channel::Locked,
    send_stream::reason,
    state::{Sent, Step},
};

/// The future of [`MemoryObjectSendStream::send`].
#[must_use = "futures do nothing unless polled"]
pub struct Sending<'a, T> {
    end: &'a MemoryObjectSendStream<T>,
    place: &'static Location<'static>,
    /// Here until it was sent, but for when it is in line.
    item: Option<T>,
    /// What a send has that does not go at once: so one that does has nothing to make, and nothing to look at when it is dropped.
    slow: Option<Slow>,
}

/// Its parts lie apart, and a failure is left in them: a value that comes out of a call whole, by memory, is slow to look at.
struct Slow {
    checkpoint: Checkpoint,
    /// Its place in line.
    ticket: Option<Ticket>,
    /// Why it was not sent.
    reason: Option<SendReason>,
}

impl<'a, T> Sending<'a, T> {
    #[inline]
    pub(crate) fn new(end: &'a MemoryObjectSendStream<T>, item: T, place: &'static Location<'static>) -> Self {
        Self { end, place, item: Some(item), slow: None }
    }

    /// The item goes at once, if it can: to somebody who waits, or into the buffer.
    #[inline]
    fn goes_at_once(&mut self) -> bool {
        let end = self.end;
        if end.channel.seems_full() {
            return false;
        }
        let item = take(&mut self.item);
        let mut state = end.channel.lock();
        if end.is_closed() {
            drop(state);
            self.item = Some(item);
            return false;
        }
        if state.is_waited_for() {
            hand_over(state, item);
            return true;
        }
        match state.buffers(item) {
            Ok(()) => true,
            Err(item) => {
                drop(state);
                self.item = Some(item);
                false
            }
        }
    }

    /// Polls a send that has to wait, or fails: whether it went through.
    #[inline(never)]
    fn poll_later(&mut self, entered: bool, cx: &mut Context<'_>) -> Poll<bool> {
        let Self { end, place, item, slow } = self;
        let checkpoint = || Checkpoint::after(entered, &"send", place);
        let slow = slow.get_or_insert_with(|| Slow { checkpoint: checkpoint(), ticket: None, reason: None });
        slow.poll(end, item, cx)
    }
}

impl Slow {
    #[inline]
    fn poll<T>(&mut self, end: &MemoryObjectSendStream<T>, item: &mut Option<T>, cx: &mut Context<'_>) -> Poll<bool> {
        let polled = if self.ticket.is_some() {
            self.poll_waiting(end, item, cx)
        } else {
            match ready!(self.checkpoint.poll_entry(cx)) {
                Ok(()) => self.enter(end, item, cx),
                // It does nothing (R4).
                Err(cancelled) => {
                    let unsent = take(item);
                    return Poll::Ready(self.failed(item, unsent, cancelled.into()));
                }
            }
        };
        if polled.is_ready() {
            return polled;
        }
        let cancelled = ready!(self.checkpoint.poll_pending(cx));
        Poll::Ready(self.give_up(end, item, cancelled))
    }

    /// The item did not go at once: it gets in line.
    fn enter<T>(&mut self, end: &MemoryObjectSendStream<T>, place: &mut Option<T>, cx: &Context<'_>) -> Poll<bool> {
        // The lock is not held while the waker is cloned, and should that panic, the item is still here.
        let waker = cx.waker().clone();
        let item = take(place);
        let mut state = end.channel.lock();
        if end.is_closed() {
            drop(state);
            return Poll::Ready(self.failed(place, item, SendReason::Closed));
        }
        match state.send(item) {
            Step::Done(sent, other) => {
                drop(state);
                if let Some(other) = other {
                    other.wake();
                }
                Poll::Ready(sent.map_err(|(item, why)| self.failed(place, item, reason(why))).is_ok())
            }
            Step::Wait(item) => {
                self.ticket = Some(state.join_senders(end.id, item, waker));
                Poll::Pending
            }
        }
    }

    fn poll_waiting<T>(
        &mut self,
        end: &MemoryObjectSendStream<T>,
        item: &mut Option<T>,
        cx: &Context<'_>,
    ) -> Poll<bool> {
        let mut state = end.channel.lock();
        if let Some(sent) = state.senders().claim(&mut self.ticket) {
            drop(state);
            return Poll::Ready(self.waited(item, sent));
        }
        if let Some(held) = &self.ticket
            && !state.senders().will_wake(held, cx.waker())
        {
            drop(state);
            let waker = cx.waker().clone();
            let mut state = end.channel.lock();
            if let Some(sent) = state.senders().claim(&mut self.ticket) {
                drop(state);
                return Poll::Ready(self.waited(item, sent));
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
    fn waited<T>(&mut self, place: &mut Option<T>, sent: Sent<T>) -> bool {
        let Err((item, why)) = sent else { return true };
        let reason = check_cancelled().map_or_else(SendReason::Cancelled, |()| reason(why));
        self.failed(place, item, reason)
    }

    /// Out of line, with the item, unless it was taken at the last moment (R3).
    #[cold]
    fn give_up<T>(&mut self, end: &MemoryObjectSendStream<T>, place: &mut Option<T>, cancelled: Cancelled) -> bool {
        let Some(ticket) = self.ticket.take() else { unreachable!("it is pending only in line") };
        let (left, stale) = end.channel.lock().leave_senders(ticket);
        drop(stale);
        match left {
            Ok(Ok(())) => true,
            Ok(Err((item, _))) | Err(item) => self.failed(place, item, cancelled.into()),
        }
    }

    #[cold]
    fn failed<T>(&mut self, place: &mut Option<T>, item: T, reason: SendReason) -> bool {
        (*place, self.reason) = (Some(item), Some(reason));
        false
    }

    /// Leaves the line.
    #[cold]
    fn leave<T>(&mut self, end: &MemoryObjectSendStream<T>) {
        if let Some(ticket) = self.ticket.take() {
            // What comes out, waker and item, is dropped without the lock.
            let left = end.channel.lock().leave_senders(ticket);
            drop(left);
        }
    }
}

/// The item goes to somebody who waits.
#[inline(never)]
fn hand_over<T>(mut state: Locked<'_, T>, item: T) {
    let waker = state.hand_over(item);
    drop(state);
    waker.wake();
}

#[inline]
fn take<T>(item: &mut Option<T>) -> T {
    item.take().unwrap_or_else(|| polled_again())
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
        let entered = this.slow.is_none() && Checkpoint::enters_at_once();
        if entered && this.goes_at_once() {
            return Poll::Ready(Ok(()));
        }
        if ready!(this.poll_later(entered, cx)) {
            return Poll::Ready(Ok(()));
        }
        match this.slow.as_mut().and_then(|slow| slow.reason.take()) {
            Some(reason) => Poll::Ready(Err(SendError { item: take(&mut this.item), reason })),
            None => unreachable!("what fails says why"),
        }
    }
}

impl<T> Drop for Sending<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(slow) = &mut self.slow {
            if slow.ticket.is_some() {
                slow.leave(self.end);
            }
            self.slow = None;
        }
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}
