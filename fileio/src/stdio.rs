//! The standard streams of the process.

use std::{
    fmt, fs,
    future::Future,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    sync::{Arc, OnceLock},
};

use anyio_streams::{AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ReceiveError, SendReason};
use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};

use crate::{File, FileDescriptor, entry::Operation, file_stream, gate::Gate};

/// A standard stream, of which the process has one: it is opened once and stays.
struct Standard {
    file: Result<File, io::Error>,
}

impl Standard {
    fn open(fd: BorrowedFd<'_>) -> Self {
        let file = fd.try_clone_to_owned().and_then(|own| File::wrap(fs::File::from(own)));
        Self { file }
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))
    }
}

/// The standard input of the process, as a stream of bytes.
///
/// A terminal, a pipe and a socket are waited for by readiness: a wait can be cancelled, holds no thread, and does not keep the process
/// from ending. The descriptor stays as it is: nothing is made non-blocking that others share. A file is read as a [`File`]. Every call
/// gives a handle to the same stream; bytes go to who asks first.
///
/// It keeps no bytes back, so what [`std::io::stdin`] reads in between is not mixed up; but what that has in its buffer is not seen
/// here.
///
/// # Examples
/// ```no_run
/// # async fn f() -> anyio_cancel_scope::Result<()> {
/// use anyio_fileio::stdin;
///
/// let mut buf = [0; 1024];
/// let count = stdin().receive(&mut buf).await?;
/// println!("{} bytes came", count);
/// # Ok(()) }
/// ```
pub fn stdin() -> Stdin {
    static STANDARD: OnceLock<Arc<Standard>> = OnceLock::new();
    let standard = STANDARD.get_or_init(|| Arc::new(Standard::open(io::stdin().as_fd()))).clone();
    Stdin { standard, gate: Gate::default() }
}

/// The standard input of the process. Made by [`stdin`].
pub struct Stdin {
    standard: Arc<Standard>,
    gate: Gate,
}

impl Stdin {
    /// Receives what is there, at least one byte.
    ///
    /// # Errors
    /// [`ReceiveError`]: cancelled; the end of the input; closed, by our side; broken, with what the system says.
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
            if self.gate.is_closed() {
                return Err(ReceiveError::Closed);
            }
            let file = self.standard.file()?;
            file_stream::receive(file, buf, &mut operation, &self.gate).await
        }
    }

    /// Closes this handle. The standard input of the process stays open.
    pub fn close(&self) {
        self.gate.close();
    }
}

impl AsyncResource for Stdin {
    async fn aclose(&self) -> io::Result<()> {
        self.close();
        Ok(())
    }

    fn close(&self) {
        self.close();
    }
}

impl ByteReceiveStream for Stdin {
    #[track_caller]
    fn receive(&self, buf: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        self.receive(buf)
    }
}

impl TypedAttributeProvider for Stdin {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        if let Ok(file) = &self.standard.file {
            request.provide::<FileDescriptor>(|| file.as_fd().as_raw_fd());
        }
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").field("closed", &self.gate.is_closed()).finish_non_exhaustive()
    }
}

/// What both outputs do.
struct Output {
    standard: Arc<Standard>,
    gate: Gate,
}

impl Output {
    fn new(standard: Arc<Standard>) -> Self {
        Self { standard, gate: Gate::default() }
    }

    async fn send(&self, data: &[u8], mut operation: Operation) -> Result<(), ByteSendError> {
        operation.enter().await.map_err(|cancelled| ByteSendError::new(0, cancelled))?;
        if self.gate.is_closed() {
            return Err(ByteSendError::new(0, SendReason::Closed));
        }
        let file = self.standard.file().map_err(|error| ByteSendError::new(0, error))?;
        file_stream::send(file, data, &mut operation, &self.gate).await?;
        // A file collects; what was printed is printed.
        let flush = async { file.kind.turn().await?.flush(&mut operation, file.limiter()).await };
        flush.await.map_err(|error: io::Error| ByteSendError::new(data.len(), error))
    }

    fn close(&self) {
        self.gate.close();
    }
}

macro_rules! output {
    ($(#[$of_function:meta])* $function:ident, $(#[$of_type:meta])* $name:ident) => {
        $(#[$of_function])*
        pub fn $function() -> $name {
            static STANDARD: OnceLock<Arc<Standard>> = OnceLock::new();
            let standard = STANDARD.get_or_init(|| Arc::new(Standard::open(io::$function().as_fd()))).clone();
            $name { output: Output::new(standard) }
        }

        $(#[$of_type])*
        pub struct $name {
            output: Output,
        }

        impl $name {
            /// Sends all of `data`. The system has it when this returns.
            ///
            /// # Errors
            /// [`ByteSendError`], with how much was written: cancelled; closed, by our side; broken, with what the system says.
            ///
            /// # Cancel safety
            /// Cancelled, it tells how much was written. Dropped while it waits, nobody knows.
            #[track_caller]
            pub fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
                self.output.send(data, Operation::new(&"send"))
            }

            /// Closes this handle. The stream of the process stays open.
            pub fn close(&self) {
                self.output.close();
            }
        }

        impl AsyncResource for $name {
            async fn aclose(&self) -> io::Result<()> {
                self.close();
                Ok(())
            }

            fn close(&self) {
                self.close();
            }
        }

        impl ByteSendStream for $name {
            #[track_caller]
            fn send(&self, data: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
                self.send(data)
            }
        }

        impl TypedAttributeProvider for $name {
            fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
                if let Ok(file) = &self.output.standard.file {
                    request.provide::<FileDescriptor>(|| file.as_fd().as_raw_fd());
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("closed", &self.output.gate.is_closed()).finish_non_exhaustive()
            }
        }
    };
}

output! {
    /// The standard output of the process, as a stream of bytes. Nothing is collected; waits are as those of [`stdin`].
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// anyio_fileio::stdout().send(b"hello\n").await?;
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    stdout,
    /// The standard output of the process. Made by [`stdout`].
    Stdout
}

output! {
    /// The standard error output of the process, as a stream of bytes. Nothing is collected; waits are as those of [`stdin`].
    stderr,
    /// The standard error output of the process. Made by [`stderr`].
    Stderr
}
