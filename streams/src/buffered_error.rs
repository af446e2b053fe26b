//! Why a buffered read gave nothing.

use std::{error::Error, fmt, io, string::FromUtf8Error};

use anyio_cancel_scope::{CancelError, Cancelled};

use crate::ReceiveError;

/// Why a buffered read gave nothing. But for a line that is no text, the bytes are still in the buffer.
#[derive(Debug)]
#[non_exhaustive]
pub enum BufferedError {
    /// Nothing more came in, and why.
    Receive(ReceiveError),
    /// The stream ended first.
    IncompleteRead {
        /// How many bytes came before the end.
        buffered: usize,
        /// How many were asked for, where that was a number.
        wanted: Option<usize>,
    },
    /// The delimiter did not come within the limit.
    DelimiterNotFound {
        /// The limit.
        max_bytes: usize,
    },
    /// The line is no UTF-8; its bytes are in the error.
    NotText(FromUtf8Error),
}

impl BufferedError {
    /// Whether the read was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Receive(error) if error.is_cancelled())
    }

    /// Whether this end was closed, by its own side.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Receive(error) if error.is_closed())
    }

    /// Whether the stream ended where a read began, with nothing left over.
    pub fn is_end_of_stream(&self) -> bool {
        matches!(self, Self::IncompleteRead { buffered: 0, .. } | Self::Receive(ReceiveError::EndOfStream))
    }

    /// Whether the other side is gone, or the transport failed.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Receive(error) if error.is_broken())
    }

    /// Whether another task was receiving.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Receive(error) if error.is_busy())
    }
}

impl fmt::Display for BufferedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive(error) => error.fmt(f),
            Self::IncompleteRead { buffered, wanted: Some(wanted) } => {
                write!(f, "the stream ended after {buffered} of {wanted} bytes")
            }
            Self::IncompleteRead { buffered, wanted: None } => {
                write!(f, "the stream ended after {buffered} bytes, and before the delimiter")
            }
            Self::DelimiterNotFound { max_bytes } => write!(f, "no delimiter came within {max_bytes} bytes"),
            Self::NotText(error) => write!(f, "the line is no UTF-8: {error}"),
        }
    }
}

impl Error for BufferedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Receive(error) => error.source(),
            Self::NotText(error) => Some(error),
            Self::IncompleteRead { .. } | Self::DelimiterNotFound { .. } => None,
        }
    }
}

impl CancelError for BufferedError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl From<ReceiveError> for BufferedError {
    fn from(error: ReceiveError) -> Self {
        Self::Receive(error)
    }
}

impl From<Cancelled> for BufferedError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Receive(cancelled.into())
    }
}

/// What cannot be read is a stream that is broken; that it ended too soon is told as such.
impl From<BufferedError> for ReceiveError {
    fn from(error: BufferedError) -> Self {
        match error {
            BufferedError::Receive(error) => error,
            error => Self::Broken(error.into()),
        }
    }
}

/// Kind `UnexpectedEof` where the stream ended too soon, `InvalidData` for a line without end or that is no text; what a receive
/// failed with as that.
impl From<BufferedError> for io::Error {
    fn from(error: BufferedError) -> Self {
        let kind = match error {
            BufferedError::Receive(error) => return error.into(),
            BufferedError::IncompleteRead { .. } => io::ErrorKind::UnexpectedEof,
            BufferedError::DelimiterNotFound { .. } | BufferedError::NotText(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
