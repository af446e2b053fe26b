//! Why nobody does what a thread asks for.

use std::{error::Error, fmt, io};

/// Nobody is there who would run it: what a thread gets that calls a `run`, a task or a portal which has ended.
///
/// What was to be run has been dropped, at its last `await` if it had begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFinished {
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// No task awaits this thread.
    NotAwaited,
    /// The task that awaited this thread has given it up.
    Abandoned,
    /// The `run` of the token has returned.
    Run,
    /// The portal was stopped.
    Portal,
}

impl RunFinished {
    pub(crate) fn new(why: Why) -> Self {
        Self { why }
    }

    /// Whether a task awaited this thread, and has given it up: it was cancelled, or its future was dropped.
    pub fn is_abandoned(&self) -> bool {
        self.why == Why::Abandoned
    }

    /// Whether this thread is none that a task awaits. A [`RunToken`](crate::from_thread::RunToken) or a
    /// [`BlockingPortal`](crate::from_thread::BlockingPortal) works from any thread.
    pub fn is_not_awaited(&self) -> bool {
        self.why == Why::NotAwaited
    }
}

impl fmt::Display for RunFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.why {
            Why::NotAwaited => {
                "no task awaits this thread, as it was not started by to_thread::run_sync; give it a RunToken (current_token()) \
                 or a BlockingPortal; in a task, `.await` the future instead"
            }
            Why::Abandoned => "the task that awaited this thread has abandoned it: it was cancelled, or its future was dropped",
            Why::Run => "the run has finished",
            Why::Portal => "the portal is not running any more",
        })
    }
}

impl Error for RunFinished {}

impl From<RunFinished> for io::Error {
    fn from(error: RunFinished) -> Self {
        Self::other(error)
    }
}
