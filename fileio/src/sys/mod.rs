//! Calls that refuse to wait. Each has the same face on every system; where there is none, it always refuses.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod linux;

pub(crate) use linux::{device, list, open, read, read_at, stat, write, write_at};

/// What a call came to that refuses to wait.
#[derive(Debug)]
pub(crate) enum Tried<T> {
    Done(std::io::Result<T>),
    /// It would have to wait now.
    WouldWait,
    /// It cannot tell whether it would, for this file.
    Unsupported,
}
