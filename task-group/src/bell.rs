//! How a group is woken, and how it goes to sleep.
//!
//! # Invariants
//! 1. While `awake`, the group is being polled, or has been woken and will be. Who leaves work for it (a child's key, a new
//!    child, a released hold) leaves it first and rings afterwards; ringing an awake group does nothing.
//! 2. A group that is about to return `Pending` stores its host's waker, clears `awake`, and only then looks for work once
//!    more. So either it sees the work, or the one who left it sees a group that is not awake. Both are `SeqCst`.
//! 3. Wakers are cloned, woken and dropped outside the lock. Who rings takes the waker out; the next poll, which that brings
//!    about, stores one again before the group sleeps.

use std::task::Waker;

use crate::sync::{AtomicBool, AtomicUsize, Mutex, Ordering};

pub(crate) struct Bell {
    awake: AtomicBool,
    host: Mutex<Option<Waker>>,
    holds: AtomicUsize,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { awake: AtomicBool::new(true), host: Mutex::new(None), holds: AtomicUsize::new(0) }
    }

    /// Wakes the group if it sleeps.
    #[inline]
    pub(crate) fn ring(&self) {
        if !self.awake.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            let host = self.host.lock().take();
            if let Some(host) = host {
                host.wake();
            }
        }
    }

    /// The group is being polled.
    pub(crate) fn set_awake(&self) {
        self.awake.store(true, Ordering::SeqCst);
    }

    /// The group is about to return `Pending`; `has_work` looks once more. Tells whether it has to be polled again.
    pub(crate) fn doze(&self, host: &Waker, has_work: impl FnOnce() -> bool) -> bool {
        let known = self.host.lock().as_ref().is_some_and(|known| known.will_wake(host));
        if !known {
            let host = host.clone();
            let old = self.host.lock().replace(host);
            drop(old);
        }
        self.awake.store(false, Ordering::SeqCst);
        // If someone rang meanwhile, the host is woken already.
        has_work() && !self.awake.swap(true, Ordering::SeqCst)
    }

    /// The group ended: its host is not to be woken any more.
    pub(crate) fn silence(&self) {
        self.set_awake();
        let host = self.host.lock().take();
        drop(host);
    }

    pub(crate) fn hold(&self) {
        self.holds.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn release(&self) {
        if self.holds.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.ring();
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        self.holds.load(Ordering::SeqCst) > 0
    }
}
