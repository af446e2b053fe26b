//! The lock in which owners keep their queues.
//!
//! It costs one locked instruction, and no foreign code runs under it, so whoever holds it is done in some nanoseconds,
//! unless its thread is not running. So the wait is short turns first, then the processor is given to others, and at
//! last (whoever holds the lock may be of a lower priority) it sleeps for a moment at a time.

use std::{
    fmt, hint,
    ops::{Deref, DerefMut},
    thread,
    time::Duration,
};

use spin::mutex::{SpinMutex, SpinMutexGuard};

/// Tries with turns between them, which double.
const SPINS: u32 = 7;
/// Tries with other threads let in between.
const YIELDS: u32 = 32;
/// What is slept from then on.
const NAP: Duration = Duration::from_micros(50);

/// A lock for moments: around a queue and what it is about, with no foreign code under it.
///
/// Nothing waits in line for it, and no panic poisons it. Do not hold it over anything that may take long, and do not take it
/// twice: a mutex is for that.
///
/// # Examples
///
/// ```
/// use anyio_wait_queue::{ShortLock, WaitQueue};
///
/// let queue = ShortLock::new(WaitQueue::<&str>::new());
/// let granted = queue.lock().grant("nobody waits");
/// assert_eq!(granted.unwrap_err(), "nobody waits");
/// ```
pub struct ShortLock<T> {
    value: SpinMutex<T>,
}

impl<T> ShortLock<T> {
    /// An open lock around `value`.
    pub const fn new(value: T) -> Self {
        Self { value: SpinMutex::new(value) }
    }

    /// Takes the lock. Dropping the guard releases it.
    #[inline]
    pub fn lock(&self) -> ShortLockGuard<'_, T> {
        match self.value.try_lock() {
            Some(value) => ShortLockGuard { value },
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> ShortLockGuard<'_, T> {
        let mut tries = 0;
        loop {
            match tries {
                0..SPINS => (0..1 << tries).for_each(|_| hint::spin_loop()),
                SPINS..YIELDS => thread::yield_now(),
                _ => thread::sleep(NAP),
            }
            tries = (tries + 1).min(YIELDS);
            // Looked at first, as a try takes the cache line away from who has the lock.
            if !self.value.is_locked()
                && let Some(value) = self.value.try_lock()
            {
                return ShortLockGuard { value };
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for ShortLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLock").finish_non_exhaustive()
    }
}

/// Holds a [`ShortLock`]. Dropping it releases the lock.
#[must_use = "the lock is released when it is dropped"]
pub struct ShortLockGuard<'a, T> {
    value: SpinMutexGuard<'a, T>,
}

impl<T> Deref for ShortLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for ShortLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for ShortLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
