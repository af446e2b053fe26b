//! What is closed, and how.

use std::{future::Future, io};

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
