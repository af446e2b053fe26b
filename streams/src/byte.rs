//! Streams of bytes.

use std::future::Future;

use anyio_typed_attrs::TypedAttributeProvider;

use crate::{AsyncResource, ByteSendError, ReceiveError};

/// Bytes that come in, in order and all of them, cut anywhere.
///
/// Methods take `&self`, so that one task receives while another one sends on the same object. An implementer writes
/// `async fn receive`.
///
/// Mirrors AnyIO's [`ByteReceiveStream`](https://anyio.readthedocs.io/en/stable/api.html#anyio.abc.ByteReceiveStream), which gives
/// a new object for each chunk; here they are put into a place of the caller's.
pub trait ByteReceiveStream: AsyncResource {
    /// Receives what is there into `buf`, at least one byte, and tells how many.
    ///
    /// It waits until there is something. It is never 0: the end of the stream is an error.
    ///
    /// # Errors
    /// [`ReceiveError`] says why there was nothing; [`EndOfStream`](ReceiveError::EndOfStream) after the last byte,
    /// [`Busy`](ReceiveError::Busy) while another task receives.
    ///
    /// # Panics
    /// When `buf` is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost: cancelled or dropped while it waits, it has taken nothing from the stream.
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send;
}

/// Bytes that go out, in order and all of them.
pub trait ByteSendStream: AsyncResource {
    /// Sends all of `data`.
    ///
    /// # Errors
    /// [`ByteSendError`] says how much of it went out, and why not the rest.
    ///
    /// # Cancel safety
    /// Cancelled, it tells how much went out, so that the rest can follow. Dropped while it waits, nobody knows.
    fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send;
}

/// Both directions, of which the sending one can be ended alone.
pub trait ByteStream: ByteReceiveStream + ByteSendStream {
    /// Tells the other side that nothing more is sent: after the last byte it sees the end of the stream, and can go on
    /// sending. A second call does nothing.
    ///
    /// A send that comes after it is [`Closed`](crate::SendReason::Closed).
    ///
    /// # Errors
    /// Those of a send.
    fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send;
}

/// A byte stream that is a connection, and tells by its attributes to whom.
pub trait SocketStream: ByteStream + TypedAttributeProvider {}
