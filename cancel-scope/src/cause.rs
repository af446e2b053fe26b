use std::{fmt, sync::Arc};

/// Why a scope is cancelled.
///
/// A scope remembers its own first cause ([`CancelScope::cause`](crate::CancelScope::cause)); code that received
/// [`Cancelled`](crate::Cancelled) asks [`cancel_cause`](crate::cancel_cause) for the one that reached it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// [`cancel`](crate::CancelScope::cancel) was called, or
    /// [`cancel_because`](crate::CancelScope::cancel_because) with a reason.
    Called(Option<Arc<str>>),
    /// The scope's deadline passed.
    Deadline,
    /// A task of the group to which the scope belongs failed.
    TaskFailed,
    /// The grace of a [`stop`](crate::CancelScope::stop) ran out.
    Stopped,
    /// A scope to which this one is [`linked`](crate::CancelScope::linked) was cancelled.
    Linked,
    /// The process received this signal.
    Signal(i32),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Called(None) => f.write_str("cancel was called"),
            Self::Called(Some(reason)) => write!(f, "cancel was called: {reason}"),
            Self::Deadline => f.write_str("the deadline passed"),
            Self::TaskFailed => f.write_str("a task of the group failed"),
            Self::Stopped => f.write_str("the grace of a stop ran out"),
            Self::Linked => f.write_str("a linked scope was cancelled"),
            Self::Signal(number) => write!(f, "signal {number} was received"),
        }
    }
}
