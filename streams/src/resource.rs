//! What is closed, and how.

use std::{future::Future, io};

use anyio_cancel_scope::shield;

/// Something that is closed when it is done with: a stream, a listener, a file.
///
/// There are two ways. [`close`](Self::close) is synchronous, cannot fail to release, and is what dropping does.
/// [`aclose`](Self::aclose) adds what is polite: it flushes, and says good-bye to the other side.
///
/// Methods of resources take `&self`, so that one task can close what another one is using: that one then sees `Closed`.
///
/// Mirrors AnyIO's [`AsyncResource`](https://anyio.readthedocs.io/en/stable/api.html#anyio.abc.AsyncResource); there closing in
/// a cancelled scope may leave the resource open, here it never does.
pub trait AsyncResource: Send + Sync {
    /// Closes gracefully. A second call does nothing.
    ///
    /// # Errors
    /// What the graceful part fails with. In a cancelled scope, or cancelled midway, the resource is closed all the same, without
    /// that part, and the error is a [`Cancelled`](anyio_cancel_scope::Cancelled). After any error it is closed.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the resource open; dropping the resource closes it.
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Closes at once, without the graceful part. A second call does nothing.
    fn close(&self);
}

/// Closes at once, without the graceful part.
///
/// Mirrors AnyIO's [`aclose_forcefully`](https://anyio.readthedocs.io/en/stable/api.html#anyio.aclose_forcefully), which has to be
/// awaited; this is [`AsyncResource::close`], for code that is generic over both.
pub async fn aclose_forcefully<R: AsyncResource + ?Sized>(resource: &R) {
    resource.close();
}

/// Runs `fut`, and closes the resource gracefully afterwards, whatever came out.
///
/// The closing is shielded from the cancellation that ended `fut`; limit it by a
/// [`move_on_after`](anyio_cancel_scope::move_on_after) inside of a resource of your own where a peer may keep it waiting. Where
/// this future is dropped after its first poll, the resource is closed at once.
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
pub async fn with_resource<R, T, E, Fut>(resource: &R, fut: Fut) -> Result<T, E>
where
    R: AsyncResource + ?Sized,
    Fut: Future<Output = Result<T, E>>,
    E: From<io::Error>,
{
    let closing = ClosedOnDrop(resource);
    let result = fut.await;
    let closed = shield(resource.aclose()).await;
    drop(closing);
    let value = result?;
    closed?;
    Ok(value)
}

struct ClosedOnDrop<'a, R: AsyncResource + ?Sized>(&'a R);

impl<R: AsyncResource + ?Sized> Drop for ClosedOnDrop<'_, R> {
    fn drop(&mut self) {
        self.0.close();
    }
}
