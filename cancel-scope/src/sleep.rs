//! Waiting for a moment.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use crate::{
    Cancelled, Checkpoint, ambient,
    clock::{Alarm, after},
    expiry::Limit,
};

/// Waits for `duration`, counted from the first poll. Up to a millisecond longer, never shorter.
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope.
///
/// # Cancel safety
/// Nothing is lost.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::sleep;
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// sleep(Duration::from_millis(1)).await?;
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(&"sleep", Limit::After(duration))
}

/// Waits until `deadline`; a moment in the past is a checkpoint.
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope.
///
/// # Cancel safety
/// Nothing is lost.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{now, sleep_until};
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// let mut tick = now();
/// for _ in 0..3 {
///     tick += Duration::from_millis(1);
///     sleep_until(tick).await?;
/// }
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(&"sleep_until", Limit::At(deadline))
}

/// Waits until it is cancelled. It never returns `Ok`.
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope.
///
/// # Cancel safety
/// Nothing is lost.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{move_on_after, sleep_forever};
/// use std::time::Duration;
///
/// # futures_lite::future::block_on(async {
/// assert_eq!(move_on_after(Duration::from_millis(1), sleep_forever()).await, Ok(None));
/// # });
/// ```
#[track_caller]
pub fn sleep_forever() -> Sleep {
    Sleep::new(&"sleep_forever", Limit::Never)
}

/// The future of [`sleep`], [`sleep_until`] and [`sleep_forever`].
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    checkpoint: Checkpoint,
    until: Until,
}

enum Until {
    Ahead(Limit),
    Begun(Alarm),
}

impl Sleep {
    #[track_caller]
    fn new(verb: crate::Verb, limit: Limit) -> Self {
        Self { checkpoint: Checkpoint::new(verb), until: Until::Ahead(limit) }
    }
}

impl Future for Sleep {
    type Output = Result<(), Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        ready!(this.checkpoint.poll_entry(cx))?;
        if let Until::Ahead(limit) = this.until {
            let clock = ambient::clock();
            let deadline = match limit {
                Limit::Never => None,
                Limit::After(duration) => after(clock.now(), duration),
                Limit::At(at) => Some(at),
            };
            this.until = Until::Begun(Alarm::at(clock, deadline));
        }
        if let Until::Begun(alarm) = &mut this.until
            && alarm.poll(cx).is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        let cancelled = ready!(this.checkpoint.poll_pending(cx));
        // The alarm goes, though the future may be kept.
        this.until = Until::Ahead(Limit::Never);
        Poll::Ready(Err(cancelled))
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("checkpoint", &self.checkpoint).finish_non_exhaustive()
    }
}
