//! Files as byte streams.

use std::{
    fmt,
    future::Future,
    io::{self, SeekFrom},
    os::fd::{AsFd, AsRawFd},
    path::Path as StdPath,
    sync::{Arc, Mutex, PoisonError},
};

use anyio_streams::{AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ReceiveError, SendReason};
use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};

use crate::{File, FileDescriptor, FilePath, OpenOptions, StdFile, entry::Operation, gate::Gate};

/// A file that several tasks may use while one closes it.
struct Shared {
    file: Mutex<Option<Arc<File>>>,
    gate: Gate,
}

impl Shared {
    fn new(file: File) -> Self {
        Self { file: Mutex::new(Some(Arc::new(file))), gate: Gate::default() }
    }

    fn open(&self) -> Option<Arc<File>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is closed when the last operation on it ends; those that wait are told.
    fn take(&self) -> Option<Arc<File>> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.gate.close();
        file
    }

    fn provide(&self, request: &mut AttributeRequest<'_>) {
        let Some(file) = self.open() else { return };
        if let Some(path) = file.path() {
            request.provide::<FilePath>(|| path.clone());
        }
        request.provide::<FileDescriptor>(|| file.as_fd().as_raw_fd());
        // A handle that the system refuses is none.
        if let Ok(other) = file.file.try_clone() {
            request.provide::<StdFile>(|| other);
        }
    }
}

/// Receives from a file as long as the gate is open.
pub(crate) async fn receive(
    file: &File,
    buf: &mut [u8],
    operation: &mut Operation,
    gate: &Gate,
) -> Result<usize, ReceiveError> {
    let read = async { file.kind.turn().await?.read(buf, operation, file.limiter()).await };
    match gate.while_open(read).await.ok_or(ReceiveError::Closed)?? {
        0 => Err(ReceiveError::EndOfStream),
        count => Ok(count),
    }
}

/// Sends to a file as long as the gate is open.
pub(crate) async fn send(
    file: &File,
    data: &[u8],
    operation: &mut Operation,
    gate: &Gate,
) -> Result<(), ByteSendError> {
    let mut sent = 0;
    let write = async { file.kind.turn().await?.write_all(data, &mut sent, operation, file.limiter()).await };
    match gate.while_open(write).await {
        None => Err(ByteSendError::new(sent, SendReason::Closed)),
        Some(written) => written.map_err(|error: io::Error| ByteSendError::new(sent, error)),
    }
}

fn closed() -> io::Error {
    io::Error::other("the file stream is closed")
}

/// A file as a stream of bytes that come in.
///
/// It tells [`FilePath`], [`FileDescriptor`] and [`StdFile`] as attributes.
///
/// Mirrors AnyIO's [`FileReadStream`](https://anyio.readthedocs.io/en/stable/api.html#anyio.streams.file.FileReadStream).
///
/// # Examples
/// ```
/// use anyio_fileio::{FileReadStream, FileWriteStream, TemporaryDirectory};
///
/// # futures_lite::future::block_on(async {
/// let folder = TemporaryDirectory::new().await?;
/// let path = folder.path().join("file");
/// let writer = FileWriteStream::from_path(&path).await?;
/// writer.send(b"hello").await?;
/// writer.aclose().await?;
///
/// let reader = FileReadStream::from_path(&path).await?;
/// let mut buf = [0; 8];
/// assert_eq!(reader.receive(&mut buf).await?, 5);
/// assert!(reader.receive(&mut buf).await.unwrap_err().is_end_of_stream());
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct FileReadStream {
    shared: Shared,
}

impl FileReadStream {
    /// Of a file that is open for reading.
    pub fn new(file: File) -> Self {
        Self { shared: Shared::new(file) }
    }

    /// Opens a file.
    ///
    /// # Errors
    /// Those of [`File::open`].
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn from_path(path: impl AsRef<StdPath>) -> impl Future<Output = io::Result<Self>> + Send + 'static {
        let opened = File::open(path);
        async move { opened.await.map(Self::new) }
    }

    /// Receives what is there, at least one byte.
    ///
    /// # Errors
    /// [`ReceiveError`]: cancelled; the end of the file; closed, by our side; broken, with what the system says.
    ///
    /// # Panics
    /// When `buf` is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        assert!(
            !buf.is_empty(),
            "receive into an empty buffer could only return nothing: give it room for 1 byte at least"
        );
        let mut operation = Operation::new(&"receive");
        async move {
            operation.enter().await?;
            let file = self.shared.open().ok_or(ReceiveError::Closed)?;
            receive(&file, buf, &mut operation, &self.shared.gate).await
        }
    }

    /// Moves the position, and tells where it is.
    ///
    /// # Errors
    /// Those of [`File::seek`]; that the stream is closed.
    ///
    /// # Cancel safety
    /// Cancelled, it did not move.
    #[track_caller]
    pub fn seek(&self, to: SeekFrom) -> impl Future<Output = io::Result<u64>> + Send {
        let file = self.shared.open();
        async move { file.ok_or_else(closed)?.seek(to).await }
    }

    /// Where the position is.
    ///
    /// # Errors
    /// Those of [`seek`](Self::seek).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn tell(&self) -> impl Future<Output = io::Result<u64>> + Send {
        self.seek(SeekFrom::Current(0))
    }

    /// Closes the file, as dropping the stream does. Who waits to receive is told.
    pub fn close(&self) {
        drop(self.shared.take());
    }
}

impl AsyncResource for FileReadStream {
    async fn aclose(&self) -> io::Result<()> {
        self.close();
        Ok(())
    }

    fn close(&self) {
        self.close();
    }
}

impl ByteReceiveStream for FileReadStream {
    #[track_caller]
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        self.receive(buf)
    }
}

impl TypedAttributeProvider for FileReadStream {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.shared.provide(request);
    }
}

impl fmt::Debug for FileReadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReadStream").field("file", &self.shared.open()).finish()
    }
}

/// A file as a stream of bytes that go out.
///
/// What was sent may be collected, as [`File`] says: [`flush`](Self::flush) and [`aclose`](Self::aclose) wait for it, and tell its errors.
/// It tells [`FilePath`], [`FileDescriptor`] and [`StdFile`] as attributes.
///
/// Mirrors AnyIO's [`FileWriteStream`](https://anyio.readthedocs.io/en/stable/api.html#anyio.streams.file.FileWriteStream).
///
/// # Examples
/// See [`FileReadStream`].
pub struct FileWriteStream {
    shared: Shared,
}

impl FileWriteStream {
    /// Of a file that is open for writing.
    pub fn new(file: File) -> Self {
        Self { shared: Shared::new(file) }
    }

    /// Opens a file, which is made if it is not there, and emptied if it is.
    ///
    /// # Errors
    /// Those of [`File::create`].
    ///
    /// # Cancel safety
    /// The file may have been made or emptied.
    #[track_caller]
    pub fn from_path(path: impl AsRef<StdPath>) -> impl Future<Output = io::Result<Self>> + Send + 'static {
        let opened = File::create(path);
        async move { opened.await.map(Self::new) }
    }

    /// Opens a file to send behind what is there; it is made if it is not. (AnyIO's `from_path(append=True)`.)
    ///
    /// # Errors
    /// Those of [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// The file may have been made.
    #[track_caller]
    pub fn append(path: impl AsRef<StdPath>) -> impl Future<Output = io::Result<Self>> + Send + 'static {
        let opened = OpenOptions::new().append(true).create(true).open_path(path.as_ref().into());
        async move { opened.await.map(Self::new) }
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// [`ByteSendError`], with how much was written: cancelled; closed, by our side; broken, with what the system says.
    ///
    /// # Cancel safety
    /// Cancelled, it tells how much was written. Dropped while it waits, nobody knows.
    #[track_caller]
    pub fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        let mut operation = Operation::new(&"send");
        async move {
            operation.enter().await.map_err(|cancelled| ByteSendError::new(0, cancelled))?;
            let Some(file) = self.shared.open() else { return Err(ByteSendError::new(0, SendReason::Closed)) };
            send(&file, data, &mut operation, &self.shared.gate).await
        }
    }

    /// Waits until the system has everything that was sent.
    ///
    /// # Errors
    /// Those of [`File::flush`]; that the stream is closed.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn flush(&self) -> impl Future<Output = io::Result<()>> + Send {
        let file = self.shared.open();
        async move { file.ok_or_else(closed)?.flush().await }
    }

    /// Flushes, and closes the file. A second call does nothing.
    ///
    /// # Errors
    /// What the system says of a write; `Cancelled` inside, in a cancelled scope. The file is closed in any case.
    ///
    /// # Cancel safety
    /// Cancelled or dropped, the file is closed as dropping it does.
    #[track_caller]
    pub fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        let file = self.shared.take();
        async move {
            match file {
                Some(file) => file.flush().await,
                None => Ok(()),
            }
        }
    }

    /// Closes the file, as dropping the stream does, and tells who waits to send: what is collected is written on this thread, and an error told to nobody.
    pub fn close(&self) {
        drop(self.shared.take());
    }
}

impl AsyncResource for FileWriteStream {
    #[track_caller]
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.aclose()
    }

    fn close(&self) {
        self.close();
    }
}

impl ByteSendStream for FileWriteStream {
    #[track_caller]
    fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        self.send(data)
    }
}

impl TypedAttributeProvider for FileWriteStream {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.shared.provide(request);
    }
}

impl fmt::Debug for FileWriteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWriteStream").field("file", &self.shared.open()).finish()
    }
}
