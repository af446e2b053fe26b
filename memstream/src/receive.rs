//! The futures of a receive.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, Verb, check_cancelled};
use anyio_streams::ReceiveError;
use anyio_wait_queue::Ticket;

use crate::{
    MemoryObjectReceiveStream,
    channel::Locked,
    state::{Received, Step, Why},
};

/// One wait for an item, without its end: what `receive`, `next` and the streams have in common. Whoever drops one calls
/// [`leave`](Self::leave) first.
pub(crate) struct Turn {
    verb: Verb,
    place: &'static Location<'static>,
    /// What a receive has that finds nothing to take at once.
    slow: Option<Slow>,
}

struct Slow {
    checkpoint: Checkpoint,
    ticket: Option<Ticket>,
}

impl Turn {
    pub(crate) fn new(verb: Verb, place: &'static Location<'static>) -> Self {
        Self { verb, place, slow: None }
    }

    #[inline]
    pub(crate) fn poll<T>(
        &mut self,
        end: &MemoryObjectReceiveStream<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, ReceiveError>> {
        let entered = self.slow.is_none() && Checkpoint::enters_at_once();
        if entered && let Some(item) = take(end) {
            return Poll::Ready(Ok(item));
        }
        self.poll_later(entered, end, cx)
    }

    /// Polls a receive that has to wait, or fails.
    #[inline(never)]
    fn poll_later<T>(
        &mut self,
        entered: bool,
        end: &MemoryObjectReceiveStream<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, ReceiveError>> {
        let (verb, place) = (self.verb, self.place);
        let slow =
            self.slow.get_or_insert_with(|| Slow { checkpoint: Checkpoint::after(entered, verb, place), ticket: None });
        let polled = if slow.ticket.is_some() {
            slow.poll_waiting(end, cx)
        } else {
            ready!(slow.checkpoint.poll_entry(cx))?;
            slow.enter(end, cx)
        };
        match polled {
            Poll::Ready(Ok(item)) => return Poll::Ready(Ok(item)),
            // Only an item beats the cancellation (R3): who is cancelled together with the other side is not told its end.
            Poll::Ready(Err(why)) => {
                return Poll::Ready(Err(check_cancelled().map_or_else(Into::into, |()| error(why))));
            }
            Poll::Pending => {}
        }
        let cancelled = ready!(slow.checkpoint.poll_pending(cx));
        Poll::Ready(slow.give_up(end, cancelled))
    }

    /// Ends the wait; an item that was granted to it goes to the next in line, or back to the front.
    #[inline]
    pub(crate) fn leave<T>(&mut self, end: &MemoryObjectReceiveStream<T>) {
        if let Some(slow) = &mut self.slow {
            if slow.ticket.is_some() {
                slow.leave_line(end);
            }
            self.slow = None;
        }
    }
}

impl Slow {
    /// There was nothing to take at once: gets in line.
    fn enter<T>(&mut self, end: &MemoryObjectReceiveStream<T>, cx: &Context<'_>) -> Poll<Received<T>> {
        // The lock is not held while the waker is cloned.
        let waker = cx.waker().clone();
        let mut state = end.channel.lock();
        if end.is_closed() {
            drop(state);
            return Poll::Ready(Err(Why::Closed));
        }
        match state.receive() {
            Step::Done(received, other) => {
                drop(state);
                Poll::Ready(done(end, received, other))
            }
            Step::Wait(()) => {
                self.ticket = Some(state.join_receivers(end.id, waker));
                Poll::Pending
            }
        }
    }

    fn poll_waiting<T>(&mut self, end: &MemoryObjectReceiveStream<T>, cx: &Context<'_>) -> Poll<Received<T>> {
        let mut state = end.channel.lock();
        if let Some(received) = state.receivers().claim(&mut self.ticket) {
            return Poll::Ready(end.granted(&mut state, received));
        }
        if let Some(held) = &self.ticket
            && !state.receivers().will_wake(held, cx.waker())
        {
            drop(state);
            let waker = cx.waker().clone();
            let mut state = end.channel.lock();
            if let Some(received) = state.receivers().claim(&mut self.ticket) {
                let received = end.granted(&mut state, received);
                drop(state);
                return Poll::Ready(received);
            }
            let stale = self.ticket.as_ref().map(|held| state.receivers().refresh(held, waker));
            drop(state);
            drop(stale);
        }
        Poll::Pending
    }

    /// Out of line. An item that came at the last moment is taken (R3).
    fn give_up<T>(&mut self, end: &MemoryObjectReceiveStream<T>, cancelled: Cancelled) -> Result<T, ReceiveError> {
        let Some(ticket) = self.ticket.take() else { return Err(cancelled.into()) };
        let (left, stale) = {
            let mut state = end.channel.lock();
            let (left, stale) = state.leave_receivers(ticket);
            (left.map(|received| end.granted(&mut state, received)), stale)
        };
        drop(stale);
        match left {
            Some(Ok(item)) => Ok(item),
            Some(Err(_)) | None => Err(cancelled.into()),
        }
    }

    #[cold]
    fn leave_line<T>(&mut self, end: &MemoryObjectReceiveStream<T>) {
        let Some(ticket) = self.ticket.take() else { return };
        let (waker, stale, unwanted) = {
            let mut state = end.channel.lock();
            let (left, stale) = state.leave_receivers(ticket);
            let (waker, unwanted) = match left {
                Some(Ok(item)) => state.pass_on(item),
                Some(Err(_)) | None => (None, None),
            };
            (waker, stale, unwanted)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        drop((stale, unwanted));
    }
}

/// What is there to be taken at once.
#[inline]
fn take<T>(end: &MemoryObjectReceiveStream<T>) -> Option<T> {
    if end.channel.seems_empty() {
        return None;
    }
    let mut state = end.channel.lock();
    if end.is_closed() {
        return None;
    }
    if !state.is_waited_with() {
        return state.takes_buffered();
    }
    Some(take_and_let_in(end, state))
}

/// Takes the next item, and lets in who waits with one.
#[inline(never)]
fn take_and_let_in<T>(end: &MemoryObjectReceiveStream<T>, mut state: Locked<'_, T>) -> T {
    let (item, waker) = state.lets_in();
    drop(state);
    match waker {
        Some(waker) => end.keep_while_waking(item, waker),
        None => item,
    }
}

/// Wakes the sender that the room went to.
pub(crate) fn done<T>(end: &MemoryObjectReceiveStream<T>, received: Received<T>, waker: Option<Waker>) -> Received<T> {
    match (received, waker) {
        (Ok(item), Some(waker)) => Ok(end.keep_while_waking(item, waker)),
        (received, _) => received,
    }
}

fn error(why: Why) -> ReceiveError {
    match why {
        Why::Closed => ReceiveError::Closed,
        Why::Gone => ReceiveError::EndOfStream,
    }
}

/// The future of [`MemoryObjectReceiveStream::receive`].
#[must_use = "futures do nothing unless polled"]
pub struct Receive<'a, T> {
    end: &'a MemoryObjectReceiveStream<T>,
    turn: Turn,
}

impl<'a, T> Receive<'a, T> {
    pub(crate) fn new(end: &'a MemoryObjectReceiveStream<T>, place: &'static Location<'static>) -> Self {
        Self { end, turn: Turn::new(&"receive", place) }
    }
}

impl<T> Future for Receive<'_, T> {
    type Output = Result<T, ReceiveError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.turn.poll(this.end, cx)
    }
}

impl<T> Drop for Receive<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.turn.leave(self.end);
    }
}

impl<T> fmt::Debug for Receive<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receive").finish_non_exhaustive()
    }
}

/// The future of [`MemoryObjectReceiveStream::next`].
#[must_use = "futures do nothing unless polled"]
pub struct Next<'a, T> {
    end: &'a MemoryObjectReceiveStream<T>,
    turn: Turn,
}

impl<'a, T> Next<'a, T> {
    pub(crate) fn new(end: &'a MemoryObjectReceiveStream<T>, place: &'static Location<'static>) -> Self {
        Self { end, turn: Turn::new(&"next", place) }
    }
}

impl<T> Future for Next<'_, T> {
    type Output = Result<Option<T>, ReceiveError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        Poll::Ready(match ready!(this.turn.poll(this.end, cx)) {
            Ok(item) => Ok(Some(item)),
            Err(ReceiveError::EndOfStream) => Ok(None),
            Err(error) => Err(error),
        })
    }
}

impl<T> Drop for Next<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.turn.leave(self.end);
    }
}

impl<T> fmt::Debug for Next<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}
