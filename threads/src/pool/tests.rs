//! Workers that go, and threads that the system refuses.

use std::{
    sync::{
        Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::*;

/// Longer than any claim takes on a machine that is busy; what has not come by then never comes.
const HANGS: Duration = Duration::from_secs(60);

#[track_caller]
fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < HANGS, "it never comes");
        thread::yield_now();
    }
}

/// A job that waits in its run until it is let go.
#[derive(Default)]
struct Task {
    steps: Mutex<Steps>,
}

#[derive(Default, Clone, Copy)]
struct Steps {
    ran_on: Option<ThreadId>,
    let_go: bool,
    told: bool,
    refused: bool,
    withdrawn: bool,
}

impl Task {
    /// One that waits for nothing.
    fn short() -> Arc<Self> {
        let task = Self::long();
        task.let_go();
        task
    }

    fn long() -> Arc<Self> {
        Arc::default()
    }

    fn let_go(&self) {
        self.steps.lock().let_go = true;
    }

    fn steps(&self) -> Steps {
        *self.steps.lock()
    }

    fn is_told(&self) -> bool {
        self.steps().told
    }

    fn has_begun(&self) -> bool {
        self.steps().ran_on.is_some()
    }
}

impl Claimed for Task {
    fn claim(&self) -> bool {
        !self.is_withdrawn()
    }

    fn is_withdrawn(&self) -> bool {
        self.steps().withdrawn
    }
}

impl Work for Task {
    fn run(self: Arc<Self>, _: &Arc<Crowd>) {
        self.steps.lock().ran_on = Some(thread::current().id());
        until(|| self.steps().let_go);
    }

    fn finish(&self, _: &Pool) {
        self.steps.lock().told = true;
    }

    fn left_over(&self) -> Option<LeftOver> {
        None
    }

    fn refuse(&self, _: &Arc<io::Error>, _: &Pool) {
        self.steps.lock().refused = true;
    }
}

/// A pool, what was started for it, and what happens where the system refuses a thread, which it does from the one of this
/// number on.
struct Given {
    pool: Arc<Pool>,
    started: Arc<AtomicUsize>,
}

impl Given {
    fn new(idle: Duration, threads: usize, meanwhile: impl Fn(&Arc<Pool>) + Send + Sync + 'static) -> Self {
        let started = Arc::new(AtomicUsize::new(0));
        let (count, spawn) = (started.clone(), System::default().spawn);
        let pool = Arc::new_cyclic(|pool: &Weak<Pool>| {
            let pool = pool.clone();
            let spawn = move |work| {
                if count.load(Ordering::SeqCst) == threads {
                    meanwhile(&pool.upgrade().unwrap());
                    return Err(io::Error::other("refused"));
                }
                count.fetch_add(1, Ordering::SeqCst);
                spawn(work)
            };
            Pool::new(false, System { idle, looks: 1..=1, spawn: Box::new(spawn) })
        });
        Self { pool, started }
    }

    fn threads(&self) -> usize {
        self.pool.threads()
    }

    fn end(self) {
        self.pool.end(Instant::now() + HANGS);
        assert_eq!(self.threads(), 0);
    }
}

#[test]
fn a_worker_that_has_slept_for_its_time_leaves_and_the_next_job_has_another() {
    let given = Given::new(Duration::ZERO, usize::MAX, |_| ());
    for count in 1..=2 {
        let task = Task::short();
        given.pool.push(task.clone());
        until(|| task.is_told() && given.threads() == 0);
        assert_eq!(given.started.load(Ordering::SeqCst), count);
        // Its handle goes with it.
        until(|| given.pool.handles.lock().is_empty());
    }
    given.end();
}

#[test]
fn a_worker_that_has_time_to_sleep_takes_the_next_job() {
    let given = Given::new(Duration::MAX, usize::MAX, |_| ());
    for _ in 0..10 {
        let task = Task::short();
        given.pool.push(task.clone());
        until(|| task.is_told());
    }
    until(|| given.pool.roster.lock().asleep() == 1);
    let task = Task::short();
    given.pool.push(task.clone());
    until(|| task.is_told());
    assert_eq!(given.started.load(Ordering::SeqCst), 1);
    given.end();
}

#[test]
fn where_a_thread_is_refused_the_job_waits_for_those_who_work() {
    let given = Given::new(Duration::MAX, 1, |_| ());
    let (long, waiting) = (Task::long(), Task::long());
    given.pool.push(long.clone());
    until(|| long.has_begun());
    given.pool.push(waiting.clone());
    assert!(!waiting.has_begun() && !waiting.steps().refused);
    long.let_go();
    // Nobody searches who would tell it, so the next job has to wait for that.
    until(|| long.is_told() && waiting.has_begun());
    waiting.let_go();
    until(|| waiting.is_told());
    assert_eq!(waiting.steps().ran_on, long.steps().ran_on);
    given.end();
}

#[test]
fn nobody_is_called_for_what_was_withdrawn() {
    let given = Given::new(Duration::MAX, usize::MAX, |_| ());
    let withdrawn = Task::short();
    withdrawn.steps.lock().withdrawn = true;
    given.pool.push(withdrawn.clone());
    assert_eq!(given.started.load(Ordering::SeqCst), 0);
    let task = Task::short();
    given.pool.push(task.clone());
    until(|| task.is_told());
    assert!(!withdrawn.has_begun());
    given.end();
}

// Invariant 1 of the roster
#[test]
fn who_lies_down_while_a_thread_is_refused_is_called_for_what_came_meanwhile() {
    let (long, late) = (Task::long(), Task::short());
    let (first, third) = (long.clone(), late.clone());
    let given = Given::new(Duration::MAX, 1, move |pool| {
        first.let_go();
        until(|| pool.roster.lock().asleep() == 1);
        // Nobody is called: a thread is on its way.
        pool.push(third.clone());
    });
    given.pool.push(long.clone());
    until(|| long.has_begun());
    given.pool.push(Task::short());
    until(|| late.is_told());
    given.end();
}

// Invariant 4 of the roster
#[test]
fn what_was_left_to_a_thread_that_is_refused_is_told() {
    let (first, second) = (Task::long(), Task::long());
    let (ends, begins) = (first.clone(), second.clone());
    let given = Given::new(Duration::MAX, 1, move |_| {
        ends.let_go();
        until(|| begins.has_begun());
        assert!(!ends.is_told());
    });
    given.pool.push(first.clone());
    until(|| first.has_begun());
    given.pool.push(second.clone());
    assert!(first.is_told());
    second.let_go();
    given.end();
}

// Invariant 1 of the roster
#[test]
fn where_there_is_no_thread_everything_that_waits_is_refused() {
    let late = Task::short();
    let meanwhile = late.clone();
    let given = Given::new(Duration::MAX, 0, move |pool| {
        pool.push(meanwhile.clone());
    });
    let first = Task::short();
    given.pool.push(first.clone());
    for task in [first, late] {
        let steps = task.steps();
        assert!(steps.refused && steps.ran_on.is_none());
    }
    given.end();
}

#[test]
fn a_worker_lies_down_at_once_where_others_want_the_processor() {
    // It would look for ever.
    let system = System { idle: Duration::MAX, looks: 1 << 40..=1 << 40, ..System::default() };
    let pool = Arc::new(Pool::new(false, system));
    let task = Task::short();
    pool.push(task.clone());
    until(|| task.is_told());
    pool.crowd.gave_way(Duration::from_secs(1));
    until(|| pool.roster.lock().asleep() == 1);
    assert!(!pool.push(Task::short()));
    pool.end(Instant::now() + HANGS);
    assert_eq!(pool.threads(), 0);
}
