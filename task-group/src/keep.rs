//! Where the value of a task waits for its handle.
//!
//! # Invariants
//! 1. Values are dropped outside the lock.
//! 2. Once the handle is gone nothing is kept (invariant 4 of the task): whatever else holds the task, such as a waker that
//!    somebody forgot, does not keep its value alive.

use crate::sync::Mutex;

pub(crate) struct Keep<T>(Mutex<Option<T>>);

impl<T> Keep<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Puts the task's value there.
    pub(crate) fn put(&self, value: T) {
        let old = self.0.lock().replace(value);
        drop(old);
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().take()
    }
}
