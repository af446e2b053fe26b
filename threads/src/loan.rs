//! The token of a worker that waits for its task, lent to what that does for it meanwhile.
//!
//! A worker that calls back into its task does nothing until it has the answer. If what runs there needs a thread under the
//! same limiter, and every token is with workers that wait like this one, nobody would ever get on. So it may use the token of the
//! one that waits: no more closures are at work than the limiter has tokens.
//!
//! ```text
//!             borrow                              settle
//!   IDLE ───────────────▶ LENT               IDLE ──────▶ OVER, idle: the worker goes on
//!     ◀────────────────────┘                 LENT ──────▶ OVER, lent: the worker waits
//!       its closure ended, or was withdrawn               └──the closure ended──▶ OVER, idle
//! ```
//!
//! # Invariants
//! 1. Who works on the loan has the one token of the desk: it is one closure at a time. `lent` says that it is at work, and not
//!    just in line, where somebody may leave it who is never polled again.
//! 2. Nobody borrows what is `over`; whoever comes to the desk later than that gives its token back unused.
//! 3. The worker ends the loan itself, whatever became of the future that it waited for: an output, a panic, or dropped
//!    with a task that abandoned the worker. It goes on only when the loan is over and not lent. A closure on the loan
//!    may outlive that future in each of these cases, when it was abandoned there or is awaited elsewhere.
//! 4. A worker that waits for its loan is not at work. It is again before the closure that it waited for is not: so no virtual
//!    clock jumps in between. Where that closure is of another `run`, of which the worker's knows nothing, it is at work all the time.

use std::{
    future::Future,
    sync::{Arc, PoisonError},
};

use anyio_cancel_scope::{
    Cancelled, RunRecord,
    host::{AtWork, Outside},
};
use anyio_context_vars::context_var;
use anyio_sync::{CapacityLimiter, LimiterToken};

use crate::{
    host::Seat,
    sync::{Condvar, Mutex},
};

context_var! { static LOAN: Arc<Loan>; }

pub(crate) struct Loan {
    limiter: CapacityLimiter,
    desk: CapacityLimiter,
    state: Mutex<State>,
    back: Condvar,
    outer: Option<Arc<Self>>,
}

#[derive(Default)]
struct State {
    /// To a closure of this `run`.
    lent: Option<Arc<RunRecord>>,
    over: bool,
    /// For whom the worker is at work again as soon as the loan is back.
    waits: Option<Arc<RunRecord>>,
    at_work: Option<AtWork>,
}

impl Loan {
    /// The token of `limiter` that the worker on this thread has.
    pub(crate) fn new(limiter: CapacityLimiter) -> Arc<Self> {
        Arc::new(Self {
            limiter,
            desk: CapacityLimiter::new(1),
            state: Mutex::new(State::default()),
            back: Condvar::new(),
            outer: LOAN.get(),
        })
    }

    /// Has it on offer to `work`, for which the worker waits, and to what that starts.
    pub(crate) fn offer<F: Future>(self: &Arc<Self>, work: F) -> impl Future<Output = F::Output> + use<F> {
        LOAN.scope(self.clone(), work)
    }

    /// The nearest token of `limiter` that is lent to the code here.
    pub(crate) fn of(limiter: &CapacityLimiter) -> Option<Arc<Self>> {
        let mut at = LOAN.get();
        while let Some(loan) = at {
            if loan.limiter.is_same(limiter) && !loan.state.lock().over {
                return Some(loan);
            }
            at = loan.outer.clone();
        }
        None
    }

    /// Waits until it can be borrowed; `None` when it is over.
    pub(crate) async fn borrow(self: Arc<Self>) -> Result<Option<Token>, Cancelled> {
        let token = self.desk.acquire().await?;
        let mut state = self.state.lock();
        if state.over {
            return Ok(None);
        }
        state.lent = Some(RunRecord::current());
        drop(state);
        Ok(Some(Token { _lent: Some(Lent(self)), _token: token }))
    }

    /// Ends it, and waits on this thread, which is the worker's, until it is back.
    pub(crate) fn settle(&self) {
        let mut state = self.state.lock();
        state.over = true;
        let Some(borrower) = state.lent.clone() else { return };
        // By invariant 4.
        let take = |seat: &mut Seat| if Arc::ptr_eq(&seat.run, &borrower) { seat.at_work.take() } else { None };
        let at_work = Seat::with(take).flatten();
        let rests = at_work.is_some();
        state.waits = rests.then_some(borrower);
        drop(state);
        drop(at_work);
        let mut state = self.state.lock();
        while state.lent.is_some() {
            state = self.back.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let at_work = state.at_work.take();
        drop(state);
        if rests {
            Seat::with(|seat| seat.at_work = at_work);
        }
    }
}

/// What a closure has while it runs; dropped, it is given back.
pub(crate) struct Token {
    // The loan is back before the next one at the desk can have it.
    _lent: Option<Lent>,
    _token: LimiterToken,
}

impl From<LimiterToken> for Token {
    fn from(token: LimiterToken) -> Self {
        Self { _lent: None, _token: token }
    }
}

struct Lent(Arc<Loan>);

impl Drop for Lent {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        let borrower = state.lent.take();
        // By invariant 4.
        state.at_work = state.waits.take().map(|run| run.outside(Outside::Thread));
        drop(state);
        drop(borrower);
        self.0.back.notify_one();
    }
}
