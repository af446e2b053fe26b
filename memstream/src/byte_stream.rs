//! The two ends of a memory byte stream.

use std::{fmt, future::Future, io, panic::Location, sync::Arc};

use anyio_streams::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ReceiveError, SendReason, SocketStream,
};
use anyio_typed_attrs::TypedAttributeProvider;

use crate::{
    ReceiveBytes, SendBytes,
    bytes::{EndOfSending, PipeEnd},
    pipe::{Pipe, Which},
    sync::Mutex,
};

/// Makes a stream of bytes between two tasks, both ways, with room for `max_buffer_size` bytes each way: a connection
/// without a socket.
///
/// # Panics
/// When `max_buffer_size` is 0.
///
/// # Examples
/// ```
/// use anyio_memstream::memory_byte_stream;
///
/// # futures_lite::future::block_on(async {
/// let (here, there) = memory_byte_stream(64);
/// here.send(b"ping").await.unwrap();
/// let mut buf = [0; 16];
/// let count = there.receive(&mut buf).await.unwrap();
/// assert_eq!(&buf[..count], b"ping");
///
/// // One way can be ended alone.
/// here.send_eof().await.unwrap();
/// assert!(there.receive(&mut buf).await.unwrap_err().is_end_of_stream());
/// there.send(b"pong").await.unwrap();
/// assert_eq!(here.receive(&mut buf).await.unwrap(), 4);
/// # });
/// ```
#[track_caller]
pub fn memory_byte_stream(max_buffer_size: usize) -> (MemoryByteStream, MemoryByteStream) {
    assert!(max_buffer_size > 0, "memory_byte_stream(0) could never pass a byte on: give it room for 1 at least");
    let pipe = || Mutex::new(Pipe::new(max_buffer_size));
    let link = Arc::new(Link { pipes: [pipe(), pipe()] });
    (MemoryByteStream { link: link.clone(), sends: 0 }, MemoryByteStream { link, sends: 1 })
}

/// What both ends share: a pipe each way.
struct Link {
    pipes: [Mutex<Pipe>; 2],
}

/// One end of a [memory byte stream](memory_byte_stream).
///
/// One task can send while another one receives. The methods are those of the traits of byte streams, for code that knows what
/// it has. When this end is closed, by [`close`](Self::close) or by dropping it, the other one reads what is left, and then the
/// end of the stream.
///
/// It is a [`SocketStream`] without attributes, so it can stand in for a socket.
pub struct MemoryByteStream {
    link: Arc<Link>,
    /// Into which of the pipes it sends.
    sends: usize,
}

impl MemoryByteStream {
    /// Receives what is there, at least one byte.
    ///
    /// # Errors
    /// [`Cancelled`](ReceiveError::Cancelled); [`EndOfStream`](ReceiveError::EndOfStream) when the other side ended, and everything
    /// was read; [`Closed`](ReceiveError::Closed) when this end is closed, or was meanwhile; [`Busy`](ReceiveError::Busy) while
    /// another task receives. In a cancelled scope only bytes come before the cancellation.
    ///
    /// # Panics
    /// When `buf` is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost: bytes stay where they are until this returns them.
    #[track_caller]
    pub fn receive<'s, 'b>(&'s self, buf: &'b mut [u8]) -> ReceiveBytes<'s, 'b> {
        assert!(
            !buf.is_empty(),
            "receive into an empty buffer could only return nothing: give it room for 1 byte at least"
        );
        ReceiveBytes::new(PipeEnd::new(self.receives(), Which::Receiver, &"receive", Location::caller()), buf)
    }

    /// Sends all of `data`, and waits for room where there is none.
    ///
    /// # Errors
    /// [`ByteSendError`], with how many bytes went into the buffer: cancelled; this end is closed or ended, or was meanwhile; the
    /// other end is closed; another task sends.
    ///
    /// # Cancel safety
    /// Cancelled, it tells how much went out. Dropped while it waits, what went out is not told.
    #[track_caller]
    pub fn send<'s, 'b>(&'s self, data: &'b [u8]) -> SendBytes<'s, 'b> {
        SendBytes::new(PipeEnd::new(self.sends(), Which::Sender, &"send", Location::caller()), data)
    }

    /// Tells the other side that nothing more is sent. A second call does nothing.
    ///
    /// # Errors
    /// [`ByteSendError`]: cancelled; this end is closed; another task sends.
    ///
    /// # Cancel safety
    /// Either it happened, or it did not.
    #[track_caller]
    pub fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send + use<'_> {
        EndOfSending::new(PipeEnd::new(self.sends(), Which::Sender, &"send_eof", Location::caller()), self.receives())
    }

    /// Closes this end, as dropping it does: waiting operations on it fail with `Closed`. A second call does nothing.
    pub fn close(&self) {
        let woken = self.receives().lock().end(Which::Receiver);
        wake(woken);
        let woken = self.sends().lock().end(Which::Sender);
        wake(woken);
    }

    fn sends(&self) -> &Mutex<Pipe> {
        &self.link.pipes[self.sends]
    }

    fn receives(&self) -> &Mutex<Pipe> {
        &self.link.pipes[1 - self.sends]
    }
}

pub(crate) fn wake(woken: [Option<std::task::Waker>; 2]) {
    woken.into_iter().flatten().for_each(std::task::Waker::wake);
}

impl Drop for MemoryByteStream {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for MemoryByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sent, received] = [self.sends(), self.receives()].map(|pipe| pipe.lock().len());
        f.debug_struct("MemoryByteStream").field("unread_there", &sent).field("unread_here", &received).finish()
    }
}

impl AsyncResource for MemoryByteStream {
    async fn aclose(&self) -> io::Result<()> {
        self.close();
        Ok(())
    }

    fn close(&self) {
        self.close();
    }
}

impl ByteReceiveStream for MemoryByteStream {
    #[track_caller]
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        self.receive(buf)
    }
}

impl ByteSendStream for MemoryByteStream {
    #[track_caller]
    fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.send(data)
    }
}

impl ByteStream for MemoryByteStream {
    #[track_caller]
    fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.send_eof()
    }
}

impl TypedAttributeProvider for MemoryByteStream {}
impl SocketStream for MemoryByteStream {}

/// What a send fails with when the other end is closed.
#[derive(Debug)]
pub(crate) struct OtherEndClosed;

impl fmt::Display for OtherEndClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the other end is closed")
    }
}

impl std::error::Error for OtherEndClosed {}

pub(crate) fn broken() -> SendReason {
    SendReason::Broken(Box::new(OtherEndClosed))
}
