//! A value that is set once.
//!
//! # Invariants
//! 1. `line.is_set` implies that the value is in its cell; whoever sees it there needs no lock.
//! 2. Whoever is in the queue when `line.is_set` turns true is granted there, and nobody joins later.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use anyio_cancel_scope::Cancelled;
use anyio_wait_queue::{WaitQueue, WakeList};

use crate::{
    sync::Mutex,
    wait::{Ledger, Turnstile, Wait, Woken},
};

/// One value, set once and awaited by any number of tasks.
///
/// AnyIO's [`Future`](https://anyio.readthedocs.io/en/latest/api.html#anyio.Future), which holds a value or an error: here
/// that is a `SetOnce<Result<T, E>>`. It is not linked to a task; the result of a task is in its handle.
///
/// # Examples
/// ```
/// use anyio_sync::SetOnce;
///
/// static ADDRESS: SetOnce<String> = SetOnce::new();
///
/// # futures_lite::future::block_on(async {
/// assert_eq!(ADDRESS.set("localhost".into()), Ok(()));
/// assert_eq!(ADDRESS.set("elsewhere".into()), Err("elsewhere".into()));
/// assert_eq!(ADDRESS.wait().await?, "localhost");
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
pub struct SetOnce<T> {
    value: OnceLock<T>,
    line: Mutex<Line>,
}

/// Those who wait for it.
pub(crate) struct Line {
    is_set: bool,
    queue: WaitQueue,
}

impl<T> SetOnce<T> {
    /// Without a value.
    pub const fn new() -> Self {
        Self { value: OnceLock::new(), line: Mutex::new(Line { is_set: false, queue: WaitQueue::new() }) }
    }

    /// Sets the value, and wakes all who wait for it.
    ///
    /// # Errors
    /// Gives the value back if there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.with(Line::set).wake();
        Ok(())
    }

    /// The value, if it is set.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Waits for the value. When it is set already, this is a checkpoint all the same.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn wait(&self) -> SetOnceWait<'_, T> {
        SetOnceWait { wait: Wait::new(self, (), &"wait", Location::caller()) }
    }

    /// The value, if it is set.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Who waits.
    pub fn statistics(&self) -> SetOnceStatistics {
        SetOnceStatistics { is_set: self.get().is_some(), tasks_waiting: self.with(|line| line.queue.waiting()) }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// With the value set.
impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> Self {
        Self { value: OnceLock::from(value), line: Mutex::new(Line { is_set: true, queue: WaitQueue::new() }) }
    }
}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SetOnceStatistics { tasks_waiting, .. } = self.statistics();
        f.debug_struct("SetOnce").field("value", &self.get()).field("tasks_waiting", &tasks_waiting).finish()
    }
}

/// The future of [`SetOnce::wait`].
#[must_use = "futures do nothing unless polled"]
pub struct SetOnceWait<'a, T> {
    wait: Wait<&'a SetOnce<T>>,
}

impl<'a, T> Future for SetOnceWait<'a, T> {
    type Output = Result<&'a T, Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let set_once = *self.wait.at();
        self.wait.poll(cx).map_ok(|()| set_once.get().expect("by invariant 1"))
    }
}

impl<T> fmt::Debug for SetOnceWait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}

/// What [`SetOnce::statistics`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetOnceStatistics {
    /// Whether the value is set.
    pub is_set: bool,
    /// How many tasks wait for it.
    pub tasks_waiting: usize,
}

impl Line {
    fn set(&mut self) -> WakeList {
        self.is_set = true;
        self.queue.grant_all(|()| ())
    }
}

impl Ledger for Line {
    type Claim = ();

    fn queue(&mut self) -> &mut WaitQueue {
        &mut self.queue
    }

    fn take(&mut self, (): &()) -> bool {
        self.is_set
    }

    /// There is enough for all.
    fn give_back(&mut self, (): &()) -> Woken {
        Woken::Nobody
    }
}

impl<T> Turnstile for SetOnce<T> {
    type Ledger = Line;

    fn with<R>(&self, act: impl FnOnce(&mut Line) -> R) -> R {
        act(&mut self.line.lock())
    }

    #[inline]
    fn pass(&self, (): &()) -> bool {
        self.value.get().is_some()
    }
}
