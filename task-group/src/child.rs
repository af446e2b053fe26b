//! A child as its group polls it: the user's future, and what becomes of its result.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{CancelError, host, host::TaskRef};
use anyio_context_vars::Snapshot;
use pin_project_lite::pin_project;

use crate::{
    TaskOutput,
    joiners::{Joiners, wake_all},
    keep::Keep,
    task::{End, header},
};

/// How a child ended, for its group. A panic comes by unwinding.
pub(crate) enum ChildEnd<V, E> {
    /// With what the group is to keep.
    Value(V),
    /// By a cancellation, in an effectively cancelled scope (G2).
    Interrupted,
    Failed(E),
}

impl<V, E: CancelError> ChildEnd<V, E> {
    /// Judges a result, while the child's scope is the current one.
    pub(crate) fn of(result: Result<V, E>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(error) if host::situation().cancelled && error.is_cancelled() => Self::Interrupted,
            Err(error) => Self::Failed(error),
        }
    }

    pub(crate) fn end(&self) -> End {
        match self {
            Self::Value(_) => End::Finished,
            Self::Interrupted => End::Cancelled,
            Self::Failed(_) => End::Failed,
        }
    }
}

/// A child that its group has not taken in yet.
pub(crate) struct NewChild<C> {
    pub(crate) future: C,
    pub(crate) task: TaskRef,
    /// The context variables of whoever started it.
    pub(crate) variables: Snapshot,
}

impl<C> NewChild<C> {
    /// A child with the context variables that hold here.
    #[inline]
    pub(crate) fn new(future: C, task: TaskRef) -> Self {
        Self { future, task, variables: Snapshot::take() }
    }
}

/// Where a child's value goes.
pub(crate) trait Place<T> {
    fn keep<'a>(&'a self, task: &'a TaskRef) -> Option<&'a Keep<T>>;
}

/// Into its task, with the rest of it.
pub(crate) struct InTask;

impl<T: Send + 'static> Place<T> for InTask {
    fn keep<'a>(&'a self, task: &'a TaskRef) -> Option<&'a Keep<T>> {
        task.value().downcast_ref()
    }
}

/// Apart: a value that is not `Send` cannot live in what a waker points to.
impl<T> Place<T> for Arc<Keep<T>> {
    fn keep<'a>(&'a self, _: &'a TaskRef) -> Option<&'a Keep<T>> {
        Some(self)
    }
}

pin_project! {
    /// A child with a handle: its value goes there.
    pub(crate) struct Child<F, P, E> {
        #[pin]
        future: F,
        place: P,
        error: PhantomData<fn() -> E>,
    }
}

impl<F, P, E> Child<F, P, E> {
    pub(crate) fn new(future: F, place: P) -> Self {
        Self { future, place, error: PhantomData }
    }
}

impl<F, P, E> Future for Child<F, P, E>
where
    F: Future,
    F::Output: TaskOutput<E>,
    P: Place<<F::Output as TaskOutput<E>>::Value>,
    E: CancelError,
{
    type Output = ChildEnd<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        Poll::Ready(settle(output.into_result(), this.place))
    }
}

/// Puts the value of the current task where it belongs, and notes its end.
pub(crate) fn settle<T, E: CancelError>(result: Result<T, E>, place: &impl Place<T>) -> ChildEnd<(), E> {
    let (end, mut value) = match ChildEnd::of(result) {
        ChildEnd::Value(value) => (ChildEnd::Value(()), Some(value)),
        ChildEnd::Interrupted => (ChildEnd::Interrupted, None),
        ChildEnd::Failed(error) => (ChildEnd::Failed(error), None),
    };
    let joiners = host::peek_task(|task| {
        let Some((task, header)) = task.and_then(|task| Some((task, header(task)?))) else { return Joiners::new() };
        if !header.is_wanted() {
            return header.end_with(end.end());
        }
        let Some(keep) = place.keep(task) else { return Joiners::new() };
        if let Some(value) = value.take() {
            keep.put(value);
        }
        let joiners = header.end_with(end.end());
        if !header.is_wanted() {
            value = keep.take();
        }
        joiners
    });
    drop(value);
    wake_all(joiners);
    end
}

/// Notes the end of the current task, and wakes who waits for it.
pub(crate) fn finish_here(end: End) {
    wake_all(host::peek_task(|task| task.and_then(header).map_or_else(Joiners::new, |header| header.end_with(end))));
}
