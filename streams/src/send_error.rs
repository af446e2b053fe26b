//! Why something was not sent, and what comes back.

use std::{error::Error, fmt, io};

use anyio_cancel_scope::{BoxError, CancelError, Cancelled};

use crate::words;

/// Why a send did not happen.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendReason {
    /// The send was cancelled.
    Cancelled(Cancelled),
    /// This end was closed, by its own side.
    Closed,
    /// Another task is sending on this stream, which takes one at a time.
    Busy,
    /// The other side is gone, or the transport failed.
    Broken(BoxError),
    /// It cannot be sent over this stream, such as a frame above the limit; nothing of it was, and the stream is as before.
    Refused(BoxError),
}

impl SendReason {
    /// Whether the send was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Whether this end was closed, by its own side.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Whether another task was sending.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy)
    }

    /// Whether the other side is gone, or the transport failed.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// Whether it cannot be sent over this stream at all.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Cancelled(_) | Self::Closed => io::ErrorKind::Other,
            Self::Busy => io::ErrorKind::ResourceBusy,
            Self::Broken(source) => words::kind_of_broken(source),
            Self::Refused(_) => io::ErrorKind::InvalidInput,
        }
    }
}

impl fmt::Display for SendReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(_) => f.write_str(words::CANCELLED),
            Self::Closed => f.write_str(words::CLOSED),
            Self::Busy => f.write_str("another task is sending on this stream"),
            Self::Broken(source) => write!(f, "{}: {source}", words::BROKEN),
            Self::Refused(source) => write!(f, "it cannot be sent over this stream: {source}"),
        }
    }
}

impl Error for SendReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Cancelled(cancelled) => Some(cancelled),
            Self::Broken(source) | Self::Refused(source) => words::source_of_broken(source),
            Self::Closed | Self::Busy => None,
        }
    }
}

impl CancelError for SendReason {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl From<Cancelled> for SendReason {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

/// What a transport says: a cancellation if it is one, else that the stream is broken.
impl From<io::Error> for SendReason {
    fn from(error: io::Error) -> Self {
        match words::cancelled_in(&error) {
            Some(cancelled) => Self::Cancelled(cancelled),
            None => Self::Broken(error.into()),
        }
    }
}

/// Kind `ResourceBusy` for busy, the kind of the source for a broken stream (`BrokenPipe` if that is no `io::Error`),
/// `InvalidInput` for what is refused, else `Other`.
impl From<SendReason> for io::Error {
    fn from(reason: SendReason) -> Self {
        Self::new(reason.kind(), reason)
    }
}

/// An item that was not sent, and why. The item comes back.
///
/// It implements no [`CancelError`], on purpose: a scope that absorbed it would drop the item. Limit a send by
/// [`CancelScope::enter`](anyio_cancel_scope::CancelScope::enter), or let go of the item by
/// `.map_err(SendError::into_reason)?`.
pub struct SendError<T> {
    /// What was not sent.
    pub item: T,
    /// Why not.
    pub reason: SendReason,
}

impl<T> SendError<T> {
    /// An item that comes back.
    pub fn new(item: T, reason: impl Into<SendReason>) -> Self {
        Self { item, reason: reason.into() }
    }

    /// The item.
    pub fn into_item(self) -> T {
        self.item
    }

    /// Why it was not sent.
    pub fn reason(&self) -> &SendReason {
        &self.reason
    }

    /// Why it was not sent; the item is dropped.
    pub fn into_reason(self) -> SendReason {
        self.reason
    }

    /// Whether the send was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.reason.is_cancelled()
    }

    /// Whether this end was closed, by its own side.
    pub fn is_closed(&self) -> bool {
        self.reason.is_closed()
    }

    /// Whether another task was sending.
    pub fn is_busy(&self) -> bool {
        self.reason.is_busy()
    }

    /// Whether the other side is gone, or the transport failed.
    pub fn is_broken(&self) -> bool {
        self.reason.is_broken()
    }

    /// Whether it cannot be sent over this stream at all.
    pub fn is_refused(&self) -> bool {
        self.reason.is_refused()
    }
}

/// Without the item.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reason, f)
    }
}

impl<T> Error for SendError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.source()
    }
}

/// The item is dropped. Kinds as those of its reason.
impl<T> From<SendError<T>> for io::Error {
    fn from(error: SendError<T>) -> Self {
        error.reason.into()
    }
}

/// The item is dropped.
impl<T> From<SendError<T>> for SendReason {
    fn from(error: SendError<T>) -> Self {
        error.reason
    }
}

/// Bytes of which not all were sent, and why.
///
/// It implements no [`CancelError`], on purpose: a `?` in a loop of sends would forget how much went out.
#[derive(Debug)]
pub struct ByteSendError {
    /// How many of the bytes went out, from the first one on.
    pub sent: usize,
    /// Why not all.
    pub reason: SendReason,
}

impl ByteSendError {
    /// After so many bytes.
    pub fn new(sent: usize, reason: impl Into<SendReason>) -> Self {
        Self { sent, reason: reason.into() }
    }

    /// Why not all was sent.
    pub fn into_reason(self) -> SendReason {
        self.reason
    }

    /// Whether the send was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.reason.is_cancelled()
    }

    /// Whether this end was closed, by its own side.
    pub fn is_closed(&self) -> bool {
        self.reason.is_closed()
    }

    /// Whether another task was sending.
    pub fn is_busy(&self) -> bool {
        self.reason.is_busy()
    }

    /// Whether the other side is gone, or the transport failed.
    pub fn is_broken(&self) -> bool {
        self.reason.is_broken()
    }

    /// Whether it cannot be sent over this stream at all.
    pub fn is_refused(&self) -> bool {
        self.reason.is_refused()
    }
}

impl fmt::Display for ByteSendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (after {} bytes)", self.reason, self.sent)
    }
}

impl Error for ByteSendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.source()
    }
}

/// Kinds as those of its reason. The error itself is inside, so how much was sent can be found.
impl From<ByteSendError> for io::Error {
    fn from(error: ByteSendError) -> Self {
        Self::new(error.reason.kind(), error)
    }
}
