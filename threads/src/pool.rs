//! The worker threads of one `run`, or of the process where there is none.
//!
//! # Lock order
//! `roster`, `handles`, `desks`, what is on a desk, and `panic` are each held alone, but for `handles` while a thread is started: so one that
//! leaves at once finds its own.

use std::{
    any::Any,
    io,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use anyio_runtime::host::{Ended, Ending, LeftOver};
use slab::Slab;

use crate::{
    crowd::Crowd,
    hunch::Hunch,
    linger::{LOOKS, Linger},
    roster::{Bed, Call, Claimed, Refused, Rest, Roster},
    sync::{Condvar, JoinHandle, Mutex, ThreadId, give_way, has_ended, thread},
};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// What a worker does.
pub(crate) trait Work: Claimed + Send + Sync {
    /// Runs it on this thread, and tells nobody yet that it has ended. It does not panic.
    fn run(self: Arc<Self>, crowd: &Arc<Crowd>);

    /// Tells that it has ended, and lets go what it held. It does not panic.
    fn finish(&self, pool: &Pool);

    /// How it is told of where it outlives the `run`, unless it has ended.
    fn left_over(&self) -> Option<LeftOver>;

    /// Tells that nobody will ever run it, for this reason. It does not panic.
    fn refuse(&self, why: &Arc<io::Error>, pool: &Pool);
}

/// What a pool has of the system.
pub(crate) struct System {
    /// How long a worker sleeps before it leaves.
    pub(crate) idle: Duration,
    /// How often a worker that finds nothing looks again before it sleeps, giving way in between.
    pub(crate) looks: RangeInclusive<usize>,
    /// Starts a thread.
    pub(crate) spawn: Spawn,
}

/// What a worker has to do just now.
type Desk = Mutex<Option<Arc<dyn Work>>>;

type Spawn = Box<dyn Fn(Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> + Send + Sync>;

impl Default for System {
    fn default() -> Self {
        let spawn = |work| thread::Builder::new().name("anyio-thread".into()).spawn(work);
        Self { idle: Duration::from_secs(10), looks: LOOKS, spawn: Box::new(spawn) }
    }
}

pub(crate) struct Pool {
    roster: Mutex<Roster<Arc<dyn Work>>>,
    /// Told when the last thread of a pool leaves that is being closed.
    empty: Condvar,
    handles: Mutex<Vec<JoinHandle<()>>>,
    /// Those of the workers.
    desks: Mutex<Slab<Arc<Desk>>>,
    /// The first panic that nobody awaited; only a `run` comes for it.
    panic: Mutex<Option<Payload>>,
    keeps_panics: bool,
    /// Whether a closure that somebody looks for is over soon.
    pub(crate) hunch: Hunch,
    /// Whether a thread that has its answer calls again soon, or is over.
    pub(crate) calls_again: Hunch,
    crowd: Arc<Crowd>,
    system: System,
}

impl Pool {
    pub(crate) fn new(keeps_panics: bool, system: System) -> Self {
        Self {
            roster: Mutex::new(Roster::new()),
            empty: Condvar::new(),
            handles: Mutex::new(Vec::new()),
            desks: Mutex::new(Slab::new()),
            panic: Mutex::new(None),
            keeps_panics,
            hunch: Hunch::default(),
            calls_again: Hunch::default(),
            crowd: Arc::new(Crowd::new()),
            system,
        }
    }

    /// Has `job` run on some thread. When there is none, and the system gives none, it is refused, as is all that waits.
    ///
    /// Tells whether some worker is looking for it right now.
    pub(crate) fn push(self: &Arc<Self>, job: Arc<dyn Work>) -> bool {
        let (call, is_looked_for) = self.roster.lock().push(job);
        self.answer(call);
        is_looked_for
    }

    fn answer(self: &Arc<Self>, call: Call) {
        match call {
            Call::Nobody => {}
            Call::Wake(bed) => bed.wake(),
            Call::Hire => self.hire(),
        }
    }

    fn hire(self: &Arc<Self>) {
        let pool = self.clone();
        let mut handles = self.handles.lock();
        match (self.system.spawn)(Box::new(move || pool.work())) {
            Ok(handle) => handles.push(handle),
            Err(error) => {
                drop(handles);
                self.hire_failed(error);
            }
        }
    }

    fn hire_failed(self: &Arc<Self>, error: io::Error) {
        let mut untold = Vec::new();
        let refused = self.roster.lock().hire_failed(&mut untold);
        untold.iter().for_each(|ended| ended.finish(self));
        match refused {
            Refused::None(call) => self.answer(call),
            Refused::All(jobs) => {
                self.empty.notify_all();
                let error = Arc::new(error);
                jobs.iter().for_each(|job| job.refuse(&error, self));
            }
        }
    }

    fn work(self: Arc<Self>) {
        let desk = Arc::new(Desk::new(None));
        let place = self.desks.lock().insert(desk.clone());
        self.work_at(&desk);
        let desk = self.desks.lock().remove(place);
        drop(desk);
    }

    fn work_at(self: &Arc<Self>, desk: &Desk) {
        let bed = Arc::new(Bed::new());
        let (mut ended, mut untold) = (None, Vec::new());
        let mut linger = Linger::new(self.system.looks.clone());
        let (mut lingers, mut looks, mut is_busy) = (false, 0, false);
        loop {
            let job = match ended.take() {
                Some(ended) => self.roster.lock().take_after(ended, &mut untold, &mut lingers),
                None => {
                    let (job, call) = self.roster.lock().take(&mut untold, &mut lingers);
                    self.answer(call);
                    job
                }
            };
            // By invariant 3 of the roster, after this worker has said what it does next.
            untold.drain(..).for_each(|ended: Arc<dyn Work>| ended.finish(self));
            if job.is_some() || is_busy {
                is_busy = job.is_some();
                let ended = std::mem::replace(&mut *desk.lock(), job.clone());
                drop(ended);
            }
            if let Some(job) = job {
                job.clone().run(&self.crowd);
                ended = Some(job);
                looks = 0;
            } else if looks < linger.looks() && !self.crowd.is_there() {
                looks += 1;
                self.crowd.gave_way(give_way());
            } else {
                looks = 0;
                if !self.rest(&bed, &mut lingers, &mut linger) {
                    return;
                }
            }
        }
    }

    /// Sleeps until there is something to do; `false`: never again.
    fn rest(&self, bed: &Arc<Bed>, lingers: &mut bool, linger: &mut Linger) -> bool {
        let rest = self.roster.lock().rest(bed, lingers);
        match rest {
            Rest::Search => true,
            Rest::Sleep if self.sleep(bed, linger) => true,
            Rest::Sleep if !self.roster.lock().leave(bed) => {
                // It was called at the last moment.
                bed.sleep();
                true
            }
            Rest::Sleep => {
                self.drop_own_handle();
                false
            }
            Rest::Leave => {
                if self.roster.lock().threads() == 0 {
                    self.empty.notify_all();
                }
                false
            }
        }
    }

    /// Tells whether it was called.
    fn sleep(&self, bed: &Bed, linger: &mut Linger) -> bool {
        self.crowd.lies_down();
        let begun = Instant::now();
        let called = bed.doze(self.system.idle);
        linger.learn(begun.elapsed());
        called
    }

    fn drop_own_handle(&self) {
        let own: ThreadId = thread::current().id();
        let mut handles = self.handles.lock();
        if let Some(place) = handles.iter().position(|handle| handle.thread().id() == own) {
            drop(handles.swap_remove(place));
        }
    }

    /// Keeps the panic with which something ended that nobody awaits, if it did.
    pub(crate) fn keep_panic_of(&self, ended: Result<(), Payload>) {
        if let Err(payload) = ended {
            self.keep_panic(payload);
        }
    }

    /// Keeps a panic that nobody awaits, for the end of the `run`.
    pub(crate) fn keep_panic(&self, payload: Payload) {
        let mut spare = Some(payload);
        if self.keeps_panics {
            let mut kept = self.panic.lock();
            if kept.is_none() {
                *kept = spare.take();
            }
        }
        if let Some(payload) = spare {
            discard(payload);
        }
    }

    #[cfg(test)]
    pub(crate) fn threads(&self) -> usize {
        self.roster.lock().threads()
    }

    fn wait_until_empty(&self, until: Instant) -> bool {
        let mut roster = self.roster.lock();
        while roster.threads() > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            roster = self.empty.wait_timeout(roster, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Ending for Pool {
    fn end(&self, until: Instant) -> Ended {
        let asleep = self.roster.lock().close();
        asleep.iter().for_each(|bed| bed.wake());
        let all = self.wait_until_empty(until);
        let handles = std::mem::take(&mut *self.handles.lock());
        for handle in handles.into_iter().filter(|handle| all || has_ended(handle)) {
            // A worker catches what it runs.
            let _ = handle.join();
        }
        let desks: Vec<_> = self.desks.lock().iter().map(|(_, desk)| desk.clone()).collect();
        let running = desks.iter().filter_map(|desk| desk.lock().clone());
        let left_over = running.filter_map(|job| job.left_over()).collect();
        Ended { left_over, panic: self.panic.lock().take() }
    }
}

/// Drops what a panic carries; what that panics with is leaked.
pub(crate) fn discard(payload: Payload) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

/// Drops something foreign.
///
/// # Errors
/// What it panics with.
pub(crate) fn drop_caught<T>(value: T) -> Result<(), Payload> {
    catch_unwind(AssertUnwindSafe(|| drop(value)))
}

#[cfg(all(test, not(anyio_loom)))]
mod tests;
