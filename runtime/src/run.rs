//! `run`, and the note that a thread is inside of one.

use std::{cell::Cell, future::Future, panic::Location};

use crate::Builder;

thread_local! { static RUNNING: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) }; }

/// Runs `fut` to its end on the calling thread, with all tasks of its groups, and drives timers and I/O meanwhile.
///
/// It blocks the thread. Any number of threads may each have a `run` of their own. Everything of these crates works under
/// other executors as well; `run` is for programs that have none. [`Builder`] has its options.
///
/// When it returns, the future, all tasks of its groups and everything that they [offloaded](crate::offload) are gone.
///
/// Mirrors [`anyio.run`](https://anyio.readthedocs.io/en/stable/basics.html#running-async-programs).
///
/// # Panics
/// When this thread is inside of a `run` already, as one of its workers too: await the future there instead, or start it in a
/// task group. With a panic of `fut`, or of something offloaded that nobody awaited any more.
///
/// Timers and descriptors are driven with the help of one thread of the process, which the first use starts. Where the system gives
/// no thread for that, or no descriptor, it panics before `fut` is polled; the next call tries again.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::sleep;
/// use std::time::Duration;
///
/// let answer = anyio_runtime::run(async {
///     sleep(Duration::from_millis(1)).await?;
///     anyio_cancel_scope::ok(42)
/// });
/// assert_eq!(answer.unwrap(), 42);
/// ```
#[track_caller]
pub fn run<F: Future>(fut: F) -> F::Output {
    Builder::new().run(fut)
}

/// Notes that this thread is inside of a `run`, until dropped.
pub(crate) struct Running;

impl Running {
    #[track_caller]
    pub(crate) fn begin(place: &'static Location<'static>) -> Self {
        if let Some(outer) = RUNNING.get() {
            panic!(
                "run: this thread is inside of a `run` already (called at {outer}), which a second one would block; \
                 `.await` the future there, or start it in a task group"
            );
        }
        RUNNING.set(Some(place));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(None);
    }
}
