//! What the forms that never wait fail with.

use std::{error::Error, fmt, io};

use anyio_cancel_scope::BoxError;

use crate::words;

/// Why a `try_receive` gave nothing. It never looks at cancellation.
#[derive(Debug)]
#[non_exhaustive]
pub enum TryReceiveError {
    /// Nothing is there now.
    WouldBlock,
    /// This end was closed, by its own side.
    Closed,
    /// The other side ended in order, and everything that it had sent was received.
    EndOfStream,
    /// Another task is receiving on this stream, which takes one at a time.
    Busy,
    /// The other side is gone, or the transport failed.
    Broken(BoxError),
}

impl TryReceiveError {
    /// Whether nothing is there now.
    pub fn would_block(&self) -> bool {
        matches!(self, Self::WouldBlock)
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

impl fmt::Display for TryReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str(words::WOULD_BLOCK),
            Self::Closed => f.write_str(words::CLOSED),
            Self::EndOfStream => f.write_str(words::END_OF_STREAM),
            Self::Busy => f.write_str("another task is receiving on this stream"),
            Self::Broken(source) => write!(f, "{}: {source}", words::BROKEN),
        }
    }
}

impl Error for TryReceiveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(source) => words::source_of_broken(source),
            Self::WouldBlock | Self::Closed | Self::EndOfStream | Self::Busy => None,
        }
    }
}

/// Kind `WouldBlock`, `UnexpectedEof` or `ResourceBusy` for what is called so, the kind of the source for a broken stream, else
/// `Other`.
impl From<TryReceiveError> for io::Error {
    fn from(error: TryReceiveError) -> Self {
        let kind = match &error {
            TryReceiveError::WouldBlock => io::ErrorKind::WouldBlock,
            TryReceiveError::Closed => io::ErrorKind::Other,
            TryReceiveError::EndOfStream => io::ErrorKind::UnexpectedEof,
            TryReceiveError::Busy => io::ErrorKind::ResourceBusy,
            TryReceiveError::Broken(source) => words::kind_of_broken(source),
        };
        Self::new(kind, error)
    }
}

/// Why a `try_send` did not happen. It never looks at cancellation.
#[derive(Debug)]
#[non_exhaustive]
pub enum TrySendReason {
    /// There is no room now.
    WouldBlock,
    /// This end was closed, by its own side.
    Closed,
    /// Another task is sending on this stream, which takes one at a time.
    Busy,
    /// The other side is gone, or the transport failed.
    Broken(BoxError),
}

impl fmt::Display for TrySendReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str(words::WOULD_BLOCK),
            Self::Closed => f.write_str(words::CLOSED),
            Self::Busy => f.write_str("another task is sending on this stream"),
            Self::Broken(source) => write!(f, "{}: {source}", words::BROKEN),
        }
    }
}

impl Error for TrySendReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(source) => words::source_of_broken(source),
            Self::WouldBlock | Self::Closed | Self::Busy => None,
        }
    }
}

/// An item that was not sent, and why. The item comes back.
pub struct TrySendError<T> {
    /// What was not sent.
    pub item: T,
    /// Why not.
    pub reason: TrySendReason,
}

impl<T> TrySendError<T> {
    /// An item that comes back.
    pub fn new(item: T, reason: TrySendReason) -> Self {
        Self { item, reason }
    }

    /// The item.
    pub fn into_item(self) -> T {
        self.item
    }

    /// Why it was not sent.
    pub fn reason(&self) -> &TrySendReason {
        &self.reason
    }

    /// Why it was not sent; the item is dropped.
    pub fn into_reason(self) -> TrySendReason {
        self.reason
    }

    /// Whether there is no room now.
    pub fn would_block(&self) -> bool {
        matches!(self.reason, TrySendReason::WouldBlock)
    }

    /// Whether this end was closed, by its own side.
    pub fn is_closed(&self) -> bool {
        matches!(self.reason, TrySendReason::Closed)
    }

    /// Whether another task was sending.
    pub fn is_busy(&self) -> bool {
        matches!(self.reason, TrySendReason::Busy)
    }

    /// Whether the other side is gone, or the transport failed.
    pub fn is_broken(&self) -> bool {
        matches!(self.reason, TrySendReason::Broken(_))
    }
}

/// Without the item.
impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySendError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl<T> Error for TrySendError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.source()
    }
}

/// Kind `WouldBlock` or `ResourceBusy` for what is called so, the kind of the source for a broken stream, else `Other`.
impl From<TrySendReason> for io::Error {
    fn from(reason: TrySendReason) -> Self {
        let kind = match &reason {
            TrySendReason::WouldBlock => io::ErrorKind::WouldBlock,
            TrySendReason::Closed => io::ErrorKind::Other,
            TrySendReason::Busy => io::ErrorKind::ResourceBusy,
            TrySendReason::Broken(source) => words::kind_of_broken(source),
        };
        Self::new(kind, reason)
    }
}

/// The item is dropped. Kinds as those of its reason.
impl<T> From<TrySendError<T>> for io::Error {
    fn from(error: TrySendError<T>) -> Self {
        error.reason.into()
    }
}
