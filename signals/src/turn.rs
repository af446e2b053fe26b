//! One wait for a delivery, without its receiver: what `next`, the stream and `ctrl_c` have in common.

use std::{
    fmt,
    panic::Location,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{
    Cancelled, Checkpoint, RunRecord, Verb,
    host::{AtWork, Outside},
};
use anyio_wait_queue::Ticket;

use crate::{Signal, SignalReceiver, readers::Take};

/// Who drops one calls [`leave`](Self::leave) first.
pub(crate) struct Turn {
    checkpoint: Checkpoint,
    ticket: Option<Ticket>,
    /// While it waits: a signal may come at any time, so a virtual clock is not to jump.
    at_work: Option<AtWork>,
}

impl Turn {
    pub(crate) fn new(verb: Verb, place: &'static Location<'static>) -> Self {
        Self { checkpoint: Checkpoint::at(verb, place), ticket: None, at_work: None }
    }

    pub(crate) fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        self.checkpoint.poll_entry(cx)
    }

    pub(crate) fn poll(&mut self, receiver: &SignalReceiver, cx: &mut Context<'_>) -> Poll<Result<Signal, Cancelled>> {
        ready!(self.checkpoint.poll_entry(cx))?;
        if let Poll::Ready(signal) = self.poll_delivery(receiver, cx) {
            self.at_work = None;
            return Poll::Ready(Ok(signal));
        }
        if self.at_work.is_none() {
            self.at_work = Some(RunRecord::current().outside(Outside::Descriptor));
        }
        let cancelled = ready!(self.checkpoint.poll_pending(cx));
        self.at_work = None;
        // Out of line, though the future may be kept. What came at the last moment is still taken (R3).
        Poll::Ready(self.step_out(receiver).ok_or(cancelled))
    }

    fn poll_delivery(&mut self, receiver: &SignalReceiver, cx: &mut Context<'_>) -> Poll<Signal> {
        let exchange = receiver.exchange();
        exchange.catch_up();
        let mut polled = exchange.lock().readers.poll(receiver.id(), &mut self.ticket, cx.waker());
        if let Take::NeedsWaker = polled {
            // Cloned, and the old one dropped, while nothing is locked.
            let waker = cx.waker().clone();
            let (now, stale) = exchange.lock().readers.wait(receiver.id(), &mut self.ticket, waker);
            drop(stale);
            polled = now;
        }
        match polled {
            Take::Taken(signal) => Poll::Ready(signal),
            Take::Waiting | Take::NeedsWaker => Poll::Pending,
        }
    }

    /// Ends the wait, and passes on what was granted to it.
    pub(crate) fn leave(&mut self, receiver: &SignalReceiver) {
        if let Some(ticket) = self.ticket.take() {
            let passed_on = receiver.exchange().lock().readers.pass_on(receiver.id(), ticket);
            passed_on.wake();
        }
    }

    fn step_out(&mut self, receiver: &SignalReceiver) -> Option<Signal> {
        let ticket = self.ticket.take()?;
        let (granted, stale) = receiver.exchange().lock().readers.leave(receiver.id(), ticket);
        drop(stale);
        granted
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("checkpoint", &self.checkpoint).field("waits", &self.ticket.is_some()).finish()
    }
}
