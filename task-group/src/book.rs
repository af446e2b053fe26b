//! The tasks of a group, for whoever looks at it.
//!
//! # Invariants
//! 1. A key names one task: it is given out when the task is started, and again only after it was struck out.
//! 2. Tasks are dropped by whoever struck them out, outside the lock that guards this.

use anyio_cancel_scope::host::TaskRef;

use crate::task::set_key;

#[derive(Default)]
pub(crate) struct Book {
    members: Vec<Option<TaskRef>>,
    free: Vec<u32>,
}

impl Book {
    /// Enters a task that is started, and gives it its key.
    #[inline]
    pub(crate) fn enter(&mut self, task: TaskRef) {
        match self.free.pop() {
            Some(key) => {
                set_key(&task, key);
                self.members[key as usize] = Some(task);
            }
            None => {
                make_room(&mut self.members);
                set_key(&task, self.members.len() as u32);
                self.members.push(Some(task));
            }
        }
    }

    /// The task with this key.
    pub(crate) fn find(&self, key: u32) -> Option<TaskRef> {
        self.members.get(key as usize)?.clone()
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
        self.members.iter().flatten().cloned().collect()
    }
}

/// Makes room for one more: a large list grows by an eighth, so that it does not take twice of what it needs.
pub(crate) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(list.len().min(1024)).max(4));
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
        let enter = |book: &mut Book| {
            let task = task();
            book.enter(task.clone());
            task.node().number()
        };
        let keys = [enter(&mut book), enter(&mut book)];
        assert_ne!(keys[0], keys[1]);
        assert!(book.strike(keys[0]).is_some());
        assert!(book.strike(keys[0]).is_none(), "it is free once only");
        assert_eq!(enter(&mut book), keys[0]);
        assert!(!keys.contains(&enter(&mut book)));
        assert_eq!(book.members().len(), 3);
    }
}
