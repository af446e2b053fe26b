//! A job on a thread of the pool, for what the system cannot promise to do at once.
//!
//! # Invariants
//! 1. A job is taken once: by the thread that runs it, by [`Flight::withdraw`], or by [`Flight::land`], which runs it in place.
//!    All three take it out of `phase` under its lock.
//! 2. A flight that has landed keeps its result until somebody takes it, or the flight is dropped.
//!
//! # Lock order
//! `phase` is innermost: jobs run, and are dropped, outside of it.

use std::{
    future::{Future, poll_fn},
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll},
    thread,
};

use anyio_cancel_scope::{Cancelled, shield};
use anyio_sync::{CapacityLimiter, LimiterToken};
use anyio_threads::to_thread;

use crate::entry::Operation;

type Job<T> = Box<dyn FnOnce() -> T + Send>;

/// A job that was given to the pool.
pub(crate) struct Flight<T> {
    slot: Arc<Slot<T>>,
    /// Brings the job to its thread, and wakes who polled last when it has landed.
    carrier: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

struct Slot<T> {
    phase: Mutex<Phase<T>>,
    landed: Condvar,
}

enum Phase<T> {
    Waiting(Job<T>),
    Flying,
    Landed(thread::Result<T>),
    Gone,
}

impl<T: Send + 'static> Flight<T> {
    /// Gives the job to the pool; the token goes back when it has run.
    pub(crate) async fn launch(token: LimiterToken, job: impl FnOnce() -> T + Send + 'static) -> Self {
        let slot = Arc::new(Slot { phase: Mutex::new(Phase::Waiting(Box::new(job))), landed: Condvar::new() });
        let there = slot.clone();
        // It has its token, and whether it begins in a cancelled scope is for who waits for it.
        let call = to_thread::run_sync(move || there.fly(token)).limiter(has_its_token()).named("file");
        let mut carrier = Box::pin(async move { drop(shield(call).await) }) as Pin<Box<dyn Future<Output = ()> + Send>>;
        poll_fn(|cx| Poll::Ready(carrier.as_mut().poll(cx).is_ready())).await;
        Self { slot, carrier: Some(carrier) }
    }

    pub(crate) fn poll_landed(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.poll_caught(cx).map(|landed| landed.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// The same, with what the job panicked with.
    pub(crate) fn poll_caught(&mut self, cx: &mut Context<'_>) -> Poll<thread::Result<T>> {
        if let Some(landed) = self.slot.try_landed() {
            return Poll::Ready(landed);
        }
        if let Some(carrier) = &mut self.carrier
            && carrier.as_mut().poll(cx).is_ready()
        {
            self.carrier = None;
        }
        match self.slot.try_landed() {
            Some(landed) => Poll::Ready(landed),
            None => Poll::Pending,
        }
    }

    /// What it came to, if it has landed.
    pub(crate) fn try_landed(&mut self) -> Option<T> {
        self.slot.try_landed().map(|landed| landed.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// Takes the job back, if it has not begun.
    pub(crate) fn withdraw(&mut self) -> bool {
        let mut phase = self.slot.lock();
        let withdrawn = match &*phase {
            Phase::Waiting(_) => mem::replace(&mut *phase, Phase::Gone),
            _ => return false,
        };
        drop(phase);
        drop(withdrawn);
        true
    }

    /// Waits on this thread until it has landed; a job that has not begun is run here. `None` if it panicked.
    pub(crate) fn land(self) -> Option<T> {
        let mut phase = self.slot.lock();
        loop {
            match mem::replace(&mut *phase, Phase::Gone) {
                Phase::Waiting(job) => {
                    drop(phase);
                    return catch_unwind(AssertUnwindSafe(job)).ok();
                }
                Phase::Flying => {
                    *phase = Phase::Flying;
                    phase = self.slot.landed.wait(phase).unwrap_or_else(PoisonError::into_inner);
                }
                Phase::Landed(result) => return result.ok(),
                Phase::Gone => return None,
            }
        }
    }
}

impl<T> Slot<T> {
    fn fly(&self, token: LimiterToken) {
        let mut phase = self.lock();
        let Phase::Waiting(job) = mem::replace(&mut *phase, Phase::Gone) else { return };
        *phase = Phase::Flying;
        drop(phase);
        let result = catch_unwind(AssertUnwindSafe(job));
        // Who waits may need the token next.
        drop(token);
        let flying = mem::replace(&mut *self.lock(), Phase::Landed(result));
        self.landed.notify_all();
        drop(flying);
    }

    fn try_landed(&self) -> Option<thread::Result<T>> {
        let mut phase = self.lock();
        match mem::replace(&mut *phase, Phase::Gone) {
            Phase::Landed(result) => Some(result),
            other => {
                *phase = other;
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Phase<T>> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operation does that is cancelled while its job runs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OnCancel {
    /// It leaves the job alone, whose result nobody needs.
    Leave,
    /// It waits for the result, for the job changes something.
    Wait,
}

/// Waits for a token.
pub(crate) async fn token(limiter: Option<&CapacityLimiter>) -> Result<LimiterToken, Cancelled> {
    match try_token(limiter) {
        Some(token) => Ok(token),
        None => match limiter {
            Some(limiter) => limiter.acquire().await,
            None => to_thread::current_default_thread_limiter().acquire().await,
        },
    }
}

/// A token, if one is free.
pub(crate) fn try_token(limiter: Option<&CapacityLimiter>) -> Option<LimiterToken> {
    match limiter {
        Some(limiter) => limiter.try_acquire(),
        None => to_thread::current_default_thread_limiter().try_acquire(),
    }
}

/// The limiter of calls whose token was taken already: it has one for each of them.
fn has_its_token() -> &'static CapacityLimiter {
    static ALL: OnceLock<CapacityLimiter> = OnceLock::new();
    ALL.get_or_init(|| CapacityLimiter::new(usize::MAX >> 8))
}

/// Runs `job` on a thread of the pool. A job that has not begun when the scope is cancelled never does.
pub(crate) async fn run_sync<T: Send + 'static>(
    operation: &mut Operation,
    limiter: Option<&CapacityLimiter>,
    on_cancel: OnCancel,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Cancelled> {
    let token = token(limiter).await?;
    // Dropped, it takes back a job that has not begun.
    let mut flight = Flight::launch(token, job).await;
    let mut shielded = false;
    poll_fn(move |cx| {
        if let Poll::Ready(result) = flight.poll_landed(cx) {
            return Poll::Ready(Ok(result));
        }
        if shielded {
            operation.note();
            return Poll::Pending;
        }
        match operation.poll_pending(cx) {
            Poll::Ready(cancelled) if flight.withdraw() || on_cancel == OnCancel::Leave => Poll::Ready(Err(cancelled)),
            Poll::Ready(_) => {
                shielded = true;
                // It may have landed meanwhile.
                flight.poll_landed(cx).map(Ok)
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The same for jobs that say what went wrong.
pub(crate) async fn run_io<T: Send + 'static>(
    operation: &mut Operation,
    limiter: Option<&CapacityLimiter>,
    on_cancel: OnCancel,
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    run_sync(operation, limiter, on_cancel, job).await?
}
