//! The worker threads of one `run`, and the jobs that they poll.
//!
//! # Invariants
//! 1. `active` counts the jobs that are queued or being polled. A job that is woken while it is polled counts twice until
//!    that poll ends. So 0 means that no job can run, unless somebody outside wakes one.
//! 2. `live` counts the jobs whose futures are not dropped yet. `run` returns when it is 0, and nothing raises it then.
//! 3. A job that is pending has its waker in `pending`. Whoever sets `closing` wakes them all afterwards; a job that is put
//!    there looks at `closing` afterwards. So every job comes by once more, and is dropped instead of polled.
//! 4. Threads are joined by the `run` that owns the pool, never by a drop on one of them.

use std::{
    any::Any,
    collections::BTreeMap,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::Arc,
    task::Waker,
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use async_task::{FallibleTask, Runnable};
use concurrent_queue::ConcurrentQueue;
use slab::Slab;

use crate::{
    crew::{Call, Crew},
    idlers::Idlers,
    run::Running,
    sync::{AtomicBool, AtomicUsize, Mutex, Ordering},
};

/// For how long a worker that finds no job waits before it goes to sleep: less than it takes to wake one.
const LINGER: Duration = Duration::from_micros(20);

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

pub(crate) struct Pool {
    queue: ConcurrentQueue<Runnable>,
    crew: Crew,
    most: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The thread of the `run` polls the jobs itself: it was to have no workers, or the system gives it none.
    local: AtomicBool,
    /// Whether the `run` looks for the moment at which nothing can run.
    watched: bool,
    /// Whoever else does.
    idlers: Idlers,
    active: AtomicUsize,
    turns: AtomicUsize,
    live: AtomicUsize,
    pending: Mutex<Slab<Waker>>,
    closing: AtomicBool,
    home: Home,
    /// By their order.
    panics: Mutex<BTreeMap<usize, Payload>>,
    panicked: AtomicUsize,
    place: &'static Location<'static>,
}

/// The `run` itself, as the pool sees it.
pub(crate) struct Home {
    /// Its thread, which waits at the end.
    pub(crate) thread: Thread,
    /// Wakes it while it waits for something to happen.
    pub(crate) waker: Waker,
}

impl Pool {
    pub(crate) fn new(most: usize, watched: bool, home: Home, place: &'static Location<'static>) -> Self {
        let alone = thread::available_parallelism().is_ok_and(|processors| processors.get() == 1);
        Self {
            queue: ConcurrentQueue::unbounded(),
            crew: Crew::new(most, if alone { Duration::ZERO } else { LINGER }),
            most,
            threads: Mutex::new(Vec::new()),
            local: AtomicBool::new(most == 0),
            watched,
            idlers: Idlers::new(),
            active: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            pending: Mutex::new(Slab::new()),
            closing: AtomicBool::new(false),
            home,
            panics: Mutex::new(BTreeMap::new()),
            panicked: AtomicUsize::new(0),
            place,
        }
    }

    /// Puts a job on the queue. It is dropped when the task is.
    pub(crate) fn spawn<F>(self: Arc<Self>, job: F) -> FallibleTask<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (runnable, task) = async_task::spawn(job, move |runnable| self.schedule(runnable));
        runnable.schedule();
        task.fallible()
    }

    fn schedule(self: &Arc<Self>, runnable: Runnable) {
        self.active.fetch_add(1, Ordering::SeqCst);
        if self.watched {
            self.turns.fetch_add(1, Ordering::Relaxed);
        }
        // The queue is never closed and has no bound.
        if let Err(error) = self.queue.push(runnable) {
            drop(error.into_inner());
            return;
        }
        if self.is_local() {
            self.home.waker.wake_by_ref();
        } else {
            self.call();
        }
    }

    fn call(self: &Arc<Self>) {
        if self.crew.call() == Call::Hire {
            self.hire();
        }
    }

    fn hire(self: &Arc<Self>) {
        let pool = self.clone();
        let mut threads = self.threads.lock();
        let name = format!("anyio-worker-{}", threads.len());
        match thread::Builder::new().name(name).spawn(move || pool.work()) {
            Ok(thread) => threads.push(thread),
            Err(_) => {
                drop(threads);
                if self.crew.hire_failed(self.most) {
                    self.local.store(true, Ordering::SeqCst);
                    self.home.waker.wake_by_ref();
                } else if !self.queue.is_empty() {
                    // Nobody was called for what came in meanwhile, for somebody seemed to be on the way.
                    self.call();
                }
            }
        }
    }

    fn work(self: Arc<Self>) {
        let _running = Running::begin(self.place);
        self.crew.work(
            || self.queue.pop().ok(),
            || self.queue.is_empty(),
            || self.call(),
            |runnable| self.poll(runnable),
        );
    }

    fn poll(&self, runnable: Runnable) {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            if self.closing.load(Ordering::SeqCst) {
                drop(runnable);
            } else {
                runnable.run();
            }
        }));
        // A job catches its own panics: this one is of a waker.
        if let Err(payload) = polled {
            self.keep_panic(payload);
        }
        if self.active.fetch_sub(1, Ordering::SeqCst) == 1 && self.is_watched() {
            self.home.waker.wake_by_ref();
        }
    }

    /// Whether the thread of the `run` has to poll the jobs.
    pub(crate) fn is_local(&self) -> bool {
        self.local.load(Ordering::SeqCst)
    }

    /// Polls one job on the thread of the `run`; tells whether there was one.
    pub(crate) fn poll_one(&self) -> bool {
        match self.queue.pop() {
            Ok(runnable) => {
                self.poll(runnable);
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether anybody waits for the moment at which nothing can run.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched || self.idlers.is_any()
    }

    pub(crate) fn idlers(&self) -> &Idlers {
        &self.idlers
    }

    /// Moves so many jobs of the queue to its end.
    pub(crate) fn rotate(&self, by: usize) {
        for _ in 0..by {
            let Ok(runnable) = self.queue.pop() else { return };
            if let Err(error) = self.queue.push(runnable) {
                drop(error.into_inner());
            }
        }
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether no job is queued or being polled.
    pub(crate) fn is_quiet(&self) -> bool {
        self.active.load(Ordering::SeqCst) == 0
    }

    /// How often a job was woken.
    pub(crate) fn turns(&self) -> usize {
        self.turns.load(Ordering::Relaxed)
    }

    /// Keeps a panic for whoever awaits the job, or else for `run`.
    pub(crate) fn keep_panic(&self, payload: Payload) -> usize {
        let mut panics = self.panics.lock();
        let key = self.panicked.fetch_add(1, Ordering::Relaxed);
        panics.insert(key, payload);
        key
    }

    pub(crate) fn take_panic(&self, key: usize) -> Option<Payload> {
        self.panics.lock().remove(&key)
    }

    /// The first panic that nobody took. The others are dropped: the panic hook saw each.
    pub(crate) fn take_first_panic(&self) -> Option<Payload> {
        let panics = std::mem::take(&mut *self.panics.lock());
        let mut panics = panics.into_values();
        let first = panics.next();
        panics.for_each(discard);
        first
    }

    /// Drops every job that is left, waits until their polls have returned, and lets the threads go.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        let pending: Vec<Waker> = self.pending.lock().iter().map(|(_, waker)| waker.clone()).collect();
        pending.iter().for_each(Waker::wake_by_ref);
        while self.live.load(Ordering::SeqCst) > 0 {
            if !(self.is_local() && self.poll_one()) {
                thread::park();
            }
        }
        self.crew.dismiss();
        loop {
            let Some(thread) = self.threads.lock().pop() else { break };
            // It catches whatever it polls.
            let _ = thread.join();
        }
    }
}

/// Drops what a panic carries; what that panics with is leaked.
pub(crate) fn discard(payload: Payload) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

/// The place of one job in the books of its pool, until dropped.
pub(crate) struct Entry {
    pool: Arc<Pool>,
    pending: Option<usize>,
}

impl Entry {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        pool.live.fetch_add(1, Ordering::SeqCst);
        Self { pool, pending: None }
    }

    /// A place in the books of a pool that may be closed already: `None` if it is. By invariant 2 `run` waits for one that
    /// came in before, as it marks the pool as closing first, and counts the living afterwards.
    pub(crate) fn admit(pool: Arc<Pool>) -> Option<Self> {
        let entry = Self::new(pool);
        let is_closing = entry.pool.closing.load(Ordering::SeqCst);
        (!is_closing).then_some(entry)
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The job is pending. Its waker is the same every time.
    pub(crate) fn note_pending(&mut self, waker: &Waker) {
        if self.pending.is_none() {
            let entry = waker.clone();
            self.pending = Some(self.pool.pending.lock().insert(entry));
            // By invariant 3.
            if self.pool.closing.load(Ordering::SeqCst) {
                waker.wake_by_ref();
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(key) = self.pending.take() {
            let waker = self.pool.pending.lock().try_remove(key);
            drop(waker);
        }
        if self.pool.live.fetch_sub(1, Ordering::SeqCst) == 1 && self.pool.closing.load(Ordering::SeqCst) {
            self.pool.home.thread.unpark();
        }
    }
}
