//! Those who wait for a task to end.
//!
//! # Invariants
//! 1. Whoever is in the queue when the task ends is granted there, under the lock that guards the end; nobody joins later.

use std::{
    fmt,
    task::{Context, Poll},
};

use anyio_wait_queue::{Ticket, WaitQueue};

use crate::task::{End, Header};

/// The queue of a task: any number of waits, all of which its end wakes.
pub(crate) type Joiners = WaitQueue;

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
        let ticket = &mut self.ticket;
        let known = self.header.with_joiners(|end, joiners| match (end, &*ticket) {
            (Some(end), _) => Some(Poll::Ready(end)),
            (None, Some(ticket)) if joiners.will_wake(ticket, cx.waker()) => Some(Poll::Pending),
            (None, _) => None,
        });
        if let Some(known) = known {
            return known;
        }
        // The waker is cloned, and an old one dropped, outside the lock.
        let waker = cx.waker().clone();
        let (polled, stale) = self.header.with_joiners(|end, joiners| match (end, &*ticket) {
            (Some(end), _) => (Poll::Ready(end), Some(waker)),
            (None, Some(ticket)) => (Poll::Pending, Some(joiners.refresh(ticket, waker))),
            (None, None) => {
                *ticket = Some(joiners.join((), waker));
                (Poll::Pending, None)
            }
        });
        drop(stale);
        polled
    }
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let left = self.header.with_joiners(|_, joiners| joiners.leave(ticket));
            drop(left);
        }
    }
}

impl fmt::Debug for Joining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").field("waiting", &self.ticket.is_some()).finish_non_exhaustive()
    }
}
