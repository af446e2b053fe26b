//! What reaches a group from its handles: new children, and errors that found nobody else to take them.
//!
//! # Invariants
//! 1. While the group is open, every child that was submitted is in `new` or was taken in by the group.
//! 2. Once it is not, nothing is put in: a child that comes too late is handed back to be dropped outside the lock.

use std::collections::VecDeque;

use crate::{child::NewChild, children::Payload, sync::Mutex};

pub(crate) struct Inbox<C, E> {
    state: Mutex<State<C, E>>,
}

struct State<C, E> {
    phase: Phase,
    new: VecDeque<NewChild<C>>,
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
        Self { state: Mutex::new(State { phase: Phase::Open, new: VecDeque::new(), late: Vec::new() }) }
    }

    /// Leaves a child for the group's next turn, or hands it back with the reason.
    pub(crate) fn submit(&self, child: NewChild<C>) -> Result<(), (NewChild<C>, Phase)> {
        let mut state = self.state.lock();
        match state.phase {
            Phase::Open => {
                state.new.push_back(child);
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

    /// Moves up to `most` children to `taken`, in the order in which they were submitted.
    pub(crate) fn take_new(&self, most: usize, taken: &mut Vec<NewChild<C>>) {
        let mut state = self.state.lock();
        let count = state.new.len().min(most);
        taken.extend(state.new.drain(..count));
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
    pub(crate) fn close_dropped(&self) -> (VecDeque<NewChild<C>>, Vec<Late<E>>) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Dropped;
        }
        (std::mem::take(&mut state.new), std::mem::take(&mut state.late))
    }
}
