//! The one place that chooses between std and loom, so that the scope tree can be model-checked as it is.
//!
//! `Arc` is std's in both worlds: scopes are held as `Arc<dyn Host>`, which loom's cannot be.

#[cfg(not(anyio_loom))]
pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

#[cfg(anyio_loom)]
pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering};

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
    #[cfg(not(anyio_loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    #[cfg(anyio_loom)]
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Declares a thread-local; `const` where std allows it, plain under loom.
macro_rules! thread_local_cell {
    ($(#[$meta:meta])* static $name:ident: $ty:ty = $init:expr;) => {
        #[cfg(not(anyio_loom))]
        std::thread_local! { $(#[$meta])* static $name: $ty = const { $init }; }
        #[cfg(anyio_loom)]
        loom::thread_local! { $(#[$meta])* static $name: $ty = $init; }
    };
}
pub(crate) use thread_local_cell;

/// Declares a static; made at its first use under loom, anew for each execution.
macro_rules! process_wide {
    ($(#[$meta:meta])* static $name:ident: $ty:ty = $init:expr;) => {
        #[cfg(not(anyio_loom))]
        $(#[$meta])* static $name: $ty = $init;
        #[cfg(anyio_loom)]
        loom::lazy_static! { $(#[$meta])* static ref $name: $ty = $init; }
    };
}
pub(crate) use process_wide;
