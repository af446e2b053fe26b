//! A resource around a piece of work, which is closed on every way out.

use std::{
    future::{Future, poll_fn},
    io,
    panic::Location,
    pin::pin,
    task::Poll,
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, Checkpoint, check_cancelled, now};

use crate::AsyncResource;

/// How long a graceful closing may take in a cancelled scope, unless told otherwise.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `fut`, and closes the resource gracefully afterwards, whatever came out.
///
/// Where nothing is cancelled, the closing takes its time. In a cancelled scope it is shielded for five seconds: then the resource
/// is closed without the rest of the graceful part. [`with_resource_within`] is the same with a grace of your choice. Where this
/// future is dropped after its first poll, or `fut` panics, the resource is closed at once.
///
/// It takes the place of AnyIO's `async with resource`.
///
/// # Errors
/// The error of `fut`; else that of closing.
///
/// # Cancel safety
/// Dropping the future drops `fut`, and closes the resource without the graceful part.
///
/// # Examples
/// ```
/// use anyio_streams::{AsyncResource, with_resource};
/// use std::{io, sync::atomic::{AtomicBool, Ordering}};
///
/// #[derive(Default)]
/// struct Door(AtomicBool);
/// impl AsyncResource for Door {
///     async fn aclose(&self) -> io::Result<()> {
///         self.close();
///         Ok(())
///     }
///     fn close(&self) {
///         self.0.store(true, Ordering::SeqCst);
///     }
/// }
///
/// # futures_lite::future::block_on(async {
/// let door = Door::default();
/// let failed = with_resource(&door, async { Err::<(), _>(io::Error::other("it rains")) }).await;
/// assert!(failed.is_err() && door.0.load(Ordering::SeqCst));
/// # });
/// ```
#[track_caller]
pub fn with_resource<R, T, E, Fut>(resource: &R, fut: Fut) -> impl Future<Output = Result<T, E>>
where
    R: AsyncResource + ?Sized,
    Fut: Future<Output = Result<T, E>>,
    E: From<io::Error>,
{
    with_resource_within(GRACE, resource, fut)
}

/// [`with_resource`] with so much time for the graceful closing in a cancelled scope, from when the scope is cancelled or `fut`
/// ends, whichever is later.
///
/// # Errors
/// The error of `fut`; else that of closing.
///
/// # Cancel safety
/// Dropping the future drops `fut`, and closes the resource without the graceful part.
#[track_caller]
pub fn with_resource_within<R, T, E, Fut>(grace: Duration, resource: &R, fut: Fut) -> impl Future<Output = Result<T, E>>
where
    R: AsyncResource + ?Sized,
    Fut: Future<Output = Result<T, E>>,
    E: From<io::Error>,
{
    let mut outer = Checkpoint::at(&"with_resource", Location::caller());
    async move {
        let closing = ClosedOnDrop(resource);
        let result = fut.await;
        let shielded = CancelScope::new().shielded();
        let mut closed = pin!(shielded.enter(resource.aclose()));
        let mut in_grace = false;
        let closed = poll_fn(|cx| {
            loop {
                if !in_grace && check_cancelled().is_err() {
                    in_grace = true;
                    shielded.set_deadline(now().checked_add(grace));
                }
                if let Poll::Ready(closed) = closed.as_mut().poll(cx) {
                    return Poll::Ready(closed);
                }
                // Ready when it was cancelled just now.
                if in_grace || outer.poll_pending(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await;
        drop(closing);
        let value = result?;
        closed?;
        Ok(value)
    }
}

struct ClosedOnDrop<'a, R: AsyncResource + ?Sized>(&'a R);

impl<R: AsyncResource + ?Sized> Drop for ClosedOnDrop<'_, R> {
    fn drop(&mut self) {
        self.0.close();
    }
}
