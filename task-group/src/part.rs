//! One of several futures that a combinator runs as tasks of a group of its own.
//!
//! # Invariants
//! 1. A part's value goes to the combinator's sink and never to its task, so it may borrow.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::CancelError;

use crate::{
    child::{ChildEnd, NewChild, finish_here},
    group::Core,
    task::{Name, Task},
};

/// Where the parts of a combinator leave what they end with.
pub(crate) trait Sink<T, E> {
    /// Takes the end of the part `index`, in its scope, and says what the group is to make of it.
    fn end(&self, index: usize, end: ChildEnd<T, E>) -> ChildEnd<(), E>;
}

pub(crate) struct Part<F, S> {
    future: Pin<Box<F>>,
    index: usize,
    sink: Arc<S>,
}

impl<F, S, T, E> Future for Part<F, S>
where
    F: Future<Output = Result<T, E>>,
    S: Sink<T, E>,
    E: CancelError,
{
    type Output = ChildEnd<(), E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let end = ChildEnd::of(ready!(self.future.as_mut().poll(cx)));
        finish_here(end.end());
        Poll::Ready(self.sink.end(self.index, end))
    }
}

impl<F, S, T, E> Core<Part<F, S>, E>
where
    F: Future<Output = Result<T, E>>,
    S: Sink<T, E>,
    E: CancelError,
{
    /// Starts one part.
    pub(crate) fn start_part(
        &self,
        index: usize,
        future: Pin<Box<F>>,
        sink: &Arc<S>,
        place: &'static Location<'static>,
    ) {
        let task: Arc<Task<()>> = Task::new(self.hub.clone(), Name::of_type::<F>(), place);
        let part = Part { future, index, sink: sink.clone() };
        self.submit(NewChild::new(part, task), self.hub.verb);
    }
}
