//! A waker that does something when it is woken or dropped: what a primitive must expect of any waker, and survive.

use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};

type Call = Box<dyn Fn() + Send + Sync>;

/// A waker that calls closures, to re-enter a primitive from inside its own call of the waker.
///
/// When the primitive holds a lock while it wakes or drops a waker, a closure that uses the primitive deadlocks, or panics.
///
/// Clones cannot be watched: safe code makes wakers through [`Wake`], which clones an `Arc` out of sight. So this proves
/// nothing of a primitive that clones wakers under its lock.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use anyio_future_contract::ReentrantWaker;
///
/// let slot = Arc::new(Mutex::new(None));
/// let probe = Arc::clone(&slot);
/// let waker = ReentrantWaker::new().on_wake(move || assert!(probe.try_lock().is_ok())).into_waker();
/// *slot.lock().unwrap() = Some(waker);
///
/// let taken = slot.lock().unwrap().take();
/// taken.unwrap().wake();
/// ```
#[derive(Default)]
pub struct ReentrantWaker {
    on_wake: Option<Call>,
    on_drop: Option<Call>,
}

impl ReentrantWaker {
    /// Makes a waker that does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `call` at each wake-up.
    pub fn on_wake(mut self, call: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_wake = Some(Box::new(call));
        self
    }

    /// Calls `call` when the last copy is dropped, or consumed by a wake-up.
    ///
    /// Drop your own copies first, else the last one dropped is yours.
    pub fn on_drop(mut self, call: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_drop = Some(Box::new(call));
        self
    }

    /// Returns the only copy of the waker.
    pub fn into_waker(self) -> Waker {
        Waker::from(Arc::new(self))
    }
}

impl Wake for ReentrantWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(call) = &self.on_wake {
            call();
        }
    }
}

impl Drop for ReentrantWaker {
    fn drop(&mut self) {
        if let Some(call) = &self.on_drop {
            call();
        }
    }
}

impl fmt::Debug for ReentrantWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantWaker")
            .field("on_wake", &self.on_wake.is_some())
            .field("on_drop", &self.on_drop.is_some())
            .finish()
    }
}
