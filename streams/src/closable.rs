//! An object of another family of traits, which is polled, and can be closed while somebody polls it.
//!
//! # Invariants
//! 1. The object is polled under a lock, and dropped outside of it. Who waits has left a waker here, for closing.
//! 2. One task at a time is in there: it holds the claim across its waits. Closing needs none.
//! 3. An error of the object is told, if not at once then by the next operation.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{BoxError, Cancelled, Checkpoint, check_cancelled, is_cancellation};
use spin::mutex::{SpinMutex, SpinMutexGuard};

pub(crate) struct Closable<T> {
    state: Mutex<State<T>>,
    claim: SpinMutex<()>,
}

struct State<T> {
    /// Gone when it was closed.
    object: Option<T>,
    /// It is being closed gracefully, or is closed.
    closing: bool,
    waiting: Option<Waker>,
    /// By invariant 3.
    untold: Option<BoxError>,
}

/// Why nothing moved.
pub(crate) enum Stop {
    Cancelled(Cancelled),
    Closed,
    Ended,
    Failed(BoxError),
}

impl<T> Closable<T> {
    pub(crate) fn new(object: T) -> Self {
        let state = State { object: Some(object), closing: false, waiting: None, untold: None };
        Self { state: Mutex::new(state), claim: SpinMutex::new(()) }
    }

    /// By invariant 2; `None` while another task is in there.
    pub(crate) fn claim(&self) -> Option<SpinMutexGuard<'_, ()>> {
        self.claim.try_lock()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls the object. Who has to wait is woken when it is closed.
    fn poll<R>(
        &self,
        for_closing: bool,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<Result<R, Stop>>,
    ) -> Poll<Result<R, Stop>> {
        let gone = |state: &State<T>| state.object.is_none() || state.closing != for_closing;
        {
            let mut state = self.lock();
            if gone(&state) {
                return Poll::Ready(Err(Stop::Closed));
            }
            if let Some(error) = state.untold.take() {
                return Poll::Ready(Err(Stop::Failed(error)));
            }
            if let Some(Poll::Ready(result)) = state.object.as_mut().map(|object| poll(object, cx)) {
                return Poll::Ready(result);
            }
            if state.waiting.as_ref().is_some_and(|held| held.will_wake(cx.waker())) {
                return Poll::Pending;
            }
        }
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if gone(&state) {
            return Poll::Ready(Err(Stop::Closed));
        }
        let stale = state.waiting.replace(waker);
        drop(state);
        drop(stale);
        Poll::Pending
    }

    /// The same as an operation that waits; only what is `Ok` comes before a cancellation (R3).
    pub(crate) fn operate<R>(
        &self,
        checkpoint: &mut Checkpoint,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<Result<R, Stop>>,
    ) -> Poll<Result<R, Stop>> {
        let Poll::Ready(result) = self.poll(false, cx, poll) else {
            return Poll::Ready(Err(Stop::Cancelled(ready!(checkpoint.poll_pending(cx)))));
        };
        Poll::Ready(match (result, check_cancelled()) {
            (Err(stop), Err(cancelled)) => {
                if let Stop::Failed(error) = stop
                    && !is_cancellation(&*error)
                {
                    self.lock().untold = Some(error);
                }
                Err(Stop::Cancelled(cancelled))
            }
            (result, _) => result,
        })
    }

    /// Begins to close: who waits is told. `false` when that was begun before.
    pub(crate) fn begin_closing(&self) -> bool {
        let mut state = self.lock();
        let begins = !std::mem::replace(&mut state.closing, true);
        let waiting = state.waiting.take();
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        begins
    }

    /// Whether it is being closed, and not yet closed.
    pub(crate) fn is_closing(&self) -> bool {
        let state = self.lock();
        state.closing && state.object.is_some()
    }

    /// The graceful part of the closing, after its beginning.
    pub(crate) fn poll_closing(
        &self,
        checkpoint: &mut Checkpoint,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<Result<(), Stop>>,
    ) -> Poll<Result<(), Stop>> {
        match self.poll(true, cx, poll) {
            // At once, by another task.
            Poll::Ready(Err(Stop::Closed)) => Poll::Ready(Ok(())),
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Ready(Err(Stop::Cancelled(ready!(checkpoint.poll_pending(cx))))),
        }
    }

    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        let (object, waiting) = (state.object.take(), state.waiting.take());
        drop(state);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        drop(object);
    }
}
