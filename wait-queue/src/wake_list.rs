//! Wakers on their way out of a lock.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::task::Waker;

/// How many wakers need no allocation.
const FEW: usize = 4;

/// Wakers to wake after unlocking, in the order in which their tasks stood in line.
///
/// Up to four need no allocation. Dropping the list wakes nobody.
#[derive(Default)]
#[must_use = "wake it after unlocking"]
pub struct WakeList {
    /// Filled from the front; `more` is empty unless this is full.
    few: [Option<Waker>; FEW],
    more: Vec<Waker>,
}

impl WakeList {
    /// An empty list.
    pub const fn new() -> Self {
        Self { few: [const { None }; FEW], more: Vec::new() }
    }

    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { more: Vec::with_capacity(count.saturating_sub(FEW)), ..Self::new() }
    }

    /// Adds a waker at the end.
    pub fn push(&mut self, waker: Waker) {
        match self.few.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(waker),
            None => self.more.push(waker),
        }
    }

    /// Adds the wakers of another list at the end, in their order.
    pub fn append(&mut self, other: Self) {
        other.few.into_iter().flatten().chain(other.more).for_each(|waker| self.push(waker));
    }

    /// How many wakers there are.
    pub fn len(&self) -> usize {
        self.few.iter().flatten().count() + self.more.len()
    }

    /// Whether there is nobody to wake.
    pub fn is_empty(&self) -> bool {
        self.few[0].is_none()
    }

    /// Wakes all of them, in order.
    ///
    /// # Panics
    ///
    /// When a waker panics: the others are woken all the same, then the first panic goes on.
    pub fn wake(self) {
        let mut first_panic: Option<Box<dyn Any + Send>> = None;
        for waker in self.few.into_iter().flatten().chain(self.more) {
            if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                first_panic.get_or_insert(panic);
            }
        }
        if let Some(panic) = first_panic {
            panic::resume_unwind(panic);
        }
    }
}

impl fmt::Debug for WakeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakeList").field("len", &self.len()).finish()
    }
}
