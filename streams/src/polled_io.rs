//! A byte stream of ours with the I/O traits of others.
//!
//! # Invariants
//! 1. A receive or a send that was begun is kept until it is over, whoever polls: nothing is lost when a caller goes away.
//! 2. Bytes that were accepted by a write are sent before those of the next: they are in `send`, or in `unsent` after a
//!    cancellation.
//! 3. Once some of them are lost, nothing is accepted and nothing succeeds any more.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use crate::{BoxFuture, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ReceiveError, SendReason};

/// As much as is received, and accepted, at once.
const CHUNK: usize = 16 * 1024;

/// A byte stream with the traits `AsyncRead`, `AsyncBufRead` and `AsyncWrite` of `futures-io`, and by the feature `tokio` those of
/// tokio: for hyper, tokio-util, and what else is written against them.
///
/// In a cancelled scope its operations fail with an error in which the cancellation can be found; nothing is lost by that. A write
/// that has to wait is accepted, and goes out with the flush, as with other buffered writers. Where what was accepted cannot go out, the
/// writing has failed for good: writes, flushes and the closing say so from then on.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesIo, PolledIo};
/// use futures_lite::AsyncReadExt;
///
/// # futures_lite::future::block_on(async {
/// // Any byte stream: this one only goes there and back again.
/// let stream = FuturesIo::reader(&b"hello"[..]);
/// let mut text = String::new();
/// PolledIo::new(stream).read_to_string(&mut text).await.unwrap();
/// assert_eq!(text, "hello");
/// # });
/// ```
pub struct PolledIo<S> {
    stream: Arc<S>,
    chunk: Vec<u8>,
    /// What of the chunk was received, and read.
    received: usize,
    read: usize,
    receive: Option<BoxFuture<'static, (Vec<u8>, Result<usize, ReceiveError>)>>,
    send: Option<BoxFuture<'static, (Vec<u8>, Result<(), ByteSendError>)>>,
    unsent: Vec<u8>,
    /// An error of which a write said only how much went out before it.
    untold: Option<ByteSendError>,
    /// By invariant 3.
    lost: Option<Lost>,
    end: Option<BoxFuture<'static, Result<(), ByteSendError>>>,
}

impl<S> PolledIo<S> {
    /// Gives `stream` the traits.
    pub fn new(stream: S) -> Self {
        Self {
            stream: Arc::new(stream),
            chunk: Vec::new(),
            received: 0,
            read: 0,
            receive: None,
            send: None,
            unsent: Vec::new(),
            untold: None,
            lost: None,
            end: None,
        }
    }

    /// The stream inside.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: ByteReceiveStream + 'static> PolledIo<S> {
    /// What was received; nothing at the end.
    fn poll_received(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.read == self.received {
            let (stream, chunk) = (&self.stream, &mut self.chunk);
            let receive = self.receive.get_or_insert_with(|| {
                let (stream, mut chunk) = (stream.clone(), std::mem::take(chunk));
                Box::pin(async move {
                    chunk.resize(CHUNK, 0);
                    let received = stream.receive(&mut chunk).await;
                    (chunk, received)
                })
            });
            let (chunk, received) = ready!(receive.as_mut().poll(cx));
            self.receive = None;
            self.chunk = chunk;
            (self.received, self.read) = (0, 0);
            match received {
                Ok(count) => self.received = count,
                Err(ReceiveError::EndOfStream) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        Poll::Ready(Ok(&self.chunk[self.read..self.received]))
    }

    fn poll_read_into(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let received = ready!(self.poll_received(cx))?;
        let count = received.len().min(buf.len());
        buf[..count].copy_from_slice(&received[..count]);
        self.read += count;
        Poll::Ready(Ok(count))
    }
}

impl<S: ByteSendStream + 'static> PolledIo<S> {
    fn begin(&mut self, data: Vec<u8>) {
        let stream = self.stream.clone();
        self.send = Some(Box::pin(async move {
            let sent = stream.send(&data).await;
            (data, sent)
        }));
    }

    /// Sends what was accepted before.
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ByteSendError>> {
        if let Some(lost) = &self.lost {
            return Poll::Ready(Err(lost.again()));
        }
        if let Some(error) = self.untold.take() {
            return Poll::Ready(Err(error));
        }
        let sent = ready!(self.poll_sent(cx));
        if let Err(error) = &sent
            && !can_go_on(&error.reason)
        {
            self.lost = Some(Lost::to(&error.reason));
        }
        Poll::Ready(sent)
    }

    /// The same, without a look at what was lost. Fails with how much of the send under way went out.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ByteSendError>> {
        loop {
            if self.send.is_none() && !self.unsent.is_empty() {
                let unsent = std::mem::take(&mut self.unsent);
                self.begin(unsent);
            }
            let Some(send) = &mut self.send else { return Poll::Ready(Ok(())) };
            let (mut data, sent) = ready!(send.as_mut().poll(cx));
            self.send = None;
            if let Err(error) = sent {
                if can_go_on(&error.reason) {
                    self.unsent = data.split_off(error.sent);
                }
                return Poll::Ready(Err(error));
            }
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_flushed(cx))?;
        let count = data.len().min(CHUNK);
        self.begin(data[..count].to_vec());
        match self.poll_sent(cx) {
            Poll::Ready(Err(error)) => {
                // Only this call has accepted it so far, so it can still say how much.
                self.unsent.clear();
                let sent = error.sent;
                if sent == 0 {
                    return Poll::Ready(Err(error.into()));
                }
                self.untold = Some(ByteSendError::new(0, error.reason)).filter(|error| !error.is_cancelled());
                Poll::Ready(Ok(sent))
            }
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(count)),
        }
    }
}

impl<S: ByteStream + 'static> PolledIo<S> {
    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flushed(cx))?;
        let stream = &self.stream;
        let end = self.end.get_or_insert_with(|| {
            let stream = stream.clone();
            Box::pin(async move { stream.send_eof().await })
        });
        let ended = ready!(end.as_mut().poll(cx));
        self.end = None;
        Poll::Ready(ended.map_err(Into::into))
    }
}

impl<S: ByteReceiveStream + 'static> futures_io::AsyncRead for PolledIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_read_into(cx, buf)
    }
}

impl<S: ByteReceiveStream + 'static> futures_io::AsyncBufRead for PolledIo<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().poll_received(cx)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        self.get_mut().read += count;
    }
}

impl<S: ByteStream + 'static> futures_io::AsyncWrite for PolledIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_accept(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flushed(cx).map_err(Into::into)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_ended(cx)
    }
}

#[cfg(feature = "tokio")]
impl<S: ByteReceiveStream + 'static> tokio::io::AsyncRead for PolledIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut tokio::io::ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() > 0 {
            let received = ready!(this.poll_received(cx))?;
            let count = received.len().min(buf.remaining());
            buf.put_slice(&received[..count]);
            this.read += count;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tokio")]
impl<S: ByteReceiveStream + 'static> tokio::io::AsyncBufRead for PolledIo<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().poll_received(cx)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        self.get_mut().read += count;
    }
}

#[cfg(feature = "tokio")]
impl<S: ByteStream + 'static> tokio::io::AsyncWrite for PolledIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_accept(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flushed(cx).map_err(Into::into)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_ended(cx)
    }
}

/// Whether what was not sent can be sent later.
fn can_go_on(reason: &SendReason) -> bool {
    reason.is_cancelled() || reason.is_busy()
}

/// Why bytes that had been accepted were lost, to be told again and again.
#[derive(Debug, Clone)]
struct Lost {
    closed: bool,
    kind: io::ErrorKind,
    why: String,
}

impl Lost {
    fn to(reason: &SendReason) -> Self {
        Self { closed: reason.is_closed(), kind: reason.kind(), why: reason.to_string() }
    }

    fn again(&self) -> ByteSendError {
        ByteSendError::new(
            0,
            match self.closed {
                true => SendReason::Closed,
                false => SendReason::Broken(io::Error::new(self.kind, self.clone()).into()),
            },
        )
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what was written before could not be sent: {}", self.why)
    }
}

impl std::error::Error for Lost {}

impl<S> fmt::Debug for PolledIo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolledIo")
            .field("unread", &(self.received - self.read))
            .field("sends", &self.send.is_some())
            .finish_non_exhaustive()
    }
}
