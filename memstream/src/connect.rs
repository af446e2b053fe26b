//! Connections between tasks: a listener, and what connects to it.

use std::{fmt, future::Future, io, sync::Arc};

use anyio_streams::{
    AsyncResource, ByteStream, ByteStreamConnectable, Listener, ObjectStream, ObjectStreamConnectable, ReceiveError,
    Stapled,
};
use anyio_typed_attrs::TypedAttributeProvider;

use crate::{
    MemoryByteStream, MemoryObjectReceiveStream, MemoryObjectSendStream, memory_byte_stream, memory_object_stream,
};

/// How many connections wait to be accepted before a connect waits.
const BACKLOG: usize = 128;

/// Both directions of a stream of objects between two tasks.
pub type MemoryObjectStream<T> = Stapled<MemoryObjectSendStream<T>, MemoryObjectReceiveStream<T>>;

/// Makes a stream of objects between two tasks, both ways, with room for `max_buffer_size` of them each way.
///
/// # Examples
/// ```
/// use anyio_memstream::memory_object_stream_pair;
/// use anyio_streams::{UnreliableObjectReceiveStream, UnreliableObjectSendStream};
///
/// # futures_lite::future::block_on(async {
/// let (here, there) = memory_object_stream_pair(1);
/// here.send("ping").await.unwrap();
/// assert_eq!(there.receive().await.unwrap(), "ping");
/// # });
/// ```
pub fn memory_object_stream_pair<T>(max_buffer_size: usize) -> (MemoryObjectStream<T>, MemoryObjectStream<T>) {
    let (send_there, receive_there) = memory_object_stream(max_buffer_size);
    let (send_here, receive_here) = memory_object_stream(max_buffer_size);
    (Stapled::new(send_there, receive_here), Stapled::new(send_here, receive_there))
}

/// Makes a listener for memory byte streams, and what connects to it: a server and its clients in one test, without sockets.
///
/// `max_buffer_size` is that of each [`memory_byte_stream`].
///
/// # Panics
/// When `max_buffer_size` is 0.
///
/// # Examples
/// ```
/// use anyio_memstream::memory_byte_listener;
/// use anyio_streams::{ByteStreamConnectable, Listener};
/// use std::io;
///
/// /// A client, which is told where to connect to.
/// async fn greet(server: &impl ByteStreamConnectable) -> io::Result<()> {
///     let stream = server.connect().await?;
///     anyio_streams::ByteSendStream::send(&stream, b"hello").await?;
///     Ok(())
/// }
///
/// # futures_lite::future::block_on(async {
/// let (connectable, listener) = memory_byte_listener(64);
/// greet(&connectable).await?;
/// let connection = listener.accept().await?;
/// let mut buf = [0; 64];
/// assert_eq!(connection.receive(&mut buf).await?, 5);
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn memory_byte_listener(
    max_buffer_size: usize,
) -> (MemoryConnectable<MemoryByteStream>, MemoryListener<MemoryByteStream>) {
    assert!(
        max_buffer_size > 0,
        "memory_byte_listener(0) makes streams that could never pass a byte on: give it 1 at least"
    );
    connected(move || memory_byte_stream(max_buffer_size))
}

/// Makes a listener for memory object streams, and what connects to it.
///
/// `max_buffer_size` is that of each [`memory_object_stream_pair`].
pub fn memory_object_listener<T: Send + 'static>(
    max_buffer_size: usize,
) -> (MemoryConnectable<MemoryObjectStream<T>>, MemoryListener<MemoryObjectStream<T>>) {
    connected(move || memory_object_stream_pair(max_buffer_size))
}

fn connected<S>(make: impl Fn() -> (S, S) + Send + Sync + 'static) -> (MemoryConnectable<S>, MemoryListener<S>) {
    let (connects, accepts) = memory_object_stream(BACKLOG);
    (MemoryConnectable { connects, make: Arc::new(make) }, MemoryListener { accepts })
}

type Make<S> = Arc<dyn Fn() -> (S, S) + Send + Sync>;

/// Connects to a [`MemoryListener`]. It can be cloned; what it makes are streams as any, with the listener's task at the other
/// end.
///
/// When the listener is closed, connecting fails as it does with sockets: with `ConnectionRefused`.
pub struct MemoryConnectable<S> {
    connects: MemoryObjectSendStream<S>,
    make: Make<S>,
}

impl<S: Send> MemoryConnectable<S> {
    /// Connects: at once, unless 128 others wait to be accepted.
    ///
    /// # Errors
    /// `ConnectionRefused` when the listener is closed; a cancellation.
    ///
    /// # Cancel safety
    /// Either there is a connection, or nobody is told of it.
    #[track_caller]
    pub fn connect(&self) -> impl Future<Output = io::Result<S>> + Send + use<'_, S> {
        let (here, there) = (self.make)();
        let connecting = self.connects.send(there);
        async move {
            match connecting.await {
                Ok(()) => Ok(here),
                Err(error) if error.is_cancelled() => Err(error.into()),
                Err(_) => Err(io::Error::new(io::ErrorKind::ConnectionRefused, NobodyListens)),
            }
        }
    }
}

impl<S> Clone for MemoryConnectable<S> {
    fn clone(&self) -> Self {
        Self { connects: self.connects.clone(), make: self.make.clone() }
    }
}

impl<S: ByteStream> ByteStreamConnectable for MemoryConnectable<S> {
    type Stream = S;

    #[track_caller]
    fn connect(&self) -> impl Future<Output = io::Result<S>> + Send {
        self.connect()
    }
}

impl<S: ObjectStream> ObjectStreamConnectable for MemoryConnectable<S> {
    type Stream = S;

    #[track_caller]
    fn connect(&self) -> impl Future<Output = io::Result<S>> + Send {
        self.connect()
    }
}

impl<S> fmt::Debug for MemoryConnectable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryConnectable").finish_non_exhaustive()
    }
}

/// Accepts what [`MemoryConnectable`]s connect. Several tasks can accept.
pub struct MemoryListener<S> {
    accepts: MemoryObjectReceiveStream<S>,
}

impl<S: Send> Listener for MemoryListener<S> {
    type Stream = S;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// [`ReceiveError`]: cancelled; [`Closed`](ReceiveError::Closed) when the listener is closed;
    /// [`EndOfStream`](ReceiveError::EndOfStream) when every connectable is dropped, so that nobody can connect any more.
    ///
    /// # Cancel safety
    /// No connection is lost: the next `accept` gives it.
    #[track_caller]
    fn accept(&self) -> impl Future<Output = Result<S, ReceiveError>> + Send {
        self.accepts.receive()
    }
}

impl<S: Send> AsyncResource for MemoryListener<S> {
    async fn aclose(&self) -> io::Result<()> {
        self.accepts.close();
        Ok(())
    }

    /// Refuses who connects from now on, and drops the connections that were not accepted.
    fn close(&self) {
        self.accepts.close();
    }
}

impl<S> TypedAttributeProvider for MemoryListener<S> {}

impl<S> fmt::Debug for MemoryListener<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.accepts.statistics().current_buffer_used;
        f.debug_struct("MemoryListener").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// What connecting fails with when the listener is closed.
#[derive(Debug)]
struct NobodyListens;

impl fmt::Display for NobodyListens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the memory listener is closed")
    }
}

impl std::error::Error for NobodyListens {}

impl<T> TypedAttributeProvider for MemoryObjectSendStream<T> {}
impl<T> TypedAttributeProvider for MemoryObjectReceiveStream<T> {}
