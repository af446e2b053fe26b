//! Object streams of bytes as byte streams.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    sync::atomic::{AtomicBool, Ordering},
};

use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};
use spin::mutex::SpinMutex;

use crate::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ObjectReceiveStream, ObjectSendStream,
    ObjectStream, ReceiveError, SendError, SendReason,
    noted::{enter, noted},
};

/// The adapter from object streams of bytes to byte streams.
pub trait IntoByteStream: AsyncResource + Sized {
    /// This object stream of `Vec<u8>`, or of others that are bytes, as a byte stream: what does not fit into the place for it is
    /// kept for the next receive, and each send is one object.
    ///
    /// # Examples
    /// ```
    /// use anyio_streams::{Buffered, FuturesStream, IntoByteStream};
    ///
    /// # futures_lite::future::block_on(async {
    /// let chunks = FuturesStream::new(futures_lite::stream::iter([b"abc".to_vec(), b"de\n".to_vec()]));
    /// let lines = Buffered::new(chunks.into_byte_stream());
    /// assert_eq!(lines.receive_line(80).await.unwrap().unwrap(), "abcde");
    /// # });
    /// ```
    fn into_byte_stream(self) -> ObjectBytes<Self> {
        ObjectBytes {
            inner: self,
            surplus: SpinMutex::new(Surplus { bytes: Vec::new(), read: 0 }),
            sends: SpinMutex::new(()),
            closed: AtomicBool::new(false),
        }
    }
}

impl<S: AsyncResource> IntoByteStream for S {}

/// An object stream of bytes as a byte stream, made by [`IntoByteStream::into_byte_stream`].
pub struct ObjectBytes<S> {
    inner: S,
    surplus: SpinMutex<Surplus>,
    /// Held by who sends, across its waits: the object stream may take several at once, a byte stream takes one.
    sends: SpinMutex<()>,
    closed: AtomicBool,
}

/// What was received and not read.
struct Surplus {
    bytes: Vec<u8>,
    read: usize,
}

impl<S> ObjectBytes<S> {
    /// The object stream.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The object stream, and what was received of its last object and not read.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        let Surplus { mut bytes, read } = self.surplus.into_inner();
        bytes.drain(..read);
        (self.inner, bytes)
    }
}

impl<S: ObjectReceiveStream<Item: AsRef<[u8]>>> ByteReceiveStream for ObjectBytes<S> {
    #[track_caller]
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        let place = Location::caller();
        assert!(
            !buf.is_empty(),
            "receive into an empty buffer could only return nothing: give it room for 1 byte at least"
        );
        async move {
            enter(&"receive", place).await?;
            if self.closed.load(Ordering::Relaxed) {
                return Err(ReceiveError::Closed);
            }
            let mut surplus = self.surplus.try_lock().ok_or(ReceiveError::Busy)?;
            while surplus.read == surplus.bytes.len() {
                let item = noted(&"receive", place, self.inner.receive()).await?;
                surplus.bytes.clear();
                surplus.read = 0;
                surplus.bytes.extend_from_slice(item.as_ref());
            }
            let rest = &surplus.bytes[surplus.read..];
            let count = rest.len().min(buf.len());
            buf[..count].copy_from_slice(&rest[..count]);
            surplus.read += count;
            Ok(count)
        }
    }
}

impl<S: ObjectSendStream<SendItem: From<Vec<u8>>>> ByteSendStream for ObjectBytes<S> {
    #[track_caller]
    fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        let place = Location::caller();
        async move {
            let sent = async {
                enter(&"send", place).await?;
                let _claim = self.sends.try_lock().ok_or(SendReason::Busy)?;
                noted(&"send", place, self.inner.send(data.to_vec().into())).await.map_err(SendError::into_reason)
            };
            sent.await.map_err(|reason| ByteSendError::new(0, reason))
        }
    }
}

impl<S> ByteStream for ObjectBytes<S>
where
    S: ObjectStream<Item: AsRef<[u8]> + From<Vec<u8>>>,
{
    #[track_caller]
    fn send_eof(&self) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        let place = Location::caller();
        async move {
            let ended = async {
                enter(&"send_eof", place).await?;
                if self.closed.load(Ordering::Relaxed) {
                    return Err(SendReason::Closed);
                }
                let _claim = self.sends.try_lock().ok_or(SendReason::Busy)?;
                noted(&"send_eof", place, self.inner.send_eof()).await.map_err(SendReason::from)
            };
            ended.await.map_err(|reason| ByteSendError::new(0, reason))
        }
    }
}

impl<S: AsyncResource> AsyncResource for ObjectBytes<S> {
    async fn aclose(&self) -> io::Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        self.inner.aclose().await
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.inner.close();
    }
}

impl<S: TypedAttributeProvider> TypedAttributeProvider for ObjectBytes<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.inner.provide_attributes(request);
    }
}

impl<S: fmt::Debug> fmt::Debug for ObjectBytes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBytes").field("inner", &self.inner).finish_non_exhaustive()
    }
}
