//! The error words of cancellation, and how they are recognised inside others.

use std::{error::Error, fmt, io, panic::Location, sync::Arc, time::Duration};

/// The boxed error of programs that do not name their own.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// `std`'s `Result` with [`BoxError`] unless another error is named.
pub type Result<T, E = BoxError> = std::result::Result<T, E>;

/// `Ok` with the error fixed to [`BoxError`]: the closing word of an `async` block whose error the compiler cannot infer.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{ok, shield, sleep};
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// let answer = shield(async {
///     sleep(Duration::ZERO).await?;
///     ok(42)
/// });
/// assert_eq!(answer.await.unwrap(), 42);
/// # });
/// ```
pub fn ok<T>(value: T) -> Result<T> {
    Ok(value)
}

/// "You are cancelled": what every checkpoint returns in an effectively cancelled scope.
///
/// It is carried outwards with `?`, and absorbed by the scope that was cancelled. There is no constructor: only a
/// checkpoint makes one. Why it happened is told by [`cancel_cause`](crate::cancel_cause).
#[derive(Clone, PartialEq, Eq)]
pub struct Cancelled {
    _made_by_checkpoints: (),
}

impl Cancelled {
    pub(crate) const fn new() -> Self {
        Self { _made_by_checkpoints: () }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancelled")
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl Error for Cancelled {}

/// The limit of [`fail_after`](crate::fail_after) or [`fail_at`](crate::fail_at) passed.
///
/// It is no cancellation: whoever set the limit gets it, as an ordinary error.
#[derive(Debug, Clone)]
pub struct TimedOut {
    pub(crate) limit: Duration,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) place: &'static Location<'static>,
}

impl TimedOut {
    /// The limit that passed: from the first poll to the deadline.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The name of the scope around: the nearest one that was [named](crate::CancelScope::named).
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where the limit was set.
    pub fn location(&self) -> &'static Location<'static> {
        self.place
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            write!(f, "{name}: ")?;
        }
        write!(f, "timed out after {:?} (limit set at {})", self.limit, self.place)
    }
}

impl Error for TimedOut {}

/// An error type that can carry a [`Cancelled`] outwards.
///
/// Scopes and groups ask it of the errors that pass through them: that a `Cancelled` can be turned into one (so that `?`
/// works), and whether one of them is a cancellation. Implemented for [`Cancelled`], [`io::Error`], [`BoxError`],
/// `Box<dyn Error>`, and by feature for `anyhow::Error` and `eyre::Report`; derive it for an enum of your own.
///
/// An error that says something about *another* task or wait (a [`TimedOut`], a failed join) is not a cancellation, even
/// if that other one was cancelled.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{CancelError, Cancelled, move_on_after, sleep_forever};
/// use std::time::Duration;
///
/// #[derive(Debug, thiserror::Error)]
/// enum LoadError {
///     #[error("interrupted")]
///     Interrupted(#[from] Cancelled),
///     #[error("cannot read")]
///     Read(#[from] std::io::Error),
/// }
/// impl CancelError for LoadError {
///     fn as_error(&self) -> &(dyn std::error::Error + 'static) {
///         self
///     }
/// }
///
/// # futures_lite::future::block_on(async {
/// let load = async {
///     sleep_forever().await?;
///     Ok::<_, LoadError>(())
/// };
/// assert!(matches!(move_on_after(Duration::ZERO, load).await, Ok(None)));
/// # });
/// ```
pub trait CancelError: From<Cancelled> {
    /// This error as a `dyn Error`, for the walk through its sources.
    fn as_error(&self) -> &(dyn Error + 'static);

    /// Whether this error is a cancellation: it, or what it wraps, is [`Cancelled`].
    fn is_cancelled(&self) -> bool {
        is_cancellation(self.as_error())
    }
}

impl CancelError for Cancelled {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl CancelError for io::Error {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl CancelError for BoxError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}

impl CancelError for Box<dyn Error> {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}

#[cfg(feature = "anyhow")]
impl CancelError for anyhow::Error {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self.as_ref()
    }

    /// A box that became a report keeps its own type from `source`, and shows it to a downcast.
    fn is_cancelled(&self) -> bool {
        let boxed = || self.downcast_ref::<BoxError>().is_some_and(|boxed| is_cancellation(&**boxed));
        is_cancellation(self.as_error()) || boxed()
    }
}

#[cfg(feature = "eyre")]
impl CancelError for eyre::Report {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self.as_ref()
    }

    /// A box that became a report keeps its own type from `source`, and shows it to a downcast.
    fn is_cancelled(&self) -> bool {
        let boxed = || self.downcast_ref::<BoxError>().is_some_and(|boxed| is_cancellation(&**boxed));
        is_cancellation(self.as_error()) || boxed()
    }
}

/// Kind `Other`, and never `Interrupted`: std retries that one.
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

/// Kind `TimedOut`.
impl From<TimedOut> for io::Error {
    fn from(timed_out: TimedOut) -> Self {
        Self::new(io::ErrorKind::TimedOut, timed_out)
    }
}

/// Whether `error` is a [`Cancelled`], or carries one: as its source, its source's source, and so on, or inside an
/// [`io::Error`].
///
/// This is the one place that knows how to look; [`CancelError::is_cancelled`] asks it.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{is_cancellation, CancelScope, checkpoint};
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// let scope = CancelScope::new();
/// scope.cancel();
/// let cancelled = scope.enter(checkpoint()).await.unwrap_err();
/// let wrapped = io::Error::other(io::Error::other(cancelled));
/// assert!(is_cancellation(&wrapped));
/// assert!(!is_cancellation(&io::Error::other("a full disk")));
/// # });
/// ```
pub fn is_cancellation(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<Cancelled>() {
            return true;
        }
        // `io::Error::source` skips the error that it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}
