//! The tasks of a group, for whoever looks at it.
//!
//! # Invariants
//! 1. A key names one task: it is given out when the task is taken in, and again only after it was struck out.
//! 2. Tasks are dropped by whoever struck them out, outside the lock that guards this.

use std::collections::VecDeque;

use anyio_cancel_scope::host::TaskRef;

#[derive(Default)]
pub(crate) struct Book {
    new: VecDeque<TaskRef>,
    members: Vec<Option<TaskRef>>,
    free: Vec<u32>,
}

impl Book {
    /// Enters a task that was started.
    pub(crate) fn enter(&mut self, task: TaskRef) {
        self.new.push_back(task);
    }

    /// Gives the one that was entered first its key.
    pub(crate) fn take_in(&mut self) -> Option<(u32, TaskRef)> {
        let task = self.new.pop_front()?;
        let key = match self.free.pop() {
            Some(key) => key,
            None => {
                make_room(&mut self.members);
                self.members.push(None);
                self.members.len() as u32 - 1
            }
        };
        self.members[key as usize] = Some(task.clone());
        if self.new.is_empty() && self.new.capacity() > LARGE {
            self.new = VecDeque::new();
        }
        Some((key, task))
    }

    /// Takes out the one that was entered first and not taken in.
    pub(crate) fn pop_new(&mut self) -> Option<TaskRef> {
        self.new.pop_front()
    }

    /// Strikes out a task that ended.
    pub(crate) fn strike(&mut self, key: u32) -> Option<TaskRef> {
        let task = self.members.get_mut(key as usize)?.take();
        if task.is_some() {
            self.free.push(key);
        }
        task
    }

    /// All that were started and not struck out.
    pub(crate) fn members(&self) -> Vec<TaskRef> {
        self.members.iter().flatten().chain(&self.new).cloned().collect()
    }
}

/// How much room a list of what is new keeps when it is empty.
pub(crate) const LARGE: usize = 1024;

/// Makes room for one more: a large list grows by an eighth, so that it does not take twice of what it needs.
pub(crate) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(list.len().min(LARGE)).max(4));
    }
}
