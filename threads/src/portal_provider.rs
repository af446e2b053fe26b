//! One portal for everybody.

use std::{
    fmt, io,
    sync::{Mutex, PoisonError, Weak},
};

use crate::{
    from_thread::{PortalGuard, start_blocking_portal},
    portal_thread::PortalThread,
};

/// Shares one [portal with a thread](start_blocking_portal) among all who want one at the same time: the first starts it, and
/// the last one stops it. After one of them has [stopped](crate::from_thread::BlockingPortal::stop) it, or a panic has ended it, the
/// next one starts another.
///
/// Mirrors [`BlockingPortalProvider`](https://anyio.readthedocs.io/en/stable/threads.html#sharing-a-blocking-portal-on-demand).
///
/// # Examples
/// ```
/// use anyio_threads::from_thread::BlockingPortalProvider;
///
/// static PORTAL: BlockingPortalProvider = BlockingPortalProvider::new();
///
/// fn a_sync_function() -> std::io::Result<u32> {
///     Ok(PORTAL.get()?.call(async { 42 })?)
/// }
/// assert_eq!(a_sync_function()?, 42);
/// # std::io::Result::Ok(())
/// ```
pub struct BlockingPortalProvider {
    thread: Mutex<Weak<PortalThread>>,
}

impl BlockingPortalProvider {
    /// One that has no portal yet.
    pub const fn new() -> Self {
        Self { thread: Mutex::new(Weak::new()) }
    }

    /// The portal, which runs as long as anybody has a guard.
    ///
    /// # Errors
    /// When the system gives no thread for it.
    pub fn get(&self) -> io::Result<PortalGuard> {
        // Declared first, so that it is dropped without the lock: it may be the last guard by now.
        let _stopped;
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        match thread.upgrade().map(PortalGuard::of) {
            Some(running) if !running.is_stopped() => return Ok(running),
            stopped => _stopped = stopped,
        }
        // Nobody else starts one meanwhile.
        let portal = start_blocking_portal()?;
        *thread = std::sync::Arc::downgrade(portal.thread());
        Ok(portal)
    }
}

impl Default for BlockingPortalProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BlockingPortalProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPortalProvider").finish_non_exhaustive()
    }
}
