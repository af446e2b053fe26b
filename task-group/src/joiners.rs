//! Those who wait for a task to end.
//!
//! # Invariants
//! 1. Whoever is in the queue when the task ends is woken; nobody joins later. The end takes the queue out of the task, under
//!    the lock that guards both, so whoever finds the end has nothing to leave any more.

use std::{
    fmt,
    task::{Context, Poll},
};

use anyio_wait_queue::{Ticket, WaitQueue};

use crate::task::{End, Header};

/// The queue of a task: any number of waits, all of which its end wakes.
pub(crate) type Joiners = WaitQueue;

/// Wakes everybody in a queue that was taken out of its task.
#[inline]
pub(crate) fn wake_all(mut joiners: Joiners) {
    if !joiners.is_empty() {
        joiners.grant_all(|()| ()).wake();
    }
}

/// One wait for a task to end, which is no checkpoint by itself.
pub(crate) struct Joining<'a> {
    header: &'a Header,
    ticket: Option<Ticket>,
}

impl<'a> Joining<'a> {
    pub(crate) fn new(header: &'a Header) -> Self {
        Self { header, ticket: None }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let header = self.header;
        if let Some(end) = header.end() {
            return Poll::Ready(end);
        }
        let ticket = &mut self.ticket;
        if let Some(ticket) = &*ticket {
            match header.with_joiners(|joiners| joiners.will_wake(ticket, cx.waker())) {
                Err(end) => return Poll::Ready(end),
                Ok(true) => return Poll::Pending,
                Ok(false) => {}
            }
        }
        // The waker is cloned, and an old one dropped, outside the lock.
        let waker = cx.waker().clone();
        let entered = header.with_joiners(|joiners| match &*ticket {
            Some(ticket) => Some(joiners.refresh(ticket, waker)),
            None => {
                *ticket = Some(joiners.join((), waker));
                None
            }
        });
        match entered {
            Err(end) => Poll::Ready(end),
            Ok(stale) => {
                drop(stale);
                Poll::Pending
            }
        }
    }
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let left = self.header.with_joiners(|joiners| joiners.leave(ticket));
            drop(left);
        }
    }
}

impl fmt::Debug for Joining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").field("waiting", &self.ticket.is_some()).finish_non_exhaustive()
    }
}
