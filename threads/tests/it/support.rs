//! What the tests share.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use anyio_cancel_scope::{CancelScope, checkpoint};
use anyio_future_contract::Polled;

/// Longer than any claim takes on a machine that is busy; what has not ended by then hangs.
const HANGS: Duration = Duration::from_secs(60);

/// Runs `test` on a thread of its own, and fails if it does not come to an end.
#[track_caller]
pub(crate) fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = channel();
    let thread = thread::spawn(move || drop(done.send(test())));
    match ended.recv_timeout(HANGS) {
        Ok(value) => value,
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().expect_err("it sent nothing")),
        Err(RecvTimeoutError::Timeout) => {
            panic!("it hangs; the tasks are\n{}", anyio_task_group::debug::task_tree())
        }
    }
}

/// Polls it once, in a task, and leaves it pending.
pub(crate) async fn start<F: Future + Unpin>(fut: &mut F) {
    poll_fn(|cx| {
        assert!(Pin::new(&mut *fut).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// What `f` panics with.
pub(crate) fn panic_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it does not panic");
    words(&*payload)
}

pub(crate) fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a panic with words")
}

/// Counts those of its units that are alive.
#[derive(Clone, Default)]
pub(crate) struct Census(Arc<AtomicUsize>);

pub(crate) struct Alive(Arc<AtomicUsize>);

impl Census {
    pub(crate) fn one(&self) -> Alive {
        self.0.fetch_add(1, Ordering::SeqCst);
        Alive(self.0.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Calls a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
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
