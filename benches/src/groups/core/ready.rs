//! Operations that complete at once.

use std::{
    cell::Cell,
    future::Future,
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use anyio::{
    Cancelled,
    prelude::CancelExt,
    scope::{CancelScope, Checkpoint},
};
use tokio_util::sync::CancellationToken;

use crate::{case::Contestant, hosts::block_on};

const DEEP: usize = 8;

pub(super) fn checkpoint() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", anyio),
        Contestant::new("bare", bare),
        Contestant::new("limit", limit),
        Contestant::new("cancellation-token", cancellation_token),
    ]
}

pub(super) fn checkpoint_deep() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", anyio_deep),
        Contestant::new("anyio-one-deep", anyio),
        Contestant::new("bare", bare),
        Contestant::new("cancellation-token", cancellation_token_deep),
    ]
}

pub(super) fn cancellable() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", anyio_cancellable),
        Contestant::new("bare", bare),
        Contestant::new("limit", limit),
        Contestant::new("cancellation-token", cancellation_token),
    ]
}

/// What an operation looks at: here it is always there.
fn source() -> &'static Cell<u64> {
    black_box(Box::leak(Box::new(Cell::new(1))))
}

/// The operation itself.
struct Bare<'a> {
    source: &'a Cell<u64>,
}

impl Future for Bare<'_> {
    type Output = u64;

    #[inline]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        Poll::Ready(self.source.get())
    }
}

/// The operation as one of ours is written: it tests the scope in its own poll.
struct Native<'a> {
    checkpoint: Checkpoint,
    source: &'a Cell<u64>,
}

impl<'a> Native<'a> {
    #[track_caller]
    fn new(source: &'a Cell<u64>) -> Self {
        Self { checkpoint: Checkpoint::new(&"native"), source }
    }
}

impl Future for Native<'_> {
    type Output = Result<u64, Cancelled>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.checkpoint.poll_entry(cx))?;
        Poll::Ready(Ok(self.source.get()))
    }
}

thread_local! { static CANCELLED: Cell<bool> = const { Cell::new(false) }; }

/// The least that an operation could do which sees a cancellation: a look at a flag of the thread.
struct Limit<'a> {
    source: &'a Cell<u64>,
}

impl Future for Limit<'_> {
    type Output = Result<u64, ()>;

    #[inline]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if CANCELLED.get() { Poll::Ready(Err(())) } else { Poll::Ready(Ok(self.source.get())) }
    }
}

async fn repeat<F: Future>(iterations: u64, operation: impl Fn() -> F) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        black_box(operation().await);
    }
    begun.elapsed()
}

async fn in_a_scope(work: impl Future<Output = Duration>) -> Duration {
    let run = CancelScope::new().run(async { Ok::<_, Cancelled>(work.await) });
    run.await.ok().flatten().expect("nobody cancels it")
}

pub(super) fn bare(iterations: u64) -> Duration {
    let source = source();
    block_on(repeat(iterations, || Bare { source }))
}

pub(super) fn anyio(iterations: u64) -> Duration {
    let source = source();
    block_on(in_a_scope(repeat(iterations, || Native::new(source))))
}

pub(super) fn anyio_cancellable(iterations: u64) -> Duration {
    let source = source();
    block_on(in_a_scope(repeat(iterations, || Bare { source }.cancellable())))
}

pub(super) fn anyio_deep(iterations: u64) -> Duration {
    let source = source();
    let mut work: Pin<Box<dyn Future<Output = Duration>>> = Box::pin(repeat(iterations, || Native::new(source)));
    for _ in 0..DEEP {
        work = Box::pin(in_a_scope(work));
    }
    block_on(work)
}

fn limit(iterations: u64) -> Duration {
    let source = source();
    CANCELLED.set(black_box(false));
    block_on(repeat(iterations, || Limit { source }))
}

pub(super) fn cancellation_token(iterations: u64) -> Duration {
    let source = source();
    let token = CancellationToken::new();
    block_on(repeat(iterations, || token.run_until_cancelled(Bare { source })))
}

fn cancellation_token_deep(iterations: u64) -> Duration {
    let source = source();
    let tokens = std::iter::successors(Some(CancellationToken::new()), |token| Some(token.child_token()));
    let tokens: Vec<CancellationToken> = tokens.take(DEEP).collect();
    block_on(repeat(iterations, || tokens[DEEP - 1].run_until_cancelled(Bare { source })))
}
