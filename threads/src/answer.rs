//! What a thread waits for: the output of a future that somebody else polls.
//!
//! # Invariants
//! 1. A worker that waits here without a limit, for what its own `run` polls, is not at work, so that a virtual clock can jump to
//!    what it waits for. It is again before anybody can see that the answer is there: whoever gives that says so for it, under the
//!    lock. So there is no moment in between in which nothing seems to run. One that waits with a limit, or for somebody of whom its
//!    `run` knows nothing, is at work: it will go on by itself.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use anyio_cancel_scope::{
    RunRecord,
    host::{AtWork, Outside},
};

use crate::{
    host::Seat,
    pool::Payload,
    run_finished::{RunFinished, Why},
    sync::{Condvar, Guard, Mutex, give_way},
};

/// Where the output comes, and a thread waits for it.
pub(crate) struct Answer<T> {
    state: Mutex<State<T>>,
    bell: Condvar,
}

enum State<T> {
    /// With the `run` for which a worker waits, if one does.
    Open(Option<Arc<RunRecord>>),
    Given(Asked<T>, Option<AtWork>),
    /// Nobody waits any more.
    Unwanted,
    Taken,
}

/// What a thread gets that asked: an output, or a panic.
pub(crate) type Asked<T> = Result<Result<T, Payload>, RunFinished>;

impl<T> Answer<T> {
    /// An answer, and who gives it.
    pub(crate) fn new(why: Why) -> (Arc<Self>, Responder<T>) {
        let answer = Arc::new(Self { state: Mutex::new(State::Open(None)), bell: Condvar::new() });
        (answer.clone(), Responder { answer: Some(answer), why })
    }

    /// Waits until it is there, or until then; `of` is the `run` that polls what it comes from, if one does.
    pub(crate) fn wait_until(&self, of: Option<&Arc<RunRecord>>, until: Option<Instant>) -> Option<Asked<T>> {
        let lingered = until.is_none() && self.linger();
        let begun = Instant::now();
        let mut state = self.state.lock();
        if until.is_none()
            && let Some(of) = of
        {
            state = self.rest(of, state);
        }
        loop {
            if let Some((asked, at_work)) = state.take() {
                drop(state);
                Seat::with(|seat| {
                    if at_work.is_some() {
                        seat.at_work = at_work;
                    }
                    if lingered {
                        seat.linger.learn(begun.elapsed());
                    }
                });
                return Some(asked);
            }
            state = match until {
                None => self.bell.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    self.nap(state, left)
                }
            };
        }
    }

    /// Looks for it for a moment, giving way in between, if this is a worker; tells whether that was in vain.
    fn linger(&self) -> bool {
        let Some((looks, crowd)) = Seat::with(|seat| (seat.linger.looks(), seat.crowd.clone())) else { return false };
        for _ in 0..looks {
            if self.is_there() {
                return false;
            }
            if crowd.is_there() {
                break;
            }
            crowd.gave_way(give_way());
        }
        crowd.lies_down();
        true
    }

    pub(crate) fn wait(&self, of: Option<&Arc<RunRecord>>) -> Asked<T> {
        self.wait_until(of, None).expect("it waits for ever")
    }

    /// This thread is not at work any more, if the answer is not there and it is a worker of this `run`.
    fn rest<'a>(&'a self, of: &Arc<RunRecord>, mut state: Guard<'a, State<T>>) -> Guard<'a, State<T>> {
        let State::Open(waits) = &mut *state else { return state };
        let at_work = Seat::with(|seat| {
            let at_work = if Arc::ptr_eq(&seat.run, of) { seat.at_work.take() } else { None };
            *waits = at_work.is_some().then(|| of.clone());
            at_work
        });
        drop(state);
        drop(at_work);
        self.state.lock()
    }

    fn nap<'a>(&self, state: Guard<'a, State<T>>, most: Duration) -> Guard<'a, State<T>> {
        self.bell.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn is_there(&self) -> bool {
        matches!(*self.state.lock(), State::Given(..))
    }

    /// Nobody waits any more. An output that is there already is dropped here; a panic comes back.
    pub(crate) fn give_up(&self) -> Option<Payload> {
        let state = std::mem::replace(&mut *self.state.lock(), State::Unwanted);
        match state {
            State::Given(Ok(Err(payload)), _) => Some(payload),
            _ => None,
        }
    }

    /// It is there now, or comes back if nobody waits any more.
    fn settle(&self, asked: Asked<T>) -> Result<(), Asked<T>> {
        let mut state = self.state.lock();
        let State::Open(waits) = &mut *state else { return Err(asked) };
        // By invariant 1.
        let at_work = waits.take().map(|run| run.outside(Outside::Thread));
        *state = State::Given(asked, at_work);
        drop(state);
        self.bell.notify_one();
        Ok(())
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Option<(Asked<T>, Option<AtWork>)> {
        match std::mem::replace(self, Self::Taken) {
            Self::Given(asked, at_work) => Some((asked, at_work)),
            Self::Taken => panic!("an answer is taken once"),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// Gives the answer. Dropped without one, it says so.
pub(crate) struct Responder<T> {
    answer: Option<Arc<Answer<T>>>,
    why: Why,
}

impl<T> Responder<T> {
    /// Gives it, or hands it back if nobody waits any more.
    pub(crate) fn give(mut self, output: Result<T, Payload>) -> Result<(), Result<T, Payload>> {
        let Some(answer) = self.answer.take() else { return Ok(()) };
        answer.settle(Ok(output)).map_err(|asked| asked.expect("it comes back as it was"))
    }
}

impl<T> Drop for Responder<T> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.settle(Err(RunFinished::new(self.why)));
        }
    }
}

/// The output, or its panic here.
pub(crate) fn unwrap<T>(given: Asked<T>) -> Result<T, RunFinished> {
    match given? {
        Ok(output) => Ok(output),
        Err(payload) => resume_unwind(payload),
    }
}

/// Does something foreign, with what it panics with.
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}
