//! The handle of a task.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{Cancelled, Cause, Checkpoint, check_cancelled, host, host::ScopeRef};

use crate::{
    JoinError, TaskId, TaskState,
    joiners::Joining,
    keep::Keep,
    task::{End, Header, Task, TaskOf},
};

/// A task of a group, to wait for, to take the value of, or to cancel.
///
/// Dropping it detaches nothing and cancels nothing: the group owns the task. A failed task's error comes out of the
/// group, exactly once; the handle tells that it failed.
///
/// See [AnyIO's page on tasks](https://anyio.readthedocs.io/en/stable/tasks.html).
///
/// # Examples
/// ```
/// use anyio_cancel_scope::sleep_forever;
/// use anyio_task_group::{task_group, JoinError, TaskState};
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// task_group(async |tg| -> io::Result<()> {
///     let sum = tg.start_soon(async { io::Result::Ok(1 + 2) });
///     assert_eq!(sum.join().await?, 3);
///     assert_eq!(sum.join().await, Err(JoinError::Taken));
///
///     let idle = tg.start_soon(async { Ok(sleep_forever().await?) });
///     idle.cancel();
///     idle.wait().await?;
///     assert_eq!(idle.status(), TaskState::Cancelled);
///     Ok(())
/// }).await?;
/// # io::Result::Ok(()) }).unwrap();
/// ```
pub struct TaskHandle<T> {
    repr: Repr<T>,
}

impl<T> TaskHandle<T> {
    pub(crate) fn new(repr: Repr<T>) -> Self {
        Self { repr }
    }

    fn header(&self) -> &Header {
        self.repr.header()
    }

    /// Cancels the task; its siblings are not disturbed. A task that was not polled yet still runs to its first
    /// checkpoint. Does nothing when the task has ended.
    pub fn cancel(&self) {
        self.cancel_with(Cause::Called(None));
    }

    /// Cancels the task and says why.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) {
        let reason: Cow<'static, str> = reason.into();
        self.cancel_with(Cause::Called(Some(reason.into())));
    }

    pub(crate) fn cancel_with(&self, cause: Cause) {
        if self.header().end().is_none() {
            host::cancel(&self.repr.scope(), cause);
        }
    }

    /// Waits until the task has ended, however it did. Any number of waits may be under way.
    ///
    /// # Errors
    /// [`Cancelled`] when the one who waits is cancelled.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn wait(&self) -> Wait<'_> {
        Wait { checkpoint: Checkpoint::new(&"wait"), joining: Joining::new(self.header()) }
    }

    /// Waits until the task has ended, and takes its value.
    ///
    /// # Errors
    /// [`JoinError`]: that you were cancelled while you waited, or why there is no value. Where a cancellation reaches you
    /// and the task alike it is [`Interrupted`](JoinError::Interrupted), so a group that is cancelled does not fail because
    /// one of its tasks waited for another.
    ///
    /// # Cancel safety
    /// A `join` that is cancelled or dropped leaves the value in the handle.
    #[track_caller]
    pub fn join(&self) -> Join<'_, T> {
        Join { checkpoint: Checkpoint::new(&"join"), joining: Joining::new(self.header()), repr: &self.repr }
    }

    /// The value of a task that has ended, taken; or why there is none. `None` while the task has not ended.
    pub fn try_result(&self) -> Option<Result<T, JoinError>> {
        self.header().end().map(|end| self.repr.result(end))
    }

    /// What the task is doing, or how it ended.
    pub fn status(&self) -> TaskState {
        self.header().state()
    }

    /// The task's identity.
    pub fn id(&self) -> TaskId {
        self.header().id()
    }

    /// The task's name: the given one, or that of the function in which its future was written.
    pub fn name(&self) -> &str {
        self.header().name()
    }
}

impl<T> Drop for TaskHandle<T> {
    fn drop(&mut self) {
        if self.header().give_up() {
            drop(self.repr.keep().take());
        }
    }
}

impl<T> fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Where a task keeps its value.
pub(crate) enum Repr<T> {
    /// With the rest of the task.
    Joint(Arc<dyn TaskOf<T>>),
    /// Apart: a value that is not `Send` cannot live in what a waker points to.
    Apart(Arc<Task<()>>, Arc<Keep<T>>),
}

impl<T> Repr<T> {
    fn header(&self) -> &Header {
        match self {
            Self::Joint(task) => task.header(),
            Self::Apart(task, _) => task.header(),
        }
    }

    fn keep(&self) -> &Keep<T> {
        match self {
            Self::Joint(task) => task.keep(),
            Self::Apart(_, keep) => keep,
        }
    }

    fn scope(&self) -> ScopeRef {
        match self {
            Self::Joint(task) => task.clone(),
            Self::Apart(task, _) => task.clone(),
        }
    }

    fn result(&self, end: End) -> Result<T, JoinError> {
        match end {
            End::Finished => self.keep().take().ok_or(JoinError::Taken),
            End::Failed => Err(JoinError::TaskFailed),
            End::Cancelled => Err(JoinError::TaskCancelled),
            End::Panicked => Err(JoinError::TaskPanicked),
        }
    }
}

/// The future of [`TaskHandle::wait`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Wait<'a> {
    checkpoint: Checkpoint,
    joining: Joining<'a>,
}

impl Future for Wait<'_> {
    type Output = Result<(), Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.checkpoint.poll_entry(cx))?;
        if this.joining.poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        this.checkpoint.poll_pending(cx).map(Err)
    }
}

/// The future of [`TaskHandle::join`].
#[must_use = "futures do nothing unless polled"]
pub struct Join<'a, T> {
    checkpoint: Checkpoint,
    joining: Joining<'a>,
    repr: &'a Repr<T>,
}

impl<T> Future for Join<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.checkpoint.poll_entry(cx))?;
        if let Poll::Ready(end) = this.joining.poll(cx) {
            // One cancellation ended both, whichever of them was polled first; there is no value to lose.
            if end == End::Cancelled {
                check_cancelled()?;
            }
            return Poll::Ready(this.repr.result(end));
        }
        this.checkpoint.poll_pending(cx).map(|cancelled| Err(cancelled.into()))
    }
}

impl<T> fmt::Debug for Join<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("checkpoint", &self.checkpoint).finish_non_exhaustive()
    }
}
