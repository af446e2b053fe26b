//! Who of the workers sleeps, and who is called.
//!
//! ```text
//!            call() ───────────────▶ searching ──found a job──▶ working
//!   not hired ──hire──▶ (a thread)      ▲  │                       │
//!                                       │  └─nothing─▶ asleep      │
//!                                       └──────────────────────────┘ nothing to do
//! ```
//!
//! Waking a thread costs more than most jobs, so none is called while another one is searching: that one will find the job.
//! And so one of those who find nothing lingers for a moment before it goes to sleep, if there is a second processor for it.
//!
//! # Invariants
//! 1. `searching` counts the workers that look for a job, those that were called or hired and do not run yet included.
//! 2. Who leaves a job leaves it first, and looks at `searching` and `idle` afterwards; a worker stops being counted as
//!    searching first, and looks for a job once more afterwards. Both are `SeqCst`, so one of the two sees the other.
//! 3. The last searcher that finds a job calls the next worker if there is more to do.
//! 4. `idle` is the number of those who could be called: asleep, or not hired yet.
//!
//! # Lock order
//! `state` and a bed's `called` are each held alone; threads are spawned outside of both.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use crate::sync::{AtomicBool, AtomicUsize, Condvar, Mutex, Ordering, fence};

/// How often a lingering worker looks for a job between two looks at the clock.
const LOOKS: usize = 16;

pub(crate) struct Crew {
    state: Mutex<State>,
    searching: AtomicUsize,
    idle: AtomicUsize,
    /// Whether somebody lingers.
    lingering: AtomicBool,
    /// For how long one may.
    linger: Duration,
}

struct State {
    asleep: Vec<Arc<Bed>>,
    /// How many may still be hired.
    vacancies: usize,
    dismissed: bool,
}

/// Where one worker sleeps.
struct Bed {
    called: Mutex<bool>,
    bell: Condvar,
}

/// What the caller has to do.
#[must_use]
#[derive(Debug, PartialEq)]
pub(crate) enum Call {
    /// Somebody will come.
    Done,
    /// To start a thread that enters [`Crew::work`].
    Hire,
}

impl Crew {
    pub(crate) fn new(most: usize, linger: Duration) -> Self {
        let state = State { asleep: Vec::new(), vacancies: most, dismissed: false };
        Self {
            state: Mutex::new(state),
            searching: AtomicUsize::new(0),
            idle: AtomicUsize::new(most),
            lingering: AtomicBool::new(false),
            linger,
        }
    }

    /// Sees to it that somebody comes for a job that was left.
    pub(crate) fn call(&self) -> Call {
        // By invariant 2.
        fence(Ordering::SeqCst);
        if self.searching.load(Ordering::SeqCst) > 0 || self.idle.load(Ordering::SeqCst) == 0 {
            return Call::Done;
        }
        let mut state = self.state.lock();
        let bed = state.asleep.pop();
        if bed.is_none() {
            if state.vacancies == 0 || state.dismissed {
                return Call::Done;
            }
            state.vacancies -= 1;
        }
        self.searching.fetch_add(1, Ordering::SeqCst);
        self.idle.fetch_sub(1, Ordering::SeqCst);
        drop(state);
        match bed {
            Some(bed) => {
                bed.wake();
                Call::Done
            }
            None => Call::Hire,
        }
    }

    /// The thread that was to be hired could not be started; tells whether there is none at all.
    pub(crate) fn hire_failed(&self, most: usize) -> bool {
        let mut state = self.state.lock();
        // Nobody is to try again with the next job: those who are there will do.
        let hired = most - state.vacancies - 1;
        self.idle.fetch_sub(state.vacancies, Ordering::SeqCst);
        state.vacancies = 0;
        self.searching.fetch_sub(1, Ordering::SeqCst);
        drop(state);
        // By invariant 2: the caller looks for a job once more now.
        fence(Ordering::SeqCst);
        hired == 0
    }

    /// Works until dismissed: `next` gives a job if there is one, `is_empty` tells whether there is none, `run` does it, and
    /// `call` calls somebody else. The thread counts as searching when it comes in.
    pub(crate) fn work<J>(
        &self,
        next: impl Fn() -> Option<J>,
        is_empty: impl Fn() -> bool,
        call: impl Fn(),
        mut run: impl FnMut(J),
    ) {
        let bed = Arc::new(Bed { called: Mutex::new(false), bell: Condvar::new() });
        let mut searching = true;
        loop {
            if let Some(job) = next() {
                // By invariant 3.
                if std::mem::take(&mut searching) && self.searching.fetch_sub(1, Ordering::SeqCst) == 1 && !is_empty() {
                    call();
                }
                run(job);
            } else if !searching {
                searching = true;
                self.searching.fetch_add(1, Ordering::SeqCst);
            } else if !self.linger(&is_empty) {
                {
                    let mut state = self.state.lock();
                    if state.dismissed {
                        self.searching.fetch_sub(1, Ordering::SeqCst);
                        return;
                    }
                    state.asleep.push(bed.clone());
                    self.idle.fetch_add(1, Ordering::SeqCst);
                    self.searching.fetch_sub(1, Ordering::SeqCst);
                }
                // By invariant 2. It may be this very worker who is called.
                fence(Ordering::SeqCst);
                if !is_empty() {
                    call();
                }
                bed.sleep();
            }
        }
    }

    /// Waits for a moment, as a searching worker, unless another one does; tells whether a job came.
    fn linger(&self, is_empty: &impl Fn() -> bool) -> bool {
        if self.linger.is_zero() || self.lingering.swap(true, Ordering::SeqCst) {
            return false;
        }
        let begun = Instant::now();
        let mut came = false;
        while !came && begun.elapsed() < self.linger {
            for _ in 0..LOOKS {
                std::hint::spin_loop();
                came = came || !is_empty();
            }
            // Whoever else wants this processor is not kept from it.
            std::thread::yield_now();
        }
        self.lingering.store(false, Ordering::SeqCst);
        came
    }

    /// Sends everyone home, as soon as there is nothing to do.
    pub(crate) fn dismiss(&self) {
        let asleep = {
            let mut state = self.state.lock();
            state.dismissed = true;
            let asleep = std::mem::take(&mut state.asleep);
            self.searching.fetch_add(asleep.len(), Ordering::SeqCst);
            self.idle.fetch_sub(asleep.len(), Ordering::SeqCst);
            asleep
        };
        asleep.iter().for_each(|bed| bed.wake());
    }
}

impl Bed {
    fn wake(&self) {
        *self.called.lock() = true;
        self.bell.notify_one();
    }

    fn sleep(&self) {
        let mut called = self.called.lock();
        while !std::mem::take(&mut *called) {
            called = self.bell.wait(called).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(all(test, anyio_loom))]
mod models {
    use std::collections::VecDeque;

    use loom::{model::Builder, thread};

    use super::*;

    struct Shop {
        crew: Crew,
        jobs: Mutex<VecDeque<usize>>,
        done: AtomicUsize,
        threads: Mutex<Vec<thread::JoinHandle<()>>>,
        most: usize,
        /// How many threads the system gives.
        given: usize,
    }

    impl Shop {
        fn leave(self: &Arc<Self>, job: usize) {
            self.jobs.lock().push_back(job);
            self.call();
        }

        fn call(self: &Arc<Self>) {
            if self.crew.call() == Call::Hire {
                if self.threads.lock().len() == self.given {
                    // As the pool does it.
                    if !self.crew.hire_failed(self.most) && !self.jobs.lock().is_empty() {
                        self.call();
                    }
                    return;
                }
                let shop = self.clone();
                let hired = thread::spawn(move || shop.work());
                self.threads.lock().push(hired);
            }
        }

        fn work(self: Arc<Self>) {
            self.crew.work(
                || self.jobs.lock().pop_front(),
                || self.jobs.lock().is_empty(),
                || self.call(),
                |job| {
                    self.done.fetch_add(job, Ordering::SeqCst);
                },
            );
        }
    }

    fn explore(most: usize, given: usize, jobs: [usize; 2]) {
        let mut builder = Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let shop = Arc::new(Shop {
                crew: Crew::new(most, Duration::ZERO),
                jobs: Mutex::new(VecDeque::new()),
                done: AtomicUsize::new(0),
                threads: Mutex::new(Vec::new()),
                most,
                given,
            });
            for job in jobs {
                shop.leave(job);
            }
            // Whoever is left asleep with a job in the queue is a deadlock here: nobody is dismissed before all is done.
            while shop.done.load(Ordering::SeqCst) != jobs.iter().sum() {
                thread::yield_now();
            }
            shop.crew.dismiss();
            let threads = std::mem::take(&mut *shop.threads.lock());
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    #[test]
    fn one_worker_that_goes_to_sleep_finds_every_job() {
        explore(1, 1, [1, 2]);
    }

    #[test]
    fn two_workers_find_every_job() {
        explore(2, 2, [1, 2]);
    }

    #[test]
    fn the_one_worker_that_could_be_hired_finds_every_job() {
        explore(2, 1, [1, 2]);
    }
}
