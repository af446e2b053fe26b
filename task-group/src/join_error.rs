//! Why a task's value, or its readiness, is not to be had.

use std::{error::Error, fmt, io};

use anyio_cancel_scope::{Cancelled, Cause};

/// Why [`join`](crate::TaskHandle::join) gives no value.
///
/// Only [`Interrupted`](Self::Interrupted) is a cancellation: of the one who waited. The others say something about the
/// task, and are ordinary errors.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// You were cancelled while you waited; the value stays in the handle.
    Interrupted(Cancelled),
    /// The task ended because it was cancelled, or was dropped with its group.
    TaskCancelled,
    /// The task failed; its error came out of its group.
    TaskFailed,
    /// The task panicked; its panic came out of its group.
    TaskPanicked,
    /// The value was taken by an earlier `join`.
    Taken,
}

impl JoinError {
    /// Whether it was you who was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Interrupted(_))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted(_) => "interrupted while waiting for a task",
            Self::TaskCancelled => "the task was cancelled",
            Self::TaskFailed => "the task failed; its error comes out of its group",
            Self::TaskPanicked => "the task panicked; its panic comes out of its group",
            Self::Taken => "the value of the task was taken by an earlier join",
        })
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Interrupted(cancelled) => Some(cancelled),
            _ => None,
        }
    }
}

impl From<Cancelled> for JoinError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Interrupted(cancelled)
    }
}

/// Kind `Other`.
impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}

/// A task that was started with [`start`](crate::TaskGroup::start) ended without calling
/// [`started`](crate::TaskStatus::started).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeverStarted {
    pub(crate) cause: Option<Cause>,
}

impl NeverStarted {
    /// Why the task was cancelled, if that was what ended it.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }
}

impl fmt::Display for NeverStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task ended without calling started()")?;
        match &self.cause {
            Some(cause) => write!(f, ": it was cancelled, because {cause}"),
            None => Ok(()),
        }
    }
}

impl Error for NeverStarted {}

/// Kind `Other`.
impl From<NeverStarted> for io::Error {
    fn from(error: NeverStarted) -> Self {
        Self::other(error)
    }
}
