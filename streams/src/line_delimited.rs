//! Lines.

use std::{fmt, future::Future, io, panic::Location};

use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};

use crate::{
    AsyncResource, Buffered, ByteReceiveStream, ByteSendStream, ByteStream, FrameError, ObjectReceiveStream,
    ObjectSendStream, ObjectStream, ReceiveError, SendError, SendReason, UnreliableObjectReceiveStream,
    UnreliableObjectSendStream,
    frame::FrameSender,
    noted::{enter, noted},
};

/// The limit unless told otherwise.
const MAX: usize = 64 * 1024;

/// Lines over a byte stream: an object stream of strings, each sent with a line feed, and received without it.
///
/// A carriage return before the line feed goes with it. What comes before the end without a line feed is a line as well. A line
/// longer than the limit (64 KiB unless told otherwise), or one with a line break in it, is refused where it is sent; where it is
/// received, one that is too long breaks the stream, and takes no more memory than the limit. A line that is no UTF-8 is an error
/// of its own, after which the next one can be received.
///
/// Lines go out whole, as the frames of [`LengthDelimited`](crate::LengthDelimited) do.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesIo, LineDelimited, UnreliableObjectReceiveStream};
///
/// # futures_lite::future::block_on(async {
/// let lines = LineDelimited::new(FuturesIo::reader(&b"one\r\n\ntwo"[..]));
/// assert_eq!(lines.receive().await.unwrap(), "one");
/// assert_eq!(lines.receive().await.unwrap(), "");
/// assert_eq!(lines.receive().await.unwrap(), "two");
/// assert!(lines.receive().await.unwrap_err().is_end_of_stream());
/// # });
/// ```
pub struct LineDelimited<S> {
    inner: Buffered<S>,
    max: usize,
    sender: FrameSender<S>,
}

impl<S> LineDelimited<S> {
    /// Lines of 64 KiB at most.
    pub fn new(inner: S) -> Self {
        Self::with_max(inner, MAX)
    }

    /// Lines of so many bytes at most, before their line feeds.
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

    fn check(&self, line: &str) -> Result<(), FrameError> {
        let position = line.find('\n').or_else(|| line.ends_with('\r').then(|| line.len() - 1));
        match position {
            Some(position) => Err(FrameError::LineBreak { position }),
            None if line.len() > self.max => Err(FrameError::TooLong { length: line.len(), max: self.max }),
            None => Ok(()),
        }
    }
}

impl<S: ByteSendStream> LineDelimited<S> {
    /// Sends what a cancelled send left of its line.
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

impl<S: ByteReceiveStream> UnreliableObjectReceiveStream for LineDelimited<S> {
    type Item = String;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<String, ReceiveError>> + Send {
        let place = Location::caller();
        async move { self.inner.read(&"receive", place).line(self.max).await?.ok_or(ReceiveError::EndOfStream) }
    }
}

impl<S: ByteSendStream> UnreliableObjectSendStream for LineDelimited<S> {
    type SendItem = String;

    #[track_caller]
    fn send(&self, item: String) -> impl Future<Output = Result<(), SendError<String>>> + Send {
        let place = Location::caller();
        async move {
            if let Err(cancelled) = enter(&"send", place).await {
                return Err(SendError::new(item, cancelled));
            }
            if let Err(error) = self.check(&item) {
                return Err(SendError::new(item, SendReason::Refused(error.into())));
            }
            let sent = self.sender.send(self.inner.get_ref(), place, |frame| {
                frame.extend_from_slice(item.as_bytes());
                frame.push(b'\n');
            });
            sent.await.map_err(|reason| SendError::new(item, reason))
        }
    }
}

impl<S: ByteReceiveStream> ObjectReceiveStream for LineDelimited<S> {}
impl<S: ByteSendStream> ObjectSendStream for LineDelimited<S> {}

impl<S: ByteStream> ObjectStream for LineDelimited<S> {
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

impl<S: AsyncResource> AsyncResource for LineDelimited<S> {
    #[track_caller]
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.sender.aclose(&self.inner, Location::caller())
    }

    fn close(&self) {
        self.inner.close();
    }
}

impl<S: TypedAttributeProvider> TypedAttributeProvider for LineDelimited<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.inner.provide_attributes(request);
    }
}

impl<S: fmt::Debug> fmt::Debug for LineDelimited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineDelimited").field("inner", &self.inner).field("max", &self.max).finish_non_exhaustive()
    }
}
