//! A portal with a thread of its own.

use std::{
    fmt, io,
    ops::Deref,
    panic::resume_unwind,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use anyio_cancel_scope::Cancelled;
use anyio_runtime::Builder;

use crate::{
    from_thread::{BlockingPortal, blocking_portal},
    sync::Mutex,
};

/// Starts a thread with a `run`, and gives the portal to it: for programs, and threads, that have no executor.
///
/// When the last guard is dropped the portal is stopped, and the drop waits until all tasks and the thread have ended; while
/// unwinding it cancels the tasks before. Dropped by one of those tasks, or in a worker thread of theirs, it only stops the portal:
/// nobody can wait for his own end.
///
/// Mirrors [`start_blocking_portal`](https://anyio.readthedocs.io/en/stable/threads.html#calling-asynchronous-code-from-an-external-thread).
///
/// # Errors
/// When the system gives no thread.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{BoxError, Cancelled, sleep};
/// use anyio_threads::from_thread::start_blocking_portal;
/// use std::time::Duration;
///
/// let portal = start_blocking_portal()?;
/// let answer = portal.call(async {
///     sleep(Duration::from_millis(1)).await?;
///     Ok::<_, Cancelled>(42)
/// })??;
/// assert_eq!(answer, 42);
/// # Ok::<_, BoxError>(())
/// ```
pub fn start_blocking_portal() -> io::Result<PortalGuard> {
    start_blocking_portal_with("anyio-portal", Builder::new())
}

/// [`start_blocking_portal`] with a name for the thread, and options for its `run`.
///
/// # Errors
/// When the system gives no thread, or refuses the name.
///
/// # Panics
/// When the options are such that the `run` panics.
///
/// # Examples
/// ```
/// use anyio_runtime::Builder;
/// use anyio_threads::from_thread::start_blocking_portal_with;
/// use std::thread;
///
/// let portal = start_blocking_portal_with("database", Builder::new().worker_threads(1))?;
/// let name = portal.call(async { thread::current().name().map(str::to_owned) })?;
/// assert_eq!(name.as_deref(), Some("database"));
/// # std::io::Result::Ok(())
/// ```
pub fn start_blocking_portal_with(name: impl Into<String>, options: Builder) -> io::Result<PortalGuard> {
    let (send, receive) = mpsc::channel();
    let serve = move || {
        let served = options.run(blocking_portal(async move |portal| {
            // Whoever started it waits for this.
            let _ = send.send(portal.clone());
            portal.sleep_until_stopped().await
        }));
        // Interrupted by a signal, or from a task of its own.
        let _: Result<Option<()>, Cancelled> = served;
    };
    let name = name.into();
    if name.contains('\0') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of a thread must not contain a NUL"));
    }
    let thread = thread::Builder::new().name(name).spawn(serve)?;
    match receive.recv() {
        Ok(portal) => Ok(PortalGuard { thread: Arc::new(PortalThread { portal, handle: Mutex::new(Some(thread)) }) }),
        Err(_) => resume_unwind(thread.join().expect_err("it ends only so without a portal")),
    }
}

/// A [`BlockingPortal`] with a thread of its own, which ends with the last of its guards.
pub struct PortalGuard {
    thread: Arc<PortalThread>,
}

impl PortalGuard {
    pub(crate) fn thread(&self) -> &Arc<PortalThread> {
        &self.thread
    }

    pub(crate) fn of(thread: Arc<PortalThread>) -> Self {
        Self { thread }
    }
}

impl Deref for PortalGuard {
    type Target = BlockingPortal;

    fn deref(&self) -> &BlockingPortal {
        &self.thread.portal
    }
}

impl fmt::Debug for PortalGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalGuard").field("portal", &**self).finish()
    }
}

/// The thread, until it is joined.
pub(crate) struct PortalThread {
    portal: BlockingPortal,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for PortalThread {
    fn drop(&mut self) {
        self.portal.stop(thread::panicking());
        let handle = self.handle.lock().take();
        // A task of the portal that has the last guard cannot wait for its own end, nor can a thread for which such a task waits.
        let elsewhere =
            handle.filter(|handle| handle.thread().id() != thread::current().id() && !self.portal.would_outlive());
        if let Some(Err(payload)) = elsewhere.map(JoinHandle::join)
            && !thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}
