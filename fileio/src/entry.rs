//! How an operation begins: as a checkpoint, and with a look at how much was done in place on this thread.
//!
//! What is done in place never waits, so a task that reads cached data in a loop would not let its siblings run for 128
//! checkpoints, which are a millisecond of large reads. So operations count what they did, and who comes after enough of it
//! gives way, at its entry, with nothing held (R12).

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    io,
    panic::Location,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{
    Cancelled, Checkpoint, RunRecord, Verb, check_cancelled,
    host::{AtWork, Outside},
};

/// How much is done in place before somebody gives way, in bytes that were copied: some 50 microseconds.
const ENOUGH: usize = 512 * 1024;
/// What a system call counts for.
const CALL: usize = 4096;

thread_local! {
    static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Counts a call that was done in place, and the bytes it copied.
pub(crate) fn spend(bytes: usize) {
    DONE.with(|done| done.set(done.get().saturating_add(bytes + CALL)));
}

/// One operation, as the checkpoint that it is.
#[derive(Debug)]
pub(crate) struct Operation {
    checkpoint: Checkpoint,
    gave_way: bool,
}

impl Operation {
    #[track_caller]
    pub(crate) fn new(verb: Verb) -> Self {
        Self { checkpoint: Checkpoint::at(verb, Location::caller()), gave_way: false }
    }

    /// The operation begins, unless it is cancelled.
    pub(crate) fn enter(&mut self) -> impl Future<Output = Result<(), Cancelled>> {
        poll_fn(move |cx| self.poll_enter(cx))
    }

    fn poll_enter(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        if !self.gave_way && DONE.with(|done| done.get() >= ENOUGH) {
            DONE.with(|done| done.set(0));
            self.gave_way = true;
            self.checkpoint.note();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.checkpoint.poll_entry(cx))?;
        Poll::Ready(Ok(()))
    }

    /// Between two steps of an operation that does a lot: gives way, if enough was done in place, and looks whether it is cancelled
    /// meanwhile.
    pub(crate) fn breathe(&self) -> impl Future<Output = Result<(), Cancelled>> {
        let mut gave_way = false;
        poll_fn(move |cx| {
            if gave_way {
                return Poll::Ready(check_cancelled());
            }
            if DONE.with(Cell::get) < ENOUGH {
                return Poll::Ready(Ok(()));
            }
            DONE.with(|done| done.set(0));
            gave_way = true;
            self.note();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    pub(crate) fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<Cancelled> {
        self.checkpoint.poll_pending(cx)
    }

    /// Leaves in the task's record that it waits here.
    pub(crate) fn note(&self) {
        self.checkpoint.note();
    }

    /// Waits for `event` of a descriptor, or for the cancellation. The event comes first (R3).
    pub(crate) fn wait<F>(&mut self, event: F) -> impl Future<Output = io::Result<()>>
    where
        F: Future<Output = io::Result<()>> + Unpin,
    {
        let (mut event, mut at_work) = (event, None::<AtWork>);
        poll_fn(move |cx| {
            if let Poll::Ready(result) = std::pin::Pin::new(&mut event).poll(cx) {
                return Poll::Ready(result);
            }
            // It may come at any time, so a virtual clock is not to jump.
            at_work.get_or_insert_with(|| RunRecord::current().outside(Outside::Descriptor));
            self.poll_pending(cx).map(|cancelled| Err(cancelled.into()))
        })
    }
}
