//! The one place that chooses between std and loom, so that the channel can be model-checked as it is.

#[cfg(not(anyio_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(anyio_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};

#[cfg(not(anyio_loom))]
type Lock<T> = anyio_wait_queue::ShortLock<T>;
#[cfg(anyio_loom)]
type Lock<T> = loom::sync::Mutex<T>;

#[cfg(not(anyio_loom))]
pub(crate) type Guard<'a, T> = anyio_wait_queue::ShortLockGuard<'a, T>;
#[cfg(anyio_loom)]
pub(crate) type Guard<'a, T> = loom::sync::MutexGuard<'a, T>;

/// A lock without poisoning: no foreign code runs under it.
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    #[inline]
    #[cfg(not(anyio_loom))]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock()
    }

    #[cfg(anyio_loom)]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
