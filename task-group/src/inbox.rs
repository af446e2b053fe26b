//! What reaches a group from its handles: new children, and errors that found nobody else to take them.
//!
//! # Invariants
//! 1. While the group is open, every child that was submitted is in `new` or was taken in by the group. The task of each in
//!    `new` stands in the group's book, in the same order.
//! 2. Once it is not, nothing is put in: a child that comes too late is handed back to be dropped outside the lock.

use anyio_cancel_scope::host::Order;
use anyio_context_vars::Snapshot;

use crate::{blocks::Blocks, child::NewChild, children::Payload, hub::Hub, sync::Mutex, task::set_key};

pub(crate) struct Inbox<C, E> {
    state: Mutex<State<C, E>>,
}

struct State<C, E> {
    phase: Phase,
    new: Blocks<(C, Snapshot)>,
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
                let NewChild { future, task, variables } = child;
                hub.book.lock().enter(task);
                state.new.push((future, variables));
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

    /// Takes children out in the order in which they were submitted, up to `most`, and gives them their keys.
    pub(crate) fn take_new(&self, hub: &Hub, most: usize) -> impl ExactSizeIterator<Item = NewChild<C>> + use<C, E> {
        let (new, tasks) = {
            let mut state = self.state.lock();
            if state.new.is_empty() {
                (Vec::new(), Vec::new())
            } else {
                let mut book = hub.book.lock();
                let tasks = book.take_new(most);
                for task in &tasks {
                    let key = book.take_in(task.clone());
                    set_key(task, key);
                }
                (state.new.take(most), tasks)
            }
        };
        new.into_iter().zip(tasks).map(|((future, variables), task)| NewChild { future, task, variables })
    }

    /// Has a test kit decide in which order the children that wait are taken in.
    #[cold]
    pub(crate) fn shuffle_new(&self, hub: &Hub, order: &Order) {
        let mut state = self.state.lock();
        let mut book = hub.book.lock();
        let mut new = Vec::new();
        while !state.new.is_empty() {
            new.extend(state.new.take(usize::MAX).into_iter().zip(book.take_new(usize::MAX)));
        }
        order.shuffle(&mut new);
        for (child, task) in new {
            book.enter(task);
            state.new.push(child);
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
        let mut closed = Vec::new();
        while !state.new.is_empty() {
            let (new, tasks) = (state.new.take(usize::MAX), book.take_new(usize::MAX));
            let new = new.into_iter().zip(tasks);
            closed.extend(new.map(|((future, variables), task)| NewChild { future, task, variables }));
        }
        (closed, std::mem::take(&mut state.late))
    }
}
