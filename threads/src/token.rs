//! A handle to a `run`, for threads that no task awaits.

use std::{fmt, future::Future, panic::Location, sync::Arc};

use anyio_cancel_scope::{
    RunRecord,
    host::{Carried, with_task},
};
use anyio_runtime::host;

use crate::{
    answer::unwrap,
    call::Call,
    host::{ask, would_block},
    job::Once,
    run_finished::{RunFinished, Why},
    shown::Shown,
};

/// A handle to the `run` in which it was [taken](current_token): any thread can have futures run there with it.
///
/// It does not keep the `run` from ending.
#[derive(Clone)]
pub struct RunToken {
    run: Arc<RunRecord>,
    carried: Carried,
}

/// A handle to the `run` in which this is called, to be given to threads that were not started by
/// [`to_thread::run_sync`](crate::to_thread::run_sync).
///
/// Mirrors [`current_token`](https://anyio.readthedocs.io/en/stable/threads.html#accessing-the-event-loop-from-a-foreign-thread).
///
/// # Panics
/// Outside of any `run`. Under another executor, open a [`blocking_portal`](crate::from_thread::blocking_portal) instead.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{Cancelled, sleep};
/// use anyio_sync::SetOnce;
/// use anyio_threads::from_thread::current_token;
/// use std::{sync::Arc, thread, time::Duration};
///
/// anyio_runtime::run(async {
///     let (token, done) = (current_token(), Arc::new(SetOnce::new()));
///     let theirs = done.clone();
///     let thread = thread::spawn(move || {
///         token.run(async move {
///             sleep(Duration::from_millis(1)).await?;
///             theirs.set("from outside").ok();
///             Ok::<_, Cancelled>(())
///         })
///     });
///     assert_eq!(*done.wait().await.unwrap(), "from outside");
///     thread.join().unwrap().unwrap().unwrap();
/// });
/// ```
#[track_caller]
pub fn current_token() -> RunToken {
    let run = RunRecord::current();
    assert!(
        host::is_run(&run),
        "current_token: this thread is inside of no `run`; call it there, or open a `blocking_portal` under another executor"
    );
    // Whoever asks is not the task that uses it.
    RunToken { run, carried: with_task(&mut None, Carried::take) }
}

impl RunToken {
    /// Runs `fut` on a worker thread of the `run`, and waits for its output. With no worker threads the thread of the `run` polls
    /// it, in between.
    ///
    /// It belongs to the `run`, and to no task: when the future of the `run` has ended, it is dropped at its next `await`. The
    /// context variables are those of this thread.
    ///
    /// # Errors
    /// [`RunFinished`], if the `run` has ended, or ends before the output is there; `fut` has been dropped then.
    ///
    /// # Panics
    /// With the panic of `fut`. On a thread of the same `run`, which it would block: await the future there. (In a closure of
    /// [`to_thread::run_sync`](crate::to_thread::run_sync) it is fine.)
    #[track_caller]
    pub fn run<F>(&self, fut: F) -> Result<F::Output, RunFinished>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        assert!(
            !would_block(&self.run),
            "RunToken::run: this thread is inside of the same `run`, which would be blocked; `.await` the future here"
        );
        let mut carried = self.carried.clone();
        let _shown = Shown::here((&"RunToken::run", Location::caller()));
        unwrap(ask(&self.run, Why::Run, |responder| {
            let call = Call::new(fut, responder);
            let refused = carried.enter(|| host::spawn(&self.run, call));
            // It is dropped here, and so the answer says that.
            drop(refused);
        }))
    }

    /// Calls `f` on a thread of the `run`, and waits for its value: as [`run`](Self::run).
    ///
    /// # Errors
    /// [`RunFinished`], if the `run` has ended; `f` has been dropped then.
    ///
    /// # Panics
    /// With the panic of `f`. On a thread of the same `run`: call `f` there.
    #[track_caller]
    pub fn run_sync<F, T>(&self, f: F) -> Result<T, RunFinished>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.run(Once(Some(f)))
    }
}

impl fmt::Debug for RunToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunToken").finish_non_exhaustive()
    }
}
