//! A door for threads into the tasks of some executor.

use std::{borrow::Cow, error::Error, fmt, future::Future, io, sync::Arc};

use anyio_cancel_scope::{CancelError, Cancelled, RunRecord, host::cancelled};
use anyio_sync::Event;
use anyio_task_group::{Hold, NeverStarted, TaskGroup, TaskStatus, task_group};

use crate::{
    answer::{Answer, unwrap},
    call::Call,
    host::{is_of, would_block},
    pool::{Payload, discard},
    portal_task::PortalTask,
    run_finished::{RunFinished, Why},
    shift::Shift,
    sync::Mutex,
};

/// Calls and starts tasks from threads that no task awaits. Clones are the same portal.
///
/// A portal is [opened](blocking_portal) by a task of any executor, or has a [thread of its own](crate::from_thread::start_blocking_portal).
///
/// While a worker thread waits for a task of a portal, it shows in the task tree, as one in [`from_thread::run`](crate::from_thread::run).
///
/// Mirrors [`BlockingPortal`](https://anyio.readthedocs.io/en/stable/threads.html#calling-asynchronous-code-from-an-external-thread).
/// There is no counterpart to its `wrap_async_context_manager`: a task that waits to be [cancelled](PortalTask::cancel) cleans up in
/// its own code.
#[derive(Clone)]
pub struct BlockingPortal {
    shared: Arc<Shared>,
    name: Option<Cow<'static, str>>,
}

struct Shared {
    group: TaskGroup<'static, io::Error>,
    /// There until the portal is stopped.
    open: Mutex<Option<Hold>>,
    stopped: Event,
    /// Where it was opened, if that is a `run`.
    run: Option<Arc<RunRecord>>,
    shift: Shift,
}

/// Opens a portal for the time of `body`, which gets it. When `body` ends the portal is stopped; it returns when all tasks of
/// the portal have ended. They are cancelled if `body` fails.
///
/// It is a group: the tasks are polled by the task that awaits this.
///
/// # Errors
/// What `body` gives. `None`: the portal was [stopped and cancelled](BlockingPortal::stop) before `body` had ended.
///
/// # Panics
/// With a panic of `body`, and of a task whose [`PortalTask`] was dropped.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{BoxError, ok};
/// use anyio_threads::{from_thread::blocking_portal, to_thread};
///
/// futures_lite::future::block_on(blocking_portal(async |portal| {
///     let called = to_thread::run_sync(move || portal.call(async { 6 * 7 }));
///     assert_eq!(called.await??, 42);
///     ok(())
/// })).unwrap();
/// ```
pub async fn blocking_portal<T, E, F, Fut>(body: F) -> Result<Option<T>, E>
where
    F: FnOnce(BlockingPortal) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError,
{
    let mut interrupted = None;
    let shift = Shift::default();
    let theirs = shift.clone();
    let open = async |group: TaskGroup<'static, io::Error>| {
        let portal = BlockingPortal::new(group, theirs);
        // Also when the body unwinds.
        let closed = Closed(&portal);
        let result = body(portal.clone()).await;
        portal.stop(result.is_err());
        drop(closed);
        match result {
            // The group knows whose cancellation it is.
            Err(error) if error.is_cancelled() => {
                interrupted = Some(error);
                Err(io::Error::from(cancelled()))
            }
            result => Ok(result),
        }
    };
    match shift.attend(task_group(open)).await {
        Ok(Some(result)) => result.map(Some),
        Ok(None) => Ok(None),
        Err(_) => Err(interrupted.unwrap_or_else(|| cancelled().into())),
    }
}

struct Closed<'a>(&'a BlockingPortal);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.stop(false);
    }
}

impl BlockingPortal {
    fn new(group: TaskGroup<'static, io::Error>, shift: Shift) -> Self {
        let open = Mutex::new(Some(group.hold()));
        let run = RunRecord::is_inside().then(RunRecord::current);
        Self { shared: Arc::new(Shared { group, open, stopped: Event::new(), run, shift }), name: None }
    }

    /// Runs `fut` as a task, and waits for its output.
    ///
    /// # Errors
    /// [`RunFinished`], if the portal was stopped, or ends before the output is there.
    ///
    /// # Panics
    /// With the panic of `fut`. On a thread of the `run` that has the portal, or in a task of it under any executor, which
    /// it would block: await the future there.
    ///
    /// # Examples
    /// ```
    /// use anyio_threads::from_thread::start_blocking_portal;
    ///
    /// let portal = start_blocking_portal()?;
    /// assert_eq!(portal.call(async { 6 * 7 })?, 42);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn call<F>(&self, fut: F) -> Result<F::Output, RunFinished>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.assert_elsewhere("BlockingPortal::call");
        self.start_task_soon(fut)?.wait_in(&"BlockingPortal::call")
    }

    /// Starts `fut` as a task; the handle waits for it, asks for it and cancels it.
    ///
    /// Its output goes to the handle. So does its panic, for whoever waits with that; when the handle is dropped instead, before
    /// or after, the panic comes out of the portal, whose other tasks are cancelled. A handle may outlive the portal: nobody is
    /// there then to whom the panic could come when it is dropped, so it is lost, but for what the panic hook has told.
    ///
    /// # Errors
    /// [`RunFinished`], if the portal was stopped; `fut` has been dropped then.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{BoxError, sleep_forever};
    /// use anyio_threads::from_thread::start_blocking_portal;
    ///
    /// let portal = start_blocking_portal()?;
    /// let server = portal.start_task_soon(async { sleep_forever().await })?;
    /// server.cancel();
    /// assert!(server.wait()?.is_err());
    /// # Ok::<_, BoxError>(())
    /// ```
    #[track_caller]
    pub fn start_task_soon<F>(&self, fut: F) -> Result<PortalTask<F::Output>, RunFinished>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let pass = self.enter()?;
        let (answer, responder) = Answer::new(Why::Portal);
        let call = Call::new(fut, responder);
        let handle = match &self.name {
            Some(name) => self.shared.group.task(name.clone()).start_soon(call),
            None => self.shared.group.start_soon(call),
        };
        drop(pass);
        Ok(PortalTask::new(answer, handle, self.clone()))
    }

    /// Starts a task and waits until it says that it is ready: gives the value that it gives to
    /// [`TaskStatus::started`], and its handle.
    ///
    /// # Errors
    /// The task's own error if it fails before it is ready; [`NeverStarted`] if it ends without saying so; [`RunFinished`] if the
    /// portal was stopped, or ends before.
    ///
    /// # Panics
    /// With the panic of the task, before it is ready. On a thread of the `run` that has the portal, or in a task of it.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::{BoxError, sleep_forever};
    /// use anyio_threads::from_thread::start_blocking_portal;
    ///
    /// let portal = start_blocking_portal()?;
    /// let (port, server) = portal.start_task(async |status| {
    ///     status.started(8080);
    ///     sleep_forever().await?;
    ///     Ok::<_, BoxError>(())
    /// })?;
    /// assert_eq!(port, 8080);
    /// server.cancel();
    /// # Ok::<_, BoxError>(())
    /// ```
    #[track_caller]
    pub fn start_task<V, T, E, F, Fut>(&self, f: F) -> Result<(V, PortalTask<Result<T, E>>), E>
    where
        V: Send + 'static,
        T: Send + 'static,
        E: From<NeverStarted> + From<RunFinished> + Send + 'static,
        F: FnOnce(TaskStatus<V>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.assert_elsewhere("BlockingPortal::start_task");
        let (answer, responder) = Answer::new(Why::Portal);
        let (group, name) = (self.shared.group.clone(), self.name.clone());
        let started = self.start_task_soon(async move {
            let task = move |status| Call::new(f(status), responder);
            match name {
                Some(name) => group.task(name).start(task).await,
                None => group.start(task).await,
            }
        });
        match started?.wait_in(&"BlockingPortal::start_task")? {
            Ok((value, handle)) => Ok((value, PortalTask::new(answer, handle, self.clone()))),
            // What it came to by itself says more.
            Err(error) => match unwrap(answer.wait(self.run()))? {
                Err(failed) => Err(failed),
                Ok(_) => Err(never_started(error).map_or_else(|| RunFinished::new(Why::Portal).into(), E::from)),
            },
        }
    }

    /// The same portal, which gives this name to the tasks that are started through it.
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { shared: self.shared.clone(), name: Some(name.into()) }
    }

    /// Stops the portal: nothing can be started through it any more. The tasks that are there run on, and are waited for by
    /// whoever has the portal; or they are cancelled.
    ///
    /// What they come to is still in their handles, also when the portal has ended: so a panic which nobody has waited for until
    /// then does not come out of the portal.
    pub fn stop(&self, cancel_remaining: bool) {
        let hold = self.shared.open.lock().take();
        drop(hold);
        self.shared.stopped.set();
        if cancel_remaining {
            self.shared.group.cancel();
        }
    }

    /// Waits until the portal is stopped, in a task.
    ///
    /// # Errors
    /// [`Cancelled`] in an effectively cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn sleep_until_stopped(&self) -> impl Future<Output = Result<(), Cancelled>> + '_ {
        self.shared.stopped.wait()
    }

    /// That of which the tasks of the portal are, if it was opened in one.
    pub(crate) fn run(&self) -> Option<&Arc<RunRecord>> {
        self.shared.run.as_ref()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.shared.stopped.is_set()
    }

    /// Has a panic come out of the portal, if that has not ended.
    pub(crate) fn resume(&self, payload: Payload) {
        if let Err(payload) = self.shared.group.leave_panic(payload) {
            discard(payload);
        }
    }

    /// Keeps the group of the portal from returning while something is started.
    fn enter(&self) -> Result<Hold, RunFinished> {
        let open = self.shared.open.lock();
        open.as_ref().map(|_| self.shared.group.hold()).ok_or(RunFinished::new(Why::Portal))
    }

    /// Whether the end of the `run` that has it cannot be waited for here, as this thread is at work for it.
    pub(crate) fn would_outlive(&self) -> bool {
        self.run().is_some_and(is_of)
    }

    #[track_caller]
    pub(crate) fn assert_elsewhere(&self, call: &str) {
        let here = self.run().is_some_and(would_block);
        assert!(
            !here,
            "{call}: this thread is inside of the `run` that has the portal, which would be blocked; `.await` here"
        );
        assert!(
            !self.shared.shift.is_here(),
            "{call}: this thread is just polling the tasks of the portal, which would be blocked; `.await` here"
        );
    }
}

impl fmt::Debug for BlockingPortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPortal").field("stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}

/// The error of a task that ended without being ready.
fn never_started(error: io::Error) -> Option<NeverStarted> {
    let inner: Box<dyn Error + Send + Sync> = error.into_inner()?;
    inner.downcast().ok().map(|error| *error)
}
