//! A wait for a predicate: one wait after the other, until it holds.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{Cancelled, Verb};

use crate::{Condition, ConditionWait, Guard, Handle, wait::Place};

const VERB: Verb = &"wait_for";

/// The future of [`Condition::wait_for`].
#[must_use = "futures do nothing unless polled, and the lock is held until then"]
pub struct ConditionWaitFor<'a, P: Handle, F> {
    condition: &'a Condition,
    predicate: F,
    place: Place,
    wait: ConditionWait<'a, P>,
    /// Whether the predicate was asked about the value as it is.
    asked: bool,
}

/// Nothing in it is pinned.
impl<P: Handle, F> Unpin for ConditionWaitFor<'_, P, F> {}

impl<'a, P, F> ConditionWaitFor<'a, P, F>
where
    P: Handle,
{
    pub(crate) fn new(condition: &'a Condition, guard: Guard<P>, predicate: F, place: Place) -> Self {
        Self { condition, predicate, place, wait: condition.wait_at(guard, VERB, place), asked: false }
    }
}

impl<P, F> Future for ConditionWaitFor<'_, P, F>
where
    P: Handle,
    F: FnMut(&mut P::Value) -> bool,
{
    type Output = Result<Guard<P>, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if !this.asked {
            ready!(this.wait.poll_entry(cx))?;
            this.asked = true;
            if this.wait.held().is_some_and(|value| (this.predicate)(value))
                && let Some(guard) = this.wait.take_held()
            {
                return Poll::Ready(Ok(guard));
            }
        }
        loop {
            let mut guard = ready!(Pin::new(&mut this.wait).poll(cx))?;
            if (this.predicate)(&mut guard) {
                return Poll::Ready(Ok(guard));
            }
            this.wait = this.condition.wait_at(guard, VERB, this.place);
        }
    }
}

impl<P: Handle, F> fmt::Debug for ConditionWaitFor<'_, P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wait.fmt(f)
    }
}
