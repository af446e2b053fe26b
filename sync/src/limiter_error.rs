//! Why there is no token for a key.

use std::{error::Error, fmt, io};

use anyio_cancel_scope::{CancelError, Cancelled};

const ALREADY_BORROWED: &str = "this key already has one of the limiter's tokens, or waits for one";

/// Why [`CapacityLimiter::acquire_for`](crate::CapacityLimiter::acquire_for) gave no token. There is no other reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcquireError {
    /// The wait was cancelled.
    Cancelled(Cancelled),
    /// The key has a token, or waits for one.
    AlreadyBorrowed,
}

impl AcquireError {
    /// Whether the wait was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Whether the key has a token, or waits for one.
    pub fn is_already_borrowed(&self) -> bool {
        matches!(self, Self::AlreadyBorrowed)
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(cancelled) => cancelled.fmt(f),
            Self::AlreadyBorrowed => f.write_str(ALREADY_BORROWED),
        }
    }
}

impl Error for AcquireError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Cancelled(cancelled) => Some(cancelled),
            Self::AlreadyBorrowed => None,
        }
    }
}

impl CancelError for AcquireError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl From<Cancelled> for AcquireError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

/// Kind `Other` for a cancellation, else `ResourceBusy`.
impl From<AcquireError> for io::Error {
    fn from(error: AcquireError) -> Self {
        match error {
            AcquireError::Cancelled(cancelled) => cancelled.into(),
            AcquireError::AlreadyBorrowed => Self::new(io::ErrorKind::ResourceBusy, error),
        }
    }
}

/// Why [`CapacityLimiter::try_acquire_for`](crate::CapacityLimiter::try_acquire_for) gave no token. There is no other reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryAcquireError {
    /// No token is free, or others wait for it.
    WouldBlock,
    /// The key has a token, or waits for one.
    AlreadyBorrowed,
}

impl TryAcquireError {
    /// Whether no token is free.
    pub fn would_block(&self) -> bool {
        matches!(self, Self::WouldBlock)
    }

    /// Whether the key has a token, or waits for one.
    pub fn is_already_borrowed(&self) -> bool {
        matches!(self, Self::AlreadyBorrowed)
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("no token is free"),
            Self::AlreadyBorrowed => f.write_str(ALREADY_BORROWED),
        }
    }
}

impl Error for TryAcquireError {}

/// Kinds `WouldBlock` and `ResourceBusy`.
impl From<TryAcquireError> for io::Error {
    fn from(error: TryAcquireError) -> Self {
        let kind = match error {
            TryAcquireError::WouldBlock => io::ErrorKind::WouldBlock,
            TryAcquireError::AlreadyBorrowed => io::ErrorKind::ResourceBusy,
        };
        Self::new(kind, error)
    }
}
