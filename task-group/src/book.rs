//! The tasks of a group, for whoever looks at it.
//!
//! # Invariants
//! 1. A key names one task: it is given out when the task is taken in, and again only after it was struck out.
//! 2. Tasks are dropped by whoever struck them out, outside the lock that guards this.

use anyio_cancel_scope::host::TaskRef;

use crate::{blocks::Blocks, room::make_room};

#[derive(Default)]
pub(crate) struct Book {
    new: Blocks<TaskRef, 7>,
    members: Vec<Option<TaskRef>>,
    free: Vec<u32>,
}

impl Book {
    /// Enters a task that was started.
    #[inline]
    pub(crate) fn enter(&mut self, task: TaskRef) {
        self.new.push(task);
    }

    /// Takes out the one that was entered first and has no key yet.
    #[inline]
    pub(crate) fn pop_new(&mut self) -> Option<TaskRef> {
        self.new.pop()
    }

    /// Gives a task that was new its key.
    pub(crate) fn take_in(&mut self, task: TaskRef) -> u32 {
        if let Some(key) = self.free.pop() {
            self.members[key as usize] = Some(task);
            return key;
        }
        make_room(&mut self.members);
        self.members.push(Some(task));
        self.members.len() as u32 - 1
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
        self.members.iter().flatten().chain(self.new.iter()).cloned().collect()
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use std::{panic::Location, sync::Arc};

    use anyio_cancel_scope::host::TaskRef;

    use super::Book;
    use crate::task::{Name, Task};

    fn task() -> TaskRef {
        let task: Arc<Task<()>> = Task::root(Name::Given("specimen".into()), Location::caller());
        task
    }

    // Invariant 1
    #[test]
    fn a_key_is_given_out_again_when_its_task_was_struck_out_and_not_before() {
        let mut book = Book::default();
        let keys = [book.take_in(task()), book.take_in(task())];
        assert_ne!(keys[0], keys[1]);
        assert!(book.strike(keys[0]).is_some());
        assert!(book.strike(keys[0]).is_none(), "it is free once only");
        assert_eq!(book.take_in(task()), keys[0]);
        assert!(!keys.contains(&book.take_in(task())));
        assert_eq!(book.members().len(), 3);
    }
}
