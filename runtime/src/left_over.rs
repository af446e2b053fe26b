//! What a `run` had to leave behind.

use std::{borrow::Cow, fmt, panic::Location};

/// A closure on a worker thread that was still running when its `run` returned: see
/// [`Builder::on_left_over`](crate::Builder::on_left_over).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOver {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Where it was started.
    pub started_at: &'static Location<'static>,
}

impl fmt::Display for LeftOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, started at {}", self.name, self.started_at)
    }
}
