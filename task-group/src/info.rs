//! What is known of a task at one moment.

use std::{panic::Location, sync::Arc};

use anyio_cancel_scope::host::TaskRef;

use crate::{TaskId, TaskState, task::header};

/// What was known of a task when this was asked for.
///
/// Two of them are equal if they are of the same task.
#[derive(Debug, Clone)]
pub struct TaskInfo {
    id: TaskId,
    parent: Option<TaskId>,
    name: Arc<str>,
    state: TaskState,
    started_at: &'static Location<'static>,
    waiting: Option<(&'static str, &'static Location<'static>)>,
    cancelled: bool,
}

impl TaskInfo {
    pub(crate) fn of(task: &TaskRef) -> Option<Self> {
        let header = header(task)?;
        Some(Self {
            id: header.id(),
            parent: header.parent(),
            name: header.name().into(),
            state: header.state(),
            started_at: header.place(),
            waiting: header.record().waiting().map(|(verb, place)| (*verb, place)),
            cancelled: header.is_effectively_cancelled(),
        })
    }

    /// The task's identity.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// The task that hosts the group of this one.
    pub fn parent_id(&self) -> Option<TaskId> {
        self.parent
    }

    /// The name that it was given, or that of the function in which its future was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it was doing, or how it ended.
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// Where it was started.
    pub fn started_at(&self) -> &'static Location<'static> {
        self.started_at
    }

    /// In which operation it waited, and where that was called; `None` if it never waited in one that tells. A task that
    /// runs again shows its last wait.
    pub fn waiting(&self) -> Option<(&'static str, &'static Location<'static>)> {
        self.waiting
    }

    /// Whether its next checkpoint outside of any shield would be cancelled.
    pub fn has_pending_cancellation(&self) -> bool {
        self.cancelled
    }
}

impl PartialEq for TaskInfo {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for TaskInfo {}
