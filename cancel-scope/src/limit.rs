//! Limits of time around a future: [`move_on_after`], [`fail_after`], and the shield.

use std::{
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use pin_project_lite::pin_project;

use crate::{CancelError, Cause, TimedOut, ambient, draft::LazySeat, expiry::Limit, node::SHIELDED};

/// Runs `fut` for `limit` at most: `Some` value, or `None` when the time was up first.
///
/// The time counts from the first poll. At the deadline the scope is cancelled: every checkpoint in `fut` returns
/// [`Cancelled`](crate::Cancelled), so `fut` can clean up with awaits inside a [`shield`], and its end is waited for.
///
/// The error type must be known where this is awaited with `?`: end the block in `anyio::ok(..)`, `io::Result::Ok(..)` or
/// `anyhow::Ok(..)`.
///
/// Mirrors AnyIO's [`move_on_after`](https://anyio.readthedocs.io/en/stable/cancellation.html#timeouts); there the time
/// counts from the call.
///
/// # Errors
/// What `fut` returns; also a cancellation which is not this scope's to absorb.
///
/// # Cancel safety
/// Dropping the future drops `fut`.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{move_on_after, sleep_forever};
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// let late = move_on_after(Duration::from_millis(1), sleep_forever()).await?;
/// assert!(late.is_none());
/// let soon = move_on_after(Duration::from_secs(60), async { anyio_cancel_scope::ok(1) }).await.unwrap();
/// assert_eq!(soon, Some(1));
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
#[track_caller]
pub fn move_on_after<T, E, Fut>(limit: Duration, fut: Fut) -> impl Future<Output = Result<Option<T>, E>>
where
    E: CancelError,
    Fut: Future<Output = Result<T, E>>,
{
    MoveOn { fut, seat: LazySeat::new(0, Limit::After(limit)) }
}

/// [`move_on_after`] with an absolute deadline. One that has passed lets `fut` run to its first checkpoint all the same.
///
/// # Errors
/// What `fut` returns; also a cancellation which is not this scope's to absorb.
///
/// # Cancel safety
/// Dropping the future drops `fut`.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{move_on_at, now, sleep_forever};
///
/// # futures_lite::future::block_on(async {
/// assert_eq!(move_on_at(now(), sleep_forever()).await, Ok(None));
/// # });
/// ```
#[track_caller]
pub fn move_on_at<T, E, Fut>(deadline: Instant, fut: Fut) -> impl Future<Output = Result<Option<T>, E>>
where
    E: CancelError,
    Fut: Future<Output = Result<T, E>>,
{
    MoveOn { fut, seat: LazySeat::new(0, Limit::At(deadline)) }
}

/// Runs `fut`, and fails with [`TimedOut`] when it takes longer than `limit`.
///
/// Like [`move_on_after`], with an error in place of `None`. It is `TimedOut` only when the deadline was the cause and
/// this scope was the one to absorb; an enclosing scope's cancellation comes out as `Cancelled`, and an error of `fut`
/// wins over both.
///
/// # Errors
/// `TimedOut`, or what `fut` returns.
///
/// # Cancel safety
/// Dropping the future drops `fut`.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{fail_after, sleep_forever};
/// use std::{io, time::Duration};
///
/// # futures_lite::future::block_on(async {
/// let load = async {
///     sleep_forever().await?;
///     io::Result::Ok(())
/// };
/// let error = fail_after(Duration::from_millis(1), load).await.unwrap_err();
/// assert_eq!(error.kind(), io::ErrorKind::TimedOut);
/// assert!(error.to_string().starts_with("timed out after 1ms (limit set at "));
/// # });
/// ```
#[track_caller]
pub fn fail_after<T, E, Fut>(limit: Duration, fut: Fut) -> impl Future<Output = Result<T, E>>
where
    E: CancelError + From<TimedOut>,
    Fut: Future<Output = Result<T, E>>,
{
    FailAfter::new(Limit::After(limit), fut, Location::caller())
}

/// [`fail_after`] with an absolute deadline.
///
/// # Errors
/// [`TimedOut`], or what `fut` returns.
///
/// # Cancel safety
/// Dropping the future drops `fut`.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{fail_at, now, sleep_forever};
/// use std::{io, time::Duration};
///
/// # futures_lite::future::block_on(async {
/// let work = async {
///     sleep_forever().await?;
///     io::Result::Ok(())
/// };
/// assert!(fail_at(now() + Duration::from_millis(1), work).await.is_err());
/// # });
/// ```
#[track_caller]
pub fn fail_at<T, E, Fut>(deadline: Instant, fut: Fut) -> impl Future<Output = Result<T, E>>
where
    E: CancelError + From<TimedOut>,
    Fut: Future<Output = Result<T, E>>,
{
    FailAfter::new(Limit::At(deadline), fut, Location::caller())
}

/// Runs `fut` hidden from the cancellation of enclosing scopes: for clean-up, and for steps that must not be left half
/// done.
///
/// It makes no task: `fut` stays part of this one, its errors come out here, and whoever waits for this code waits for it.
/// Combine it with [`move_on_after`] inside, so that a clean-up cannot hang. A stop is still
/// [seen](crate::stopping) inside.
///
/// # Cancel safety
/// Dropping the future drops `fut`: a shield holds off cancellation, not a drop.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{CancelScope, move_on_after, shield, sleep, sleep_forever};
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// let scope = CancelScope::new();
/// scope.cancel();
/// let result = scope.run(async {
///     let result = sleep_forever().await;
///     let say_goodbye = sleep(Duration::from_millis(1));
///     shield(move_on_after(Duration::from_secs(1), say_goodbye)).await?;
///     result
/// });
/// assert_eq!(result.await, Ok(None));
/// # });
/// ```
pub fn shield<Fut: Future>(fut: Fut) -> Shield<Fut> {
    Shield { fut, seat: LazySeat::new(SHIELDED, Limit::Never) }
}

pin_project! {
    /// The future of [`move_on_after`] and [`move_on_at`].
    struct MoveOn<Fut> {
        #[pin]
        fut: Fut,
        seat: LazySeat,
    }
}

impl<T, E, Fut> Future for MoveOn<Fut>
where
    E: CancelError,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<Option<T>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.seat.poll(cx, |cx| this.fut.poll(cx)).map(|result| this.seat.exit(result))
    }
}

impl<Fut> fmt::Debug for MoveOn<Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MoveOn").field("seat", &self.seat).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`fail_after`] and [`fail_at`].
    struct FailAfter<Fut> {
        #[pin]
        fut: Fut,
        seat: LazySeat,
        limit: Limit,
        begun: Option<Instant>,
        place: &'static Location<'static>,
    }
}

impl<Fut> FailAfter<Fut> {
    fn new(limit: Limit, fut: Fut, place: &'static Location<'static>) -> Self {
        Self { fut, seat: LazySeat::new(0, limit), limit, begun: None, place }
    }
}

impl<T, E, Fut> Future for FailAfter<Fut>
where
    E: CancelError + From<TimedOut>,
    Fut: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // An absolute deadline is told as the time that there was from here.
        if this.begun.is_none() && matches!(this.limit, Limit::At(_)) {
            *this.begun = Some(ambient::clock().now());
        }
        let result = std::task::ready!(this.seat.poll(cx, |cx| this.fut.poll(cx)));
        Poll::Ready(match this.seat.exit(result) {
            Ok(Some(value)) => Ok(value),
            Ok(None) if this.seat.cause() == Some(Cause::Deadline) => {
                let limit = match *this.limit {
                    Limit::After(limit) => limit,
                    Limit::At(at) => this.begun.map_or(Duration::ZERO, |begun| at.saturating_duration_since(begun)),
                    Limit::Never => Duration::MAX,
                };
                Err(TimedOut { limit, name: ambient::scope_name(), place: this.place }.into())
            }
            Ok(None) => Err(crate::Cancelled::new().into()),
            Err(error) => Err(error),
        })
    }
}

impl<Fut> fmt::Debug for FailAfter<Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailAfter").field("seat", &self.seat).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`shield`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Shield<Fut> {
        #[pin]
        fut: Fut,
        seat: LazySeat,
    }
}

impl<Fut: Future> Future for Shield<Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.seat.poll(cx, |cx| this.fut.poll(cx))
    }
}

impl<Fut> fmt::Debug for Shield<Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").field("seat", &self.seat).finish_non_exhaustive()
    }
}
