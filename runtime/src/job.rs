//! An offloaded future where it is polled: with everything that it took along.
//!
//! # Invariants
//! 1. Neither a poll nor the drop of the future unwinds out of a job: what it panics with is [`Caught`].
//! 2. The future is dropped where its context holds, before the group that started it may return, and before the pool may
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

use crate::pool::{Entry, Payload, Pool};

pin_project! {
    pub(crate) struct Job<F> {
        #[pin]
        work: Option<InScope<F>>,
        carried: Carried,
        variables: Snapshot,
        hold: Option<Hold>,
        // `None` where the executor is not ours.
        entry: Option<Entry>,
    }

    impl<F> PinnedDrop for Job<F> {
        fn drop(this: Pin<&mut Self>) {
            // Its panic is kept.
            drop(this.leave());
        }
    }
}

impl<F: Future> Job<F> {
    /// The future with what holds here: the scope, the variables, the clock, the task and the `run`.
    pub(crate) fn new(work: F, pool: Option<Arc<Pool>>) -> Self {
        Self {
            work: Some(work.in_current_scope()),
            carried: Carried::take(),
            variables: Snapshot::take(),
            hold: hold(),
            entry: pool.map(Entry::new),
        }
    }
}

impl<F> Job<F> {
    /// Drops the future, and then what kept others waiting for that.
    fn leave(self: Pin<&mut Self>) -> Result<(), Caught> {
        let mut this = self.project();
        if this.work.is_none() {
            return Ok(());
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            this.carried.enter(|| this.variables.enter_mut(|| this.work.set(None)));
            // Values of the user go with the last of them.
            drop((std::mem::take(this.carried), std::mem::take(this.variables)));
        }));
        let result = dropped.map_err(|payload| Caught::new(payload, this.entry));
        drop(this.hold.take());
        result
    }
}

impl<F: Future> Future for Job<F> {
    type Output = Result<F::Output, Caught>;

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
            Ok(Poll::Ready(output)) => Poll::Ready(self.leave().map(|()| output)),
            Err(payload) => {
                let caught = Caught::new(payload, this.entry);
                // A second panic, of the destructor, goes to whoever looks after the `run`.
                drop(self.leave());
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
