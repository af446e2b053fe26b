//! From a thread into tasks.

use std::{future::Future, panic::Location};

use anyio_cancel_scope::{Cancelled, Verb, host::cancelled};
use anyio_context_vars::Snapshot;

use crate::{
    answer::unwrap,
    call::Call,
    host::{Seat, ask},
    job::Once,
    loan::Loan,
    run_finished::Why,
    shown::Shown,
};
pub use crate::{
    portal::{BlockingPortal, blocking_portal},
    portal_provider::BlockingPortalProvider,
    portal_task::PortalTask,
    portal_thread::{PortalGuard, start_blocking_portal, start_blocking_portal_with},
    run_finished::RunFinished,
    token::{RunToken, current_token},
};

/// Runs `fut` in the task that awaits this thread, in its scope, and waits for its output. To be called in a closure of
/// [`to_thread::run_sync`](crate::to_thread::run_sync).
///
/// The awaiting task polls it, whatever its executor is: it can be cancelled there, and start threads of its own, which may call
/// back again. The context variables are those of this thread. While it waits the thread shows in the task tree.
///
/// The task must be *polled* for it. A task that has polled its `run_sync` once, as in a `select!` loop, and then awaits something
/// else keeps the thread waiting until it comes back to it (a "futurelock").
///
/// Mirrors [`from_thread.run`](https://anyio.readthedocs.io/en/stable/threads.html#calling-asynchronous-code-from-a-worker-thread). A
/// cancelled task runs it up to its first checkpoint, which is `Cancelled`: that is in the output.
///
/// # Errors
/// [`RunFinished`], if no task awaits this thread, or it has abandoned it; `fut` has been dropped then. No task awaits the thread on
/// which tasks are polled either: `.await` the future there.
///
/// # Panics
/// With the panic of `fut`.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{BoxError, Cancelled, sleep};
/// use anyio_threads::{from_thread, to_thread};
/// use std::time::Duration;
///
/// let answer = anyio_runtime::run(async {
///     let answer = to_thread::run_sync(|| {
///         from_thread::run(async {
///             sleep(Duration::from_millis(1)).await?;
///             Ok::<_, Cancelled>(42)
///         })
///     });
///     Ok::<_, BoxError>(answer.await???)
/// });
/// assert_eq!(answer.unwrap(), 42);
/// ```
#[track_caller]
pub fn run<F>(fut: F) -> Result<F::Output, RunFinished>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Some(limiter) = Seat::with(|seat| seat.limiter.clone()) else {
        return Err(RunFinished::new(Why::NotAwaited));
    };
    let loan = Loan::new(limiter);
    let work = Snapshot::take().bind(loan.offer(fut));
    ask_host(work, Some(&loan), (&"from_thread::run", Location::caller()))
}

/// Calls `f` in the task that awaits this thread, and waits for its value. It is called in a cancelled task too.
///
/// For what belongs to that thread: state that is not `Sync`, a resource of its executor. Otherwise as [`run`].
///
/// Mirrors [`from_thread.run_sync`](https://anyio.readthedocs.io/en/stable/threads.html#calling-synchronous-code-from-a-worker-thread).
///
/// # Errors
/// [`RunFinished`], if no task awaits this thread, or it has abandoned it; `f` has been dropped then.
///
/// # Panics
/// With the panic of `f`.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::BoxError;
/// use anyio_threads::{from_thread, to_thread};
/// use std::thread;
///
/// anyio_runtime::run(async {
///     let home = thread::current().id();
///     let called = to_thread::run_sync(|| from_thread::run_sync(|| thread::current().id())).await??;
///     assert_eq!(called, home);
///     Ok::<_, BoxError>(())
/// }).unwrap();
/// ```
#[track_caller]
pub fn run_sync<F, T>(f: F) -> Result<T, RunFinished>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ask_host(Snapshot::take().bind(Once(Some(f))), None, (&"from_thread::run_sync", Location::caller()))
}

fn ask_host<F>(work: F, loan: Option<&Loan>, call: (Verb, &'static Location<'static>)) -> Result<F::Output, RunFinished>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let seat = Seat::with(|seat| (seat.host.clone(), seat.run.clone()));
    let Some((host, run)) = seat else { return Err(RunFinished::new(Why::NotAwaited)) };
    // Before its host can know, so that it is there for whoever finds that nobody polls that.
    let shown = Shown::here(call);
    let given = ask(&run, Why::Abandoned, |responder| {
        // Refused, it is dropped here, and so the answer says that.
        drop(host.call(Box::pin(Call::new(work, responder))));
    });
    if let Some(loan) = loan {
        loan.settle();
    }
    drop(shown);
    unwrap(given)
}

/// Whether the task that awaits this thread is cancelled: a checkpoint for a closure of
/// [`to_thread::run_sync`](crate::to_thread::run_sync).
///
/// Anywhere else it is [`check_cancelled`](fn@anyio_cancel_scope::check_cancelled): on a thread that nobody awaits nothing is
/// cancelled. (AnyIO raises there.)
///
/// Mirrors [`from_thread.check_cancelled`](https://anyio.readthedocs.io/en/stable/threads.html#reacting-to-cancellation-in-worker-threads).
///
/// # Errors
/// [`Cancelled`], if the scope of the task is effectively cancelled, or the task has abandoned this thread.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{Cancelled, move_on_after};
/// use anyio_threads::{from_thread, to_thread};
/// use std::time::Duration;
///
/// let count = anyio_runtime::run(move_on_after(Duration::from_millis(10), async {
///     to_thread::run_sync(|| {
///         for _chunk in 0.. {
///             from_thread::check_cancelled()?;
///             std::thread::sleep(Duration::from_millis(1));
///         }
///         Ok::<_, Cancelled>(())
///     }).await?
/// }));
/// assert_eq!(count, Ok(None));
/// ```
pub fn check_cancelled() -> Result<(), Cancelled> {
    if Seat::with(|seat| seat.host.is_gone()).unwrap_or(false) {
        return Err(cancelled());
    }
    anyio_cancel_scope::check_cancelled()
}
