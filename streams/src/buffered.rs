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
use memchr::memmem;
use spin::mutex::{SpinMutex, SpinMutexGuard};

use crate::{
    AsyncResource, BufferedError, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ReceiveError,
    SocketStream,
    buffer::Buffer,
    noted::{Place, enter, noted},
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

    /// By invariant 1.
    #[inline]
    fn claim(&self) -> Result<SpinMutexGuard<'_, Buffer>, ReceiveError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(ReceiveError::Closed);
        }
        self.buffer.try_lock().ok_or(ReceiveError::Busy)
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
        let place = Location::caller();
        async move {
            let mut buffer = self.filled(count, &"receive_exactly", place).await?;
            let bytes = buffer.bytes()[..count].to_vec();
            buffer.consume(count);
            Ok(bytes)
        }
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
        let place = Location::caller();
        async move {
            self.filled(buf.len(), &"receive_exactly", place).await?.read(buf);
            Ok(())
        }
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
        let place = Location::caller();
        check_delimiter(delimiter);
        async move { self.until(delimiter, max_bytes, &"receive_until", place, |bytes, _| bytes.to_vec()).await }
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
        let place = Location::caller();
        check_delimiter(delimiter);
        async move {
            self.until(delimiter, max_bytes, &"receive_until_inclusive", place, |bytes, delimiter| {
                to.extend_from_slice(bytes);
                to.extend_from_slice(delimiter);
                bytes.len() + delimiter.len()
            })
            .await
        }
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
        self.line(max_bytes, &"receive_line", Location::caller())
    }

    pub(crate) async fn line(
        &self,
        max_bytes: usize,
        verb: Verb,
        place: Place,
    ) -> Result<Option<String>, BufferedError> {
        let line = match self.until(b"\n", max_bytes, verb, place, |bytes, _| without_return(bytes).to_vec()).await {
            Ok(line) => line,
            Err(BufferedError::IncompleteRead { buffered: 0, .. }) => return Ok(None),
            Err(BufferedError::IncompleteRead { buffered, .. }) if buffered > max_bytes => {
                return Err(BufferedError::DelimiterNotFound { max_bytes });
            }
            Err(BufferedError::IncompleteRead { .. }) => self.rest()?,
            Err(error) => return Err(error),
        };
        String::from_utf8(line).map(Some).map_err(BufferedError::NotText)
    }

    /// What is left in the buffer when the stream has ended.
    fn rest(&self) -> Result<Vec<u8>, ReceiveError> {
        let mut buffer = self.claim()?;
        let rest = buffer.bytes().to_vec();
        buffer.consume(rest.len());
        Ok(rest)
    }

    /// Waits until `count` bytes are in the buffer.
    #[inline]
    pub(crate) async fn filled(
        &self,
        count: usize,
        verb: Verb,
        place: Place,
    ) -> Result<SpinMutexGuard<'_, Buffer>, BufferedError> {
        enter(verb, place).await?;
        let mut buffer = self.claim()?;
        while buffer.len() < count {
            match noted(verb, place, buffer.fill(&self.inner, count, count)).await {
                Ok(()) => {}
                Err(ReceiveError::EndOfStream) => {
                    return Err(BufferedError::IncompleteRead { buffered: buffer.len(), wanted: Some(count) });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(buffer)
    }

    /// Waits until `delimiter` is in the buffer, and takes what is before it, and it.
    #[inline]
    async fn until<T>(
        &self,
        delimiter: &[u8],
        max_bytes: usize,
        verb: Verb,
        place: Place,
        take: impl FnOnce(&[u8], &[u8]) -> T,
    ) -> Result<T, BufferedError> {
        enter(verb, place).await?;
        let mut buffer = self.claim()?;
        let window = max_bytes.saturating_add(delimiter.len());
        // No delimiter begins before this place.
        let mut searched = 0;
        loop {
            let bytes = &buffer.bytes()[..buffer.len().min(window)];
            if let Some(at) = find(&bytes[searched..], delimiter) {
                let at = searched + at;
                let taken = take(&bytes[..at], delimiter);
                buffer.consume(at + delimiter.len());
                return Ok(taken);
            }
            if bytes.len() == window {
                return Err(BufferedError::DelimiterNotFound { max_bytes });
            }
            searched = (bytes.len() + 1).saturating_sub(delimiter.len());
            match noted(verb, place, buffer.fill(&self.inner, 0, window)).await {
                Ok(()) => {}
                Err(ReceiveError::EndOfStream) => {
                    return Err(BufferedError::IncompleteRead { buffered: buffer.len(), wanted: None });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[track_caller]
fn check_delimiter(delimiter: &[u8]) {
    assert!(!delimiter.is_empty(), "an empty delimiter is everywhere: give one of 1 byte at least");
}

#[inline]
fn find(bytes: &[u8], delimiter: &[u8]) -> Option<usize> {
    match delimiter {
        [byte] => memchr::memchr(*byte, bytes),
        _ => memmem::find(bytes, delimiter),
    }
}

#[inline]
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
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
