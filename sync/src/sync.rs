//! The one place that chooses between std and loom, so that the primitives can be model-checked as they are.
//!
//! `OnceLock` and `Arc` are std's in both worlds: a value that is set once is looked at again under the lock.

#[cfg(not(anyio_loom))]
pub(crate) use std::sync::atomic::AtomicUsize;

#[cfg(anyio_loom)]
pub(crate) use modelled::AtomicUsize;

pub(crate) use std::sync::atomic::Ordering;

#[cfg(not(anyio_loom))]
use anyio_wait_queue::{ShortLock as Lock, ShortLockGuard as Guard};
#[cfg(anyio_loom)]
use modelled::{Guard, Lock};

/// A lock without poisoning: nothing that can panic halfway runs under it.
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
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

/// What loom has cannot be made in a constant. So it is made when it is first used. Whose turn it is at loom's mutex has
/// std's, which is then always free.
#[cfg(anyio_loom)]
mod modelled {
    use std::{
        ops::{Deref, DerefMut},
        sync::{LockResult, Mutex, MutexGuard, OnceLock},
    };

    use super::Ordering;

    pub(crate) struct AtomicUsize {
        first: usize,
        value: OnceLock<loom::sync::atomic::AtomicUsize>,
    }

    impl AtomicUsize {
        pub(crate) const fn new(first: usize) -> Self {
            Self { first, value: OnceLock::new() }
        }

        fn value(&self) -> &loom::sync::atomic::AtomicUsize {
            self.value.get_or_init(|| loom::sync::atomic::AtomicUsize::new(self.first))
        }

        pub(crate) fn load(&self, order: Ordering) -> usize {
            self.value().load(order)
        }

        pub(crate) fn store(&self, value: usize, order: Ordering) {
            self.value().store(value, order);
        }

        pub(crate) fn swap(&self, value: usize, order: Ordering) -> usize {
            self.value().swap(value, order)
        }

        pub(crate) fn compare_exchange_weak(
            &self,
            current: usize,
            new: usize,
            success: Ordering,
            failure: Ordering,
        ) -> Result<usize, usize> {
            self.value().compare_exchange_weak(current, new, success, failure)
        }
    }

    pub(crate) struct Lock<T> {
        turn: OnceLock<loom::sync::Mutex<()>>,
        value: Mutex<T>,
    }

    /// The value is given back before the turn.
    pub(crate) struct Guard<'a, T> {
        value: MutexGuard<'a, T>,
        _turn: loom::sync::MutexGuard<'a, ()>,
    }

    impl<T> Lock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self { turn: OnceLock::new(), value: Mutex::new(value) }
        }

        pub(crate) fn lock(&self) -> LockResult<Guard<'_, T>> {
            let turn = self.turn.get_or_init(loom::sync::Mutex::default).lock().unwrap();
            Ok(Guard { value: self.value.try_lock().expect("it is this one's turn"), _turn: turn })
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.value
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.value
        }
    }
}
