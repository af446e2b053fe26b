//! The options of a `run`.

use std::{fmt, future::Future, panic::Location, sync::Arc, thread};

use anyio_cancel_scope::Clock;

use crate::{
    run::Running,
    session::{self, Plan},
};

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

    /// Runs `fut` to its end: see [`run`](crate::run).
    ///
    /// # Panics
    /// As [`run`](crate::run).
    #[track_caller]
    pub fn run<F: Future>(self, fut: F) -> F::Output {
        let place = Location::caller();
        let _running = Running::begin(place);
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let plan = Plan { worker_threads: self.worker_threads.unwrap_or_else(cores), clock: self.clock };
        session::run(plan, place, fut)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("worker_threads", &self.worker_threads).field("clock", &self.clock).finish()
    }
}
