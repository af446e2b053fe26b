//! What a thread waits for: the output of a future that somebody else polls.

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
    pool::{Payload, discard},
    run_finished::{RunFinished, Why},
    sync::{Condvar, Mutex},
};

/// Where the output comes, and a thread waits for it.
pub(crate) struct Answer<T> {
    state: Mutex<State<T>>,
    bell: Condvar,
}

enum State<T> {
    Open,
    Given(Result<T, Payload>, Option<AtWork>),
    /// The future was dropped, for this reason.
    Dropped(Why, Option<AtWork>),
    /// Nobody waits any more.
    Unwanted,
    Taken,
}

/// What a thread gets that asked: an output, or a panic.
pub(crate) type Asked<T> = Result<Result<T, Payload>, RunFinished>;

/// The same, with the thread at work again.
type Given<T> = (Asked<T>, Option<AtWork>);

impl<T> Answer<T> {
    /// An answer, and who gives it. `at_work` is the `run` for which the thread is at work again as soon as it is there.
    pub(crate) fn new(at_work: Option<Arc<RunRecord>>, why: Why) -> (Arc<Self>, Responder<T>) {
        let answer = Arc::new(Self { state: Mutex::new(State::Open), bell: Condvar::new() });
        (answer.clone(), Responder { answer: Some(answer), at_work, why })
    }

    /// Waits until it is there, or until then.
    pub(crate) fn wait_until(&self, until: Option<Instant>) -> Option<Given<T>> {
        let mut state = self.state.lock();
        loop {
            if let Some(given) = state.take() {
                return Some(given);
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

    pub(crate) fn wait(&self) -> Given<T> {
        self.wait_until(None).expect("it waits for ever")
    }

    fn nap<'a>(&self, state: crate::sync::Guard<'a, State<T>>, most: Duration) -> crate::sync::Guard<'a, State<T>> {
        self.bell.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn is_there(&self) -> bool {
        matches!(*self.state.lock(), State::Given(..) | State::Dropped(..))
    }

    /// Nobody waits any more. What is there already is dropped here.
    pub(crate) fn give_up(&self) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Unwanted);
        if let State::Given(Err(payload), _) = state {
            discard(payload);
        }
    }
}

impl<T> State<T> {
    fn take(&mut self) -> Option<Given<T>> {
        match std::mem::replace(self, Self::Taken) {
            Self::Given(output, at_work) => Some((Ok(output), at_work)),
            Self::Dropped(why, at_work) => Some((Err(RunFinished::new(why)), at_work)),
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
    at_work: Option<Arc<RunRecord>>,
    why: Why,
}

impl<T> Responder<T> {
    /// Gives it, or hands it back if nobody waits any more.
    pub(crate) fn give(mut self, output: Result<T, Payload>) -> Result<(), Result<T, Payload>> {
        let at_work = self.at_work.take().map(|run| run.outside(Outside::Thread));
        let Some(answer) = self.answer.take() else { return Ok(()) };
        answer.settle(State::Given(output, at_work)).map_err(|state| match state {
            State::Given(output, _) => output,
            _ => unreachable!("it comes back as it was"),
        })
    }
}

impl<T> Answer<T> {
    fn settle(&self, new: State<T>) -> Result<(), State<T>> {
        let mut state = self.state.lock();
        if let State::Unwanted = *state {
            return Err(new);
        }
        *state = new;
        drop(state);
        self.bell.notify_one();
        Ok(())
    }
}

impl<T> Drop for Responder<T> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let at_work = self.at_work.take().map(|run| run.outside(Outside::Thread));
            let _ = answer.settle(State::Dropped(self.why, at_work));
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
