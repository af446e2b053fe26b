//! The one place that chooses between std and loom, so that the pool, its jobs and their answers can be model-checked as they are.
//!
//! `Arc` is std's in both worlds: jobs are held as trait objects, which loom's cannot be.

#[cfg(not(anyio_loom))]
pub(crate) use std::{
    sync::{
        Condvar, MutexGuard as Guard,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    thread::{self, JoinHandle, ThreadId},
};

#[cfg(anyio_loom)]
pub(crate) use {
    loom::sync::{
        Condvar, MutexGuard as Guard,
        atomic::{AtomicBool, Ordering},
    },
    loom::thread::{self, JoinHandle, ThreadId},
    sequential::AtomicU8,
};

#[cfg(not(anyio_loom))]
type Lock<T> = std::sync::Mutex<T>;
#[cfg(anyio_loom)]
type Lock<T> = loom::sync::Mutex<T>;

/// An atomic that is accessed in one total order, which loom knows of its read-modify-writes only: it takes a `SeqCst` load
/// or store as an acquire or a release, and would show lost wake-ups that cannot be.
#[cfg(anyio_loom)]
mod sequential {
    use loom::sync::atomic::{self, Ordering};

    pub(crate) struct AtomicU8(atomic::AtomicU8);

    impl AtomicU8 {
        pub(crate) fn new(value: u8) -> Self {
            Self(atomic::AtomicU8::new(value))
        }

        pub(crate) fn load(&self, order: Ordering) -> u8 {
            self.0.fetch_or(0, order)
        }

        pub(crate) fn store(&self, value: u8, order: Ordering) {
            self.0.swap(value, order);
        }

        pub(crate) fn compare_exchange(&self, old: u8, new: u8, ok: Ordering, no: Ordering) -> Result<u8, u8> {
            self.0.compare_exchange(old, new, ok, no)
        }
    }
}

/// A mutex without poisoning: nothing that can panic halfway runs under it.
#[derive(Default)]
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whether it can be joined without a wait.
#[cfg(not(anyio_loom))]
pub(crate) fn has_ended(handle: &JoinHandle<()>) -> bool {
    handle.is_finished()
}

#[cfg(anyio_loom)]
pub(crate) fn has_ended(_: &JoinHandle<()>) -> bool {
    false
}

/// Gives way to other threads; tells how long that took.
#[cfg(not(anyio_loom))]
pub(crate) fn give_way() -> std::time::Duration {
    let begun = std::time::Instant::now();
    thread::yield_now();
    begun.elapsed()
}

/// No model goes by real time.
#[cfg(anyio_loom)]
pub(crate) fn give_way() -> std::time::Duration {
    thread::yield_now();
    std::time::Duration::ZERO
}

/// Declares a thread-local; `const` where std allows it, plain under loom.
macro_rules! thread_local_cell {
    (static $name:ident: $ty:ty = $init:expr;) => {
        #[cfg(not(anyio_loom))]
        std::thread_local! { static $name: $ty = const { $init }; }
        #[cfg(anyio_loom)]
        loom::thread_local! { static $name: $ty = $init; }
    };
}
pub(crate) use thread_local_cell;
