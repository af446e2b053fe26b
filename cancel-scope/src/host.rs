//! What the crates above build on: places in the scope tree, the ambient task, holds on scopes. No part of the promise
//! to users.

use std::{
    any::Any,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    RunRecord,
    ambient::{self, Frame, Sight, TaskVisit, Visit},
    clock::TimeSource,
    tree,
    waker_id::WakerId,
};
pub use crate::{
    node::{Host, Node, ScopeRef},
    run_record::{AtWork, Outside, Seen},
    scope_node::ScopeNode,
    seat::Seat,
    system_clock::SystemClock,
    task_record::{TaskHost, TaskRef},
    trial::{Check, Moment, Observer, OpenResource, Opened, Order, Point, Trial, nearest_named, order, trial_id},
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
    Situation { cancelled: verdict.is_cancelled(), stopping: verdict.is_stopping() }
}

/// What holds at `place`.
pub fn situation_at(place: &ScopeRef) -> Situation {
    let verdict = tree::verdict_elsewhere(Some(place));
    Situation { cancelled: verdict.is_cancelled(), stopping: verdict.is_stopping() }
}

/// The cause of the nearest cancellation that is visible at `place`.
pub fn cause_at(place: &ScopeRef) -> Option<crate::Cause> {
    tree::cause(Some(place))
}

/// Polls a task of a group: in its own scope, which is the task itself, and with its own record. Called while the group's
/// scope is the current one, which is the task's parent.
pub fn poll_task<R>(
    task: &mut Option<TaskRef>,
    cx: &mut Context<'_>,
    body: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    let (generation, outer) = ambient::verdict();
    let verdict = outer.below(task.as_ref().map_or(0, |task| task.node().flags()));
    let _visit = TaskVisit::new(task, Sight { generation, verdict, waker: WakerId::of(cx.waker()), in_task: true });
    body(cx)
}

/// Polls the body of a group: as [`poll_task`], but in the group's scope, and in the record of the task that hosts it.
pub fn poll_body<R>(cx: &mut Context<'_>, body: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
    let (generation, verdict) = ambient::verdict();
    let mut scope = None;
    let sight = Sight { generation, verdict, waker: WakerId::of(cx.waker()), in_task: false };
    let frame = Frame { scope: ambient::scope(), sight };
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

/// Runs `f` on the task here. Nothing that `f` does may ask for the task: no waker is woken and no value dropped in it.
pub fn peek_task<R>(f: impl FnOnce(Option<&TaskRef>) -> R) -> R {
    ambient::peek_task(f)
}

/// The number of the last change in the scope tree: as long as it stays, a [`situation`] does.
#[inline]
pub fn generation() -> u64 {
    crate::generation::current()
}

/// Runs `f` with `task` as the current task, and puts it back into `task` afterwards.
pub fn with_task<R>(task: &mut Option<TaskRef>, f: impl FnOnce() -> R) -> R {
    ambient::with_task(task, f)
}

/// Cancels `place`; the first call counts.
pub fn cancel(place: &ScopeRef, cause: crate::Cause) {
    tree::cancel(place, cause);
}

/// Takes `task`, which has ended, out of the lists. Waits below it that somebody keeps are woken, to find out where they
/// belong now.
#[inline]
pub fn leave(task: &TaskRef) {
    if task.node().has_lists() {
        let place: ScopeRef = task.clone();
        tree::unlist(&place);
        tree::wake_left_over(&place);
    }
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
