//! A child as its group polls it: the user's future, and what becomes of its result.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use anyio_cancel_scope::{
    CancelError, host,
    host::{ScopeRef, TaskRef},
};
use anyio_context_vars::Snapshot;
use pin_project_lite::pin_project;

use crate::{TaskOutput, handle::Repr, task::End};

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
    pub(crate) waker: Waker,
    pub(crate) scope: ScopeRef,
    pub(crate) task: TaskRef,
    /// The context variables of whoever started it.
    pub(crate) variables: Snapshot,
}

pin_project! {
    /// A child with a handle: its value goes there.
    pub(crate) struct Child<F, T, E> {
        #[pin]
        future: F,
        repr: Repr<T>,
        error: PhantomData<fn() -> E>,
    }
}

impl<F, T, E> Child<F, T, E> {
    pub(crate) fn new(future: F, repr: Repr<T>) -> Self {
        Self { future, repr, error: PhantomData }
    }
}

impl<F, T, E> Future for Child<F, T, E>
where
    F: Future,
    F::Output: TaskOutput<E, Value = T>,
    E: CancelError,
{
    type Output = ChildEnd<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.future.poll(cx));
        Poll::Ready(settle(output.into_result(), this.repr))
    }
}

/// Puts the value into the handle, and notes the end there.
pub(crate) fn settle<T, E: CancelError>(result: Result<T, E>, repr: &Repr<T>) -> ChildEnd<(), E> {
    let end = ChildEnd::of(result.map(|value| repr.value().put(value)));
    repr.header().finish(end.end());
    end
}
