//! Something that happens once: a value that is set once, without the value.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
};

use anyio_cancel_scope::Cancelled;

use crate::{SetOnce, wait::Wait};

/// Something that happens once, and wakes all who wait for it.
///
/// It cannot be unset: make a new one for the next time.
///
/// # Examples
/// ```
/// use anyio_sync::Event;
/// use futures_lite::future::{block_on, zip};
///
/// let ready = Event::new();
/// let serve = async {
///     ready.set();
/// };
/// let call = async {
///     ready.wait().await?;
///     Ok::<_, anyio_cancel_scope::Cancelled>("connected")
/// };
/// assert_eq!(block_on(zip(call, serve)).0, Ok("connected"));
/// ```
#[derive(Default)]
pub struct Event {
    happened: SetOnce<()>,
}

impl Event {
    /// One that has not happened.
    pub const fn new() -> Self {
        Self { happened: SetOnce::new() }
    }

    /// Sets it, for good, and wakes all who wait. Once it is set, this does nothing.
    pub fn set(&self) {
        let _ = self.happened.set(());
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.happened.get().is_some()
    }

    /// Waits until it is set. When it is set already, this is a checkpoint all the same.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait { wait: Wait::new(&self.happened, (), &"wait", Location::caller()) }
    }

    /// Who waits.
    pub fn statistics(&self) -> EventStatistics {
        EventStatistics { tasks_waiting: self.happened.statistics().tasks_waiting }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventStatistics { tasks_waiting } = self.statistics();
        f.debug_struct("Event").field("is_set", &self.is_set()).field("tasks_waiting", &tasks_waiting).finish()
    }
}

/// The future of [`Event::wait`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct EventWait<'a> {
    wait: Wait<&'a SetOnce<()>>,
}

impl Future for EventWait<'_> {
    type Output = Result<(), Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.wait.poll(cx)
    }
}

/// What [`Event::statistics`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventStatistics {
    /// How many tasks wait for it.
    pub tasks_waiting: usize,
}
