//! A buffer before a byte stream, and reads that take several chunks.
//!
//! # Invariants
//! 1. Whoever reads holds the buffer from its entry to its end, across its waits. A lock that is never waited for does that: who
//!    finds it taken is `Busy`.
//! 2. Bytes leave the buffer in the poll that returns them: a read that is cancelled or dropped leaves them there.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    sync::atomic::{AtomicBool, Ordering},
};

use anyio_cancel_scope::Verb;
use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};
use spin::mutex::{SpinMutex, SpinMutexGuard};

use crate::{
    AsyncResource, BufferedError, BufferedReader, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream,
    ReceiveError, SocketStream,
    buffer::Buffer,
    noted::{Place, enter, noted},
    reads::{Claimed, Read, check_delimiter},
};

/// As much as is read at once unless told otherwise.
const CAPACITY: usize = 8 * 1024;

/// A byte stream with a buffer before it, for reads of exact sizes, up to delimiters, and of lines.
///
/// It is a byte stream itself, with the directions of the stream in it. Reads that fail, are cancelled or dropped leave what they
/// have in the buffer.
///
/// Mirrors AnyIO's
/// [`BufferedByteStream`](https://anyio.readthedocs.io/en/stable/streams.html#buffered-byte-streams) and
/// `BufferedByteReceiveStream`. There the limit of a read up to a delimiter depends on the chunks; here it is exact.
///
/// # Examples
/// ```
/// use anyio_streams::Buffered;
/// # use anyio_streams::FuturesIo;
///
/// # futures_lite::future::block_on(async {
/// # let connection = FuturesIo::reader(&b"GET / HTTP/1.1\r\nlength: 5\r\n\r\nhello"[..]);
/// let buffered = Buffered::new(connection);
/// assert_eq!(buffered.receive_until(b"\r\n", 100).await?, b"GET / HTTP/1.1");
/// while let Some(header) = buffered.receive_line(100).await? {
///     if header.is_empty() {
///         break;
///     }
/// }
/// assert_eq!(buffered.receive_exactly(5).await?, b"hello");
/// # Ok::<_, anyio_streams::BufferedError>(()) }).unwrap();
/// ```
pub struct Buffered<S> {
    inner: S,
    buffer: SpinMutex<Buffer>,
    closed: AtomicBool,
}

impl<S> Buffered<S> {
    /// A buffer before `inner`, which reads up to 8 KiB at once.
    pub fn new(inner: S) -> Self {
        Self::with_capacity(CAPACITY, inner)
    }

    /// A buffer before `inner`, which reads up to so many bytes at once. It grows beyond that as far as a single read has to.
    ///
    /// # Panics
    /// When `capacity` is 0.
    #[track_caller]
    pub fn with_capacity(capacity: usize, inner: S) -> Self {
        assert!(capacity > 0, "Buffered::with_capacity(0, ..) could never read: give it 1 byte at least");
        Self { inner, buffer: SpinMutex::new(Buffer::new(capacity)), closed: AtomicBool::new(false) }
    }

    /// The stream inside. What is in the buffer is no longer in there.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The stream inside; what is in the buffer is dropped.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The stream inside, and what is in the buffer.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        (self.inner, self.buffer.into_inner().into_bytes())
    }

    /// A copy of what is in the buffer.
    ///
    /// # Errors
    /// [`Busy`](ReceiveError::Busy) while a task reads; [`Closed`](ReceiveError::Closed) when the stream is.
    pub fn buffer(&self) -> Result<Vec<u8>, ReceiveError> {
        Ok(self.claim()?.bytes().to_vec())
    }

    /// Puts `data` at the end of the buffer, from where it is read before anything else that comes in.
    ///
    /// # Errors
    /// [`Busy`](ReceiveError::Busy) while a task reads: whether that one would see it would be chance;
    /// [`Closed`](ReceiveError::Closed) when the stream is.
    pub fn feed_data(&self, data: &[u8]) -> Result<(), ReceiveError> {
        self.claim()?.append(data);
        Ok(())
    }

    /// Claims the reading for several reads in a row, which is faster than to claim it for each: for loops of small ones. Until the
    /// reader is dropped, others that read are busy.
    ///
    /// # Errors
    /// [`Busy`](ReceiveError::Busy) while a task reads; [`Closed`](ReceiveError::Closed) when the stream is.
    ///
    /// # Examples
    /// ```
    /// use anyio_streams::{Buffered, ByteReceiveStream, BufferedError};
    ///
    /// /// Adds up the lengths of lines.
    /// async fn count<S: ByteReceiveStream>(buffered: &Buffered<S>) -> Result<usize, BufferedError> {
    ///     let (mut reader, mut sum) = (buffered.reader()?, 0);
    ///     while let Some(line) = reader.receive_line(1000).await? {
    ///         sum += line.len();
    ///     }
    ///     Ok(sum)
    /// }
    /// # let stream = anyio_streams::FuturesIo::reader(&b"ab\n\ncde\n"[..]);
    /// # assert_eq!(futures_lite::future::block_on(count(&Buffered::new(stream))).unwrap(), 5);
    /// ```
    #[inline]
    pub fn reader(&self) -> Result<BufferedReader<'_, S>, ReceiveError> {
        Ok(BufferedReader::new(self, self.claim()?))
    }

    /// A read that claims the buffer for itself.
    #[inline]
    pub(crate) fn read<'s>(
        &'s self,
        verb: Verb,
        place: Place,
    ) -> Read<impl FnOnce() -> Claimed<'s, S, SpinMutexGuard<'s, Buffer>>> {
        Read { claim: || Ok((&self.inner, self.claim()?)), verb, place }
    }

    /// By invariant 1.
    #[inline]
    fn claim(&self) -> Result<SpinMutexGuard<'_, Buffer>, ReceiveError> {
        self.check_open()?;
        self.buffer.try_lock().ok_or(ReceiveError::Busy)
    }

    #[inline]
    pub(crate) fn check_open(&self) -> Result<(), ReceiveError> {
        if self.closed.load(Ordering::Relaxed) { Err(ReceiveError::Closed) } else { Ok(()) }
    }
}

impl<S: ByteReceiveStream> Buffered<S> {
    /// Receives exactly `count` bytes.
    ///
    /// Memory is taken as they come in, not for a number that a peer said.
    ///
    /// # Errors
    /// [`BufferedError::IncompleteRead`] when the stream ends first; [`BufferedError::Receive`] when nothing more comes.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_exactly(&self, count: usize) -> impl Future<Output = Result<Vec<u8>, BufferedError>> + Send {
        self.read(&"receive_exactly", Location::caller()).exactly(count, move |mut buffer| buffer.take(count))
    }

    /// Receives exactly as many bytes as `buf` takes, into it.
    ///
    /// # Errors
    /// As those of [`receive_exactly`](Self::receive_exactly); then nothing was written into `buf`.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_exactly_into(&self, buf: &mut [u8]) -> impl Future<Output = Result<(), BufferedError>> + Send {
        self.read(&"receive_exactly", Location::caller()).exactly(buf.len(), |mut buffer| {
            buffer.read(buf);
        })
    }

    /// Receives up to `delimiter`, which is taken out of the stream and not returned.
    ///
    /// At most `max_bytes` come before the delimiter, however they are cut into chunks.
    ///
    /// # Errors
    /// [`BufferedError::DelimiterNotFound`] when more came without it: they stay in the buffer;
    /// [`BufferedError::IncompleteRead`] when the stream ends first; [`BufferedError::Receive`] when nothing more comes.
    ///
    /// # Panics
    /// When `delimiter` is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_until(
        &self,
        delimiter: &[u8],
        max_bytes: usize,
    ) -> impl Future<Output = Result<Vec<u8>, BufferedError>> + Send {
        check_delimiter(delimiter);
        let read = self.read(&"receive_until", Location::caller());
        read.until(delimiter, max_bytes, |mut buffer, at| buffer.take_until(at, delimiter))
    }

    /// Receives up to `delimiter` and appends it all, with the delimiter, to `to`; returns how much that was.
    ///
    /// The limit is that of [`receive_until`](Self::receive_until), so `max_bytes` and a delimiter are appended at most.
    ///
    /// # Errors
    /// As those of [`receive_until`](Self::receive_until); then nothing was appended.
    ///
    /// # Panics
    /// When `delimiter` is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_until_inclusive(
        &self,
        delimiter: &[u8],
        max_bytes: usize,
        to: &mut Vec<u8>,
    ) -> impl Future<Output = Result<usize, BufferedError>> + Send {
        check_delimiter(delimiter);
        let read = self.read(&"receive_until_inclusive", Location::caller());
        read.until(delimiter, max_bytes, |mut buffer, at| buffer.append_to(to, at + delimiter.len()))
    }

    /// Receives a line, without its `\n` or `\r\n`; `None` at the end of the stream. What comes before the end without a line feed
    /// is a line as well.
    ///
    /// At most `max_bytes` come before the line feed.
    ///
    /// # Errors
    /// [`BufferedError::DelimiterNotFound`] when more came without a line feed: they stay in the buffer;
    /// [`BufferedError::NotText`] for a line that is no UTF-8, with its bytes; [`BufferedError::Receive`] when nothing more comes.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_line(&self, max_bytes: usize) -> impl Future<Output = Result<Option<String>, BufferedError>> + Send {
        self.read(&"receive_line", Location::caller()).line(max_bytes)
    }
}

impl<S: fmt::Debug> fmt::Debug for Buffered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffered = self.buffer.try_lock().map(|buffer| buffer.len());
        f.debug_struct("Buffered").field("inner", &self.inner).field("buffered", &buffered).finish()
    }
}

impl<S: AsyncResource> AsyncResource for Buffered<S> {
    async fn aclose(&self) -> io::Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        self.inner.aclose().await
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.inner.close();
    }
}

impl<S: ByteReceiveStream> ByteReceiveStream for Buffered<S> {
    #[track_caller]
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        let place = Location::caller();
        assert!(
            !buf.is_empty(),
            "receive into an empty buffer could only return nothing: give it room for 1 byte at least"
        );
        async move {
            enter(&"receive", place).await?;
            let mut buffer = self.claim()?;
            if buffer.is_empty() {
                if buf.len() >= buffer.capacity() {
                    return noted(&"receive", place, self.inner.receive(buf)).await;
                }
                noted(&"receive", place, buffer.fill(&self.inner, 0, 0)).await?;
            }
            Ok(buffer.read(buf))
        }
    }
}

impl<S: ByteSendStream> ByteSendStream for Buffered<S> {
    #[track_caller]
    fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.inner.send(data)
    }
}

impl<S: ByteStream> ByteStream for Buffered<S> {
    #[track_caller]
    fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.inner.send_eof()
    }
}

impl<S: TypedAttributeProvider> TypedAttributeProvider for Buffered<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.inner.provide_attributes(request);
    }
}

impl<S: SocketStream> SocketStream for Buffered<S> {}
