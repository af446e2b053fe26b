//! Executors to run claims on, and small things to claim with.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::resume_unwind,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use anyio::{CancelScope, Cancelled, checkpoint, scope::VirtualClock, yield_now};

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
        Err(RecvTimeoutError::Timeout) => panic!("it hangs; the tasks are\n{}", anyio::debug::task_tree()),
    }
}

/// One function for each executor: it runs the future to its end.
pub(crate) mod under {
    use super::*;

    pub(crate) fn tokio_current_thread<T: Send + 'static>(fut: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        ends(move || runtime.block_on(fut))
    }

    /// As a spawned task, which may move between the workers at every `await`.
    pub(crate) fn tokio_multi_thread<T: Send + 'static>(fut: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        ends(move || match runtime.block_on(async { tokio::spawn(fut).await }) {
            Ok(value) => value,
            Err(error) => resume_unwind(error.into_panic()),
        })
    }

    /// As a spawned task of the global executor.
    pub(crate) fn smol<T: Send + 'static>(fut: impl Future<Output = T> + Send + 'static) -> T {
        ends(move || smol::block_on(smol::spawn(fut)))
    }

    /// Which knows nothing of reactors and timers.
    pub(crate) fn futures<T: Send + 'static>(fut: impl Future<Output = T> + Send + 'static) -> T {
        ends(move || futures::executor::block_on(fut))
    }

    pub(crate) fn anyio<T: Send + 'static>(fut: impl Future<Output = T> + Send + 'static) -> T {
        ends(move || anyio::run(fut))
    }
}

/// Makes a test of each claim under each executor. A claim is an `async fn` without arguments.
macro_rules! under_every_executor {
    ($($claim:ident),+ $(,)?) => {$(
        mod $claim {
            use crate::common::under;

            #[test]
            fn under_tokio_current_thread() {
                under::tokio_current_thread(super::$claim());
            }

            #[test]
            fn under_tokio_multi_thread() {
                under::tokio_multi_thread(super::$claim());
            }

            #[test]
            fn under_smol() {
                under::smol(super::$claim());
            }

            #[test]
            fn under_futures() {
                under::futures(super::$claim());
            }

            #[test]
            fn under_anyio() {
                under::anyio(super::$claim());
            }
        }
    )+};
}
pub(crate) use under_every_executor;

/// A `Cancelled`, which only a checkpoint can make.
pub(crate) async fn cancelled() -> Cancelled {
    let scope = CancelScope::new();
    scope.cancel();
    scope.enter(checkpoint()).await.unwrap_err()
}

/// Lets the other tasks of the groups around run until each of them waits, if none needs more than a hundred turns.
pub(crate) async fn let_others_run() {
    for _ in 0..100 {
        yield_now().await;
    }
}

/// Runs `fut` with a clock that moves on to its next alarm whenever nothing can run, and fails when there is none.
///
/// For futures that no other thread wakes.
pub(crate) async fn with_virtual_time<F: Future>(fut: F) -> F::Output {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let clock = VirtualClock::new();
    let mut fut = pin!(clock.run(fut));
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    poll_fn(|cx| {
        if let Poll::Ready(output) = fut.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Poll::Ready(output);
        }
        if !woken.0.swap(false, Ordering::SeqCst) {
            match clock.next_deadline() {
                Some(next) => clock.advance_to(next),
                None => panic!("nothing can run any more; the tasks are\n{}", anyio::debug::task_tree()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Counts, from many tasks.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(crate) fn up(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn down(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts up when dropped.
    pub(crate) fn when_dropped(&self) -> impl Drop {
        struct Up<'a>(&'a Count);
        impl Drop for Up<'_> {
            fn drop(&mut self) {
                self.0.up();
            }
        }
        Up(self)
    }

    /// Counts up now, and down when dropped.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.up();
        Held(self)
    }
}

pub(crate) struct Held<'a>(&'a Count);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.down();
    }
}

/// The words of a panic.
pub(crate) fn words(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(panic) => panic.downcast::<&str>().map(|words| words.to_string()).unwrap_or_default(),
    }
}
