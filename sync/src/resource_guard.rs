//! A guard against use by two at once.

use std::{
    error::Error,
    fmt, io,
    sync::atomic::{AtomicBool, Ordering},
};

/// Refuses a second use of something that takes one at a time, such as a receive on a socket.
///
/// It does not wait, and does not know who uses the thing: a task that enters twice is refused like another.
///
/// # Examples
/// ```
/// use anyio_sync::ResourceGuard;
///
/// let reading = ResourceGuard::new("reading from");
/// let entered = reading.enter().unwrap();
/// let busy = reading.enter().unwrap_err();
/// assert_eq!(busy.to_string(), "another task is already reading from this resource");
///
/// drop(entered);
/// assert!(reading.enter().is_ok());
/// ```
pub struct ResourceGuard {
    action: &'static str,
    entered: AtomicBool,
}

impl ResourceGuard {
    /// `action` says what is done, so that a sentence can be made of it: "reading from", "waiting for".
    pub const fn new(action: &'static str) -> Self {
        Self { action, entered: AtomicBool::new(false) }
    }

    /// Enters until the value that it gives is dropped.
    ///
    /// # Errors
    /// [`Busy`] while somebody is in there.
    pub fn enter(&self) -> Result<ResourceGuardEntered<'_>, Busy> {
        if self.entered.swap(true, Ordering::Acquire) {
            return Err(Busy { action: self.action });
        }
        Ok(ResourceGuardEntered { guard: self })
    }

    /// Whether somebody is in there.
    pub fn statistics(&self) -> ResourceGuardStatistics {
        ResourceGuardStatistics { entered: self.entered.load(Ordering::Relaxed) }
    }
}

impl fmt::Debug for ResourceGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResourceGuardStatistics { entered } = self.statistics();
        f.debug_struct("ResourceGuard").field("action", &self.action).field("entered", &entered).finish()
    }
}

/// Uses what a [`ResourceGuard`] guards, until it is dropped.
#[must_use = "the resource is free again when it is dropped"]
#[derive(Debug)]
pub struct ResourceGuardEntered<'a> {
    guard: &'a ResourceGuard,
}

impl Drop for ResourceGuardEntered<'_> {
    fn drop(&mut self) {
        self.guard.entered.store(false, Ordering::Release);
    }
}

/// Somebody else is using it, and it takes one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    action: &'static str,
}

impl Busy {
    /// What is being done, as the guard was told.
    pub fn action(&self) -> &'static str {
        self.action
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another task is already {} this resource", self.action)
    }
}

impl Error for Busy {}

/// Kind `ResourceBusy`.
impl From<Busy> for io::Error {
    fn from(busy: Busy) -> Self {
        Self::new(io::ErrorKind::ResourceBusy, busy)
    }
}

/// What [`ResourceGuard::statistics`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceGuardStatistics {
    /// Whether somebody is in there.
    pub entered: bool,
}
