//! The one place that chooses between std and loom, so that the group can be model-checked as it is.
//!
//! `Arc` is std's in both worlds: tasks are held as trait objects and wakers, which loom's cannot be.

#[cfg(not(anyio_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[cfg(anyio_loom)]
pub(crate) use {
    loom::sync::atomic::Ordering,
    sequential::{AtomicBool, AtomicUsize},
};

/// Atomics that are accessed in one total order, which loom knows of its read-modify-writes only: it takes a `SeqCst` load
/// or store as an acquire or a release, and would show lost wake-ups that cannot be.
#[cfg(anyio_loom)]
mod sequential {
    use loom::sync::atomic::{self, Ordering};

    pub(crate) struct AtomicBool(atomic::AtomicBool);

    impl AtomicBool {
        pub(crate) fn new(value: bool) -> Self {
            Self(atomic::AtomicBool::new(value))
        }

        pub(crate) fn load(&self, order: Ordering) -> bool {
            self.0.fetch_or(false, order)
        }

        pub(crate) fn store(&self, value: bool, order: Ordering) {
            self.0.swap(value, order);
        }

        pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
            self.0.swap(value, order)
        }
    }

    pub(crate) struct AtomicUsize(atomic::AtomicUsize);

    impl AtomicUsize {
        pub(crate) fn new(value: usize) -> Self {
            Self(atomic::AtomicUsize::new(value))
        }

        pub(crate) fn load(&self, order: Ordering) -> usize {
            self.0.fetch_add(0, order)
        }

        pub(crate) fn fetch_add(&self, by: usize, order: Ordering) -> usize {
            self.0.fetch_add(by, order)
        }

        pub(crate) fn fetch_sub(&self, by: usize, order: Ordering) -> usize {
            self.0.fetch_sub(by, order)
        }
    }
}

#[cfg(not(anyio_loom))]
use anyio_wait_queue::{ShortLock as Lock, ShortLockGuard as Guard};
#[cfg(anyio_loom)]
use loom::sync::{Mutex as Lock, MutexGuard as Guard};

/// A lock without poisoning: every section under it is short, and leaves the data whole if a waker's `clone` panics.
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    #[cfg(not(anyio_loom))]
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock()
    }

    #[cfg(anyio_loom)]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
