//! Where the value of a task waits for its handle.
//!
//! # Invariants
//! 1. Values are dropped outside the lock.
//! 2. Once the handle is gone nothing is kept: whatever else holds the task, such as a waker that somebody forgot, does not
//!    keep its value alive.

use crate::sync::Mutex;

pub(crate) struct Keep<T>(Mutex<Kept<T>>);

enum Kept<T> {
    Nothing,
    Value(T),
    /// Nobody can take a value any more.
    Unwanted,
}

impl<T> Kept<T> {
    fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Unwanted => None,
        }
    }
}

impl<T> Keep<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept::Nothing))
    }

    /// Puts the task's value there; hands out what is to be dropped.
    pub(crate) fn put(&self, value: T) -> Option<T> {
        let mut kept = self.0.lock();
        match *kept {
            Kept::Unwanted => Some(value),
            Kept::Nothing | Kept::Value(_) => std::mem::replace(&mut *kept, Kept::Value(value)).into_value(),
        }
    }

    pub(crate) fn take(&self) -> Option<T> {
        let mut kept = self.0.lock();
        match *kept {
            Kept::Unwanted => None,
            Kept::Nothing | Kept::Value(_) => std::mem::replace(&mut *kept, Kept::Nothing).into_value(),
        }
    }

    /// The handle is gone.
    pub(crate) fn give_up(&self) {
        let unused = std::mem::replace(&mut *self.0.lock(), Kept::Unwanted);
        drop(unused);
    }
}
