//! The one place that chooses between std and loom, so that the way to sleep can be model-checked as it is.

#[cfg(not(anyio_loom))]
pub(crate) use std::sync::Condvar;

#[cfg(anyio_loom)]
pub(crate) use loom::sync::Condvar;

#[cfg(not(anyio_loom))]
type Lock<T> = std::sync::Mutex<T>;
#[cfg(anyio_loom)]
type Lock<T> = loom::sync::Mutex<T>;

#[cfg(not(anyio_loom))]
pub(crate) type Guard<'a, T> = std::sync::MutexGuard<'a, T>;
#[cfg(anyio_loom)]
pub(crate) type Guard<'a, T> = loom::sync::MutexGuard<'a, T>;

/// A mutex without poisoning: nothing that can panic halfway runs under it.
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
