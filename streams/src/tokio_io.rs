//! Objects of the I/O traits of tokio as byte streams.

use std::{fmt, future::Future, io, panic::Location};

use anyio_typed_attrs::TypedAttributeProvider;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ReceiveError, SocketStream,
    foreign::Foreign,
};

/// An object with the traits [`AsyncRead`] and [`AsyncWrite`] of tokio, or with one of them, as a byte stream.
///
/// Its operations are checkpoints, and one task sends while another one receives. Each send is flushed. Ending the sending direction
/// is its `shutdown`, so it ends what that ends; closing gracefully does that and drops the object, closing at once just drops
/// it. It has no attributes of its
/// own: a wrapper of yours adds what you know of the object.
///
/// An object that is not `Unpin` goes in as `Box::pin(object)`.
///
/// # Examples
/// ```
/// use anyio_streams::{Buffered, ByteSendStream, TokioIo};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let (here, there) = tokio::io::duplex(64);
/// let (here, there) = (TokioIo::new(here), Buffered::new(TokioIo::new(there)));
/// here.send(b"hello\nworld\n").await.unwrap();
/// assert_eq!(there.receive_line(80).await.unwrap().unwrap(), "hello");
/// # });
/// ```
pub struct TokioIo<T>(Foreign<T>);

impl<T: AsyncRead + AsyncWrite + Unpin> TokioIo<T> {
    /// Both directions.
    pub fn new(object: T) -> Self {
        Self(Foreign::new(object, T::poll_shutdown))
    }
}

impl<T: AsyncRead + Unpin> TokioIo<T> {
    /// The receiving direction of something that has only that, or of which only that is wanted.
    pub fn reader(object: T) -> Self {
        Self(Foreign::new(object, |_, _| std::task::Poll::Ready(Ok(()))))
    }
}

impl<T: AsyncWrite + Unpin> TokioIo<T> {
    /// The sending direction of something that has only that, or of which only that is wanted.
    pub fn writer(object: T) -> Self {
        Self(Foreign::new(object, T::poll_shutdown))
    }
}

impl<T: Unpin> TokioIo<T> {
    /// The object; `None` when it was closed.
    pub fn into_inner(self) -> Option<T> {
        self.0.into_inner()
    }
}

impl<T: AsyncRead + Send + Unpin> ByteReceiveStream for TokioIo<T> {
    #[track_caller]
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        let place = Location::caller();
        assert!(
            !buf.is_empty(),
            "receive into an empty buffer could only return nothing: give it room for 1 byte at least"
        );
        self.0.receive(place, |object, cx| {
            let mut buf = ReadBuf::new(buf);
            object.poll_read(cx, &mut buf).map_ok(|()| buf.filled().len())
        })
    }
}

impl<T: AsyncWrite + Send + Unpin> ByteSendStream for TokioIo<T> {
    #[track_caller]
    fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.0.send(data, Location::caller(), |object, cx, data| object.poll_write(cx, data), T::poll_flush)
    }
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for TokioIo<T> {
    #[track_caller]
    fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.0.send_eof(Location::caller())
    }
}

impl<T: Send + Unpin> AsyncResource for TokioIo<T> {
    #[track_caller]
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.0.aclose(Location::caller())
    }

    fn close(&self) {
        self.0.close();
    }
}

impl<T> TypedAttributeProvider for TokioIo<T> {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> SocketStream for TokioIo<T> {}

impl<T> fmt::Debug for TokioIo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioIo").finish_non_exhaustive()
    }
}
