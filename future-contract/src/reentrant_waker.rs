//! A waker that does something when it is cloned, woken or dropped: what a primitive must expect of any waker, and survive.

use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};

use cooked_waker::{IntoWaker, WakeRef};

type Call = Box<dyn Fn() + Send + Sync>;

/// A waker that calls closures, to re-enter a primitive from inside its own call of the waker.
///
/// When the primitive holds a lock while it clones, wakes or drops a waker, a closure that uses the primitive deadlocks, or
/// panics.
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
    on_clone: Option<Call>,
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

    /// Calls `call` at each clone of the waker.
    ///
    /// No copy of such a waker [will wake](Waker::will_wake) the same as another, by what that can see.
    pub fn on_clone(mut self, call: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_clone = Some(Box::new(call));
        self
    }

    /// Returns the only copy of the waker.
    pub fn into_waker(self) -> Waker {
        if self.on_clone.is_none() {
            return Waker::from(Arc::new(self));
        }
        Box::new(Watched(Arc::new(self))).into_waker()
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

/// A copy of a waker whose clones are watched: std's own way to make wakers clones an `Arc` out of sight.
struct Watched(Arc<ReentrantWaker>);

impl Clone for Watched {
    fn clone(&self) -> Self {
        if let Some(call) = &self.0.on_clone {
            call();
        }
        Self(Arc::clone(&self.0))
    }
}

impl WakeRef for Watched {
    fn wake_by_ref(&self) {
        self.0.wake_by_ref();
    }
}

impl cooked_waker::Wake for Watched {}

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
            .field("on_clone", &self.on_clone.is_some())
            .finish()
    }
}
