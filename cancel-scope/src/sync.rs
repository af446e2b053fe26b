//! The one place that chooses between std and loom, so that the scope tree can be model-checked as it is.
//!
//! `Arc` is std's in both worlds: scopes are held as `Arc<dyn Host>`, which loom's cannot be.

#[cfg(not(anyio_loom))]
pub(crate) use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

#[cfg(anyio_loom)]
pub(crate) use {
    loom::sync::atomic::{AtomicU32, Ordering},
    sequential::{AtomicU8, AtomicU64},
};

/// Atomics that are accessed in one total order, which loom knows of its read-modify-writes only: it takes a `SeqCst` load
/// or store as an acquire or a release, and would show lost wake-ups that cannot be.
#[cfg(anyio_loom)]
mod sequential {
    use loom::sync::atomic::{self, Ordering};

    macro_rules! sequential {
        ($($name:ident: $value:ty),+) => {$(
            pub(crate) struct $name(atomic::$name);

            #[allow(dead_code, reason = "one face for both")]
            impl $name {
                pub(crate) fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }

                pub(crate) fn load(&self, order: Ordering) -> $value {
                    self.0.fetch_or(0, order)
                }

                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    self.0.swap(value, order);
                }

                pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                    self.0.fetch_or(value, order)
                }

                pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                    self.0.fetch_and(value, order)
                }

                pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                    self.0.fetch_add(value, order)
                }
            }

            impl Default for $name {
                fn default() -> Self {
                    Self::new(0)
                }
            }
        )+};
    }

    sequential!(AtomicU8: u8, AtomicU64: u64);
}

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

    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
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
