//! What this crate adds to every future, and to the results of scopes.

use std::{future::Future, time::Instant};

use crate::{CancelScope, Cancellable, Cancelled, InScope, OrCancelled, UnlessStopping, ambient, in_scope};

/// Cancellation for futures that know nothing of it.
pub trait CancelExt: Future + Sized {
    /// Makes any future a checkpoint. Cancelled on entry, it is not polled; cancelled while it waits, it is dropped, and
    /// [`Cancelled`] is returned after that. A value that is there wins.
    ///
    /// # Cancel safety
    /// What the inner future loses when it is dropped: read its docs.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{CancelExt, move_on_after, ok};
    /// use std::{future, time::Duration};
    ///
    /// # futures_lite::future::block_on(async {
    /// let foreign = async {
    ///     let never: i32 = future::pending().cancellable().await?;
    ///     ok(never)
    /// };
    /// assert!(move_on_after(Duration::from_millis(1), foreign).await.unwrap().is_none());
    /// # });
    /// ```
    #[track_caller]
    fn cancellable(self) -> Cancellable<Self> {
        Cancellable::new(self)
    }

    /// [`cancellable`](Self::cancellable), flattened: for a future with `Result<T, E>` whose error can be `Cancelled`,
    /// such as any `io::Result`.
    ///
    /// # Cancel safety
    /// What the inner future loses when it is dropped: read its docs.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::CancelExt;
    /// use std::io;
    ///
    /// async fn foreign_read() -> io::Result<u32> {
    ///     Ok(7)
    /// }
    /// # futures_lite::future::block_on(async {
    /// assert_eq!(foreign_read().or_cancelled().await?, 7);
    /// # io::Result::Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    fn or_cancelled<T, E>(self) -> OrCancelled<Self>
    where
        Self: Future<Output = Result<T, E>>,
        E: From<Cancelled>,
    {
        OrCancelled::new(self)
    }

    /// Gives up an idle wait (an accept, the read of the next request) when a [`stop`](CancelScope::stop) begins: `None`
    /// then. A stop is no cancellation: what follows goes on within the grace.
    ///
    /// Where the stop began before, the future is not polled; later a value that is there wins.
    ///
    /// # Cancel safety
    /// What the inner future loses when it is dropped: read its docs.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{CancelExt, CancelScope, sleep_forever};
    /// use std::time::Duration;
    ///
    /// # futures_lite::future::block_on(async {
    /// let server = CancelScope::new();
    /// let served = server.run(async {
    ///     let mut served = 0;
    ///     let accept = || async { anyio_cancel_scope::ok(()) };
    ///     while let Some(connection) = accept().unless_stopping().await {
    ///         connection?;
    ///         served += 1;
    ///         if served == 3 {
    ///             server.stop(Duration::from_secs(1));
    ///         }
    ///     }
    ///     anyio_cancel_scope::ok(served)
    /// });
    /// assert_eq!(served.await.unwrap(), Some(3));
    /// # });
    /// ```
    fn unless_stopping(self) -> UnlessStopping<Self> {
        UnlessStopping::new(self)
    }

    /// Binds the future to the scope in which this is *called*: it is polled under that scope whoever polls it later.
    ///
    /// For work that is polled elsewhere, such as in a `FuturesUnordered` that outlives the scope of one `next()`.
    /// Nothing is absorbed.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{CancelExt, Cancelled, CancelScope, sleep_forever};
    ///
    /// # futures_lite::future::block_on(async {
    /// let scope = CancelScope::new();
    /// let bound = scope.enter(async { sleep_forever().in_current_scope() }).await;
    /// scope.cancel();
    /// assert!(bound.await.is_err());
    /// # });
    /// ```
    fn in_current_scope(self) -> InScope<Self> {
        InScope::new(self, in_scope::current())
    }

    /// Binds the future to `scope`: it is polled under that scope whoever polls it.
    ///
    /// Nothing is absorbed: outside of `scope` the `Cancelled` that comes out is a stray one. To live under a pool's scope
    /// use `CancelScope::new().linked(&pool).run(work)`.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{CancelExt, CancelScope, sleep_forever};
    ///
    /// # futures_lite::future::block_on(async {
    /// let pool = CancelScope::new();
    /// let bound = sleep_forever().in_scope(&pool);
    /// pool.cancel();
    /// assert!(bound.await.is_err());
    /// # });
    /// ```
    fn in_scope(self, scope: &CancelScope) -> InScope<Self> {
        InScope::new(self, Some(scope.node().clone()))
    }
}

impl<F: Future> CancelExt for F {}

/// For the results of scopes and groups: `None`, "it was cancelled", as an error.
pub trait CompletedExt<T, E> {
    /// The value; `None` becomes [`Cancelled`].
    ///
    /// For scopes that are never cancelled by hand, and where a missing value is the caller's own interruption.
    ///
    /// # Errors
    /// `Cancelled` for `None`; the error that there was.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{CompletedExt, CancelScope};
    ///
    /// # futures_lite::future::block_on(async {
    /// let value: anyio_cancel_scope::Result<i32> = CancelScope::new().run(async { Ok(1) }).await.completed();
    /// assert_eq!(value.unwrap(), 1);
    /// # });
    /// ```
    fn completed(self) -> Result<T, E>;
}

impl<T, E: From<Cancelled>> CompletedExt<T, E> for Result<Option<T>, E> {
    fn completed(self) -> Result<T, E> {
        self?.ok_or_else(|| Cancelled::new().into())
    }
}

/// The earliest moment at which the code here will be cancelled by time: the least of the deadlines and graces of this
/// scope and of those around it that it sees. `None` if there is none; the present moment if it is cancelled already.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{current_effective_deadline, now, ok, CancelScope};
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// let at = now() + Duration::from_secs(9);
/// CancelScope::at(at).run(async {
///     CancelScope::after(Duration::from_secs(60)).run(async {
///         assert_eq!(current_effective_deadline(), Some(at));
///         ok(())
///     }).await
/// }).await.unwrap();
/// # });
/// ```
pub fn current_effective_deadline() -> Option<Instant> {
    use crate::node::SHIELDED;
    if ambient::verdict().1.is_cancelled() {
        return Some(ambient::clock().now());
    }
    let mut earliest: Option<Instant> = None;
    let mut at = ambient::scope();
    while let Some(host) = at {
        let shielded = host.node().has(SHIELDED);
        at = if shielded { None } else { host.parent() };
        if let Some(end) = host.as_scope().and_then(|scope| scope.end_of_time()) {
            earliest = Some(earliest.map_or(end, |earliest| earliest.min(end)));
        }
    }
    earliest
}
