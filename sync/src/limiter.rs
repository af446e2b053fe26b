//! Tokens, whose number can be changed.

use std::{
    fmt,
    future::Future,
    hash::Hash,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::Cancelled;

use crate::{
    Borrower, LimiterAcquireFor, TryAcquireError,
    borrowers::{Borrowers, Entry},
    pool::{Claim, Pool},
    tokens::Tokens,
    wait::{Turnstile, Wait},
};

/// Limits how many do something at once, with a number that can be changed at any time.
///
/// It is a handle: clones share the tokens. A token owns a handle too, so it may go into another task, and comes back when
/// it is dropped. Tokens are handed over in the order in which they were asked for.
///
/// A token may be borrowed in the name of a key ([`acquire_for`](Self::acquire_for)): a user, a host. A key has one token
/// at a time.
///
/// When the total is lowered below what is borrowed, nothing is taken away. Nothing is granted either, until enough has come
/// back; [`available_tokens`](Self::available_tokens) is negative meanwhile.
///
/// # Examples
/// ```
/// use anyio_sync::CapacityLimiter;
///
/// # futures_lite::future::block_on(async {
/// let limiter = CapacityLimiter::new(2);
/// let (_first, second) = (limiter.acquire().await?, limiter.acquire().await?);
///
/// limiter.set_total_tokens(1);
/// assert_eq!(limiter.available_tokens(), -1);
/// drop(second);
/// assert!(limiter.try_acquire().is_none());
///
/// limiter.set_total_tokens(3);
/// assert!(limiter.try_acquire().is_some());
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct CapacityLimiter {
    shared: Arc<Shared>,
}

struct Shared {
    tokens: Tokens<Option<Arc<Entry>>>,
    borrowers: Borrowers,
}

/// A token, in the name of a key or of none.
impl Claim for Option<Arc<Entry>> {
    fn amount(&self) -> usize {
        1
    }

    fn granted(&self) {
        if let Some(entry) = self {
            entry.granted();
        }
    }
}

impl CapacityLimiter {
    /// With `total` tokens. `usize::MAX` is no limit; 0 grants nothing until it is raised.
    pub fn new(total: usize) -> Self {
        Self { shared: Arc::new(Shared { tokens: Tokens::new(total), borrowers: Borrowers::new() }) }
    }

    /// Waits for a token.
    ///
    /// The borrower is this call: a task that has a token already may get another, or wait for itself.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope. No token is taken then.
    ///
    /// # Cancel safety
    /// The place in line is lost. A token that was handed over to a wait which is dropped passes on to the next. Handed over
    /// to a wait that is kept and not polled, it is that one's: nobody else gets it until that wait is polled or dropped.
    #[track_caller]
    pub fn acquire(&self) -> LimiterAcquire<'_> {
        LimiterAcquire { limiter: self, wait: Wait::new(&self.shared.tokens, None, &"acquire", Location::caller()) }
    }

    /// Waits for a token in the name of `key`.
    ///
    /// Keys of different types are different keys.
    ///
    /// # Errors
    /// [`Cancelled`](crate::AcquireError::Cancelled) in an effectively cancelled scope, and
    /// [`AlreadyBorrowed`](crate::AcquireError::AlreadyBorrowed) if the key has a token, or waits for one. No token is taken then.
    ///
    /// # Cancel safety
    /// The place in line is lost. A token that was handed over to a wait which is dropped passes on to the next. Handed over
    /// to a wait that is kept and not polled, it is that one's: nobody else gets it until that wait is polled or dropped.
    ///
    /// # Examples
    /// ```
    /// use anyio_sync::{AcquireError, CapacityLimiter};
    ///
    /// # futures_lite::future::block_on(async {
    /// let limiter = CapacityLimiter::new(10);
    /// let _token = limiter.acquire_for("example.org").await?;
    /// let second = limiter.acquire_for("example.org").await;
    /// assert!(matches!(second, Err(AcquireError::AlreadyBorrowed)));
    /// # Ok::<_, AcquireError>(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn acquire_for<K>(&self, key: K) -> LimiterAcquireFor<'_>
    where
        K: Hash + Eq + Send + Sync + 'static,
    {
        let place = Location::caller();
        let wait = Wait::new(&self.shared.tokens, None, &"acquire_for", place);
        LimiterAcquireFor::new(self, self.shared.borrowers.entry(key, place), wait)
    }

    /// Takes a token if one is free and nobody waits for it. It never waits, and may be called from code that is not async.
    pub fn try_acquire(&self) -> Option<LimiterToken> {
        self.shared.tokens.try_take(&None).then(|| self.token(None))
    }

    /// Takes a token in the name of `key`, if one is free and nobody waits for it.
    ///
    /// # Errors
    /// [`WouldBlock`](TryAcquireError::WouldBlock) if none is free, and
    /// [`AlreadyBorrowed`](TryAcquireError::AlreadyBorrowed) if the key has a token, or waits for one.
    #[track_caller]
    pub fn try_acquire_for<K>(&self, key: K) -> Result<LimiterToken, TryAcquireError>
    where
        K: Hash + Eq + Send + Sync + 'static,
    {
        let entry = self.shared.borrowers.entry(key, Location::caller());
        if !self.shared.borrowers.enter(&entry) {
            return Err(TryAcquireError::AlreadyBorrowed);
        }
        let claim = Some(entry.clone());
        if !self.shared.tokens.try_take(&claim) {
            self.shared.borrowers.leave(&entry);
            return Err(TryAcquireError::WouldBlock);
        }
        Ok(self.token(Some(entry)))
    }

    /// Changes how many tokens there are. Raised, it grants to those who wait; lowered, it takes nothing away.
    pub fn set_total_tokens(&self, total: usize) {
        self.shared.tokens.with(|pool| pool.set_total(total)).wake();
    }

    /// How many tokens there are.
    pub fn total_tokens(&self) -> usize {
        self.shared.tokens.with(|pool| pool.total())
    }

    /// How many are borrowed. One that was handed over counts, also before its wait has returned.
    pub fn borrowed_tokens(&self) -> usize {
        self.shared.tokens.with(|pool| pool.borrowed())
    }

    /// How many are free: negative when the total was lowered below what is borrowed.
    pub fn available_tokens(&self) -> isize {
        self.shared.tokens.with(|pool| pool.spare())
    }

    /// Whether `other` is a handle to the same tokens.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// All numbers of one moment, and the keys that have a token.
    pub fn statistics(&self) -> LimiterStatistics {
        let numbers = |pool: &mut Pool<_>| LimiterStatistics {
            borrowed_tokens: pool.borrowed(),
            total_tokens: pool.total(),
            borrowers: Vec::new(),
            tasks_waiting: pool.waiting(),
        };
        let statistics = self.shared.tokens.with(numbers);
        LimiterStatistics { borrowers: self.shared.borrowers.holding(), ..statistics }
    }

    pub(crate) fn borrowers(&self) -> &Borrowers {
        &self.shared.borrowers
    }

    pub(crate) fn token(&self, entry: Option<Arc<Entry>>) -> LimiterToken {
        LimiterToken { limiter: self.clone(), entry }
    }
}

/// What a wait for a token waits at.
pub(crate) type TokenWait<'a> = Wait<&'a Tokens<Option<Arc<Entry>>>>;

impl fmt::Debug for CapacityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LimiterStatistics { borrowed_tokens, total_tokens, tasks_waiting, .. } = self.statistics();
        f.debug_struct("CapacityLimiter")
            .field("borrowed_tokens", &borrowed_tokens)
            .field("total_tokens", &total_tokens)
            .field("tasks_waiting", &tasks_waiting)
            .finish()
    }
}

/// The future of [`CapacityLimiter::acquire`].
#[must_use = "futures do nothing unless polled"]
pub struct LimiterAcquire<'a> {
    limiter: &'a CapacityLimiter,
    wait: TokenWait<'a>,
}

impl Future for LimiterAcquire<'_> {
    type Output = Result<LimiterToken, Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.wait.poll(cx))?;
        Poll::Ready(Ok(self.limiter.token(None)))
    }
}

impl fmt::Debug for LimiterAcquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}

/// A token of a [`CapacityLimiter`], which comes back when it is dropped.
#[must_use = "the token comes back when it is dropped"]
pub struct LimiterToken {
    limiter: CapacityLimiter,
    entry: Option<Arc<Entry>>,
}

impl Drop for LimiterToken {
    #[inline]
    fn drop(&mut self) {
        // The key itself is dropped at last: that is foreign code.
        if let Some(entry) = &self.entry {
            self.limiter.shared.borrowers.leave(entry);
        }
        self.limiter.shared.tokens.give(1);
    }
}

impl fmt::Debug for LimiterToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimiterToken").field("has_key", &self.entry.is_some()).finish_non_exhaustive()
    }
}

/// What [`CapacityLimiter::statistics`] tells.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LimiterStatistics {
    /// How many tokens are borrowed.
    pub borrowed_tokens: usize,
    /// How many tokens there are.
    pub total_tokens: usize,
    /// The keys that have a token, in no particular order. Tokens that were borrowed without a key are only counted.
    pub borrowers: Vec<Borrower>,
    /// How many tasks wait.
    pub tasks_waiting: usize,
}
