//! A lock around a value: one token, and a cell that is open to whoever has it.
//!
//! # Invariants
//! 1. The cell is free for whoever has the token, so it is never waited for. A guard has the token, and either keeps the cell
//!    or has the value out of it; it puts that back before it gives the token on.
//! 2. Only an owned guard has the value out, and it has a handle too, also when it is leaked. So whoever has the lock to itself
//!    finds the value.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::Cancelled;
use crossbeam_utils::atomic::AtomicCell;

use crate::{
    Guard, Handle, LockGuard, OwnedLockGuard,
    pool::{Claim, Pool},
    tokens::Tokens,
    wait::{Place, Turnstile, Wait},
};

/// A value that one task at a time may use, in the order in which they asked, and may keep while it awaits.
///
/// The lock is handed over: whoever releases it makes it the property of the first in line, and nobody comes in between.
/// A panic while it is held does not poison it: the value is as the panic left it, for the next one.
///
/// A guard that borrows the lock uses the value in its place. An [owned](Self::lock_owned) one takes it out and puts it back,
/// so lock a box if the value is large.
///
/// # Examples
/// ```
/// use anyio_sync::Lock;
///
/// static NAMES: Lock<Vec<&str>> = Lock::new(Vec::new());
///
/// # futures_lite::future::block_on(async {
/// let mut names = NAMES.lock().await?;
/// names.push("ada");
/// drop(names);
///
/// assert_eq!(*NAMES.lock().await?, ["ada"]);
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
pub struct Lock<T> {
    token: Tokens<Place>,
    /// Where the one called who has the token, or had it last.
    owner: AtomicCell<Option<Place>>,
    /// Empty while an owned guard has the value.
    cell: spin::lock_api::Mutex<Option<T>>,
}

impl<T> Lock<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        Self { token: Tokens::new(1), owner: AtomicCell::new(None), cell: spin::lock_api::Mutex::new(Some(value)) }
    }

    /// Waits until the lock is this task's. Dropping the guard releases it.
    ///
    /// A task that holds it already waits for itself, until it is cancelled.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope. The lock is not taken then.
    ///
    /// # Cancel safety
    /// The place in line is lost. A lock that was handed over to a wait which is dropped passes on to the next. Handed over to
    /// a wait that is kept and not polled, it is that one's: nobody else gets it until that wait is polled or dropped.
    #[track_caller]
    pub fn lock(&self) -> Locking<&Self> {
        Locking::new(self, Location::caller())
    }

    /// The same, with a guard that owns a handle to the lock, for tasks that borrow nothing.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope. The lock is not taken then.
    ///
    /// # Cancel safety
    /// The place in line is lost. A lock that was handed over to a wait which is dropped passes on to the next. Handed over to
    /// a wait that is kept and not polled, it is that one's: nobody else gets it until that wait is polled or dropped.
    ///
    /// # Examples
    /// ```
    /// use anyio_sync::{Lock, OwnedLockGuard};
    /// use std::sync::Arc;
    ///
    /// # futures_lite::future::block_on(async {
    /// let lock = Arc::new(Lock::new(1));
    /// let guard: OwnedLockGuard<i32> = lock.lock_owned().await?;
    /// std::thread::spawn(move || assert_eq!(*guard, 1)).join().unwrap();
    /// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn lock_owned(self: &Arc<Self>) -> Locking<Arc<Self>> {
        Locking::new(self.clone(), Location::caller())
    }

    /// Takes the lock if it is free. It never waits, and may be called from code that is not async.
    #[track_caller]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        self.try_take(&Location::caller()).then(|| Guard::new(self))
    }

    /// The same, with a guard that owns a handle to the lock.
    #[track_caller]
    pub fn try_lock_owned(self: &Arc<Self>) -> Option<OwnedLockGuard<T>> {
        self.try_take(&Location::caller()).then(|| Guard::new(self.clone()))
    }

    /// The value, which nobody else can have: no lock is taken.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.get_mut().as_mut().expect("by invariant 2")
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.cell.into_inner().expect("by invariant 2")
    }

    /// Who holds it, and how many wait.
    pub fn statistics(&self) -> LockStatistics {
        self.with(|pool| {
            let locked = pool.borrowed() > 0;
            LockStatistics { locked, owner: self.owner.load().filter(|_| locked), tasks_waiting: pool.waiting() }
        })
    }

    /// Opens the cell, for who has the token.
    #[inline]
    pub(crate) fn open(&self) -> spin::lock_api::MutexGuard<'_, Option<T>> {
        self.cell.try_lock().expect("it is free, by invariant 1")
    }

    /// Hands the token on, from whoever has it and has closed the cell.
    #[inline]
    pub(crate) fn release(&self) {
        if !self.token.try_give(1) {
            self.with(|pool| pool.release(1)).wake();
        }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// It does not show the value, which may be in use.
impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LockStatistics { locked, tasks_waiting, .. } = self.statistics();
        f.debug_struct("Lock").field("locked", &locked).field("tasks_waiting", &tasks_waiting).finish_non_exhaustive()
    }
}

/// The future of [`Lock::lock`] and [`Lock::lock_owned`].
#[must_use = "futures do nothing unless polled"]
pub struct Locking<P: Handle> {
    wait: Wait<P>,
}

impl<P: Handle> Locking<P> {
    fn new(lock: P, place: Place) -> Self {
        Self { wait: Wait::new(lock, place, &"lock", place) }
    }
}

impl<P: Handle> Future for Locking<P> {
    type Output = Result<Guard<P>, Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.wait.poll(cx))?;
        Poll::Ready(Ok(Guard::new(self.wait.at().clone())))
    }
}

impl<P: Handle> fmt::Debug for Locking<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}

/// What [`Lock::statistics`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockStatistics {
    /// Whether somebody holds it.
    pub locked: bool,
    /// Where the one called who holds it. At a hand-over it is the new one's at once.
    pub owner: Option<&'static Location<'static>>,
    /// How many tasks wait for it.
    pub tasks_waiting: usize,
}

/// The token, and where it was asked for.
impl Claim for Place {
    fn amount(&self) -> usize {
        1
    }

    fn place(&self) -> Option<Place> {
        Some(self)
    }
}

impl<T> Turnstile for Lock<T> {
    type Ledger = Pool<Place>;

    fn with<R>(&self, act: impl FnOnce(&mut Pool<Place>) -> R) -> R {
        self.token.with(|pool| {
            let done = act(pool);
            if let Some(place) = pool.take_granted_to() {
                self.owner.store(Some(place));
            }
            done
        })
    }

    #[inline]
    fn pass(&self, place: &Place) -> bool {
        let passed = self.token.pass(place);
        if passed {
            self.owner.store(Some(place));
        }
        passed
    }
}
