//! The token of a worker that waits for its task, lent to what that does for it meanwhile.
//!
//! A worker that calls back into its task does nothing until it has the answer. If what runs there needs a thread under the
//! same limiter, and every token is with workers that wait like this one, nobody would ever get on. So it may use the token of the
//! one that waits: no more closures are at work than the limiter has tokens.
//!
//! # Invariants
//! 1. The desk has one token: one closure at a time works on the loan.
//! 2. The worker goes on only when the loan is back. From then on `over` says that there is none; whoever got it later than that
//!    gives it back unused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyio_cancel_scope::{Cancelled, shield};
use anyio_context_vars::context_var;
use anyio_sync::{CapacityLimiter, LimiterToken};

context_var! { static LOAN: Arc<Loan>; }

pub(crate) struct Loan {
    limiter: CapacityLimiter,
    desk: CapacityLimiter,
    over: AtomicBool,
    outer: Option<Arc<Self>>,
}

impl Loan {
    fn new(limiter: CapacityLimiter) -> Self {
        Self { limiter, desk: CapacityLimiter::new(1), over: AtomicBool::new(false), outer: LOAN.get() }
    }

    /// The nearest token of `limiter` that is lent to the code here.
    pub(crate) fn of(limiter: &CapacityLimiter) -> Option<Arc<Self>> {
        let mut at = LOAN.get();
        while let Some(loan) = at {
            if loan.limiter.is_same(limiter) && !loan.is_over() {
                return Some(loan);
            }
            at = loan.outer.clone();
        }
        None
    }

    /// Waits until it can be borrowed; `None` when it is over.
    pub(crate) async fn borrow(&self) -> Result<Option<LimiterToken>, Cancelled> {
        let token = self.desk.acquire().await?;
        Ok((!self.is_over()).then_some(token))
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Ends it, and waits until it is back.
    async fn settle(&self) {
        self.over.store(true, Ordering::SeqCst);
        // Behind a shield it is granted.
        let _ = shield(self.desk.acquire()).await;
    }
}

/// Polls `work`, which a worker waits for, with its token of `limiter` on loan.
pub(crate) async fn lend<F: Future>(limiter: CapacityLimiter, work: F) -> F::Output {
    let loan = Arc::new(Loan::new(limiter));
    let settled = Settled(&loan);
    let output = LOAN.scope(loan.clone(), work).await;
    loan.settle().await;
    drop(settled);
    output
}

/// Ends the loan also when the work panics, or is dropped; then nobody waits until it is back.
struct Settled<'a>(&'a Loan);

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}
