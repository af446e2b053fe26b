//! Two things at once, and one thing up to a step.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use anyio_cancel_scope::{CancelScope, yield_now};

/// Polls both, the first one first, until both are ready.
pub(super) async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(|cx| {
        if of_a.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(cx)
        {
            of_a = Some(output);
        }
        if of_b.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(cx)
        {
            of_b = Some(output);
        }
        match (of_a.take(), of_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (of_a, of_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// Runs `act` when `waits` was polled a few times, and surely waits.
pub(super) async fn meanwhile<A: Future>(waits: A, act: impl FnOnce()) -> A::Output {
    let acts = async {
        let_first_wait().await;
        act();
    };
    both(waits, acts).await.0
}

/// Until the other one of [`both`] was polled a few times, as an operation may give way before it begins.
pub(super) async fn let_first_wait() {
    for _ in 0..3 {
        yield_now().await;
    }
}

/// Runs `fut` in a scope that is cancelled when it has waited `steps` times. Tells whether it came to that.
pub(super) async fn cancelled_at<F: Future>(steps: usize, fut: F) -> (F::Output, bool) {
    let scope = CancelScope::new();
    let mut left = steps;
    let mut run = pin!(scope.enter(fut));
    let output = poll_fn(|cx| {
        loop {
            if left == 0 {
                scope.cancel();
            }
            if let Poll::Ready(output) = run.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            left = left.saturating_sub(1);
            if left > 0 || scope.cancel_called() {
                return Poll::Pending;
            }
        }
    });
    let output = output.await;
    (output, scope.cancel_called())
}

/// Polls `fut` so often, and drops it; its output if it was ready before that.
pub(super) async fn dropped_at<F: Future>(polls: usize, fut: F) -> Option<F::Output> {
    let mut fut = pin!(fut);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        if let Poll::Ready(output) = fut.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// What the future of `make` gives; `None` when it panics, or when `make` does.
pub(super) async fn caught<F: Future>(make: impl FnOnce() -> F) -> Option<F::Output> {
    let mut fut = pin!(catch_unwind(AssertUnwindSafe(make)).ok()?);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| fut.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}
