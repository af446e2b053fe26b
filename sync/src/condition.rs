//! A wait for a change of what a lock guards.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{Cancelled, Verb};
use anyio_wait_queue::WaitQueue;

use crate::{
    ConditionWaitFor, Guard, Handle,
    sync::Mutex,
    wait::{Ledger, Place, Turnstile, Wait, Woken},
};

/// Where tasks wait for a change of what a [`Lock`](crate::Lock) guards.
///
/// A task that holds the lock gives its guard to [`wait`](Self::wait) and gets one back when it was notified. In between the
/// lock is free. Nothing wakes it but a notification; yet by the time it has the lock again, somebody else may have changed
/// the value once more, so ask again what was waited for, or use [`wait_for`](Self::wait_for).
///
/// Notify while the lock is held, or after the change at least: a task that holds the lock and has not begun to wait is not
/// there to be notified.
///
/// # Examples
/// ```
/// use anyio_sync::{Condition, Lock};
/// use futures_lite::future::{block_on, try_zip};
///
/// let (jobs, added) = (Lock::new(Vec::new()), Condition::new());
/// let work = async {
///     let mut jobs = jobs.lock().await?;
///     while jobs.is_empty() {
///         jobs = added.wait(jobs).await?;
///     }
///     Ok(jobs.pop())
/// };
/// let order = async {
///     jobs.lock().await?.push("dishes");
///     added.notify(1);
///     Ok::<_, anyio_cancel_scope::Cancelled>(())
/// };
/// assert_eq!(block_on(try_zip(work, order)).unwrap().0, Some("dishes"));
/// ```
pub struct Condition {
    line: Mutex<Line>,
}

/// Those who wait for a notification.
pub(crate) struct Line {
    queue: WaitQueue,
}

impl Condition {
    /// One at which nobody waits.
    pub const fn new() -> Self {
        Self { line: Mutex::new(Line { queue: WaitQueue::new() }) }
    }

    /// Wakes the first `n` who wait, or all if there are fewer. They go on as they get the lock, in their order.
    pub fn notify(&self, n: usize) {
        self.with(|line| line.queue.grant_many(n, |()| ())).wake();
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    ///
    /// Once it was notified, it is not cancelled any more: it waits for the lock as if shielded, and returns with it.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope. The lock is not held then.
    ///
    /// # Cancel safety
    /// The place in line is lost, and the guard. A wait that is dropped after it was notified, and before it returned, passes
    /// the notification on to the next. One that is kept and not polled then keeps the notification until it is polled or
    /// dropped.
    #[track_caller]
    pub fn wait<P: Handle>(&self, guard: Guard<P>) -> ConditionWait<'_, P> {
        self.wait_at(guard, &"wait", Location::caller())
    }

    pub(crate) fn wait_at<P: Handle>(&self, guard: Guard<P>, verb: Verb, place: Place) -> ConditionWait<'_, P> {
        ConditionWait { notice: Wait::new(self, (), verb, place), verb, place, stage: Stage::Holding(guard) }
    }

    /// Waits until `predicate` holds for the value, which it looks at first, and then each time it was notified.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope, also if the predicate holds at once. The lock is not held then.
    ///
    /// # Cancel safety
    /// As for [`wait`](Self::wait).
    ///
    /// # Examples
    /// ```
    /// use anyio_sync::{Condition, Lock};
    ///
    /// # futures_lite::future::block_on(async {
    /// let (stock, changed) = (Lock::new(3), Condition::new());
    /// let mut stock = changed.wait_for(stock.lock().await?, |stock| *stock >= 2).await?;
    /// *stock -= 2;
    /// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn wait_for<P, F>(&self, guard: Guard<P>, predicate: F) -> ConditionWaitFor<'_, P, F>
    where
        P: Handle,
        F: FnMut(&mut P::Value) -> bool,
    {
        ConditionWaitFor::new(self, guard, predicate, Location::caller())
    }

    /// Who waits. A task that was notified and waits for the lock is counted there.
    pub fn statistics(&self) -> ConditionStatistics {
        ConditionStatistics { tasks_waiting: self.with(|line| line.queue.waiting()) }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConditionStatistics { tasks_waiting } = self.statistics();
        f.debug_struct("Condition").field("tasks_waiting", &tasks_waiting).finish()
    }
}

/// The future of [`Condition::wait`].
#[must_use = "futures do nothing unless polled, and the lock is held until then"]
pub struct ConditionWait<'a, P: Handle> {
    notice: Wait<&'a Condition>,
    verb: Verb,
    place: Place,
    stage: Stage<P>,
}

enum Stage<P: Handle> {
    /// Not in line yet.
    Holding(Guard<P>),
    /// In line, and the lock is released.
    Released(P),
    /// Notified.
    Relocking(Wait<P>),
    Over,
}

/// Nothing in it is pinned.
impl<P: Handle> Unpin for ConditionWait<'_, P> {}

impl<P: Handle> ConditionWait<'_, P> {
    pub(crate) fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        let entered = self.notice.poll_entry(cx);
        if let Poll::Ready(Err(_)) = entered {
            self.stage = Stage::Over;
        }
        entered
    }

    /// The guard that it was given, until it waits.
    pub(crate) fn held(&mut self) -> Option<&mut Guard<P>> {
        match &mut self.stage {
            Stage::Holding(guard) => Some(guard),
            _ => None,
        }
    }

    /// Ends before it has begun, with the guard that it was given.
    pub(crate) fn take_held(&mut self) -> Option<Guard<P>> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Holding(guard) => Some(guard),
            other => {
                self.stage = other;
                None
            }
        }
    }

    fn poll_notice(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cancelled>> {
        let noticed = self.notice.poll(cx);
        if noticed.is_pending()
            && self.notice.is_in_line()
            && let Stage::Holding(guard) = &self.stage
        {
            // In line first: what is notified as soon as the lock is free finds it there.
            self.stage = Stage::Released(guard.lock().clone());
        }
        noticed
    }
}

impl<P: Handle> Future for ConditionWait<'_, P> {
    type Output = Result<Guard<P>, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if matches!(this.stage, Stage::Holding(_) | Stage::Released(_)) {
            if let Err(cancelled) = ready!(this.poll_notice(cx)) {
                this.stage = Stage::Over;
                return Poll::Ready(Err(cancelled));
            }
            if let Some(guard) = this.take_held() {
                return Poll::Ready(Ok(guard));
            }
            if let Stage::Released(lock) = &this.stage {
                this.stage = Stage::Relocking(Wait::new(lock.clone(), this.place, this.verb, this.place));
            }
        }
        let Stage::Relocking(relocking) = &mut this.stage else { panic!("Condition::wait: polled after it was ready") };
        ready!(relocking.poll_shielded(cx));
        let guard = Guard::new(relocking.at().clone());
        this.stage = Stage::Over;
        Poll::Ready(Ok(guard))
    }
}

impl<P: Handle> Drop for ConditionWait<'_, P> {
    fn drop(&mut self) {
        if let Stage::Relocking(_) = self.stage {
            self.notice.at().with(|line| line.give_back(&())).wake();
        }
    }
}

impl<P: Handle> fmt::Debug for ConditionWait<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notice.fmt(f)
    }
}

/// What [`Condition::statistics`] tells. A condition has no lock of its own: ask that for its statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConditionStatistics {
    /// How many tasks wait for a notification.
    pub tasks_waiting: usize,
}

impl Ledger for Line {
    type Claim = ();

    fn queue(&mut self) -> &mut WaitQueue {
        &mut self.queue
    }

    /// A notification is for those who wait.
    fn take(&mut self, (): &()) -> bool {
        false
    }

    fn give_back(&mut self, (): &()) -> Woken {
        self.queue.grant(()).map_or(Woken::Nobody, |(waker, ())| Woken::One(waker))
    }
}

impl Turnstile for Condition {
    type Ledger = Line;

    fn with<R>(&self, act: impl FnOnce(&mut Line) -> R) -> R {
        act(&mut self.line.lock())
    }
}
