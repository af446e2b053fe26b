//! A task of a portal, as a thread sees it.

use std::{
    fmt,
    panic::Location,
    sync::Arc,
    time::{Duration, Instant},
};

use anyio_cancel_scope::Verb;
use anyio_task_group::TaskHandle;

use crate::{
    answer::{Answer, unwrap},
    portal::BlockingPortal,
    run_finished::RunFinished,
    shown::Shown,
};

/// A handle to a task that was started through a [`BlockingPortal`], for code that does not await.
///
/// Dropping it neither stops nor cancels the task. A panic that nobody has waited for comes out of the portal then, be that stopped
/// or not. When the portal has ended, it can still be waited for; dropped instead, the panic is lost.
pub struct PortalTask<T> {
    answer: Arc<Answer<T>>,
    handle: TaskHandle<()>,
    portal: BlockingPortal,
}

impl<T> PortalTask<T> {
    pub(crate) fn new(answer: Arc<Answer<T>>, handle: TaskHandle<()>, portal: BlockingPortal) -> Self {
        Self { answer, handle, portal }
    }

    /// Waits until the task has ended, and gives its output.
    ///
    /// # Errors
    /// [`RunFinished`], if the portal has ended before the task had.
    ///
    /// # Panics
    /// With the panic of the task. Before the task has [ended](Self::is_finished), on a thread of the `run` that has the
    /// portal, or in a task of it, which it would block.
    #[track_caller]
    pub fn wait(self) -> Result<T, RunFinished> {
        self.assert_elsewhere("PortalTask::wait");
        self.wait_in(&"PortalTask::wait")
    }

    /// Waits for it in this call.
    #[track_caller]
    pub(crate) fn wait_in(self, verb: Verb) -> Result<T, RunFinished> {
        let _shown = Shown::here((verb, Location::caller()));
        unwrap(self.answer.wait(self.portal.run()))
    }

    /// Waits at most so long, in real time: gives the output, or itself back. A worker that waits here is at work, for a virtual
    /// clock.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), inside.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_for(self, most: Duration) -> Result<Result<T, RunFinished>, Self> {
        self.assert_elsewhere("PortalTask::wait_for");
        // What is beyond all time is no limit.
        let until = Instant::now().checked_add(most);
        let shown = Shown::here((&"PortalTask::wait_for", Location::caller()));
        let asked = self.answer.wait_until(self.portal.run(), until);
        drop(shown);
        match asked {
            Some(asked) => Ok(unwrap(asked)),
            None => Err(self),
        }
    }

    /// Whether the task has ended: [`wait`](Self::wait) returns at once then.
    pub fn is_finished(&self) -> bool {
        self.answer.is_there()
    }

    /// Cancels the task: its checkpoints return `Cancelled`, and its output says what it made of that. It runs to its first
    /// checkpoint in any case.
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// It is no wait when the task has ended.
    #[track_caller]
    fn assert_elsewhere(&self, call: &str) {
        if !self.is_finished() {
            self.portal.assert_elsewhere(call);
        }
    }

    /// Its name in the task tree.
    pub fn name(&self) -> &str {
        self.handle.name()
    }
}

impl<T> Drop for PortalTask<T> {
    fn drop(&mut self) {
        if let Some(payload) = self.answer.give_up() {
            self.portal.resume(payload);
        }
    }
}

impl<T> fmt::Debug for PortalTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalTask").field("name", &self.name()).field("finished", &self.is_finished()).finish()
    }
}
