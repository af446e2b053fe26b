//! Models of the pool, its jobs, and the loan of a token as they are, for loom: every interleaving of the threads, up to a bound
//! on preemptions.
//!
//! ```text
//! RUSTFLAGS="--cfg anyio_loom" cargo test -p anyio-threads --release --lib
//! ```
//!
//! A lost wake-up shows as a deadlock. What stands in std's locks (the registry of tasks, the books of a `run`) is outside of the
//! models.

use std::{
    borrow::Cow,
    future::poll_fn,
    io,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use anyio_cancel_scope::{RunRecord, host::Outside};
use anyio_runtime::host::{Ending, LeftOver};
use anyio_sync::CapacityLimiter;
use loom::{future::block_on, model::Builder};

use crate::{
    answer::Answer,
    crowd::Crowd,
    host::Seat,
    job::{Job, Look},
    loan::Loan,
    pool::{Pool, System, Work},
    roster::Claimed,
    run_finished::Why,
    sync::{AtomicU8, Condvar, JoinHandle, Mutex, thread},
};

/// Explores `model` with at most this many preemptions, and as many more as `ANYIO_LOOM_MORE` says (1).
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let more: usize = std::env::var("ANYIO_LOOM_MORE").ok().and_then(|more| more.parse().ok()).unwrap_or(1);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions + more);
    builder.max_branches = 20_000;
    builder.check(model);
}

fn spawn<T>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().spawn(move || drop(work())).unwrap()
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// A pool for which the system starts so many threads.
fn pool(idle: Duration, threads: usize) -> Arc<Pool> {
    let given = AtomicUsize::new(0);
    let spawn = move |work: Box<dyn FnOnce() + Send>| {
        if given.fetch_add(1, SeqCst) < threads {
            thread::Builder::new().spawn(work)
        } else {
            Err(io::Error::other("refused"))
        }
    };
    Arc::new(Pool::new(true, System { idle, looks: 0..=0, spawn: Box::new(spawn) }))
}

const LONG: Duration = Duration::MAX;

/// A job of which it is known how far it is.
#[derive(Default)]
struct Chore {
    steps: Mutex<Steps>,
    bell: Condvar,
    /// It ends only when this holds of that one.
    needs: Option<(Arc<Self>, fn(&Steps) -> bool)>,
}

#[derive(Default)]
struct Steps {
    withdrawn: bool,
    claimed: bool,
    runs: usize,
    told: usize,
    refused: bool,
}

impl Chore {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn that_needs(other: &Arc<Self>, until: fn(&Steps) -> bool) -> Arc<Self> {
        Arc::new(Self { needs: Some((other.clone(), until)), ..Self::default() })
    }

    fn step(&self, step: impl FnOnce(&mut Steps)) {
        step(&mut self.steps.lock());
        self.bell.notify_all();
    }

    fn wait(&self, until: impl Fn(&Steps) -> bool) {
        let mut steps = self.steps.lock();
        while !until(&steps) {
            steps = self.bell.wait(steps).unwrap();
        }
    }

    /// It is told once, after it ran once.
    fn wait_told(&self) {
        self.wait(|steps| steps.told > 0);
        let steps = self.steps.lock();
        assert!(steps.runs == 1 && steps.told == 1 && !steps.refused);
    }

    fn withdraw(&self) -> bool {
        let mut steps = self.steps.lock();
        steps.withdrawn = !steps.claimed;
        steps.withdrawn
    }
}

impl Claimed for Chore {
    fn claim(&self) -> bool {
        let mut steps = self.steps.lock();
        steps.claimed = !steps.withdrawn;
        steps.claimed
    }

    fn is_withdrawn(&self) -> bool {
        self.steps.lock().withdrawn
    }
}

impl Work for Chore {
    fn run(self: Arc<Self>, _: &Arc<Crowd>) {
        self.step(|steps| steps.runs += 1);
        if let Some((other, until)) = &self.needs {
            other.wait(until);
        }
    }

    fn finish(&self, _: &Pool) {
        self.step(|steps| steps.told += 1);
    }

    fn left_over(&self) -> Option<LeftOver> {
        None
    }

    fn refuse(&self, _: &Arc<io::Error>, _: &Pool) {
        self.step(|steps| steps.refused = true);
    }
}

fn end(pool: &Arc<Pool>) {
    pool.end(far());
    assert_eq!(pool.threads(), 0);
}

// roster.rs, invariants 1 and 4
#[test]
fn every_job_is_run_and_told_and_the_pool_ends() {
    explore(2, || {
        let pool = pool(LONG, 2);
        let chores = [Chore::new(), Chore::new()];
        for chore in &chores {
            pool.push(chore.clone());
        }
        chores.iter().for_each(|chore| chore.wait_told());
        end(&pool);
    });
}

#[test]
fn jobs_of_two_threads_are_run_and_told() {
    explore(2, || {
        let pool = pool(LONG, 1);
        let (mine, theirs) = (Chore::new(), Chore::new());
        let other = spawn({
            let (pool, chore) = (pool.clone(), theirs.clone());
            move || pool.push(chore)
        });
        pool.push(mine.clone());
        // Where the second thread was refused, the first one takes both.
        mine.wait_told();
        theirs.wait_told();
        other.join().unwrap();
        end(&pool);
    });
}

#[test]
fn a_job_is_not_kept_waiting_behind_one_that_waits_for_it() {
    explore(2, || {
        let pool = pool(LONG, 2);
        let second = Chore::new();
        let first = Chore::that_needs(&second, |steps| steps.runs > 0);
        pool.push(first.clone());
        pool.push(second.clone());
        first.wait_told();
        second.wait_told();
        end(&pool);
    });
}

// roster.rs, invariant 4
#[test]
fn what_is_left_to_a_worker_that_lies_down_is_told_before_a_long_job_ends() {
    explore(2, || {
        let pool = pool(LONG, 2);
        let (first, second) = (Chore::new(), Chore::new());
        let last = Chore::that_needs(&first, |steps| steps.told > 0);
        for chore in [&first, &second, &last] {
            pool.push(chore.clone());
        }
        last.wait_told();
        second.wait_told();
        end(&pool);
    });
}

// A worker that is called at the moment in which it leaves stays.
#[test]
fn workers_that_leave_at_once_miss_no_job() {
    explore(2, || {
        let pool = pool(Duration::ZERO, 3);
        for chore in [Chore::new(), Chore::new(), Chore::new()] {
            pool.push(chore.clone());
            chore.wait_told();
        }
        end(&pool);
    });
}

// job.rs, invariant 1
#[test]
fn a_job_is_withdrawn_or_run_and_told() {
    explore(2, || {
        let pool = pool(LONG, 1);
        let chores = [Chore::new(), Chore::new()];
        for chore in &chores {
            pool.push(chore.clone());
        }
        if chores[0].withdraw() {
            chores[1].wait_told();
            assert_eq!(chores[0].steps.lock().runs, 0);
        } else {
            chores.iter().for_each(|chore| chore.wait_told());
        }
        end(&pool);
    });
}

// roster.rs, invariant 1
#[test]
fn without_a_thread_every_job_is_refused() {
    explore(3, || {
        let pool = pool(LONG, 0);
        let (mine, theirs) = (Chore::new(), Chore::new());
        let other = spawn({
            let (pool, chore) = (pool.clone(), theirs.clone());
            move || pool.push(chore)
        });
        pool.push(mine.clone());
        for chore in [mine, theirs] {
            chore.wait(|steps| steps.refused);
            assert_eq!(chore.steps.lock().runs, 0);
        }
        other.join().unwrap();
        end(&pool);
    });
}

/// Counts those of its units that are alive.
#[derive(Clone, Default)]
struct Census(Arc<AtomicUsize>);

struct Alive(Arc<AtomicUsize>);

impl Census {
    fn one(&self) -> Alive {
        self.0.fetch_add(1, SeqCst);
        Alive(self.0.clone())
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// One job between its task, which is the thread of the model, and a worker, which is another.
struct Pair<F, T> {
    job: Arc<Job<F, T>>,
    pool: Arc<Pool>,
    limiter: CapacityLimiter,
    run: Arc<RunRecord>,
}

impl<F, T> Pair<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn new(f: F) -> Self {
        let (limiter, run) = (CapacityLimiter::new(1), RunRecord::new());
        let token = limiter.try_acquire().unwrap().into();
        let name = (Cow::Borrowed("a closure"), Location::caller());
        let job = Job::new(f, name, (token, limiter.clone()), run.clone(), Some(Waker::noop().clone()));
        Self { job: Arc::new(job), pool: pool(LONG, 0), limiter, run }
    }

    /// What a worker does with it.
    fn worker(&self) -> JoinHandle<()> {
        let (job, pool) = (self.job.clone(), self.pool.clone());
        spawn(move || {
            if job.claim() {
                job.clone().run(&Arc::new(Crowd::new()));
                job.finish(&pool);
            }
        })
    }

    /// Waits for it as its task does, and polls what it asks for.
    fn wait(&self) -> T {
        block_on(poll_fn(|cx| {
            loop {
                match self.job.look(cx) {
                    Look::Ended(outcome, _) => {
                        return Poll::Ready(outcome.unwrap_or_else(|_| panic!("it does not panic")));
                    }
                    Look::Call(mut call) => assert!(call.as_mut().poll(cx).is_ready()),
                    Look::Refused(error) => panic!("{error}"),
                    Look::Queued | Look::Begun => return Poll::Pending,
                }
            }
        }))
    }

    /// When the worker has ended, nothing is held any more, and nothing is noted.
    fn ended(&self, worker: JoinHandle<()>) {
        worker.join().unwrap();
        assert_eq!(self.limiter.available_tokens(), 1);
        assert_eq!(self.run.at_work(Outside::Thread), 0);
        let ended = self.pool.end(far());
        assert!(ended.left_over.is_empty() && ended.panic.is_none());
    }
}

// job.rs, invariant 2
#[test]
fn a_task_that_goes_to_sleep_is_woken_for_the_outcome() {
    explore(3, || {
        let pair = Pair::new(|| 7);
        let worker = pair.worker();
        assert_eq!(pair.wait(), 7);
        // The token goes back before the task is told.
        assert_eq!(pair.limiter.available_tokens(), 1);
        pair.ended(worker);
    });
}

// job.rs, invariants 1 and 4
#[test]
fn a_job_that_is_given_up_is_dropped_by_its_task_or_run_by_its_worker() {
    explore(3, || {
        let (closure, value) = (Census::default(), Census::default());
        let (alive, made) = (closure.one(), value.clone());
        let pair = Pair::new(move || {
            let _alive = alive;
            made.one()
        });
        let worker = pair.worker();
        if pair.job.withdraw() {
            assert_eq!((closure.count(), pair.limiter.available_tokens()), (0, 1));
        } else {
            drop(pair.wait());
        }
        assert_eq!((closure.count(), value.count()), (0, 0));
        pair.ended(worker);
    });
}

// job.rs, invariant 3
#[test]
fn an_outcome_goes_to_the_task_that_abandons_or_is_dropped_by_the_worker() {
    explore(3, || {
        let value = Census::default();
        let made = value.clone();
        let pair = Pair::new(move || made.one());
        let worker = pair.worker();
        if !pair.job.withdraw()
            && let Some(outcome) = pair.job.abandon(&pair.pool)
        {
            // It has ended just now, and this has its value.
            assert!(outcome.is_ok_and(|_alive| value.count() == 1));
        }
        pair.ended(worker);
        assert_eq!(value.count(), 0);
    });
}

// What a worker asks for is polled by its task, or comes back to it.
#[test]
fn a_call_is_polled_by_the_task_that_goes_to_sleep() {
    explore(3, || {
        let pair = Pair::new(|| crate::from_thread::run_sync(|| 7).unwrap());
        let worker = pair.worker();
        assert_eq!(pair.wait(), 7);
        pair.ended(worker);
    });
}

#[test]
fn a_call_of_an_abandoned_worker_is_dropped_and_says_so() {
    explore(2, || {
        let asked = Census::default();
        let alive = asked.one();
        let pair = Pair::new(move || {
            let told = crate::from_thread::run(async move {
                let _alive = alive;
                std::future::pending::<()>().await;
            });
            assert!(told.unwrap_err().is_abandoned());
        });
        let worker = pair.worker();
        // It is polled once where it has come already, and is dropped with what the task had of it.
        let mut cx = Context::from_waker(Waker::noop());
        let call = match pair.job.look(&cx) {
            Look::Call(mut call) => {
                assert!(call.as_mut().poll(&mut cx).is_pending());
                Some(call)
            }
            _ => None,
        };
        let given_up = pair.job.withdraw() || pair.job.abandon(&pair.pool).is_none();
        assert!(given_up, "it never ends by itself");
        drop(call);
        pair.ended(worker);
        assert_eq!(asked.count(), 0);
    });
}

// answer.rs, invariant 1
#[test]
fn a_worker_that_has_its_answer_is_at_work() {
    explore(3, || {
        let (answer, responder) = Answer::new(Why::Portal);
        let (last, more) = (Chore::new(), Chore::new());
        let (holds, until) = (more.clone(), last.clone());
        let pair = Pair::new(move || {
            let run = Seat::with(|seat| seat.run.clone()).expect("it is a worker");
            let given = answer.wait(Some(&run));
            holds.step(|steps| steps.runs += 1);
            until.wait(|steps| steps.runs > 0);
            given.unwrap().unwrap_or_else(|_| panic!("it is a value"))
        });
        let worker = pair.worker();
        assert!(responder.give(Ok(7)).is_ok());
        assert_eq!(pair.run.at_work(Outside::Thread), 1);
        more.wait(|steps| steps.runs > 0);
        assert_eq!(pair.run.at_work(Outside::Thread), 1);
        last.step(|steps| steps.runs += 1);
        assert_eq!(pair.wait(), 7);
        pair.ended(worker);
    });
}

// loan.rs, invariants 2 and 3
#[test]
fn a_worker_goes_on_when_its_loan_is_over_and_back() {
    explore(3, || {
        let loan = Loan::new(CapacityLimiter::new(1));
        let at_work = Arc::new(AtomicU8::new(0));
        let (theirs, working) = (loan.clone(), at_work.clone());
        let borrower = spawn(move || {
            let token = block_on(theirs.borrow()).unwrap();
            if token.is_some() {
                working.store(1, SeqCst);
                working.store(0, SeqCst);
            }
        });
        loan.settle();
        assert_eq!(at_work.load(SeqCst), 0);
        borrower.join().unwrap();
        assert!(block_on(loan.borrow()).unwrap().is_none());
    });
}
