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
    host::{Outside, with_clock_of},
};
use anyio_reactor::timer::{self, TimerKey};
use anyio_task_group::host::RootTask;
use pin_project_lite::pin_project;

use crate::{
    pool::{Home, Pool},
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
}

/// What a `run` comes to.
pub(crate) struct Ended<T> {
    pub(crate) output: T,
    /// The number of the signal that cancelled it.
    pub(crate) signal: Option<i32>,
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
struct Session {
    root: Arc<Root>,
    waker: Waker,
    record: Arc<RunRecord>,
    pool: Arc<Pool>,
    clock: Option<Arc<dyn Clock>>,
    quiet: Option<Quiet>,
    watch: Option<Watch>,
    signal: Option<i32>,
}

/// Nothing has happened since then.
struct Quiet {
    since: Instant,
    turns: usize,
    alarm: Option<TimerKey>,
}

/// Runs `fut` to its end, and then everything that it offloaded.
pub(crate) fn run<F: Future>(plan: Plan, place: &'static Location<'static>, fut: F) -> Ended<F::Output> {
    let root = plan.root.clone();
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
    let output = match (output, dropped) {
        (Err(payload), _) | (Ok(_), Err(payload)) => resume_unwind(payload),
        (Ok(output), Ok(_)) => output,
    };
    if let Some(payload) = session.pool.take_first_panic() {
        resume_unwind(payload);
    }
    // What came in the last poll came before the end.
    session.look_for_a_signal(&mut Context::from_waker(Waker::noop()));
    Ended { output, signal: session.signal }
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
        let Plan { worker_threads, clock, root: _, watch } = plan;
        let jumps = clock.as_ref().is_some_and(|clock| clock.jumps());
        let root = Arc::new(Root { woken: AtomicBool::new(true), outer: OnceLock::new() });
        let waker = Waker::from(root.clone());
        let look_around = Waker::from(Arc::new(LookAround(root.clone())));
        let record = RunRecord::new();
        if jumps {
            record.set_watcher(Some(look_around.clone()));
        }
        let home = Home { thread: std::thread::current(), waker: look_around };
        let pool = Arc::new(Pool::new(worker_threads, jumps, home, place));
        record.entry(|| pool.clone());
        Self { root, waker, record, pool, clock, quiet: None, watch, signal: None }
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
    ) -> Poll<F::Output> {
        self.root.outer.get_or_init(|| cx.waker().clone());
        self.look_for_a_signal(cx);
        let mut happened = self.root.woken.swap(false, Ordering::SeqCst);
        if happened
            && let Some(fut) = fut.as_pin_mut()
            && let Poll::Ready(output) = self.enter(task, |cx| fut.poll(cx))
        {
            return Poll::Ready(output);
        }
        if self.pool.is_local() {
            for _ in 0..JOBS {
                if !self.pool.poll_one() {
                    break;
                }
                happened = true;
            }
        }
        if self.is_woken() {
            cx.waker().wake_by_ref();
        } else if let Some(clock) = self.clock.clone().filter(|clock| clock.jumps()) {
            self.jump_if_idle(&*clock, happened, cx);
        }
        Poll::Pending
    }

    fn look_for_a_signal(&mut self, cx: &mut Context<'_>) {
        if self.signal.is_none() {
            self.signal = self.watch.as_mut().and_then(|watch| watch.poll(cx));
        }
    }

    fn is_woken(&self) -> bool {
        self.root.woken.load(Ordering::SeqCst) || (self.pool.is_local() && self.pool.has_queued())
    }

    /// Has the clock jump if nothing can run before it does.
    fn jump_if_idle(&mut self, clock: &dyn Clock, happened: bool, cx: &mut Context<'_>) {
        // By invariant 2.
        if !self.pool.is_quiet() || self.is_woken() || self.record.at_work(Outside::Thread) > 0 {
            self.forget_quiet();
            return;
        }
        if self.record.at_work(Outside::Descriptor) > 0 {
            let turns = self.pool.turns();
            if happened || self.quiet.as_ref().is_some_and(|quiet| quiet.turns != turns) {
                self.forget_quiet();
            }
            match clock.jumps_after() {
                None => return,
                Some(wait) if !self.was_quiet_for(wait, turns, cx) => return,
                Some(_) => {}
            }
        }
        self.forget_quiet();
        clock.jump();
        if !self.pool.is_quiet() || self.is_woken() {
            cx.waker().wake_by_ref();
        }
    }

    /// Whether nothing happened for `wait` of real time; if not, it looks again when that is over.
    fn was_quiet_for(&mut self, wait: Duration, turns: usize, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let quiet = self.quiet.get_or_insert(Quiet { since: now, turns, alarm: None });
        match quiet.since.checked_add(wait) {
            Some(end) if now >= end => true,
            Some(end) => {
                if quiet.alarm.is_none() {
                    quiet.alarm = Some(timer::arm(end, cx.waker().clone()));
                }
                false
            }
            None => false,
        }
    }

    fn forget_quiet(&mut self) {
        if let Some(alarm) = self.quiet.take().and_then(|quiet| quiet.alarm) {
            drop(timer::disarm(alarm));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.forget_quiet();
        self.record.set_watcher(None);
    }
}
