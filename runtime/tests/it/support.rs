//! What the tests share.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    task::Poll,
    thread,
    time::Duration,
};

use anyio_runtime::Builder;

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

/// Runs what `make` makes with no worker, one, and three: what holds must hold with any number.
#[track_caller]
pub(crate) fn with_any_workers<F: Future<Output = ()>>(make: impl Fn() -> F + Send + 'static) {
    ends(move || {
        for count in [0, 1, 3] {
            Builder::new().worker_threads(count).run(make());
        }
    });
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
