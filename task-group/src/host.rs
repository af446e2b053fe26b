//! What the crates above build on. No part of the promise to users.

use std::{
    borrow::Cow,
    panic::Location,
    task::{Context, Poll},
};

use anyio_cancel_scope::host::{TaskRef, Trial, with_task};

use crate::{
    TaskInfo,
    debug::{self, TaskTree, tree_of},
    registry::RootEntry,
    task::{End, Name, Task, header},
};

/// The tasks that were started in a watched run, and have not ended.
pub fn tasks_of(trial: &Trial) -> Vec<TaskInfo> {
    debug::tasks_of(trial)
}

/// The root task of a `run`, in the task tree until dropped.
#[derive(Debug)]
pub struct RootTask {
    task: Slot,
    _entry: RootEntry,
}

struct Slot(Option<TaskRef>);

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_ref().and_then(header).map_or("(running)", |header| header.name()))
    }
}

impl RootTask {
    /// A root task with the name of the future that it runs.
    pub fn new<F>(place: &'static Location<'static>) -> Self {
        Self::enter(Name::of_type::<F>(), place)
    }

    /// A root task with a name of its own, for what no future runs: a thread.
    pub fn named(name: Cow<'static, str>, place: &'static Location<'static>) -> Self {
        Self::enter(Name::Given(name), place)
    }

    fn enter(name: Name, place: &'static Location<'static>) -> Self {
        let task: TaskRef = Task::<()>::root(name, place);
        let entry = RootEntry::new(&task);
        Self { task: Slot(Some(task)), _entry: entry }
    }

    /// The tasks of the watched run of which this is the root, which is not being polled now.
    pub fn tree(&self, trial: &Trial) -> Option<TaskTree> {
        self.task.0.as_ref().map(|root| tree_of(root, trial))
    }

    /// Polls `body` as this task.
    pub fn poll<R>(&mut self, cx: &mut Context<'_>, body: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        with_task(&mut self.task.0, || body(cx))
    }
}

impl Drop for RootTask {
    fn drop(&mut self) {
        if let Some(header) = self.task.0.as_ref().and_then(header) {
            header.finish(End::Finished);
        }
    }
}
