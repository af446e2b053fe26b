//! What reaches a group from its handles: new children, and errors that found nobody else to take them.
//!
//! # Invariants
//! 1. While the group is open, every child that was submitted is in `new` or was taken in by the group. The task of each in
//!    `new` stands in the group's book, in the same order.
//! 2. Once it is not, nothing is put in: a child that comes too late is handed back to be dropped outside the lock.

use anyio_cancel_scope::host::Order;
use anyio_context_vars::Snapshot;

use crate::{
    blocks::Blocks,
    book::Book,
    child::NewChild,
    children::{BATCH, Payload},
    hub::Hub,
    room::make_room_for,
    sync::Mutex,
    task::set_key,
};

pub(crate) struct Inbox<C, E> {
    state: Mutex<State<C, E>>,
}

struct State<C, E> {
    phase: Phase,
    new: Blocks<(C, Snapshot), 4>,
    late: Vec<Late<E>>,
}

impl<C, E> State<C, E> {
    #[inline]
    fn push_new(&mut self, book: &mut Book, child: NewChild<C>) {
        let NewChild { future, task, variables } = child;
        book.enter(task);
        self.new.push((future, variables));
    }

    /// Takes the first of those out that wait, by invariant 1.
    #[inline]
    fn pop_new(&mut self, book: &mut Book) -> Option<NewChild<C>> {
        let ((future, variables), task) = self.new.pop().zip(book.pop_new())?;
        Some(NewChild { future, task, variables })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Open,
    /// The group has returned: all its tasks had ended.
    Returned,
    /// The group was dropped before it returned.
    Dropped,
}

/// What a child ended with whose `start` was dropped before it could take it.
pub(crate) enum Late<E> {
    Failed(E),
    Panicked(Payload),
}

impl<C, E> Inbox<C, E> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { phase: Phase::Open, new: Blocks::default(), late: Vec::new() }) }
    }

    /// Leaves a child for the group's next turn, or hands it back with the reason.
    #[inline]
    pub(crate) fn submit(&self, hub: &Hub, child: NewChild<C>) -> Result<(), (NewChild<C>, Phase)> {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Open => {
                state.push_new(&mut hub.book.lock(), child);
                Ok(())
            }
            phase => Err((child, phase)),
        }
    }

    pub(crate) fn leave_late(&self, late: Late<E>) {
        let rejected = {
            let mut state = self.state.lock();
            if state.phase == Phase::Open {
                state.late.push(late);
                None
            } else {
                Some(late)
            }
        };
        drop(rejected);
    }

    /// Takes children out in the order in which they were submitted, up to `most` and not too many at a time, and gives them
    /// their keys.
    pub(crate) fn take_new(&self, hub: &Hub, most: usize, out: &mut Vec<NewChild<C>>) {
        let mut state = self.state.lock();
        if state.new.is_empty() {
            return;
        }
        let mut book = hub.book.lock();
        let count = most.min(BATCH).min(state.new.len());
        make_room_for(out, count);
        for _ in 0..count {
            let Some(child) = state.pop_new(&mut book) else { return };
            set_key(&child.task, book.take_in(child.task.clone()));
            out.push(child);
        }
    }

    /// Has a test kit decide in which order the children that wait are taken in.
    #[cold]
    pub(crate) fn shuffle_new(&self, hub: &Hub, order: &Order) {
        let mut state = self.state.lock();
        let mut book = hub.book.lock();
        let mut new: Vec<NewChild<C>> = std::iter::from_fn(|| state.pop_new(&mut book)).collect();
        order.shuffle(&mut new);
        for child in new {
            state.push_new(&mut book, child);
        }
    }

    /// How many children wait to be taken in.
    pub(crate) fn count_new(&self) -> usize {
        self.state.lock().new.len()
    }

    pub(crate) fn take_late(&self) -> Vec<Late<E>> {
        std::mem::take(&mut self.state.lock().late)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.new.is_empty() && state.late.is_empty()
    }

    /// Closes the inbox if there is nothing in it: the group is about to return.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut state = self.state.lock();
        let empty = state.new.is_empty() && state.late.is_empty();
        if empty {
            state.phase = Phase::Returned;
        }
        empty
    }

    /// Closes the inbox of a group that is being dropped, and hands out what is in it.
    pub(crate) fn close_dropped(&self, hub: &Hub) -> (Vec<NewChild<C>>, Vec<Late<E>>) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Dropped;
        }
        let mut book = hub.book.lock();
        let closed = std::iter::from_fn(|| state.pop_new(&mut book)).collect();
        (closed, std::mem::take(&mut state.late))
    }
}
