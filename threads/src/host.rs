//! Who awaits this thread: the way from a worker to the task that started its closure.

use std::{borrow::Cow, cell::RefCell, future::Future, panic::Location, pin::Pin, sync::Arc};

use anyio_cancel_scope::{RunRecord, host::AtWork};
use anyio_sync::CapacityLimiter;

use crate::{
    answer::{Answer, Asked, Responder},
    crowd::Crowd,
    linger::Linger,
    run_finished::Why,
    sync::thread_local_cell,
};

/// A future that the awaiting task polls for its worker.
pub(crate) type BoxedCall = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task that awaits a worker, as that sees it.
pub(crate) trait Host: Send + Sync {
    /// Has it polled there.
    ///
    /// # Errors
    /// The call, if nobody awaits this any more.
    fn call(&self, call: BoxedCall) -> Result<(), BoxedCall>;

    /// Whether nobody awaits this any more.
    fn is_gone(&self) -> bool;
}

/// What a worker knows of the closure that it runs.
pub(crate) struct Seat {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) started_at: &'static Location<'static>,
    pub(crate) limiter: CapacityLimiter,
    pub(crate) run: Arc<RunRecord>,
    /// Not there while it waits for its host.
    pub(crate) at_work: Option<AtWork>,
    /// How long it looks for an answer before it sleeps.
    pub(crate) linger: Linger,
    pub(crate) crowd: Arc<Crowd>,
}

thread_local_cell! { static SEAT: RefCell<Option<Seat>> = RefCell::new(None); }

impl Seat {
    /// Runs `f`, which does not panic, in this seat. It comes back afterwards.
    pub(crate) fn sit<R>(self, f: impl FnOnce() -> R) -> (R, Self) {
        let outer = SEAT.with(|seat| seat.replace(Some(self)));
        let result = f();
        let own = SEAT.with(|seat| seat.replace(outer)).expect("whoever takes it puts it back");
        (result, own)
    }

    /// Looks at the seat of this thread; `None` where it is no worker in a closure. Nothing foreign runs in `f`.
    pub(crate) fn with<R>(f: impl FnOnce(&mut Self) -> R) -> Option<R> {
        // While a thread ends there is none.
        SEAT.try_with(|seat| seat.borrow_mut().as_mut().map(f)).ok().flatten()
    }
}

/// Has somebody of `run` asked, and waits on this thread for the answer.
pub(crate) fn ask<T>(run: &Arc<RunRecord>, why: Why, send: impl FnOnce(Responder<T>)) -> Asked<T> {
    let (answer, responder) = Answer::new(why);
    send(responder);
    answer.wait(Some(run))
}

/// Whether this thread is at work for `run`, so that a wait for the end of that would never be over.
pub(crate) fn is_of(run: &Arc<RunRecord>) -> bool {
    // A closure may have a `run` of its own, in which it is.
    let sits = Seat::with(|seat| Arc::ptr_eq(&seat.run, run)).unwrap_or(false);
    sits || RunRecord::is_inside() && Arc::ptr_eq(&RunRecord::current(), run)
}

/// Whether this thread is inside of `run`, which a wait for something of that `run` would block.
pub(crate) fn would_block(run: &Arc<RunRecord>) -> bool {
    Seat::with(|_| ()).is_none() && RunRecord::is_inside() && Arc::ptr_eq(&RunRecord::current(), run)
}
