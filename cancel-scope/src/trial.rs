//! A run that is watched, for a test: the hook at checkpoints, the order of what is ready, where tasks wait, what is open.
//!
//! It costs the others nothing that can be measured: checkpoints of a watched run find their budget used up each time (see
//! [`ambient`](crate::ambient)), and everything else asks [`is_any`] first, a load of a static.
//!
//! # Invariants
//! 1. `TRIALS` counts the trials that exist: where it is 0, nobody is watched.
//! 2. [`Observer::reached`] is called with no lock held, so it may cancel scopes and wake tasks. Its other methods may be called
//!    under locks, and do nothing but answer.
//!
//! # Lock order
//! `waits`, `open` and `checks` are each held alone.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    panic::Location,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{
    RunRecord, Verb, ambient, budget,
    node::{Host, ScopeRef},
    task_record::TaskRef,
};

static TRIALS: AtomicUsize = AtomicUsize::new(0);

/// Whether anybody is watched, on any thread.
#[inline]
pub(crate) fn is_any() -> bool {
    TRIALS.load(Ordering::Relaxed) != 0
}

/// What a test kit does with the runs that it watches.
pub trait Observer: Send + Sync {
    /// A checkpoint comes to this point. It looks whether it is cancelled afterwards.
    fn reached(&self, point: Point);

    /// Something outside of all tasks is at work: a thread, a descriptor that is waited for.
    fn outside(&self) {}

    /// Whether an operation gives way at its entry, besides those that the budget tells to (R12).
    fn gives_way(&self) -> bool {
        false
    }

    /// Whether it decides in which order things run: [`choose`](Self::choose) is asked then.
    fn decides(&self) -> bool {
        false
    }

    /// A number below `count`, which is not 0.
    fn choose(&self, _count: usize) -> usize {
        0
    }

    /// Which run this is, and how to have it again, for when there is nobody left to tell it but this.
    fn told(&self) -> Option<String> {
        None
    }
}

/// A point at which a checkpoint may find itself cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point {
    /// How far the operation is.
    pub moment: Moment,
    /// What it does.
    pub verb: Verb,
    /// Where it was called.
    pub place: &'static Location<'static>,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// It is entered, and did nothing yet.
    Entry,
    /// It has to wait, and is about to say so for the first time.
    Pending,
    /// It waited, is polled again, and has not looked at its result, which may be there.
    Resumed,
}

/// What a watched run has that others have not.
pub struct Trial {
    id: u64,
    observer: Option<Arc<dyn Observer>>,
    checkpoints: AtomicU32,
    /// The scope in which a task waited last, by the address of the task.
    waits: Mutex<HashMap<usize, Weak<dyn Host>>>,
    open: Mutex<BTreeMap<u64, OpenResource>>,
    opened: AtomicU64,
    checks: Mutex<Vec<Check>>,
}

/// What is to be looked at when a watched run has ended: it panics if that is not as it should be.
pub type Check = Box<dyn FnOnce() + Send>;

/// Something that is open: what it is, and where it was made.
pub type OpenResource = (&'static str, &'static Location<'static>);

impl Trial {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        TRIALS.fetch_add(1, Ordering::Relaxed);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            observer,
            checkpoints: AtomicU32::new(0),
            waits: Mutex::default(),
            open: Mutex::default(),
            opened: AtomicU64::new(0),
            checks: Mutex::default(),
        }
    }

    /// Names it within the process; never given twice, and never 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The observer, where it decides in which order things run.
    pub fn order(&self) -> Option<Order> {
        self.observer.as_ref().filter(|observer| observer.decides()).cloned().map(Order)
    }

    /// The scope in which this task waited last, if that is there still.
    pub fn wait_of(&self, task: &TaskRef) -> Option<ScopeRef> {
        let found = lock(&self.waits).get(&address(task)).cloned();
        found?.upgrade()
    }

    /// What is open, in the order in which it was opened.
    pub fn open_resources(&self) -> Vec<OpenResource> {
        lock(&self.open).values().copied().collect()
    }

    /// Has this looked at in the end.
    pub fn add_check(&self, check: Check) {
        lock(&self.checks).push(check);
    }

    /// What is to be looked at now that it has ended, in the order in which it was left.
    pub fn take_checks(&self) -> Vec<Check> {
        std::mem::take(&mut lock(&self.checks))
    }

    /// An operation is about to be entered; tells whether it gives way first. The budget is the run's own, so that two runs on
    /// one thread do not differ by it.
    pub(crate) fn gives_way(&self) -> bool {
        // The last one of each budget: the number wraps at a multiple of it.
        let by_budget = self.checkpoints.fetch_add(1, Ordering::Relaxed) & (budget::FULL - 1) == budget::FULL - 1;
        by_budget || self.observer.as_ref().is_some_and(|observer| observer.gives_way())
    }

    pub(crate) fn outside(&self) {
        if let Some(observer) = &self.observer {
            observer.outside();
        }
    }

    pub(crate) fn reached(&self, moment: Moment, verb: Verb, place: &'static Location<'static>) {
        if let Some(observer) = &self.observer {
            observer.reached(Point { moment, verb, place });
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        TRIALS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("open", &self.open_resources()).finish_non_exhaustive()
    }
}

/// The [id](Trial::id) of the watched run in which this is called; 0 if there is none.
#[inline]
pub fn trial_id() -> u64 {
    if is_any() { ambient::run().and_then(|run| run.trial().map(Trial::id)).unwrap_or(0) } else { 0 }
}

/// Who decides in which order things run here; mostly nobody.
#[inline]
pub fn order() -> Option<Order> {
    if is_any() { ambient::run()?.trial()?.order() } else { None }
}

/// Decides in which order things run.
pub struct Order(Arc<dyn Observer>);

impl Order {
    /// A number below `count`; 0 if that is 0.
    pub fn choose(&self, count: usize) -> usize {
        if count < 2 { 0 } else { self.0.choose(count).min(count - 1) }
    }

    /// Brings the items in an order of its choice.
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.choose(at + 1));
        }
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").finish_non_exhaustive()
    }
}

/// The nearest scope around that has this name.
pub fn nearest_named(name: &str) -> Option<ScopeRef> {
    let mut at = ambient::scope();
    while let Some(host) = at {
        at = host.parent();
        if host.clone().as_scope().and_then(|scope| scope.name()).is_some_and(|found| *found == *name) {
            return Some(host);
        }
    }
    None
}

fn address(task: &TaskRef) -> usize {
    Arc::as_ptr(task).cast::<()>() as usize
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The current task waits in the current scope.
#[cold]
pub(crate) fn note_wait() {
    let Some(run) = ambient::run() else { return };
    let (Some(trial), Some(task)) = (run.trial(), ambient::task()) else { return };
    let at = address(&task);
    let old = match ambient::scope() {
        Some(scope) => lock(&trial.waits).insert(at, Arc::downgrade(&scope)),
        None => lock(&trial.waits).remove(&at),
    };
    drop(old);
}

/// Something that is to be closed before the test ends in which it was opened, as long as it is open: dropping this closes it.
#[must_use = "it is open until this is dropped"]
pub struct Opened(Option<Box<Entry>>);

struct Entry {
    run: Weak<RunRecord>,
    key: u64,
}

impl Opened {
    /// `what` was opened by the code at `place`.
    #[inline]
    pub fn new(what: &'static str, place: &'static Location<'static>) -> Self {
        Self(if is_any() { Entry::new(what, place) } else { None })
    }

    /// Nothing was opened.
    pub const fn none() -> Self {
        Self(None)
    }

    /// It is closed, though this is kept.
    pub fn close(&self) {
        if let Some(entry) = &self.0 {
            entry.close();
        }
    }
}

impl Drop for Opened {
    #[inline]
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl Entry {
    #[cold]
    fn new(what: &'static str, place: &'static Location<'static>) -> Option<Box<Self>> {
        let run = ambient::run()?;
        let trial = run.trial()?;
        let key = trial.opened.fetch_add(1, Ordering::Relaxed);
        lock(&trial.open).insert(key, (what, place));
        Some(Box::new(Self { run: Arc::downgrade(&run), key }))
    }

    fn close(&self) {
        if let Some(run) = self.run.upgrade()
            && let Some(trial) = run.trial()
        {
            lock(&trial.open).remove(&self.key);
        }
    }
}
