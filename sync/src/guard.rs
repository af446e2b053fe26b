//! What holds a lock.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use crate::Lock;

/// Holds a [`Lock`] that is borrowed. Dropping it releases the lock.
pub type LockGuard<'a, T> = Guard<&'a Lock<T>>;

/// Holds a [`Lock`] together with a handle to it. Dropping it releases the lock.
pub type OwnedLockGuard<T> = Guard<Arc<Lock<T>>>;

/// Holds a [`Lock`], and gives access to its value: a [`LockGuard`] or an [`OwnedLockGuard`].
///
/// A guard that is leaked with `mem::forget` keeps the lock for ever.
#[must_use = "the lock is released when it is dropped"]
pub struct Guard<P: Handle> {
    lock: P,
    /// There until the guard is dropped.
    value: Option<P::Access>,
}

/// Nothing in it is pinned.
impl<P: Handle> Unpin for Guard<P> {}

impl<P: Handle> Guard<P> {
    /// For who has the lock's token.
    #[inline]
    pub(crate) fn new(lock: P) -> Self {
        let value = lock.access();
        Self { lock, value: Some(value) }
    }

    pub(crate) fn lock(&self) -> &P {
        &self.lock
    }
}

impl<P: Handle> Deref for Guard<P> {
    type Target = P::Value;

    #[inline]
    fn deref(&self) -> &P::Value {
        self.value.as_ref().expect("it is there until the guard is dropped")
    }
}

impl<P: Handle> DerefMut for Guard<P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut P::Value {
        self.value.as_mut().expect("it is there until the guard is dropped")
    }
}

impl<P: Handle> Drop for Guard<P> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.lock.put_back(value);
            self.lock.release();
        }
    }
}

impl<P: Handle<Value: fmt::Debug>> fmt::Debug for Guard<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<P: Handle<Value: fmt::Display>> fmt::Display for Guard<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// How a guard has its lock: `&Lock<T>` or `Arc<Lock<T>>`.
///
/// It cannot be implemented outside of this crate.
pub trait Handle: Deref<Target = Lock<Self::Value>> + Clone + Unpin + access::Access<Out = Self::Value> {
    /// What the lock guards.
    type Value;
}

impl<T> Handle for &Lock<T> {
    type Value = T;
}

impl<T> Handle for Arc<Lock<T>> {
    type Value = T;
}

/// How the value is reached.
mod access {
    use super::{Arc, Deref, DerefMut, Lock};

    #[expect(unnameable_types, reason = "that is what seals `Handle`")]
    pub trait Access {
        type Out;
        type Access: DerefMut<Target = Self::Out>;

        /// For who has the lock's token.
        fn access(&self) -> Self::Access;

        fn put_back(&self, value: Self::Access);
    }

    impl<'a, T> Access for &'a Lock<T> {
        type Out = T;
        type Access = InPlace<'a, T>;

        #[inline]
        fn access(&self) -> InPlace<'a, T> {
            InPlace(self.open())
        }

        #[inline]
        fn put_back(&self, value: InPlace<'a, T>) {
            drop(value);
        }
    }

    impl<T> Access for Arc<Lock<T>> {
        type Out = T;
        type Access = Moved<T>;

        fn access(&self) -> Moved<T> {
            Moved(self.open().take().expect("nobody else has it out"))
        }

        fn put_back(&self, value: Moved<T>) {
            *self.open() = Some(value.0);
        }
    }

    #[expect(unnameable_types, reason = "it is what a guard has inside")]
    #[derive(Debug)]
    pub struct InPlace<'a, T>(spin::lock_api::MutexGuard<'a, Option<T>>);

    impl<T> Deref for InPlace<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            self.0.as_ref().expect("nobody has it out")
        }
    }

    impl<T> DerefMut for InPlace<'_, T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("nobody has it out")
        }
    }

    #[expect(unnameable_types, reason = "it is what a guard has inside")]
    #[derive(Debug)]
    pub struct Moved<T>(T);

    impl<T> Deref for Moved<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> DerefMut for Moved<T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.0
        }
    }
}
