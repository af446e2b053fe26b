//! The options of a `run`.

use std::{fmt, future::Future, panic::Location, sync::Arc, thread, time::Duration};

use anyio_cancel_scope::{CancelScope, Clock};
#[cfg(feature = "signals")]
use anyio_signals::Signal;

use crate::{
    LeftOver,
    run::Running,
    session::{self, Ended, Plan, TellLeftOver, Watched},
    watch::Watch,
};

/// How long closures on worker threads are waited for, unless told otherwise.
const THREAD_GRACE: Duration = Duration::from_secs(5);

/// A [`run`](crate::run) with options.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{VirtualClock, now, sleep};
/// use anyio_runtime::Builder;
/// use std::time::Duration;
///
/// // An hour passes in no time: the clock jumps to the next deadline when nothing can run.
/// let hour = Duration::from_secs(3600);
/// let slept = Builder::new().clock(VirtualClock::autojump()).run(async {
///     let begun = now();
///     sleep(hour).await?;
///     anyio_cancel_scope::ok(now() - begun)
/// });
/// assert_eq!(slept.unwrap(), hour);
/// ```
#[must_use = "it does nothing until `run` is called"]
#[derive(Default)]
pub struct Builder {
    worker_threads: Option<usize>,
    clock: Option<Arc<dyn Clock>>,
    thread_grace: Option<Duration>,
    on_left_over: Option<TellLeftOver>,
    #[cfg(feature = "signals")]
    signals: Vec<Signal>,
}

impl Builder {
    /// The options that [`run`](crate::run) has.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many threads there are at most for what is [offloaded](crate::offload), beside the calling one. The default is one
    /// for each core.
    ///
    /// A thread is started when there is work for it. With 0, and where the system gives no thread, offloaded futures are polled
    /// on the calling thread, in between.
    pub fn worker_threads(mut self, count: usize) -> Self {
        self.worker_threads = Some(count);
        self
    }

    /// The clock that is in force inside. The default is the system's.
    ///
    /// [`VirtualClock::autojump`](anyio_cancel_scope::VirtualClock::autojump) is one that moves on to the next deadline when no
    /// task, no offloaded future and no worker thread can do anything.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// How long [`run`](Self::run) waits at its end for closures on worker threads that were abandoned, in real time. The default
    /// is five seconds.
    ///
    /// No thread can be stopped from outside, so what is still running then runs on, and [is told](Self::on_left_over).
    pub fn thread_grace(mut self, grace: Duration) -> Self {
        self.thread_grace = Some(grace);
        self
    }

    /// Has `tell` called at the end, if closures on worker threads are still running when the [grace](Self::thread_grace) is over:
    /// with all of them. They are in the [task tree](anyio_task_group::debug::task_tree), too, as long as they run.
    pub fn on_left_over(mut self, tell: impl FnOnce(&[LeftOver]) + Send + 'static) -> Self {
        self.on_left_over = Some(Box::new(tell));
        self
    }

    /// The signals that cancel everything: the first of any of them cancels the scope around the whole future, with cause
    /// [`Cause::Signal`](anyio_cancel_scope::Cause::Signal), so that it can clean up; the second of any of them ends the process at
    /// once, by that signal, also where every thread is stuck.
    ///
    /// A signal that the process ignored before, as under `nohup`, is caught as well: leave it out where that is not wanted.
    ///
    /// What `run` returns then is up to the future, as ever. `#[anyio::main]` raises the signal again at the end, unless its
    /// function returned `Ok`, so that a shell sees what happened. Receivers of the same signals get the first one too. The
    /// previous dispositions are back when `run` returns.
    ///
    /// For a graceful stop, which lets work go on for a while, [receive](anyio_signals::open_signal_receiver) the signal instead,
    /// and [`stop`](CancelScope::stop) a scope.
    ///
    /// # Panics
    /// [`run`](Self::run) panics for a signal that cannot be caught or does not end a process, and where the system refuses to
    /// have it caught.
    ///
    /// # Examples
    /// ```no_run
    /// use anyio_cancel_scope::{move_on_after, shield, sleep, sleep_forever};
    /// use anyio_runtime::Builder;
    /// use anyio_signals::Signal;
    /// use std::time::Duration;
    ///
    /// let result = Builder::new().cancel_on_signals([Signal::INT, Signal::TERM]).run(async {
    ///     let result = sleep_forever().await;
    ///     let say_goodbye = sleep(Duration::from_millis(10));
    ///     shield(move_on_after(Duration::from_secs(5), say_goodbye)).await?;
    ///     result
    /// });
    /// assert!(result.is_err());
    /// ```
    #[cfg(feature = "signals")]
    pub fn cancel_on_signals(mut self, signals: impl IntoIterator<Item = Signal>) -> Self {
        self.signals.extend(signals);
        self
    }

    /// Runs `fut` to its end: see [`run`](crate::run).
    ///
    /// # Panics
    /// As [`run`](crate::run), and as [`cancel_on_signals`](Self::cancel_on_signals) says.
    #[track_caller]
    pub fn run<F: Future>(self, fut: F) -> F::Output {
        self.run_in(None, None, Location::caller(), fut).output()
    }

    /// Runs `fut` inside of `root`; in a scope of its own if there is none, and signals are to cancel it.
    #[track_caller]
    pub(crate) fn run_in<F: Future>(
        self,
        root: Option<CancelScope>,
        watched: Option<Watched>,
        place: &'static Location<'static>,
        fut: F,
    ) -> Ended<F::Output> {
        let _running = Running::begin(place);
        let (root, watch) = self.watch(root);
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let worker_threads = self.worker_threads.unwrap_or_else(cores);
        let thread_grace = self.thread_grace.unwrap_or(THREAD_GRACE);
        let Self { clock, on_left_over, .. } = self;
        let plan = Plan { worker_threads, clock, root, watch, watched, thread_grace, on_left_over };
        session::run(plan, place, fut)
    }

    #[cfg(feature = "signals")]
    #[track_caller]
    fn watch(&self, root: Option<CancelScope>) -> (Option<CancelScope>, Option<Watch>) {
        if self.signals.is_empty() {
            return (root, None);
        }
        let root = root.unwrap_or_default();
        match Watch::new(&self.signals, root.clone()) {
            Ok(watch) => (Some(root), Some(watch)),
            Err(error) => panic!("cancel_on_signals: {error}"),
        }
    }

    #[cfg(not(feature = "signals"))]
    fn watch(&self, root: Option<CancelScope>) -> (Option<CancelScope>, Option<Watch>) {
        (root, None)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("worker_threads", &self.worker_threads).field("clock", &self.clock).finish()
    }
}
