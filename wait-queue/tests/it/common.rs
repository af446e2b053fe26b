//! A waker that counts, and small words for what most tests do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use anyio_wait_queue::{Ticket, WaitQueue};

/// Counts how often its wakers were woken.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn noop() -> Waker {
    Waker::noop().clone()
}

/// Joins with a waker that nobody looks at.
pub(crate) fn join<G>(queue: &mut WaitQueue<G>) -> Option<Ticket> {
    Some(queue.join((), noop()))
}

/// Grants, and wakes.
pub(crate) fn grant<G: std::fmt::Debug>(queue: &mut WaitQueue<G>, grant: G) {
    let (waker, ()) = queue.grant(grant).expect("somebody waits");
    waker.wake();
}
