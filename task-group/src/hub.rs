//! What a group shares with its tasks and with whoever looks at it: nothing that borrows.
//!
//! # Invariants
//! 1. A key names one live task: it is given out with the task's entry in `members`, and freed when the task ended.
//! 2. A task pushes its ticket at most once between two polls of it (its `queued` flag), and never after its end. Its
//!    last one may be in the queue when its key is given out again, and is known by its id.
//!
//! # Lock order
//! `ready` and `members` are each held alone.

use std::{
    panic::Location,
    sync::{Arc, Weak},
};

use anyio_cancel_scope::host::{ScopeNode, TaskRef, scope_node};
use slab::Slab;

use crate::{
    bell::Bell,
    registry,
    sync::{Mutex, Ordering},
    task::{Header, TaskId, header},
};

pub(crate) struct Hub {
    pub(crate) bell: Arc<Bell>,
    pub(crate) scope: Arc<ScopeNode>,
    pub(crate) verb: &'static &'static str,
    pub(crate) place: &'static Location<'static>,
    /// The task that hosts the group.
    pub(crate) host: Option<TaskId>,
    ready: Mutex<Vec<Ticket>>,
    members: Mutex<Slab<TaskRef>>,
    registered: Mutex<Option<usize>>,
}

/// A task that was woken: its key, and enough of its identity to tell it from the next one with this key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticket {
    pub(crate) key: u32,
    pub(crate) id: u32,
}

impl Hub {
    pub(crate) fn new(verb: &'static &'static str, place: &'static Location<'static>) -> Arc<Self> {
        let bell = Arc::new(Bell::new());
        let host = anyio_cancel_scope::host::task().as_ref().and_then(header).map(Header::id);
        let hub = Arc::new(Self {
            scope: scope_node(Some(bell.clone())),
            bell,
            verb,
            place,
            host,
            ready: Mutex::new(Vec::new()),
            members: Mutex::new(Slab::new()),
            registered: Mutex::new(None),
        });
        let weak: Weak<Self> = Arc::downgrade(&hub);
        *hub.registered.lock() = Some(registry::add(weak));
        hub
    }

    /// Enters a task, which gets its key.
    pub(crate) fn enter(&self, task: TaskRef) {
        let mut members = self.members.lock();
        let entry = members.vacant_entry();
        if let Some(header) = header(&task) {
            header.key.store(entry.key() as u32, Ordering::Relaxed);
        }
        entry.insert(task);
    }

    /// Takes out a task that ended.
    pub(crate) fn remove(&self, key: u32) {
        let task = self.members.lock().try_remove(key as usize);
        drop(task);
    }

    pub(crate) fn members(&self) -> Vec<TaskRef> {
        self.members.lock().iter().map(|(_, task)| task.clone()).collect()
    }

    /// A task of the group was woken.
    pub(crate) fn push(&self, ticket: Ticket) {
        self.ready.lock().push(ticket);
        self.bell.ring();
    }

    /// Exchanges the queue of woken tasks for an empty one.
    pub(crate) fn swap_ready(&self, batch: &mut Vec<Ticket>) {
        debug_assert!(batch.is_empty());
        std::mem::swap(&mut *self.ready.lock(), batch);
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.lock().is_empty()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let registered = self.registered.lock().take();
        if let Some(key) = registered {
            registry::remove(key);
        }
    }
}
