//! Who of the worker threads does what, and which jobs wait: plain data, under the lock of the pool.
//!
//! ```text
//!              push ───────────────▶ searching ──took a job──▶ working
//!   no thread ──hire──▶ (starts)        ▲  │                      │ ended it, and took the next: working
//!                                       │  └─nothing─▶ asleep     │
//!                                       └─────────────────────────┘ nothing to take
//! ```
//!
//! Waking a thread costs more than most jobs, so nobody is called while somebody is searching: that one will find the job. But
//! a job may block, so nobody waits behind a job either: a searcher that takes one calls the next if there is more.
//!
//! # Invariants
//! 1. While a job waits somebody searches. Only where the system gives no thread it waits for one that works, and if there is none
//!    it is refused.
//! 2. `searching` counts those that were called or hired and do not run yet, too.
//! 3. A thread is hired only when a job waits, nobody searches and nobody sleeps. So there are never more threads than jobs that
//!    wait or run. A worker takes its next job, or searches, before the end of the last one is told to anybody, so with a limit on
//!    jobs there are no more threads than that.
//! 4. What has ended is left untold only while somebody searches, who tells it before anything else. So many short jobs wake
//!    their tasks once, and the end of a short one never waits for a long one.
//! 5. What waits here and was withdrawn holds nothing foreign: it may be dropped under the lock.
//! 6. `lingering` counts the searchers that are awake, found nothing, and look again: what is pushed then needs no wake-up.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use crate::sync::{Condvar, Mutex};

/// How many jobs are left to be told by somebody else.
const MOST_UNTOLD: usize = 64;

/// What waits in a roster.
pub(crate) trait Claimed {
    /// Claims it for a worker; `false` if it was withdrawn. Runs no foreign code.
    fn claim(&self) -> bool;

    /// Whether somebody withdrew it.
    fn is_withdrawn(&self) -> bool;
}

impl<J: Claimed + ?Sized> Claimed for Arc<J> {
    fn claim(&self) -> bool {
        (**self).claim()
    }

    fn is_withdrawn(&self) -> bool {
        (**self).is_withdrawn()
    }
}

pub(crate) struct Roster<J> {
    jobs: VecDeque<J>,
    /// What has ended, and whoever searches is to tell.
    untold: Vec<J>,
    asleep: Vec<Arc<Bed>>,
    searching: usize,
    /// How many of them are awake, found nothing, and look again.
    lingering: usize,
    threads: usize,
    closed: bool,
}

/// What is to be done after unlocking.
#[must_use = "somebody is to be called"]
pub(crate) enum Call {
    Nobody,
    Wake(Arc<Bed>),
    /// To start a thread, which counts as searching.
    Hire,
}

/// What becomes of the jobs that wait when the system gives no thread.
#[must_use = "somebody waits"]
pub(crate) enum Refused<J> {
    /// There is nobody who would ever take them.
    All(VecDeque<J>),
    /// Those who are there take them.
    None(Call),
}

/// What a worker does that found nothing.
pub(crate) enum Rest {
    /// There is something now.
    Search,
    Sleep,
    /// Its thread ends.
    Leave,
}

impl<J: Claimed> Roster<J> {
    pub(crate) fn new() -> Self {
        Self {
            jobs: VecDeque::new(),
            untold: Vec::new(),
            asleep: Vec::new(),
            searching: 0,
            lingering: 0,
            threads: 0,
            closed: false,
        }
    }

    /// With whether somebody is looking for it right now.
    pub(crate) fn push(&mut self, job: J) -> (Call, bool) {
        self.jobs.push_back(job);
        let call = self.call();
        (call, self.lingering > 0)
    }

    /// Sees to it that somebody comes for what waits.
    fn call(&mut self) -> Call {
        while self.jobs.front().is_some_and(J::is_withdrawn) {
            self.jobs.pop_front();
        }
        if self.searching > 0 || self.jobs.is_empty() {
            return Call::Nobody;
        }
        self.searching += 1;
        match self.asleep.pop() {
            Some(bed) => Call::Wake(bed),
            None => {
                self.threads += 1;
                Call::Hire
            }
        }
    }

    /// The next job for a worker that was searching. With none it still is, and lingers.
    pub(crate) fn take(&mut self, untold: &mut Vec<J>, lingers: &mut bool) -> (Option<J>, Call) {
        self.hand_over(untold);
        let job = self.claim_next();
        if job.is_none() {
            self.linger(lingers);
            return (None, Call::Nobody);
        }
        self.end_lingering(lingers);
        self.searching -= 1;
        (job, self.call())
    }

    fn linger(&mut self, lingers: &mut bool) {
        if !std::mem::replace(lingers, true) {
            self.lingering += 1;
        }
    }

    fn end_lingering(&mut self, lingers: &mut bool) {
        if std::mem::take(lingers) {
            self.lingering -= 1;
        }
    }

    /// The next job for a worker that has ended one. With none it is searching.
    pub(crate) fn take_after(&mut self, ended: J, untold: &mut Vec<J>, lingers: &mut bool) -> Option<J> {
        let job = self.claim_next();
        if job.is_some() && self.searching > 0 && self.untold.len() < MOST_UNTOLD {
            self.untold.push(ended);
            return job;
        }
        self.hand_over(untold);
        untold.push(ended);
        if job.is_none() {
            self.searching += 1;
            self.linger(lingers);
        }
        job
    }

    fn claim_next(&mut self) -> Option<J> {
        loop {
            let job = self.jobs.pop_front()?;
            if job.claim() {
                return Some(job);
            }
        }
    }

    /// Everything that was left to be told. `untold` comes in empty, and its room stays here.
    fn hand_over(&mut self, untold: &mut Vec<J>) {
        std::mem::swap(&mut self.untold, untold);
    }

    /// A searcher that has found nothing lies down.
    pub(crate) fn rest(&mut self, bed: &Arc<Bed>, lingers: &mut bool) -> Rest {
        if !(self.jobs.is_empty() && self.untold.is_empty()) {
            return Rest::Search;
        }
        self.end_lingering(lingers);
        self.searching -= 1;
        if self.closed {
            self.threads -= 1;
            return Rest::Leave;
        }
        self.asleep.push(bed.clone());
        Rest::Sleep
    }

    /// One that slept for long leaves, unless it was called just now.
    pub(crate) fn leave(&mut self, bed: &Arc<Bed>) -> bool {
        let place = self.asleep.iter().position(|other| Arc::ptr_eq(other, bed));
        if let Some(place) = place {
            self.asleep.remove(place);
            self.threads -= 1;
        }
        place.is_some()
    }

    /// The system gave no thread. If there is none at all, everything that waits comes out, to be refused.
    pub(crate) fn hire_failed(&mut self, untold: &mut Vec<J>) -> Refused<J> {
        self.hand_over(untold);
        self.searching -= 1;
        self.threads -= 1;
        if self.threads == 0 {
            return Refused::All(std::mem::take(&mut self.jobs));
        }
        // Who has lain down meanwhile took it that the one who does not come would search.
        if self.searching > 0 || self.jobs.is_empty() {
            return Refused::None(Call::Nobody);
        }
        Refused::None(self.asleep.pop().map_or(Call::Nobody, |bed| {
            self.searching += 1;
            Call::Wake(bed)
        }))
    }

    /// Nobody rests any more from now on. Those who do are to be woken, and find that out.
    pub(crate) fn close(&mut self) -> Vec<Arc<Bed>> {
        self.closed = true;
        self.searching += self.asleep.len();
        std::mem::take(&mut self.asleep)
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    #[cfg(all(test, not(anyio_loom)))]
    pub(crate) fn asleep(&self) -> usize {
        self.asleep.len()
    }
}

/// Where one worker sleeps.
pub(crate) struct Bed {
    called: Mutex<bool>,
    bell: Condvar,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self { called: Mutex::new(false), bell: Condvar::new() }
    }

    pub(crate) fn wake(&self) {
        *self.called.lock() = true;
        self.bell.notify_one();
    }

    /// Sleeps until called.
    pub(crate) fn sleep(&self) {
        let mut called = self.called.lock();
        while !std::mem::take(&mut *called) {
            called = self.bell.wait(called).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sleeps until called, or so long; tells whether it was called.
    pub(crate) fn doze(&self, most: Duration) -> bool {
        // None where it would be never.
        let until = Instant::now().checked_add(most);
        let mut called = self.called.lock();
        while !*called {
            let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            called = self.bell.wait_timeout(called, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::take(&mut *called)
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use super::*;

    struct Chore;

    impl Claimed for Chore {
        fn claim(&self) -> bool {
            true
        }

        fn is_withdrawn(&self) -> bool {
            false
        }
    }

    /// A worker, as the roster knows it.
    struct Worker {
        bed: Arc<Bed>,
        untold: Vec<Chore>,
        lingers: bool,
    }

    impl Worker {
        fn new() -> Self {
            Self { bed: Arc::new(Bed::new()), untold: Vec::new(), lingers: false }
        }

        fn take(&mut self, roster: &mut Roster<Chore>) -> (Option<Chore>, Call) {
            self.untold.clear();
            roster.take(&mut self.untold, &mut self.lingers)
        }

        fn take_after(&mut self, roster: &mut Roster<Chore>) -> Option<Chore> {
            self.untold.clear();
            roster.take_after(Chore, &mut self.untold, &mut self.lingers)
        }
    }

    /// With one worker, which has ended a job and found nothing.
    fn one_who_lingers() -> (Roster<Chore>, Worker) {
        let (mut roster, mut worker) = (Roster::new(), Worker::new());
        assert!(matches!(roster.push(Chore), (Call::Hire, false)));
        assert!(matches!(worker.take(&mut roster), (Some(_), Call::Nobody)));
        assert!(worker.take_after(&mut roster).is_none());
        (roster, worker)
    }

    #[test]
    fn nobody_looks_for_a_job_before_the_one_who_was_hired_is_there() {
        let mut roster = Roster::new();
        assert!(matches!(roster.push(Chore), (Call::Hire, false)));
        assert!(matches!(roster.push(Chore), (Call::Nobody, false)));
    }

    #[test]
    fn who_ended_a_job_and_found_nothing_looks_for_the_next() {
        let (mut roster, mut worker) = one_who_lingers();
        assert!(matches!(worker.take(&mut roster), (None, Call::Nobody)));
        assert!(matches!(roster.push(Chore), (Call::Nobody, true)));
        assert!(matches!(worker.take(&mut roster), (Some(_), Call::Nobody)));
    }

    #[test]
    fn who_has_taken_a_job_looks_for_none() {
        let (mut roster, mut worker) = one_who_lingers();
        let _ = roster.push(Chore);
        assert!(worker.take(&mut roster).0.is_some());
        assert!(matches!(roster.push(Chore), (Call::Hire, false)));
    }

    #[test]
    fn who_lies_down_looks_for_none() {
        let (mut roster, mut worker) = one_who_lingers();
        assert!(matches!(roster.rest(&worker.bed, &mut worker.lingers), Rest::Sleep));
        assert!(matches!(roster.push(Chore), (Call::Wake(_), false)));
    }
}
