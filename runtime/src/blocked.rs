//! Waiting until nothing else can run.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, RunRecord};

use crate::pool::Pool;

/// Waits until every other task of this `run` waits too: for tests that have to know that the others came as far as they can.
///
/// It is exact: tasks are those of groups and what was [offloaded](crate::offload); nothing of them can run when it returns,
/// unless it is woken from outside of the `run`: by a timer, a descriptor, another thread. A virtual clock does not jump before. A
/// task that waits for a closure on a worker thread waits. If several wait so, all of them go on.
///
/// Mirrors AnyIO's [`wait_all_tasks_blocked`](https://anyio.readthedocs.io/en/stable/api.html#anyio.wait_all_tasks_blocked).
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope.
///
/// # Panics
/// At its first poll, outside of any `run`: under another executor nobody can know.
///
/// # Cancel safety
/// Nothing is lost.
///
/// # Examples
/// ```
/// # use anyio_runtime::__private::wait_all_tasks_blocked;
/// use anyio_cancel_scope::sleep_forever;
/// use anyio_task_group::task_group;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// anyio_runtime::run(async {
///     let came = AtomicBool::new(false);
///     task_group(async |tg| -> std::io::Result<()> {
///         tg.start_soon(async {
///             came.store(true, Ordering::Relaxed);
///             Ok(sleep_forever().await?)
///         });
///         wait_all_tasks_blocked().await?;
///         assert!(came.load(Ordering::Relaxed));
///         tg.cancel();
///         Ok(())
///     }).await
/// }).unwrap();
/// ```
#[track_caller]
pub fn wait_all_tasks_blocked() -> Blocked {
    Blocked { checkpoint: Checkpoint::at(&"wait_all_tasks_blocked", Location::caller()), waiting: None }
}

/// The future of [`wait_all_tasks_blocked`].
#[must_use = "futures do nothing unless polled"]
pub struct Blocked {
    checkpoint: Checkpoint,
    waiting: Option<(Arc<Pool>, usize)>,
}

impl Future for Blocked {
    type Output = Result<(), Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.checkpoint.poll_entry(cx))?;
        match &this.waiting {
            None => {
                let Some(pool) = RunRecord::current().find::<Arc<Pool>>() else {
                    panic!(
                        "wait_all_tasks_blocked: it works inside of `run` (such as in `#[anyio::test]`) only; another executor \
                         does not tell when nothing can run"
                    );
                };
                let key = pool.idlers().join(cx.waker().clone());
                this.waiting = Some((Arc::clone(&pool), key));
            }
            Some((pool, key)) => {
                if pool.idlers().is_over(*key, cx.waker()) {
                    this.leave();
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let cancelled = ready!(this.checkpoint.poll_pending(cx));
        this.leave();
        Poll::Ready(Err(cancelled))
    }
}

impl Blocked {
    fn leave(&mut self) {
        if let Some((pool, key)) = self.waiting.take() {
            pool.idlers().leave(key);
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocked").finish_non_exhaustive()
    }
}
