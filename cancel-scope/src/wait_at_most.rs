//! A limit on a wait, which leaves the work alone.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;

use crate::{
    ambient,
    clock::{Alarm, after},
};

/// Waits for `fut` for `limit` at most, counted from the first poll: `None` when the time was up first.
///
/// It makes no scope and cancels nothing: it stops waiting, and drops what it was given. So give it a reference to keep
/// the work: `wait_at_most(d, &mut work)` in a loop, or `wait_at_most(d, stream.next())`, are its uses. To *end* the work
/// after a time, use [`move_on_after`](crate::move_on_after).
///
/// It looks at `fut` once more before it gives up, so a value that is there is never missed.
///
/// # Cancel safety
/// Adds nothing to what `fut` says.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{sleep, wait_at_most};
/// use std::{pin::pin, time::Duration};
///
/// # futures_lite::future::block_on(async {
/// let mut work = pin!(sleep(Duration::from_millis(20)));
/// let mut reports = 0;
/// loop {
///     match wait_at_most(Duration::from_millis(5), work.as_mut()).await {
///         Some(done) => break done?,
///         None => reports += 1,
///     }
/// }
/// assert!(reports >= 1);
/// # Ok::<_, anyio_cancel_scope::Cancelled>(()) }).unwrap();
/// ```
pub fn wait_at_most<Fut: Future>(limit: Duration, fut: Fut) -> WaitAtMost<Fut> {
    WaitAtMost { fut, limit, alarm: None }
}

pin_project! {
    /// The future of [`wait_at_most`].
    #[must_use = "futures do nothing unless polled"]
    pub struct WaitAtMost<Fut> {
        #[pin]
        fut: Fut,
        limit: Duration,
        alarm: Option<Alarm>,
    }
}

impl<Fut: Future> Future for WaitAtMost<Fut> {
    type Output = Option<Fut::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Poll::Ready(output) = this.fut.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let alarm = this.alarm.get_or_insert_with(|| {
            let clock = ambient::clock();
            let deadline = after(clock.now(), *this.limit);
            Alarm::at(clock, deadline)
        });
        if alarm.poll(cx).is_pending() {
            return Poll::Pending;
        }
        // The poll above may have been a forced yield of a future that is ready (R12).
        Poll::Ready(match this.fut.poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    }
}

impl<Fut> fmt::Debug for WaitAtMost<Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitAtMost").field("limit", &self.limit).finish_non_exhaustive()
    }
}
