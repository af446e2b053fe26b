//! Permits, of which there is a number.

use std::{
    error::Error,
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::Cancelled;

use crate::{
    pool::MOST,
    tokens::Tokens,
    wait::{Turnstile, Wait},
};

/// A number of permits, each of which is with one task at a time, in the order in which they asked.
///
/// It is a handle: clones share the permits. A permit owns a handle too, so it may go into another task, and comes back
/// when it is dropped. Permits are handed over: whoever brings one back makes it the property of the first in line.
///
/// To limit how many do something at once, with a number that can be lowered, see [`CapacityLimiter`](crate::CapacityLimiter).
///
/// # Examples
/// ```
/// use anyio_sync::Semaphore;
///
/// # futures_lite::future::block_on(async {
/// let semaphore = Semaphore::new(2);
/// let permit = semaphore.acquire().await?;
/// assert_eq!(semaphore.available_permits(), 1);
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 2);
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Semaphore {
    shared: Arc<Shared>,
}

struct Shared {
    tokens: Tokens<usize>,
    max: Option<usize>,
}

impl Semaphore {
    /// As many permits as a semaphore can have.
    pub const MAX_PERMITS: usize = MOST;

    /// With `permits` permits to begin with.
    ///
    /// # Panics
    /// For more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Self::limited(permits, None, "new")
    }

    /// With `permits` permits to begin with, and never more than `max`, whatever is [added](Self::add_permits).
    ///
    /// # Panics
    /// For more permits than `max`, and more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub fn with_max(permits: usize, max: usize) -> Self {
        Self::limited(permits, Some(max), "with_max")
    }

    #[track_caller]
    fn limited(permits: usize, max: Option<usize>, call: &str) -> Self {
        let most = max.unwrap_or(MOST).min(MOST);
        assert!(permits <= most, "Semaphore::{call}: {permits} permits are more than {most}: begin with fewer");
        Self { shared: Arc::new(Shared { tokens: Tokens::new(permits), max }) }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope. No permit is taken then.
    ///
    /// # Cancel safety
    /// The place in line is lost. A permit that was handed over to a wait which is dropped passes on to the next. Handed over
    /// to a wait that is kept and not polled, it is that one's: nobody else gets it until that wait is polled or dropped.
    #[track_caller]
    pub fn acquire(&self) -> SemaphoreAcquire<'_> {
        SemaphoreAcquire::new(self, 1, &"acquire", Location::caller())
    }

    /// Waits for `n` permits at once. Those behind it wait too, even if they want fewer and there are enough for them.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope. No permit is taken then.
    ///
    /// # Panics
    /// For more permits than there can ever be.
    ///
    /// # Cancel safety
    /// The place in line is lost. Permits that were handed over to a wait which is dropped pass on to the next. A wait that is
    /// kept and not polled keeps them, and holds up those behind it, until it is polled or dropped.
    ///
    /// # Examples
    /// ```
    /// use anyio_sync::Semaphore;
    ///
    /// # futures_lite::future::block_on(async {
    /// let megabytes = Semaphore::new(64);
    /// let room = megabytes.acquire_many(48).await?;
    /// assert!(megabytes.try_acquire_many(32).is_none());
    /// # drop(room);
    /// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn acquire_many(&self, n: usize) -> SemaphoreAcquire<'_> {
        let most = self.shared.most();
        assert!(n <= most, "Semaphore::acquire_many: there are never {n} permits, at most {most}: ask for fewer");
        SemaphoreAcquire::new(self, n, &"acquire_many", Location::caller())
    }

    /// Takes a permit if one is free and nobody waits for it. It never waits, and may be called from code that is not async.
    pub fn try_acquire(&self) -> Option<SemaphorePermit> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are free and nobody waits for them.
    pub fn try_acquire_many(&self, n: usize) -> Option<SemaphorePermit> {
        self.shared.tokens.try_take(&n).then(|| SemaphorePermit { semaphore: self.clone(), count: n })
    }

    /// Makes `n` more permits, which go to those who wait, if there are any.
    ///
    /// It is the release of AnyIO without an acquire before it: use it where one task makes what another consumes.
    ///
    /// # Errors
    /// [`TooManyPermits`] if there were then more than there may be; none is added.
    pub fn add_permits(&self, n: usize) -> Result<(), TooManyPermits> {
        let most = self.shared.most();
        let woken = self.shared.tokens.with(|pool| match pool.total().checked_add(n) {
            Some(total) if total <= most => Ok(pool.set_total(total)),
            _ => Err(TooManyPermits { most }),
        })?;
        woken.wake();
        Ok(())
    }

    /// How many permits are free. Above zero while tasks wait if the first of them wants more.
    ///
    /// By the time it is looked at the number may be another.
    pub fn available_permits(&self) -> usize {
        self.statistics().available_permits
    }

    /// The number of permits that there may be, if it was given.
    pub fn max_permits(&self) -> Option<usize> {
        self.shared.max
    }

    /// How many are free, and how many tasks wait.
    pub fn statistics(&self) -> SemaphoreStatistics {
        self.shared.tokens.with(|pool| SemaphoreStatistics {
            available_permits: pool.spare().unsigned_abs(),
            tasks_waiting: pool.waiting(),
        })
    }
}

impl Shared {
    fn most(&self) -> usize {
        self.max.unwrap_or(MOST).min(MOST)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SemaphoreStatistics { available_permits, tasks_waiting } = self.statistics();
        f.debug_struct("Semaphore")
            .field("available_permits", &available_permits)
            .field("tasks_waiting", &tasks_waiting)
            .finish()
    }
}

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
#[must_use = "futures do nothing unless polled"]
pub struct SemaphoreAcquire<'a> {
    semaphore: &'a Semaphore,
    count: usize,
    wait: Wait<&'a Tokens<usize>>,
}

impl<'a> SemaphoreAcquire<'a> {
    fn new(
        semaphore: &'a Semaphore,
        count: usize,
        verb: anyio_cancel_scope::Verb,
        place: &'static Location<'static>,
    ) -> Self {
        Self { semaphore, count, wait: Wait::new(&semaphore.shared.tokens, count, verb, place) }
    }
}

impl Future for SemaphoreAcquire<'_> {
    type Output = Result<SemaphorePermit, Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.wait.poll(cx))?;
        Poll::Ready(Ok(SemaphorePermit { semaphore: self.semaphore.clone(), count: self.count }))
    }
}

impl fmt::Debug for SemaphoreAcquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}

/// One permit of a [`Semaphore`], or those of one [`acquire_many`](Semaphore::acquire_many). They come back when it is dropped.
#[must_use = "the permit comes back when it is dropped"]
pub struct SemaphorePermit {
    semaphore: Semaphore,
    count: usize,
}

impl SemaphorePermit {
    /// How many permits it is.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes the permits out of the semaphore for good: there are so many fewer.
    ///
    /// [`add_permits`](Semaphore::add_permits) makes new ones.
    pub fn forget(mut self) {
        let count = std::mem::take(&mut self.count);
        self.semaphore.shared.tokens.with(|pool| pool.forget(count));
    }
}

impl Drop for SemaphorePermit {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.shared.tokens.give(self.count);
        }
    }
}

impl fmt::Debug for SemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit").field("count", &self.count).finish_non_exhaustive()
    }
}

/// There were more permits than a [`Semaphore`] may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooManyPermits {
    most: usize,
}

impl fmt::Display for TooManyPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the semaphore may have {} permits at most", self.most)
    }
}

impl Error for TooManyPermits {}

/// What [`Semaphore::statistics`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreStatistics {
    /// How many permits are free. Above zero while tasks wait if the first of them wants more.
    pub available_permits: usize,
    /// How many tasks wait.
    pub tasks_waiting: usize,
}
