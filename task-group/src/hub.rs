//! What a group shares with its tasks and with whoever looks at it: nothing that borrows.
//!
//! # Invariants
//! 1. Every task that has not ended is in the book, from when it is started. Those that ended go at the end of the turn.
//! 2. A task has at most one ticket in the queue (its `queued` flag), and pushes none after its end. Its last one may be there
//!    when its key is given out again, and is known by its id.
//! 3. Who wakes one of the first tasks of a turn finds room in the queue. It may be another thread, and memory from there is
//!    slow where an allocator has a lock around what each thread has.
//!
//! # Lock order
//! The group's inbox before `book`, for who is started; `ready` is held alone.

use std::{
    panic::Location,
    sync::{Arc, Weak},
};

use anyio_cancel_scope::host::{ScopeNode, TaskRef, scope_node};

use crate::{
    bell::Bell,
    book::Book,
    registry,
    sync::Mutex,
    task::{Header, TaskId, header, unqueue},
};

pub(crate) struct Hub {
    pub(crate) bell: Arc<Bell>,
    pub(crate) scope: Arc<ScopeNode>,
    pub(crate) verb: &'static &'static str,
    pub(crate) place: &'static Location<'static>,
    /// The task that hosts the group.
    pub(crate) host: Option<TaskId>,
    /// The watched run in which it was made; 0 if there is none.
    pub(crate) trial: u64,
    ready: Mutex<Vec<Ticket>>,
    pub(crate) book: Mutex<Book>,
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
            trial: anyio_cancel_scope::host::trial_id(),
            ready: Mutex::new(Vec::new()),
            book: Mutex::new(Book::default()),
            registered: Mutex::new(None),
        });
        let weak: Weak<Self> = Arc::downgrade(&hub);
        *hub.registered.lock() = Some(registry::add(weak));
        hub
    }

    /// The tasks that have not ended, in no order.
    pub(crate) fn members(&self) -> Vec<TaskRef> {
        let members = self.book.lock().members();
        members.into_iter().filter(|task| header(task).is_some_and(|task| task.end().is_none())).collect()
    }

    /// A task of the group was woken.
    pub(crate) fn push(&self, ticket: Ticket) {
        self.ready.lock().push(ticket);
        self.bell.ring();
    }

    /// A ticket was taken out of the queue whose task runs no more, or not yet: one that is not taken in yet is polled then in
    /// any case, and may be woken from now on.
    ///
    /// Who ended is not in the book any more: it was polled by its only ticket, or taken in, and left at the end of that turn. But
    /// the next one may have its key, and be queued with a ticket of its own.
    #[cold]
    pub(crate) fn unqueue_new(&self, ticket: Ticket) {
        let task = self.book.lock().find(ticket.key);
        if let Some(task) = task
            && header(&task).is_some_and(|task| task.ticket() == ticket)
        {
            unqueue(&task);
        }
    }

    /// Exchanges the queue of woken tasks for an empty one with room for so many.
    pub(crate) fn swap_ready(&self, batch: &mut Vec<Ticket>, room: usize) {
        debug_assert!(batch.is_empty());
        batch.reserve(room);
        std::mem::swap(&mut *self.ready.lock(), batch);
    }

    /// Makes room in the queue for so many tasks.
    pub(crate) fn make_room(&self, tasks: usize) {
        let mut ready = self.ready.lock();
        let more = tasks.saturating_sub(ready.len());
        ready.reserve(more);
    }

    #[cfg(all(test, not(anyio_loom)))]
    pub(crate) fn room(&self) -> usize {
        self.ready.lock().capacity()
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
