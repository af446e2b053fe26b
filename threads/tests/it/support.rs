//! What the tests share.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Condvar, Mutex},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use anyio_cancel_scope::{CancelScope, checkpoint};
use anyio_future_contract::Polled;
pub(crate) use anyio_future_contract::{Census, OnDrop, panic_of, start, words};

/// Longer than any claim takes on a machine that is busy; what has not ended by then hangs.
const HANGS: Duration = Duration::from_secs(60);

/// Runs `test` on a thread of its own, and fails if it does not come to an end.
#[track_caller]
pub(crate) fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    anyio_future_contract::ends(test, || format!("the tasks are\n{}", anyio_task_group::debug::task_tree()))
}

/// A future to poll by hand, none of whose next 127 checkpoints yields.
pub(crate) fn polled<F: Future>(future: F) -> Polled<F> {
    while pin!(checkpoint()).poll(&mut Context::from_waker(Waker::noop())).is_ready() {}
    // The one that yielded was the 128th.
    Polled::new(future)
}

/// One that was cancelled before.
pub(crate) fn cancelled_scope() -> CancelScope {
    let scope = CancelScope::new();
    scope.cancel();
    scope
}

/// A gate between threads: closures wait at it until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<Passed>, Condvar)>);

#[derive(Default)]
struct Passed {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// Waits at it.
    pub(crate) fn pass(&self) {
        let (passed, bell) = &*self.0;
        let mut passed = passed.lock().unwrap();
        passed.arrived += 1;
        bell.notify_all();
        while !passed.open {
            passed = bell.wait(passed).unwrap();
        }
    }

    pub(crate) fn open(&self) {
        let (passed, bell) = &*self.0;
        passed.lock().unwrap().open = true;
        bell.notify_all();
    }

    pub(crate) fn arrived(&self) -> usize {
        self.0.0.lock().unwrap().arrived
    }

    /// Waits until so many have arrived.
    pub(crate) fn wait_for(&self, count: usize) {
        let (passed, bell) = &*self.0;
        let mut passed = passed.lock().unwrap();
        while passed.arrived < count {
            passed = bell.wait(passed).unwrap();
        }
    }
}

/// Polls it by hand until it is ready: what wakes it is on other threads.
#[track_caller]
pub(crate) fn finish<F: Future>(fut: &mut Polled<F>) -> F::Output {
    let begun = Instant::now();
    loop {
        match fut.poll() {
            Poll::Ready(output) => return output,
            Poll::Pending => assert!(begun.elapsed() < HANGS, "it hangs"),
        }
        while !fut.is_woken() {
            assert!(begun.elapsed() < HANGS, "it is not woken");
            thread::yield_now();
        }
    }
}

/// Waits until it is so, for what only other threads bring about.
#[track_caller]
pub(crate) fn until(mut what: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < HANGS, "it never comes");
        thread::yield_now();
    }
}

/// Runs it under every executor.
pub(crate) fn under_every_executor<F: Future<Output = ()> + Send + 'static>(make: impl Fn() -> F + Send + 'static) {
    ends(move || {
        futures::executor::block_on(make());
        smol::block_on(smol::spawn(make()));
        anyio_runtime::run(make());
        let local = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        for runtime in [local, threads] {
            runtime.block_on(async { tokio::spawn(make()).await.unwrap() });
        }
    });
}
