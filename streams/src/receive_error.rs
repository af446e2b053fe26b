//! Why nothing was received.

use std::{error::Error, fmt, io};

use anyio_cancel_scope::{BoxError, CancelError, Cancelled};

use crate::words;

/// Why a receive gave nothing. Nothing was taken from the stream.
///
/// It counts as a cancellation only as [`Cancelled`](Self::Cancelled): a stream that broke since something else was cancelled
/// is [`Broken`](Self::Broken).
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The receive was cancelled.
    Cancelled(Cancelled),
    /// This end was closed, by its own side.
    Closed,
    /// The other side ended in order, and everything that it had sent was received.
    EndOfStream,
    /// Another task is receiving on this stream, which takes one at a time.
    Busy,
    /// The other side is gone, or the transport failed.
    Broken(BoxError),
}

impl ReceiveError {
    /// Whether the receive was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Whether this end was closed, by its own side.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Whether the other side ended in order.
    pub fn is_end_of_stream(&self) -> bool {
        matches!(self, Self::EndOfStream)
    }

    /// Whether another task was receiving.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy)
    }

    /// Whether the other side is gone, or the transport failed.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(_) => f.write_str(words::CANCELLED),
            Self::Closed => f.write_str(words::CLOSED),
            Self::EndOfStream => f.write_str(words::END_OF_STREAM),
            Self::Busy => f.write_str("another task is receiving on this stream"),
            Self::Broken(source) => write!(f, "{}: {source}", words::BROKEN),
        }
    }
}

impl Error for ReceiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Cancelled(cancelled) => Some(cancelled),
            Self::Broken(source) => words::source_of_broken(source),
            Self::Closed | Self::EndOfStream | Self::Busy => None,
        }
    }
}

impl CancelError for ReceiveError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl From<Cancelled> for ReceiveError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

/// What a transport says: a cancellation if it is one, else that the stream is broken.
impl From<io::Error> for ReceiveError {
    fn from(error: io::Error) -> Self {
        match words::cancelled_in(&error) {
            Some(cancelled) => Self::Cancelled(cancelled),
            None => Self::Broken(error.into()),
        }
    }
}

/// Kind `UnexpectedEof` at the end of the stream, `ResourceBusy` for busy, the kind of the source for a broken stream
/// (`BrokenPipe` if that is no `io::Error`), else `Other`.
impl From<ReceiveError> for io::Error {
    fn from(error: ReceiveError) -> Self {
        let kind = match &error {
            ReceiveError::Cancelled(_) | ReceiveError::Closed => io::ErrorKind::Other,
            ReceiveError::EndOfStream => io::ErrorKind::UnexpectedEof,
            ReceiveError::Busy => io::ErrorKind::ResourceBusy,
            ReceiveError::Broken(source) => words::kind_of_broken(source),
        };
        Self::new(kind, error)
    }
}
