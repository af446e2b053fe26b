//! Frames that begin with their length.

use std::{fmt, future::Future, io, panic::Location};

use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};

use crate::{
    AsyncResource, Buffered, BufferedError, ByteReceiveStream, ByteSendStream, ByteStream, FrameError,
    ObjectReceiveStream, ObjectSendStream, ObjectStream, ReceiveError, SendError, SendReason,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
    frame::FrameSender,
    noted::{enter, noted},
};

/// The limit unless told otherwise.
const MAX: usize = 8 * 1024 * 1024;
const HEADER: usize = 4;

/// Messages over a byte stream, each after its length: four bytes, the most significant one first.
///
/// It is an object stream of `Vec<u8>`, each as it was sent, empty ones too. A frame longer than the limit (8 MiB unless told
/// otherwise) is refused where it is sent, and breaks the stream where it is received, before memory is taken for it. A stream that
/// ends within a frame is broken.
///
/// Frames go out whole: once the beginning of one is out, a cancelled send leaves its rest with this object, which sends it before
/// anything else; it then succeeds, as the frame cannot be taken back. [`flush`](Self::flush), the next send,
/// [`send_eof`](ObjectStream::send_eof), and closing gracefully send that rest; where closing cannot, it fails with
/// [`FrameError::Unsent`].
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesIo, LengthDelimited, UnreliableObjectReceiveStream};
///
/// # futures_lite::future::block_on(async {
/// let frames = LengthDelimited::new(FuturesIo::reader(&b"\0\0\0\x05hello\0\0\0\0"[..]));
/// assert_eq!(frames.receive().await.unwrap(), b"hello");
/// assert_eq!(frames.receive().await.unwrap(), b"");
/// assert!(frames.receive().await.unwrap_err().is_end_of_stream());
/// # });
/// ```
pub struct LengthDelimited<S> {
    inner: Buffered<S>,
    max: usize,
    sender: FrameSender<S>,
}

impl<S> LengthDelimited<S> {
    /// Frames of 8 MiB at most.
    pub fn new(inner: S) -> Self {
        Self::with_max(inner, MAX)
    }

    /// Frames of so many bytes at most, without their lengths.
    pub fn with_max(inner: S, max: usize) -> Self {
        Self { inner: Buffered::new(inner), max, sender: FrameSender::new() }
    }

    /// The stream inside. What is received ahead is no longer in there.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }

    /// The stream inside, and the bytes that were received ahead.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        self.inner.into_parts()
    }
}

impl<S: ByteSendStream> LengthDelimited<S> {
    /// Sends what a cancelled send left of its frame.
    ///
    /// # Errors
    /// Those of a send.
    ///
    /// # Cancel safety
    /// Cancelled, it can be called again.
    #[track_caller]
    pub fn flush(&self) -> impl Future<Output = Result<(), SendReason>> + Send {
        let place = Location::caller();
        async move {
            enter(&"flush", place).await?;
            self.sender.flush(self.inner.get_ref(), place).await
        }
    }
}

impl<S: ByteReceiveStream> UnreliableObjectReceiveStream for LengthDelimited<S> {
    type Item = Vec<u8>;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<Vec<u8>, ReceiveError>> + Send {
        let place = Location::caller();
        async move {
            let mut length = HEADER;
            loop {
                let (mut buffer, header) =
                    match self.inner.read(&"receive", place).exactly(length, |buffer| buffer).await {
                        Ok(buffer) => {
                            let header = buffer.bytes().first_chunk::<HEADER>().copied().unwrap_or_default();
                            (buffer, u32::from_be_bytes(header) as usize)
                        }
                        Err(BufferedError::IncompleteRead { buffered: 0, .. }) => {
                            return Err(ReceiveError::EndOfStream);
                        }
                        Err(BufferedError::IncompleteRead { buffered: received, .. }) => {
                            return Err(ReceiveError::Broken(FrameError::Incomplete { received, length }.into()));
                        }
                        Err(error) => return Err(error.into()),
                    };
                if header > self.max {
                    let error = FrameError::TooLong { length: header, max: self.max };
                    return Err(ReceiveError::Broken(error.into()));
                }
                length = HEADER.saturating_add(header);
                if let Some(frame) = buffer.bytes().get(HEADER..length) {
                    let frame = frame.to_vec();
                    buffer.consume(length);
                    return Ok(frame);
                }
            }
        }
    }
}

impl<S: ByteSendStream> UnreliableObjectSendStream for LengthDelimited<S> {
    type SendItem = Vec<u8>;

    #[track_caller]
    fn send(&self, item: Vec<u8>) -> impl Future<Output = Result<(), SendError<Vec<u8>>>> + Send {
        let place = Location::caller();
        async move {
            if let Err(cancelled) = enter(&"send", place).await {
                return Err(SendError::new(item, cancelled));
            }
            let length = u32::try_from(item.len()).ok().filter(|_| item.len() <= self.max);
            let Some(length) = length else {
                let error = FrameError::TooLong { length: item.len(), max: self.max.min(u32::MAX as usize) };
                return Err(SendError::new(item, SendReason::Refused(error.into())));
            };
            let sent = self.sender.send(self.inner.get_ref(), place, |frame| {
                frame.extend_from_slice(&length.to_be_bytes());
                frame.extend_from_slice(&item);
            });
            sent.await.map_err(|reason| SendError::new(item, reason))
        }
    }
}

impl<S: ByteReceiveStream> ObjectReceiveStream for LengthDelimited<S> {}
impl<S: ByteSendStream> ObjectSendStream for LengthDelimited<S> {}

impl<S: ByteStream> ObjectStream for LengthDelimited<S> {
    #[track_caller]
    fn send_eof(&self) -> impl Future<Output = io::Result<()>> + Send {
        let place = Location::caller();
        async move {
            enter(&"send_eof", place).await?;
            self.sender.flush(self.inner.get_ref(), place).await?;
            noted(&"send_eof", place, self.inner.send_eof()).await?;
            Ok(())
        }
    }
}

impl<S: AsyncResource> AsyncResource for LengthDelimited<S> {
    #[track_caller]
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.sender.aclose(&self.inner, Location::caller())
    }

    fn close(&self) {
        self.inner.close();
    }
}

impl<S: TypedAttributeProvider> TypedAttributeProvider for LengthDelimited<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.inner.provide_attributes(request);
    }
}

impl<S: fmt::Debug> fmt::Debug for LengthDelimited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LengthDelimited").field("inner", &self.inner).field("max", &self.max).finish_non_exhaustive()
    }
}
