//! Where streams come from: listeners on one side, connectables on the other.

use std::{future::Future, io};

use crate::{AsyncResource, ByteStream, ObjectStream, ReceiveError};

/// Gives a stream for each connection that others make.
///
/// There is no method that serves: accept in a group, where you decide what an error of one connection means.
///
/// ```
/// use anyio_streams::{ByteStream, Listener};
/// # use std::future::Future;
///
/// async fn serve<L: Listener<Stream: ByteStream>>(listener: L) -> std::io::Result<()> {
///     loop {
///         let connection = listener.accept().await?;
///         // With a group: tg.start_soon(handle(connection));
///         # drop(connection);
///     }
/// }
/// ```
///
/// Mirrors AnyIO's [`Listener`](https://anyio.readthedocs.io/en/stable/api.html#anyio.abc.Listener), whose `serve` has a group in
/// it.
pub trait Listener: AsyncResource {
    /// What is accepted: a byte stream, an object stream.
    type Stream: Send;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// [`ReceiveError`]: [`Closed`](ReceiveError::Closed) when the listener was closed, here or meanwhile by another task.
    ///
    /// # Cancel safety
    /// No connection is lost: the next `accept` gives it.
    fn accept(&self) -> impl Future<Output = Result<Self::Stream, ReceiveError>> + Send;
}

/// Where a byte stream can be connected to, such as an address: what a client is given, so that a test gives it another one.
///
/// Mirrors AnyIO's
/// [`ByteStreamConnectable`](https://anyio.readthedocs.io/en/stable/api.html#anyio.abc.ByteStreamConnectable).
pub trait ByteStreamConnectable: Send + Sync {
    /// The connection.
    type Stream: ByteStream;

    /// Connects. It can be called any number of times.
    ///
    /// # Errors
    /// Why there is no connection; a [`Cancelled`](anyio_cancel_scope::Cancelled) in it when it was cancelled.
    fn connect(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Where an object stream can be connected to.
///
/// Mirrors AnyIO's
/// [`ObjectStreamConnectable`](https://anyio.readthedocs.io/en/stable/api.html#anyio.abc.ObjectStreamConnectable).
pub trait ObjectStreamConnectable: Send + Sync {
    /// The connection.
    type Stream: ObjectStream;

    /// Connects. It can be called any number of times.
    ///
    /// # Errors
    /// Why there is no connection; a [`Cancelled`](anyio_cancel_scope::Cancelled) in it when it was cancelled.
    fn connect(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}
