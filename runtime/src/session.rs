//! One `run` while it runs: its future, its clock, and what it looks at each time its thread is woken.
//!
//! ```text
//!  woken ─▶ the future (if it was woken) ─▶ some jobs (if this thread has to) ─▶ can anything run?
//!                                                                                   │ no: the clock may jump
//!                                              sleep, driving timers and descriptors ◀─┘
//! ```
//!
//! # Invariants
//! 1. The future is polled only when it was woken, so that looking for idleness changes nothing.
//! 2. Whether a job is active is read before whether the future was woken: a job wakes the future before it ends.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use anyio_cancel_scope::{
    CancelScope, Clock, Enter, RunRecord,
    host::{SystemClock, Trial, with_clock_of},
};
use anyio_task_group::{debug::TaskTree, host::RootTask};
use pin_project_lite::pin_project;

use crate::{
    LeftOver, host,
    idle::{Quiet, Rest},
    pool::{Home, Payload, Pool},
    sync::{AtomicBool, Ordering},
    watch::Watch,
};

/// How many jobs the thread of the `run` polls before it looks after the rest again.
const JOBS: usize = 64;

/// What a `run` is to be like.
pub(crate) struct Plan {
    pub(crate) worker_threads: usize,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// The scope around the future, if it has one.
    pub(crate) root: Option<CancelScope>,
    /// What cancels that.
    pub(crate) watch: Option<Watch>,
    /// How long it waits at its end for closures on worker threads.
    pub(crate) thread_grace: Duration,
    /// Who is told what it did not wait for.
    pub(crate) on_left_over: Option<TellLeftOver>,
    /// It is that of a test.
    pub(crate) watched: Option<Watched>,
}

/// How a `run` is watched, for a test.
pub(crate) struct Watched {
    pub(crate) record: Arc<RunRecord>,
    /// It may be woken by somebody of whom nothing is known here.
    pub(crate) foreign_wakers: bool,
}

pub(crate) type TellLeftOver = Box<dyn FnOnce(&[LeftOver]) + Send>;

/// What a `run` comes to.
pub(crate) struct Ended<T> {
    /// What came out; how a run that is watched got stuck.
    pub(crate) output: Result<T, Stuck>,
    /// The number of the signal that cancelled it.
    pub(crate) signal: Option<i32>,
    /// What it did not wait for.
    pub(crate) left_over: Vec<LeftOver>,
}

/// Nothing could run any more.
pub(crate) struct Stuck {
    /// What it had of tasks then.
    pub(crate) tree: TaskTree,
    /// The first panic that nobody took: it may be why, or come of its end, which refuses what threads wait for.
    pub(crate) panic: Option<Payload>,
}

impl<T> Ended<T> {
    /// What came out of a run that nobody watches, and that therefore waits as long as it has to.
    pub(crate) fn output(self) -> T {
        self.output.unwrap_or_else(|stuck| panic!("run: nothing can run any more; the tasks are\n{}", stuck.tree))
    }
}

/// Wakes the `run`.
struct Root {
    /// The future is to be polled.
    woken: AtomicBool,
    outer: OnceLock<Waker>,
}

impl Root {
    /// Has the `run` look around, without polling the future.
    fn ring(&self) {
        if let Some(outer) = self.outer.get() {
            outer.wake_by_ref();
        }
    }
}

impl Wake for Root {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.ring();
    }
}

/// Wakes the `run` for another reason than its future.
struct LookAround(Arc<Root>);

impl Wake for LookAround {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }
}

/// Everything of a `run` but its future.
pub(crate) struct Session {
    root: Arc<Root>,
    waker: Waker,
    pub(crate) record: Arc<RunRecord>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) quiet: Option<Quiet>,
    /// It is stuck when nothing can run and no clock may ring.
    pub(crate) gets_stuck: bool,
    watch: Option<Watch>,
    signal: Option<i32>,
}

/// Runs `fut` to its end, and then everything that it offloaded.
pub(crate) fn run<F: Future>(mut plan: Plan, place: &'static Location<'static>, fut: F) -> Ended<F::Output> {
    let root = plan.root.clone();
    let (thread_grace, on_left_over) = (plan.thread_grace, plan.on_left_over.take());
    let mut session = Session::new(plan, place);
    let mut task = RootTask::new::<F>(place);
    let mut fut = std::pin::pin!(Some(match root {
        Some(root) => Rooted::In { fut: root.enter(fut) },
        None => Rooted::Bare { fut },
    }));
    let output = catch_unwind(AssertUnwindSafe(|| {
        anyio_reactor::block_on(std::future::poll_fn(|cx| session.poll(cx, &mut task, fut.as_mut())))
    }));
    // What is left of the future is dropped where its context holds, and after it what it had offloaded.
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        session.enter(&mut task, |_| {
            fut.set(None);
            Poll::Ready(())
        })
    }));
    drop(task);
    session.pool.close();
    let host::Ended { left_over, panic: panicked } = session.end_what_belongs_to_it(thread_grace, on_left_over);
    let output = output.unwrap_or_else(|payload| resume_unwind(payload));
    let panic = dropped.err().or_else(|| session.pool.take_first_panic()).or(panicked);
    let output = match (output, panic) {
        (Err(tree), panic) => Err(Stuck { tree, panic }),
        (Ok(_), Some(payload)) => resume_unwind(payload),
        (Ok(output), None) => Ok(output),
    };
    // What came in the last poll came before the end.
    session.look_for_a_signal(&mut Context::from_waker(Waker::noop()));
    Ended { output, signal: session.signal, left_over }
}

pin_project! {
    /// The future of a `run`, in its root scope if there is one.
    #[project = RootedProjection]
    enum Rooted<F> {
        In { #[pin] fut: Enter<F> },
        Bare { #[pin] fut: F },
    }
}

impl<F: Future> Future for Rooted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            RootedProjection::In { fut } => fut.poll(cx),
            RootedProjection::Bare { fut } => fut.poll(cx),
        }
    }
}

impl Session {
    fn new(plan: Plan, place: &'static Location<'static>) -> Self {
        let Plan { worker_threads, clock, watch, watched, .. } = plan;
        let jumps = clock.as_ref().is_some_and(|clock| clock.jumps());
        let gets_stuck = watched.as_ref().is_some_and(|watched| !watched.foreign_wakers);
        let root = Arc::new(Root { woken: AtomicBool::new(true), outer: OnceLock::new() });
        let waker = Waker::from(root.clone());
        let look_around = Waker::from(Arc::new(LookAround(root.clone())));
        // The system's clock does not tell whether any alarm of this run is armed.
        let counted = || Arc::new(SystemClock::new(look_around.clone())) as Arc<dyn Clock>;
        let clock = if gets_stuck { Some(clock.unwrap_or_else(counted)) } else { clock };
        let record = watched.map_or_else(RunRecord::new, |watched| watched.record);
        let looks = jumps || gets_stuck;
        if looks {
            record.set_watcher(Some(look_around.clone()));
        }
        let home = Home { thread: std::thread::current(), waker: look_around };
        let pool = Arc::new(Pool::new(worker_threads, looks, home, place));
        record.entry(|| pool.clone());
        Self { root, waker, record, pool, clock, quiet: None, gets_stuck, watch, signal: None }
    }

    /// Does something as the root task, with the clock and the record of the `run`.
    fn enter<R>(&self, task: &mut RootTask, body: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        let mut cx = Context::from_waker(&self.waker);
        self.record.enter(|| with_clock_of(self.clock.clone(), || task.poll(&mut cx, body)))
    }

    fn poll<F: Future>(
        &mut self,
        cx: &mut Context<'_>,
        task: &mut RootTask,
        fut: Pin<&mut Option<F>>,
    ) -> Poll<Result<F::Output, TaskTree>> {
        self.root.outer.get_or_init(|| cx.waker().clone());
        self.look_for_a_signal(cx);
        let mut happened = self.root.woken.swap(false, Ordering::SeqCst);
        if happened
            && let Some(fut) = fut.as_pin_mut()
            && let Poll::Ready(output) = self.enter(task, |cx| fut.poll(cx))
        {
            return Poll::Ready(Ok(output));
        }
        happened |= self.poll_jobs();
        if self.is_woken() {
            cx.waker().wake_by_ref();
        } else if self.rest(happened, cx) == Rest::Stuck
            && let Some(tree) = self.tree(task)
        {
            return Poll::Ready(Err(tree));
        }
        Poll::Pending
    }

    /// Polls some jobs if this thread has to; tells whether there were any.
    fn poll_jobs(&mut self) -> bool {
        if !self.pool.is_local() {
            return false;
        }
        let order = self.record.trial().and_then(Trial::order);
        let jobs = order.as_ref().map_or(JOBS, |order| 1 + order.choose(JOBS));
        for done in 0..jobs {
            if let Some(order) = &order {
                self.pool.rotate(order.choose(self.pool.queued()));
            }
            if !self.pool.poll_one() {
                return done > 0;
            }
        }
        true
    }

    /// The tasks of a run that is watched.
    fn tree(&self, task: &RootTask) -> Option<TaskTree> {
        let trial = self.record.trial()?;
        self.record.enter(|| with_clock_of(self.clock.clone(), || task.tree(trial)))
    }

    /// Ends what upper crates have hung on the record.
    fn end_what_belongs_to_it(&self, grace: Duration, tell: Option<TellLeftOver>) -> host::Ended {
        let now = Instant::now();
        let never = || now + Duration::from_secs(86_400 * 365);
        let ended = host::end(&self.record, now.checked_add(grace).unwrap_or_else(never));
        if let Some(tell) = tell.filter(|_| !ended.left_over.is_empty()) {
            tell(&ended.left_over);
        }
        ended
    }

    fn look_for_a_signal(&mut self, cx: &mut Context<'_>) {
        if self.signal.is_none() {
            self.signal = self.watch.as_mut().and_then(|watch| watch.poll(cx));
        }
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.root.woken.load(Ordering::SeqCst) || (self.pool.is_local() && self.pool.has_queued())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.forget_quiet();
        self.record.set_watcher(None);
    }
}
