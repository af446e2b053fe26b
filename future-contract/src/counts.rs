//! A waker that counts: its reference count is the number of live wakers, less the one that the counter itself holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

/// A waker that counts how often it was woken and how many copies of it live.
///
/// All wakers of one `Counts` are the same waker: [`Waker::will_wake`] holds between them. It is not `Clone`, because every
/// reference other than its own is then a live waker.
///
/// # Examples
///
/// ```
/// use anyio_future_contract::Counts;
///
/// let counts = Counts::new();
/// let waker = counts.waker();
/// waker.wake_by_ref();
/// assert_eq!((counts.wakes(), counts.live_wakers()), (1, 1));
/// waker.wake();
/// assert_eq!((counts.wakes(), counts.live_wakers()), (2, 0));
/// ```
#[derive(Debug, Default)]
pub struct Counts {
    tally: Arc<Tally>,
}

impl Counts {
    /// Makes a waker that nobody has yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a copy of the waker, which counts as live until it is dropped or consumed by a wake-up.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.tally))
    }

    /// Returns how often any of the copies was woken.
    pub fn wakes(&self) -> usize {
        self.tally.wakes.load(Ordering::SeqCst)
    }

    /// Returns how many copies live.
    pub fn live_wakers(&self) -> usize {
        Arc::strong_count(&self.tally) - 1
    }
}

#[derive(Debug, Default)]
struct Tally {
    wakes: AtomicUsize,
}

impl Wake for Tally {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}
