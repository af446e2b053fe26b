//! An offloaded future where it is polled: with everything that it took along.
//!
//! # Invariants
//! 1. Neither a poll nor the drop of the future unwinds out of a job: what it panics with is [`Caught`].
//! 2. The future, and a value that nobody wants any more, are dropped where the context holds, before the group that started it may return, and before the pool may
//!    close.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyio_cancel_scope::{CancelExt, InScope, host::Carried};
use anyio_context_vars::Snapshot;
use anyio_task_group::{Hold, hold};
use pin_project_lite::pin_project;

use crate::{
    pool::{Entry, Payload, Pool},
    slot::Slot,
};

pin_project! {
    pub(crate) struct Job<F, T> {
        #[pin]
        work: Option<InScope<F>>,
        // For the value.
        slot: Arc<Slot<T>>,
        carried: Carried,
        variables: Snapshot,
        hold: Option<Hold>,
        // `None` where the executor is not ours.
        entry: Option<Entry>,
    }

    impl<F, T> PinnedDrop for Job<F, T> {
        fn drop(this: Pin<&mut Self>) {
            // Its panic is kept.
            drop(this.leave(None));
        }
    }
}

impl<F: Future> Job<F, F::Output> {
    /// The future with what holds here: the scope, the variables, the clock, the task and the `run`.
    pub(crate) fn new(work: F, slot: Arc<Slot<F::Output>>, entry: Option<Entry>) -> Self {
        Self {
            work: Some(work.in_current_scope()),
            slot,
            carried: Carried::take(),
            variables: Snapshot::take(),
            hold: hold(),
            entry,
        }
    }
}

impl<F, T> Job<F, T> {
    /// Drops the future, and the value if nobody wants it, and then what kept others waiting for that.
    fn leave(self: Pin<&mut Self>, unwanted: Option<T>) -> Result<(), Caught> {
        let mut this = self.project();
        if this.work.is_none() {
            return Ok(());
        }
        let work = catch_unwind(AssertUnwindSafe(|| {
            this.carried.enter(|| this.variables.enter_mut(|| this.work.set(None)));
        }));
        let value = catch_unwind(AssertUnwindSafe(|| {
            this.carried.enter(|| this.variables.enter_mut(|| drop(unwanted)));
        }));
        // Values of the user go with the last of them.
        let context = catch_unwind(AssertUnwindSafe(|| {
            drop((std::mem::take(this.carried), std::mem::take(this.variables)));
        }));
        let mut result = Ok(());
        for payload in [work, value, context].into_iter().filter_map(Result::err) {
            let caught = Caught::new(payload, this.entry);
            // The others wait for whoever looks after the `run`.
            if result.is_ok() {
                result = Err(caught);
            }
        }
        drop(this.hold.take());
        result
    }
}

impl<F: Future> Future for Job<F, F::Output> {
    type Output = Result<(), Caught>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            this.carried.enter(|| {
                this.variables.enter_mut(|| this.work.as_pin_mut().map_or(Poll::Pending, |work| work.poll(cx)))
            })
        }));
        match polled {
            Ok(Poll::Pending) => {
                if let Some(entry) = this.entry {
                    entry.note_pending(cx.waker());
                }
                Poll::Pending
            }
            Ok(Poll::Ready(output)) => {
                let unwanted = this.slot.put(output);
                Poll::Ready(self.leave(unwanted))
            }
            Err(payload) => {
                let caught = Caught::new(payload, this.entry);
                // A second panic, of the destructor, goes to whoever looks after the `run`.
                drop(self.leave(None));
                Poll::Ready(Err(caught))
            }
        }
    }
}

/// A panic on its way to the one who awaits the job. Where there is a pool, it waits there meanwhile, so that `run` resumes it
/// if nobody comes for it.
pub(crate) enum Caught {
    Kept(Arc<Pool>, usize),
    Here(Payload),
}

impl Caught {
    fn new(payload: Payload, entry: &Option<Entry>) -> Self {
        match entry {
            Some(entry) => Self::Kept(entry.pool().clone(), entry.pool().keep_panic(payload)),
            None => Self::Here(payload),
        }
    }

    /// Resumes it here; returns if somebody else did.
    pub(crate) fn resume(self) {
        let payload = match self {
            Self::Kept(pool, key) => pool.take_panic(key),
            Self::Here(payload) => Some(payload),
        };
        if let Some(payload) = payload {
            std::panic::resume_unwind(payload);
        }
    }
}
