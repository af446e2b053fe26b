//! One call in a worker thread, as its task sees it.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    panic::{Location, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{Cancelled, Checkpoint, RunRecord, check_cancelled};
use anyio_sync::CapacityLimiter;

use crate::{
    host::BoxedCall,
    job::{Job, Look, Outcome},
    loan::{Loan, Token},
    pool::Pool,
    roster::Claimed,
    shown::name_of,
    threads::Threads,
};

/// Calls `f` in a worker thread, and waits for it. Nothing happens before this is awaited.
///
/// It waits for a token of its [limiter](RunSync::limiter) first, and then for a thread: both can be cancelled, and `f` is dropped
/// unrun then. Once `f` has begun it cannot be interrupted, so its end is waited for, and its value returned, even in a cancelled
/// scope; see [`abandon_on_cancel`](RunSync::abandon_on_cancel). `f` can ask for the cancellation by itself: with
/// [`check_cancelled`](crate::from_thread::check_cancelled).
///
/// A task that calls short closures one after the other may wait for the value in its poll, for a few microseconds, where such
/// closures were over by then lately: less than it takes to sleep and to be woken.
///
/// `f` sees the scope, the context variables, the clock and the task of the caller, and can call back into the task with
/// [`from_thread::run`](crate::from_thread::run). It works under any executor.
///
/// Mirrors [`to_thread.run_sync`](https://anyio.readthedocs.io/en/stable/threads.html).
///
/// # Errors
/// [`Cancelled`] in an effectively cancelled scope, if `f` had not begun, or is abandoned.
///
/// # Panics
/// With the panic of `f`. When there is no worker thread yet, and the system gives none.
///
/// # Cancel safety
/// Dropped before `f` has begun, `f` is dropped unrun. Dropped later, `f` runs to its end: it is abandoned, and its value is
/// dropped by its thread.
///
/// # Examples
/// ```
/// use anyio_threads::to_thread;
///
/// let length = anyio_runtime::run(async {
///     let text = to_thread::run_sync(|| std::fs::read_to_string("Cargo.toml")).await??;
///     anyio_cancel_scope::ok(text.len())
/// });
/// assert!(length.unwrap() > 0);
/// ```
///
/// What it takes along is its own:
/// ```compile_fail,E0597
/// # async fn f() {
/// let path = String::from("Cargo.toml");
/// let text = anyio_threads::to_thread::run_sync(|| std::fs::read(&path)).await;
/// # }
/// ```
#[track_caller]
pub fn run_sync<F, T>(f: F) -> RunSync<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    RunSync {
        stage: Stage::Ahead(f),
        limiter: None,
        name: None,
        abandon: false,
        checkpoint: Checkpoint::new(&"run_sync"),
        place: Location::caller(),
    }
}

/// The future of [`run_sync`], and its options.
#[must_use = "futures do nothing unless awaited"]
pub struct RunSync<F, T> {
    stage: Stage<F, T>,
    limiter: Option<CapacityLimiter>,
    name: Option<Cow<'static, str>>,
    abandon: bool,
    checkpoint: Checkpoint,
    place: &'static Location<'static>,
}

/// After how many answers to its thread a poll gives way.
const ANSWERS: usize = 16;

enum Stage<F, T> {
    Ahead(F),
    /// Waits for a token.
    InLine(F, Acquire, Home),
    Begun {
        job: Arc<Job<F, T>>,
        pool: Arc<Pool>,
        /// What the worker waits for.
        call: Option<BoxedCall>,
        /// Whether the worker has just had an answer.
        answered: bool,
    },
    Done,
}

/// The `run` in which it was entered, and the pool of that.
type Home = (Arc<RunRecord>, Arc<Pool>);

type Acquire = Pin<Box<dyn Future<Output = Result<Token, Cancelled>> + Send>>;

/// Nothing in it is pinned but in a box.
impl<F, T> Unpin for RunSync<F, T> {}

impl<F, T> RunSync<F, T> {
    /// Borrows the token from this limiter instead of the [default one](crate::to_thread::current_default_thread_limiter).
    ///
    /// The borrower is this call. The token comes back when `f` has ended, also when nobody waits for that any more.
    ///
    /// What a worker [waits for](crate::from_thread::run) may use the token of that worker, if the limiter has no other: so
    /// workers that call back never wait for each other's tokens. They get on when it is back.
    ///
    /// # Examples
    /// ```
    /// use anyio_sync::CapacityLimiter;
    /// use anyio_task_group::gather;
    /// use anyio_threads::to_thread;
    ///
    /// let two_at_a_time = CapacityLimiter::new(2);
    /// let squares = anyio_runtime::run(gather((1..=4_u32).map(|n| {
    ///     to_thread::run_sync(move || n * n).limiter(&two_at_a_time)
    /// })));
    /// assert_eq!(squares, Ok(vec![1, 4, 9, 16]));
    /// ```
    pub fn limiter(mut self, limiter: &CapacityLimiter) -> Self {
        self.limiter = Some(limiter.clone());
        self
    }

    /// Whether a cancellation ends the wait, though `f` has begun: `f` runs on, abandoned, and its value is dropped. The default
    /// is `false`.
    ///
    /// An abandoned closure keeps its token. It is in the task tree, and
    /// [`check_cancelled`](crate::from_thread::check_cancelled) tells it. A panic of it comes out of the `run`, at its end. The
    /// `run` waits for it there, up to a [limit](anyio_runtime::Builder::thread_grace).
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::move_on_after;
    /// use anyio_threads::to_thread;
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let patience = Duration::from_millis(10);
    /// let answer = anyio_runtime::run(async {
    ///     let (_caller, line) = mpsc::channel::<u32>();
    ///     // It waits for as long as there is somebody who might send.
    ///     let call = to_thread::run_sync(move || line.recv()).abandon_on_cancel(true);
    ///     move_on_after(patience, call).await
    /// });
    /// assert_eq!(answer, Ok(None));
    /// ```
    pub fn abandon_on_cancel(mut self, abandon: bool) -> Self {
        self.abandon = abandon;
        self
    }

    /// Names the closure, for the task tree and the list of what was left over. Otherwise it has the name of the function in
    /// which it was written.
    pub fn named(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<F, T> RunSync<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn begin(&mut self, f: F, token: Token, (run, pool): Home, cx: &Context<'_>) {
        let limiter = self.limiter.take().expect("it gave the token");
        let name = name_of::<F>(self.name.take());
        let may_try = pool.hunch.comes_again(cx.waker());
        // Who tries needs none unless that fails: then the first look brings it.
        let waker = (!may_try || !pool.hunch.is_good()).then(|| cx.waker().clone());
        let job = Arc::new(Job::new(f, (name, self.place), (token, limiter), run, waker));
        let is_looked_for = pool.push(job.clone());
        if is_looked_for && may_try {
            pool.hunch.follow(|| job.has_ended());
        }
        self.stage = Stage::Begun { job, pool, call: None, answered: false };
    }
}

impl<F, T> Future for RunSync<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = Result<T, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Stage::Ahead(_) = this.stage {
            let entry = ready!(this.checkpoint.poll_entry(cx));
            let Stage::Ahead(f) = std::mem::replace(&mut this.stage, Stage::Done) else {
                unreachable!("it was just so")
            };
            entry?;
            let run = RunRecord::current();
            let threads = Threads::of(&run);
            let limiter = this.limiter.get_or_insert_with(|| threads.limiter.clone());
            let home = (run, threads.pool.clone());
            match limiter.try_acquire() {
                Some(token) => this.begin(f, token.into(), home, cx),
                None => this.stage = Stage::InLine(f, Box::pin(acquire(limiter.clone())), home),
            }
        }
        if let Stage::InLine(_, acquire, _) = &mut this.stage {
            let Poll::Ready(token) = acquire.as_mut().poll(cx) else {
                this.checkpoint.note();
                return Poll::Pending;
            };
            let stage = std::mem::replace(&mut this.stage, Stage::Done);
            let Stage::InLine(f, _, home) = stage else { unreachable!("it was just so") };
            let token = token?;
            // A token that came late is no reason to begin something.
            check_cancelled()?;
            this.begin(f, token, home, cx);
        }
        this.poll_begun(cx)
    }
}

impl<F, T> RunSync<F, T> {
    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Cancelled>> {
        let mut answers = 0;
        loop {
            let Stage::Begun { job, pool, call, answered } = &mut self.stage else {
                panic!("run_sync: polled after it was ready, which a future must not be; await it once");
            };
            if call.as_mut().is_some_and(|call| call.as_mut().poll(cx).is_ready()) {
                (*call, *answered) = (None, true);
            }
            // Its thread may have called again; it is left all the same.
            if *answered
                && self.abandon
                && let Err(cancelled) = check_cancelled()
            {
                let left = job.give_up(pool, cancelled);
                return self.end(left);
            }
            if *answered {
                if answers == ANSWERS {
                    // Who else can run has a turn.
                    self.checkpoint.note();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                (*answered, answers) = (false, answers + 1);
                pool.calls_again.follow(|| job.has_news());
            }
            let ended = match job.look(cx) {
                Look::Ended(outcome, luggage) => {
                    luggage.unpack(pool);
                    outcome.map(Ok)
                }
                Look::Refused(error) => {
                    job.withdraw();
                    self.stage = Stage::Done;
                    panic!("run_sync: there is no worker thread, and the system gives none: {error}");
                }
                Look::Call(new) => {
                    *call = Some(new);
                    continue;
                }
                Look::Begun if !self.abandon => {
                    self.checkpoint.note();
                    return Poll::Pending;
                }
                Look::Queued | Look::Begun => {
                    let cancelled = ready!(self.checkpoint.poll_pending(cx));
                    if self.abandon {
                        job.give_up(pool, cancelled)
                    } else if job.withdraw() {
                        Ok(Err(cancelled))
                    } else {
                        self.checkpoint.note();
                        return Poll::Pending;
                    }
                }
            };
            return self.end(ended);
        }
    }

    /// What the worker waits for goes with the stage.
    fn end(&mut self, ended: Outcome<Result<T, Cancelled>>) -> Poll<Result<T, Cancelled>> {
        self.stage = Stage::Done;
        match ended {
            Ok(result) => Poll::Ready(result),
            Err(payload) => resume_unwind(payload),
        }
    }
}

/// Waits for a token of `limiter`: for the one that is on loan here, if there is one.
async fn acquire(limiter: CapacityLimiter) -> Result<Token, Cancelled> {
    if let Some(loan) = Loan::of(&limiter)
        && let Some(token) = loan.borrow().await?
    {
        return Ok(token);
    }
    Ok(limiter.acquire().await?.into())
}

impl<F, T> Drop for RunSync<F, T> {
    fn drop(&mut self) {
        if let Stage::Begun { job, pool, call, .. } = &mut self.stage {
            // The worker is told first that it is on its own. What was withdrawn has none.
            let outcome = if job.is_withdrawn() || job.withdraw() { None } else { job.abandon(pool) };
            if let Some(Err(payload)) = outcome {
                return pool.keep_panic(payload);
            }
            drop((call.take(), outcome));
        }
    }
}

impl<F, T> fmt::Debug for RunSync<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Ahead(_) => "ahead",
            Stage::InLine(..) => "in line",
            Stage::Begun { .. } => "begun",
            Stage::Done => "done",
        };
        f.debug_struct("RunSync")
            .field("stage", &stage)
            .field("abandon_on_cancel", &self.abandon)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use std::{
        future::poll_fn,
        pin::pin,
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        task::{Wake, Waker},
    };

    use anyio_cancel_scope::CancelScope;

    use super::*;
    use crate::host::Host;

    /// A waker that counts.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Calls again while it is answered, as a thread does that is faster than its task.
    fn call_time_and_again(job: Arc<dyn Host>, count: Arc<AtomicUsize>) {
        let again = job.clone();
        let call = Box::pin(poll_fn(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            call_time_and_again(again.clone(), count.clone());
            Poll::Ready(())
        }));
        // Refused, it is over.
        drop(job.call(call));
    }

    /// A closure that has begun and waits for its caller, the thread of which calls; with the number of its calls.
    fn called(abandon: bool, test: impl FnOnce(RunSync<Box<dyn FnOnce() + Send>, ()>, Arc<AtomicUsize>)) {
        let ((go, gone), (begin, begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let f: Box<dyn FnOnce() + Send> = Box::new(move || {
            begin.send(()).unwrap();
            let _ = gone.recv();
        });
        let mut call = run_sync(f).abandon_on_cancel(abandon);
        assert!(pin!(&mut call).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        begun.recv().unwrap();
        let Stage::Begun { job, .. } = &call.stage else { panic!("it has begun") };
        let count = Arc::new(AtomicUsize::new(0));
        call_time_and_again(job.clone(), count.clone());
        test(call, count);
        drop(go);
    }

    #[test]
    fn a_poll_gives_way_to_others_after_so_many_answers() {
        called(false, |call, count| {
            let (mut call, wakes) = (pin!(call), Arc::new(Wakes::default()));
            for polls in 1..=3 {
                assert!(call.as_mut().poll(&mut Context::from_waker(&wakes.clone().into())).is_pending());
                assert!(wakes.0.load(Ordering::SeqCst) >= polls);
                assert_eq!(count.load(Ordering::SeqCst), polls * ANSWERS + 1);
            }
        });
    }

    #[test]
    fn a_task_that_counted_on_a_short_closure_is_woken_for_a_long_one() {
        let (begin, begun) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let wakes = Arc::new(Wakes::default());
        let waker: Waker = wakes.clone().into();
        let pool = Threads::of(&RunRecord::current()).pool.clone();
        // As after many short ones of this task.
        pool.hunch.comes_again(&waker);
        while !pool.hunch.is_good() {
            pool.hunch.follow(|| true);
        }
        let mut call = pin!(run_sync(move || {
            begin.send(()).unwrap();
            gone.recv()
        }));
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        begun.recv().unwrap();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
        drop(go);
        while wakes.0.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        assert!(call.poll(&mut Context::from_waker(&waker)).is_ready());
    }

    // T1: `abandon_on_cancel` returns at once
    #[test]
    fn a_thread_that_calls_time_and_again_is_abandoned_all_the_same() {
        called(true, |call, count| {
            let scope = CancelScope::new();
            scope.cancel();
            let polled = pin!(scope.enter(call)).poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Ready(Err(_))));
            assert_eq!(count.load(Ordering::SeqCst), 1);
        });
    }
}
