//! Two halves as one stream.

use std::{future::Future, io};

use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};

use crate::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ClosingErrors, ObjectReceiveStream,
    ObjectSendStream, ObjectStream, ReceiveError, SendError, UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};

/// A stream that sends on one stream and receives from another: byte streams both, or object streams both.
///
/// Ending the sending direction closes the sending half. Closing closes both halves, also when the first one fails: two errors come
/// as [`ClosingErrors`]. Attributes are those of both; where both have one, the receiving half's counts.
///
/// Mirrors AnyIO's
/// [`StapledByteStream`](https://anyio.readthedocs.io/en/stable/streams.html#stapled-streams) and `StapledObjectStream`; there a
/// half that fails to close leaves the other one open.
///
/// # Examples
/// ```
/// use anyio_streams::{ByteReceiveStream, ByteSendStream, FuturesIo, Stapled};
///
/// # futures_lite::future::block_on(async {
/// let requests = FuturesIo::reader(&b"hello"[..]);
/// let responses = FuturesIo::writer(Vec::new());
/// let stream = Stapled::new(responses, requests);
/// let mut buf = [0; 16];
/// let count = stream.receive(&mut buf).await.unwrap();
/// stream.send(&buf[..count]).await.unwrap();
/// # });
/// ```
#[derive(Debug)]
pub struct Stapled<W, R> {
    send: W,
    receive: R,
}

impl<W, R> Stapled<W, R> {
    /// Sends on `send`, receives from `receive`.
    pub fn new(send: W, receive: R) -> Self {
        Self { send, receive }
    }

    /// The half that sends.
    pub fn send_half(&self) -> &W {
        &self.send
    }

    /// The half that receives.
    pub fn receive_half(&self) -> &R {
        &self.receive
    }

    /// Both halves.
    pub fn into_halves(self) -> (W, R) {
        (self.send, self.receive)
    }
}

impl<W: AsyncResource, R: AsyncResource> AsyncResource for Stapled<W, R> {
    async fn aclose(&self) -> io::Result<()> {
        ClosingErrors::join([self.send.aclose().await, self.receive.aclose().await])
    }

    fn close(&self) {
        self.send.close();
        self.receive.close();
    }
}

impl<W: AsyncResource, R: ByteReceiveStream> ByteReceiveStream for Stapled<W, R> {
    #[track_caller]
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        self.receive.receive(buf)
    }
}

impl<W: ByteSendStream, R: AsyncResource> ByteSendStream for Stapled<W, R> {
    #[track_caller]
    fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.send.send(data)
    }
}

impl<W: ByteSendStream, R: ByteReceiveStream> ByteStream for Stapled<W, R> {
    async fn send_eof(&self) -> Result<(), ByteSendError> {
        self.send.aclose().await.map_err(|error| ByteSendError::new(0, error))
    }
}

impl<W: AsyncResource, R: UnreliableObjectReceiveStream> UnreliableObjectReceiveStream for Stapled<W, R> {
    type Item = R::Item;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<R::Item, ReceiveError>> + Send {
        self.receive.receive()
    }
}

impl<W: UnreliableObjectSendStream, R: AsyncResource> UnreliableObjectSendStream for Stapled<W, R> {
    type SendItem = W::SendItem;

    #[track_caller]
    fn send(&self, item: W::SendItem) -> impl Future<Output = Result<(), SendError<W::SendItem>>> + Send {
        self.send.send(item)
    }
}

impl<W: AsyncResource, R: ObjectReceiveStream> ObjectReceiveStream for Stapled<W, R> {}
impl<W: ObjectSendStream, R: AsyncResource> ObjectSendStream for Stapled<W, R> {}

impl<W: ObjectSendStream<SendItem = R::Item>, R: ObjectReceiveStream> ObjectStream for Stapled<W, R> {
    fn send_eof(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.send.aclose()
    }
}

impl<W: TypedAttributeProvider, R: TypedAttributeProvider> TypedAttributeProvider for Stapled<W, R> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.receive.provide_attributes(request);
        self.send.provide_attributes(request);
    }
}
