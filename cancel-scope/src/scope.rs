//! The handle of a scope, and the futures that run code inside it.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use pin_project_lite::pin_project;

use crate::{
    CancelError, Cause,
    expiry::Limit,
    node::{CANCELLED, CAUGHT, SHIELDED, ScopeRef, USED},
    scope_node::ScopeNode,
    seat::Seat,
    tree,
};

/// A section of a program that can be cancelled, shielded, given a deadline, and stopped.
///
/// The scope is a cheap handle (clone it, send it to another thread); the section is the future given to
/// [`run`](Self::run) or [`enter`](Self::enter). While the scope is *effectively cancelled*, by its own
/// [`cancel`](Self::cancel) or deadline or by an enclosing scope's, every checkpoint inside returns
/// [`Cancelled`](crate::Cancelled), and does so again at the next one, until the scope is left.
///
/// See [AnyIO's page on cancellation](https://anyio.readthedocs.io/en/stable/cancellation.html). Different here:
/// a scope is cancelled from any thread; its relative deadline counts from the first poll of its future, not from when it
/// was made; it remembers its [`cause`](Self::cause); it is entered once, which `run` checks.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{CancelScope, sleep_forever};
///
/// # futures_lite::future::block_on(async {
/// let scope = CancelScope::new();
/// let handle = scope.clone();
/// std::thread::spawn(move || handle.cancel_because("enough"));
/// let result = scope.run(sleep_forever()).await;
/// assert_eq!(result, Ok(None));
/// assert!(scope.cancelled_caught());
/// # });
/// ```
#[derive(Clone)]
#[must_use = "a scope does nothing until a future is run in it"]
pub struct CancelScope {
    node: Arc<ScopeNode>,
}

impl CancelScope {
    fn with_limit(limit: Limit) -> Self {
        Self::from_node(ScopeNode::new(0, limit, None))
    }

    #[doc(hidden)]
    pub fn from_node(node: Arc<ScopeNode>) -> Self {
        Self { node }
    }

    #[doc(hidden)]
    pub fn node(&self) -> &Arc<ScopeNode> {
        &self.node
    }

    fn as_ref(&self) -> ScopeRef {
        self.node.clone()
    }

    /// A scope without a deadline.
    pub fn new() -> Self {
        Self::with_limit(Limit::Never)
    }

    /// A scope whose deadline comes `limit` after the first poll of its future. What overflows is never.
    pub fn after(limit: Duration) -> Self {
        Self::with_limit(Limit::After(limit))
    }

    /// A scope with this deadline. One that has passed cancels the scope on entry; the code in it still runs to its first
    /// checkpoint.
    pub fn at(deadline: Instant) -> Self {
        Self::with_limit(Limit::At(deadline))
    }

    /// Hides the cancellation of enclosing scopes from this one. Its own `cancel` and deadline go on to work.
    pub fn shielded(self) -> Self {
        self.set_shielded(true);
        self
    }

    /// Gives the scope a name, for the task tree and for `Debug`.
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.node.set_name(name.into().into());
        self
    }

    /// Makes this scope be cancelled also when `other` becomes effectively cancelled: for good, as its own cancellation,
    /// with cause [`Cause::Linked`].
    ///
    /// So a pool, a tenant or a connection can own a scope under which others live, elsewhere in the tree. Neither keeps
    /// the other alive, and cycles do no harm. Linked to a scope that is cancelled already, this one is at once.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{CancelScope, Cause, sleep_forever};
    ///
    /// # futures_lite::future::block_on(async {
    /// let pool = CancelScope::new();
    /// let request = CancelScope::new().linked(&pool);
    /// pool.cancel();
    /// assert_eq!(request.run(sleep_forever()).await, Ok(None));
    /// assert_eq!(request.cause(), Some(Cause::Linked));
    /// # });
    /// ```
    pub fn linked(self, other: &Self) -> Self {
        tree::link(&self.node, &other.as_ref());
        self
    }

    /// Runs `fut` in this scope: `Some` value when it completed, `None` when this scope was cancelled and ended it.
    ///
    /// When `fut` comes out with a cancellation, the scope absorbs it iff it is cancelled itself and no cancelled
    /// enclosing scope is visible to it at that moment (the outermost visible one absorbs); otherwise it goes on outwards.
    /// A real error always comes out; a value that was reached although the scope is cancelled is returned.
    ///
    /// # Errors
    /// What `fut` returns, unless this scope absorbs it.
    ///
    /// # Panics
    /// When `run` or [`enter`](Self::enter) was called on this scope before.
    ///
    /// # Cancel safety
    /// Dropping the future drops `fut`, and leaves the scope.
    #[track_caller]
    pub fn run<T, E, Fut>(&self, fut: Fut) -> impl Future<Output = Result<Option<T>, E>> + use<T, E, Fut>
    where
        Fut: Future<Output = Result<T, E>>,
        E: CancelError,
    {
        Run { fut, seat: self.take_seat("run") }
    }

    /// Runs `fut` in this scope and returns what it returns: nothing is absorbed.
    ///
    /// For errors that carry something, which an absorbing scope would drop: a send that gives its item back.
    ///
    /// # Panics
    /// When [`run`](Self::run) or `enter` was called on this scope before.
    ///
    /// # Cancel safety
    /// Dropping the future drops `fut`, and leaves the scope.
    #[track_caller]
    pub fn enter<Fut: Future>(&self, fut: Fut) -> Enter<Fut> {
        Enter { fut, seat: self.take_seat("enter") }
    }

    #[track_caller]
    fn take_seat(&self, verb: &str) -> Seat {
        assert!(
            !self.node.node.set(USED),
            "CancelScope::{verb}: this scope was run or entered before; make a new CancelScope for each section, or bind \
             further futures to this one with `in_scope`"
        );
        Seat::new(self.node.clone())
    }

    /// Cancels the scope. Callable from any thread; the first call counts, later ones do nothing.
    pub fn cancel(&self) {
        self.node.cancel(Cause::Called(None));
    }

    /// Cancels the scope and says why: [`Cause::Called`] with `reason`.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) {
        let reason: Cow<'static, str> = reason.into();
        self.node.cancel(Cause::Called(Some(reason.into())));
    }

    #[doc(hidden)]
    pub fn cancel_with(&self, cause: Cause) {
        self.node.cancel(cause);
    }

    /// Begins a graceful stop: every task inside, behind shields too, sees it by [`stopping`](crate::stopping) and
    /// [`unless_stopping`](crate::CancelExt::unless_stopping); everything else goes on for `grace`, and then the scope is
    /// cancelled with cause [`Cause::Stopped`].
    ///
    /// The grace is a deadline of its own, which [`set_deadline`](Self::set_deadline) does not move. A second call may
    /// shorten it, and never prolongs it.
    pub fn stop(&self, grace: Duration) {
        self.node.stop(grace);
    }

    /// Whether this scope was cancelled itself: by `cancel`, by its deadline or grace, by a link.
    pub fn cancel_called(&self) -> bool {
        self.node.node.has(CANCELLED)
    }

    /// Whether this scope absorbed its cancellation when it was left.
    pub fn cancelled_caught(&self) -> bool {
        self.node.node.has(CAUGHT)
    }

    /// Why this scope was cancelled itself; `None` while it was not.
    pub fn cause(&self) -> Option<Cause> {
        self.node.node.cause()
    }

    /// When this scope will be cancelled. A relative limit has no deadline before its future was first polled.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.deadline()
    }

    /// Moves the deadline; `None` takes it away. One in the past cancels at once; a scope that is cancelled stays so.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.node.set_deadline(deadline);
    }

    /// Whether enclosing scopes are hidden from this one.
    pub fn is_shielded(&self) -> bool {
        self.node.node.has(SHIELDED)
    }

    /// Switches the shield; it takes effect at the next checkpoint.
    pub fn set_shielded(&self, shielded: bool) {
        tree::set_shielded(&self.as_ref(), shielded);
    }
}

impl Default for CancelScope {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelScope")
            .field("name", &self.node.name())
            .field("cause", &self.cause())
            .field("shielded", &self.is_shielded())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of `CancelScope::run`. It has no public name: a name would need `E`, and a future that is generic over `E`
    /// is "not general enough" inside of a spawned one.
    struct Run<Fut> {
        #[pin]
        fut: Fut,
        seat: Seat,
    }
}

impl<T, E, Fut> Future for Run<Fut>
where
    Fut: Future<Output = Result<T, E>>,
    E: CancelError,
{
    type Output = Result<Option<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.seat.poll(cx, |cx| this.fut.poll(cx)).map(|result| exit(this.seat, result))
    }
}

/// What a scope makes of the result with which it is left (R7).
pub(crate) fn exit<T, E: CancelError>(seat: &Seat, result: Result<T, E>) -> Result<Option<T>, E> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_cancelled() && seat.may_absorb() => {
            seat.node().node.set(CAUGHT);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl<Fut> fmt::Debug for Run<Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("seat", &self.seat).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`CancelScope::enter`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Enter<Fut> {
        #[pin]
        fut: Fut,
        seat: Seat,
    }
}

impl<Fut: Future> Future for Enter<Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.seat.poll(cx, |cx| this.fut.poll(cx))
    }
}

impl<Fut> fmt::Debug for Enter<Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enter").field("seat", &self.seat).finish_non_exhaustive()
    }
}
