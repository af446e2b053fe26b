//! The one place that chooses between std and loom, so that the group can be model-checked as it is.
//!
//! `Arc` is std's in both worlds: tasks are held as trait objects and wakers, which loom's cannot be.

#[cfg(not(anyio_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

#[cfg(anyio_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

#[cfg(not(anyio_loom))]
type Lock<T> = std::sync::Mutex<T>;
#[cfg(anyio_loom)]
type Lock<T> = loom::sync::Mutex<T>;

#[cfg(not(anyio_loom))]
pub(crate) type Guard<'a, T> = std::sync::MutexGuard<'a, T>;
#[cfg(anyio_loom)]
pub(crate) type Guard<'a, T> = loom::sync::MutexGuard<'a, T>;

/// A mutex without poisoning: every section under it is short, and leaves the data whole if a waker's `clone` panics.
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
