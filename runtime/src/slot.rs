//! Where the value of a job waits for the one who awaits it.
//!
//! # Invariants
//! 1. A value that nobody wants any more is handed back to whoever found that out, who drops it where its context holds:
//!    the job that is about to put it there, or the one who gives the slot up. Neither drops it under the lock.

use crate::sync::Mutex;

pub(crate) struct Slot<T>(Mutex<Kept<T>>);

enum Kept<T> {
    Nothing,
    Value(T),
    Unwanted,
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept::Nothing))
    }

    /// Puts the value there, or hands it back.
    pub(crate) fn put(&self, value: T) -> Option<T> {
        let mut kept = self.0.lock();
        if let Kept::Unwanted = *kept {
            return Some(value);
        }
        *kept = Kept::Value(value);
        None
    }

    pub(crate) fn take(&self) -> Option<T> {
        Self::value(std::mem::replace(&mut *self.0.lock(), Kept::Nothing))
    }

    /// Nobody wants the value any more; it comes out if it is there.
    pub(crate) fn give_up(&self) -> Option<T> {
        Self::value(std::mem::replace(&mut *self.0.lock(), Kept::Unwanted))
    }

    fn value(kept: Kept<T>) -> Option<T> {
        match kept {
            Kept::Value(value) => Some(value),
            Kept::Nothing | Kept::Unwanted => None,
        }
    }
}
