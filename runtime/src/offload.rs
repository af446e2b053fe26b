//! `offload`: one future on another thread.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{Checkpoint, RunRecord};
use async_task::FallibleTask;

use crate::{
    job::{Caught, Job},
    pool::{Entry, Pool},
    slot::Slot,
};

/// Runs `fut` on a worker thread, and waits for it.
///
/// It is a future like any other: await it, start it in a group (`tg.start_soon(offload(work))`), limit it, race it. The
/// future takes the scope, the context variables, the clock and the task of its first poll along, so cancellation, deadlines
/// and [`current_task`](anyio_task_group::current_task) are on the other thread what they are here.
///
/// It is no checkpoint: `fut` itself sees a cancellation, and its end is waited for. Where it is dropped instead, `fut` is dropped
/// by its worker as soon as its current poll returns; the group around it, and the `run`, wait for that.
///
/// Inside a `run` it uses the worker threads of that (see [`Builder::worker_threads`](crate::Builder::worker_threads)); under
/// tokio, with the feature `tokio`, that runtime's.
///
/// # Panics
/// At the first poll, where there is neither a `run` nor (by feature) a tokio runtime. With the panic of `fut`. When it is polled
/// after the `run` in which it was first polled has ended.
///
/// # Cancel safety
/// Dropping it drops `fut`, and its value if that was there already.
///
/// # Examples
/// ```
/// use anyio_runtime::{offload, run};
/// use anyio_task_group::gather;
///
/// let sums = run(gather((1..=4_u64).map(|n| offload(async move {
///     anyio_cancel_scope::ok((0..n * 1000).sum::<u64>())
/// }))));
/// assert_eq!(sums.unwrap().len(), 4);
/// ```
#[track_caller]
pub fn offload<F>(fut: F) -> impl Future<Output = F::Output> + Send + Unpin + use<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Offload { stage: Stage::Ahead(Some(fut)), checkpoint: Checkpoint::at(&"offload", Location::caller()) }
}

struct Offload<F, T> {
    stage: Stage<F, T>,
    /// Only to note where the task waits.
    checkpoint: Checkpoint,
}

enum Stage<F, T> {
    Ahead(Option<F>),
    Waiting(Task, Arc<Slot<T>>),
    Done,
}

/// A job on its executor, which is dropped with this.
enum Task {
    Ours(FallibleTask<Result<(), Caught>>),
    #[cfg(feature = "tokio")]
    Tokio(crate::tokio::Task<Result<(), Caught>>),
}

impl<F, T> Unpin for Offload<F, T> {}

impl<F> Future for Offload<F, F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if let Stage::Ahead(fut) = &mut this.stage
            && let Some(fut) = fut.take()
        {
            // Before it runs, for what it waits for on the other thread says more.
            this.checkpoint.note();
            let slot = Arc::new(Slot::new());
            let task = Task::spawn(fut, slot.clone());
            this.stage = Stage::Waiting(task, slot);
        }
        let Stage::Waiting(task, slot) = &mut this.stage else {
            panic!("offload: polled after it was ready, which a future must not be; await it once");
        };
        match ready!(task.poll(cx)) {
            Some(Ok(())) => {
                let value = slot.take();
                this.stage = Stage::Done;
                if let Some(value) = value {
                    return Poll::Ready(value);
                }
            }
            Some(Err(caught)) => {
                this.stage = Stage::Done;
                caught.resume();
            }
            None => {}
        }
        panic!(
            "offload: the runtime on whose threads it ran has ended, and dropped what was still there; await it before that \
             ends, inside of it"
        );
    }
}

impl<F, T> Drop for Offload<F, T> {
    fn drop(&mut self) {
        // From now on the job drops the value itself; one that is there already is dropped here.
        if let Stage::Waiting(_, slot) = &self.stage {
            drop(slot.give_up());
        }
    }
}

impl Task {
    fn spawn<F>(fut: F, slot: Arc<Slot<F::Output>>) -> Self
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if let Some(pool) = RunRecord::find_here::<Arc<Pool>>() {
            let job = Job::new(fut, slot, Some(Entry::new(Arc::clone(&pool))));
            return Self::Ours(pool.spawn(job));
        }
        #[cfg(feature = "tokio")]
        if let Some(runtime) = crate::tokio::current() {
            return Self::Tokio(crate::tokio::spawn(&runtime, Job::new(fut, slot, None)));
        }
        panic!(
            "offload: there are no worker threads here; await it inside of `run`{}",
            if cfg!(feature = "tokio") {
                " or of a tokio runtime"
            } else {
                ", or under tokio with the feature `tokio`"
            }
        );
    }

    /// `None`: the runtime has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Caught>>> {
        match self {
            Self::Ours(task) => Pin::new(task).poll(cx),
            #[cfg(feature = "tokio")]
            Self::Tokio(task) => task.poll(cx),
        }
    }
}

impl<F, T> fmt::Debug for Offload<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload").finish_non_exhaustive()
    }
}
