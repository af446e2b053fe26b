//! Wakers that record, and a wait that does not sleep blindly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Far beyond what a loaded machine needs: only a lost wake-up takes so long.
pub(crate) const GENEROUS: Duration = Duration::from_secs(30);

pub(crate) fn in_millis(millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(millis)
}

/// Counts wake-ups and notes when the last one came.
#[derive(Default)]
pub(crate) struct Recorder {
    wakes: AtomicUsize,
    woken_at: Mutex<Option<Instant>>,
}

impl Recorder {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let recorder = Arc::new(Self::default());
        (Arc::clone(&recorder), Waker::from(recorder))
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }

    pub(crate) fn woken_at(&self) -> Option<Instant> {
        *self.woken_at.lock().unwrap()
    }

    /// Waits for the first wake-up and returns its time.
    #[track_caller]
    pub(crate) fn wait(&self) -> Instant {
        wait_until(|| self.wakes() > 0);
        self.woken_at().unwrap()
    }
}

impl Wake for Recorder {
    fn wake(self: Arc<Self>) {
        *self.woken_at.lock().unwrap() = Some(Instant::now());
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

/// A waker that runs a closure.
pub(crate) struct Call<F>(pub(crate) F);

impl<F: Fn() + Send + Sync + 'static> Call<F> {
    pub(crate) fn waker(call: F) -> Waker {
        Waker::from(Arc::new(Self(call)))
    }
}

impl<F: Fn() + Send + Sync + 'static> Wake for Call<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

#[track_caller]
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < GENEROUS, "it never happened");
        thread::park_timeout(Duration::from_micros(200));
    }
}
