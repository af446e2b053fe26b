//! What the crates above build on: places in the scope tree, the ambient task, holds on scopes. No part of the promise
//! to users.

use std::{
    any::Any,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    RunRecord,
    ambient::{self, Frame},
    clock::TimeSource,
    seat::Visit,
    tree,
    waker_id::WakerId,
};
pub use crate::{
    node::{Host, Node, ScopeRef},
    run_record::{AtWork, Outside},
    scope_node::ScopeNode,
    seat::Seat,
    task_record::{TaskHost, TaskRef},
};

/// A new scope for a wrapper of an upper crate, tied to `owner`.
pub fn scope_node(owner: Option<Arc<dyn Any + Send + Sync>>) -> Arc<ScopeNode> {
    use crate::expiry::Limit;
    ScopeNode::new(0, Limit::Never, owner)
}

/// A [`Cancelled`](crate::Cancelled), for operations that find out by themselves that they were.
pub fn cancelled() -> crate::Cancelled {
    crate::Cancelled::new()
}

/// What holds for the code that is polled here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Situation {
    /// Effectively cancelled (R2).
    pub cancelled: bool,
    /// A stop began here or above (R13).
    pub stopping: bool,
}

/// What holds here.
pub fn situation() -> Situation {
    let (_, verdict) = ambient::verdict();
    Situation { cancelled: verdict.cancelled, stopping: verdict.stopping }
}

/// What holds at `place`.
pub fn situation_at(place: &ScopeRef) -> Situation {
    let verdict = tree::verdict_elsewhere(Some(place));
    Situation { cancelled: verdict.cancelled, stopping: verdict.stopping }
}

/// The cause of the nearest cancellation that is visible at `place`.
pub fn cause_at(place: &ScopeRef) -> Option<crate::Cause> {
    tree::cause(Some(place))
}

/// Polls a task of a group: with its own scope, record and waker. Called while the group's scope is the current one, and
/// the task's scope is directly below that.
pub fn poll_task<R>(
    scope: &mut Option<ScopeRef>,
    task: &mut Option<TaskRef>,
    cx: &mut Context<'_>,
    body: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    let (generation, outer) = ambient::verdict();
    let verdict = outer.below(scope.as_ref().map_or(0, |scope| scope.node().flags()));
    let frame = Frame { scope: scope.take(), generation, verdict, waker: WakerId::of(cx.waker()) };
    let _visit = Visit::new(scope, frame);
    ambient::with_task(task, || body(cx))
}

/// Polls the body of a group: as [`poll_task`], but in the group's scope, and in the record of the task that hosts it.
pub fn poll_body<R>(cx: &mut Context<'_>, body: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
    let (generation, verdict) = ambient::verdict();
    let mut scope = None;
    let frame = Frame { scope: ambient::scope(), generation, verdict, waker: WakerId::of(cx.waker()) };
    let _visit = Visit::new(&mut scope, frame);
    body(cx)
}

/// The scope here.
pub fn scope() -> Option<ScopeRef> {
    ambient::scope()
}

/// The task here.
pub fn task() -> Option<TaskRef> {
    ambient::task()
}

/// Runs `f` with `task` as the current task, and puts it back into `task` afterwards.
pub fn with_task<R>(task: &mut Option<TaskRef>, f: impl FnOnce() -> R) -> R {
    ambient::with_task(task, f)
}

/// Cancels `place`; the first call counts.
pub fn cancel(place: &ScopeRef, cause: crate::Cause) {
    tree::cancel(place, cause);
}

/// Takes `place` out of the lists: its task has ended. Waits below it that somebody keeps are woken, to find out where they
/// belong now.
pub fn leave(place: &ScopeRef) {
    tree::unlist(place);
    tree::wake_left_over(place);
}

impl Node {
    /// Whether this place was cancelled itself.
    pub fn is_cancelled(&self) -> bool {
        self.has(crate::node::CANCELLED)
    }

    /// Whether ancestors are hidden from this place.
    pub fn is_shielded(&self) -> bool {
        self.has(crate::node::SHIELDED)
    }

    /// Whether this place was told to stop itself.
    pub fn is_stopping(&self) -> bool {
        self.has(crate::node::STOPPING)
    }

    /// Notes that this place absorbed its cancellation.
    pub fn set_caught(&self) {
        self.set(crate::node::CAUGHT);
    }
}

impl ScopeNode {
    /// What is known of this scope, for the task tree.
    pub fn label(&self) -> Option<Arc<str>> {
        self.name()
    }

    /// When it will be cancelled by time.
    pub fn ends_at(&self) -> Option<std::time::Instant> {
        self.end_of_time()
    }
}

/// What of the ambient context goes with work that is polled elsewhere, beside the scope.
#[derive(Clone, Default)]
pub struct Carried {
    clock: TimeSource,
    run: Option<Arc<RunRecord>>,
    task: Option<TaskRef>,
}

impl Carried {
    /// What holds here.
    pub fn take() -> Self {
        Self { clock: ambient::clock(), run: ambient::run(), task: ambient::task() }
    }

    /// Runs `f` where this holds.
    pub fn enter<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let Self { clock, run, task } = self;
        ambient::with_clock(clock, || ambient::swap_run(run, || ambient::with_task(task, f)))
    }
}

impl std::fmt::Debug for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carried").finish_non_exhaustive()
    }
}

/// Runs `f` with `clock` in force, or with the one in force here.
pub fn with_clock_of<R>(clock: Option<Arc<dyn crate::Clock>>, f: impl FnOnce() -> R) -> R {
    match clock {
        None => f(),
        some => ambient::with_clock(&mut TimeSource(some), f),
    }
}
