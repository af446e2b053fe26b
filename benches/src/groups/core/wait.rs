//! An operation that waits once. It is polled again at once, so that what an executor takes for that is not in the figures.

use std::{
    future::Future,
    hint::black_box,
    panic::Location,
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicPtr, Ordering},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use anyio::{Cancelled, prelude::CancelExt, scope::Checkpoint, task_group};
use tokio_util::sync::CancellationToken;

use crate::{
    case::Contestant,
    hosts::{AtOnce, block_on},
};

pub(super) fn checkpoint() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", anyio),
        Contestant::new("anyio-cancellable", |n| in_a_task(n, || Bare::new().cancellable())),
        Contestant::new("bare", |n| in_a_task(n, Bare::new)),
        Contestant::new("limit", |n| in_a_task(n, Limit::new)),
        Contestant::new("cancellation-token", |n| {
            let token = CancellationToken::new();
            in_a_task(n, move || {
                let token = token.clone();
                async move { token.run_until_cancelled(Bare::new()).await }
            })
        }),
    ]
}

pub(super) fn anyio(iterations: u64) -> Duration {
    in_a_task(iterations, Native::new)
}

/// The operation itself: pending once.
struct Bare {
    waited: bool,
}

impl Bare {
    fn new() -> Self {
        Self { waited: false }
    }
}

impl Future for Bare {
    type Output = u64;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        if self.waited {
            return Poll::Ready(black_box(1));
        }
        self.waited = true;
        Poll::Pending
    }
}

/// The operation as one of ours is written.
struct Native {
    checkpoint: Checkpoint,
    waited: bool,
}

impl Native {
    #[track_caller]
    fn new() -> Self {
        Self { checkpoint: Checkpoint::new(&"native"), waited: false }
    }
}

impl Future for Native {
    type Output = Result<u64, Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.checkpoint.poll_entry(cx))?;
        if self.waited {
            return Poll::Ready(Ok(black_box(1)));
        }
        self.waited = true;
        self.checkpoint.poll_pending(cx).map(Err)
    }
}

static CANCELLED: AtomicBool = AtomicBool::new(false);
static WAITS_AT: AtomicPtr<Location<'static>> = AtomicPtr::new(std::ptr::null_mut());

/// The least that an operation could do which sees a cancellation and leaves its place: a look at each poll, and a store.
struct Limit {
    waited: bool,
    place: &'static Location<'static>,
}

impl Limit {
    #[track_caller]
    fn new() -> Self {
        Self { waited: false, place: Location::caller() }
    }
}

impl Future for Limit {
    type Output = Result<u64, ()>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.waited {
            return Poll::Ready(Ok(black_box(1)));
        }
        if CANCELLED.load(Ordering::Acquire) {
            return Poll::Ready(Err(()));
        }
        self.waited = true;
        WAITS_AT.store(std::ptr::from_ref(self.place).cast_mut(), Ordering::Relaxed);
        Poll::Pending
    }
}

/// Everybody waits in a task of a group, for that is where a place is recorded.
fn in_a_task<F: Future + Send>(iterations: u64, operation: impl Fn() -> F + Send) -> Duration {
    let work = AtOnce(Box::pin(async move {
        let begun = Instant::now();
        for _ in 0..iterations {
            black_box(operation().await);
        }
        std::io::Result::Ok(begun.elapsed())
    }));
    let group = task_group(async |tg| {
        let handle = tg.start_soon(work);
        Ok(handle.join().await?)
    });
    block_on(group).ok().flatten().expect("nobody cancels it")
}
