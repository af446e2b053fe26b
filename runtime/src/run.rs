//! `run`: a future, its tasks and its timers on the calling thread.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    panic::Location,
    pin::pin,
};

use anyio_cancel_scope::RunRecord;
use anyio_task_group::host::RootTask;

thread_local! { static RUNNING: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) }; }

/// Runs `fut` to its end on the calling thread, with all tasks of its groups, and drives timers and I/O meanwhile.
///
/// It blocks the thread. Any number of threads may each have a `run` of their own. Everything of these crates works under
/// other executors as well; `run` is for programs that have none.
///
/// # Panics
/// When this thread is inside of a `run` already: await the future there instead, or start it in a task group. With a panic
/// of `fut`.
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
    let place = Location::caller();
    let _running = Running::begin(place);
    let record = RunRecord::new();
    let mut root = RootTask::new::<F>(place);
    let mut fut = pin!(fut);
    anyio_reactor::block_on(poll_fn(|cx| record.enter(|| root.poll(cx, |cx| fut.as_mut().poll(cx)))))
}

/// Notes that this thread is inside of a `run`, until dropped.
struct Running;

impl Running {
    #[track_caller]
    fn begin(place: &'static Location<'static>) -> Self {
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
