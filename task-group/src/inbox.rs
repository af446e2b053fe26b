//! What reaches a group from its handles: new children, and errors that found nobody else to take them.
//!
//! # Invariants
//! 1. While the group is open, every child that was submitted is in `new` or was taken in by the group, and stands in the
//!    group's book.
//! 2. Once it is not, nothing is put in: a child that comes too late is handed back to be dropped outside the lock.

use anyio_cancel_scope::host::Order;

use crate::{blocks::Blocks, child::NewChild, children::Payload, hub::Hub, sync::Mutex};

pub(crate) struct Inbox<C, E> {
    state: Mutex<State<C, E>>,
}

struct State<C, E> {
    phase: Phase,
    new: Blocks<NewChild<C>>,
    late: Vec<Late<E>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Open,
    /// The group has returned: all its tasks had ended.
    Returned,
    /// The group was dropped before it returned.
    Dropped,
}

/// What a child ended with that somebody else was to take, and did not.
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
                hub.book.lock().enter(child.task.clone());
                state.new.push(child);
                Ok(())
            }
            phase => Err((child, phase)),
        }
    }

    /// Leaves an end for the group's next turn, or hands it back if there is none.
    pub(crate) fn leave_late(&self, late: Late<E>) -> Result<(), Late<E>> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Err(late);
        }
        state.late.push(late);
        Ok(())
    }

    /// Takes children out in the order in which they were submitted, up to `most`; not always as many as there are.
    pub(crate) fn take_new(&self, most: usize) -> Vec<NewChild<C>> {
        self.state.lock().new.take(most)
    }

    /// Has a test kit decide in which order the children that wait are taken in.
    #[cold]
    pub(crate) fn shuffle_new(&self, order: &Order) {
        let new = &mut self.state.lock().new;
        let mut all = new.take_all();
        order.shuffle(&mut all);
        all.into_iter().for_each(|child| new.push(child));
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
        let closed = state.new.take_all();
        let mut book = hub.book.lock();
        for child in &closed {
            // The child has a handle of its task, too.
            drop(book.strike(child.task.node().number()));
        }
        (closed, std::mem::take(&mut state.late))
    }
}
