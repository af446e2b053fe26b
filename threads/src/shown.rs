//! Worker threads in the task tree, where what they do is not what some task waits for.

use std::{
    borrow::Cow,
    panic::Location,
    task::{Context, Poll, Waker},
};

use anyio_cancel_scope::{Checkpoint, Verb};
use anyio_task_group::host::RootTask;

use crate::host::Seat;

/// The name of a closure: its own, or the function in which it was written.
pub(crate) fn name_of<F>(given: Option<Cow<'static, str>>) -> Cow<'static, str> {
    given.unwrap_or_else(|| {
        let mut name = std::any::type_name::<F>();
        // `trim_end_matches` prepares a search, which takes longer than all the rest of a call.
        while let Some(outer) = name.strip_suffix("::{{closure}}") {
            name = outer;
        }
        name.into()
    })
}

/// A worker thread in the task tree, until dropped.
pub(crate) struct Shown {
    _entry: RootTask,
}

impl Shown {
    /// A closure of this name, started there for the `run` of here, which is in this call.
    pub(crate) fn new(
        name: Cow<'static, str>,
        started_at: &'static Location<'static>,
        (verb, place): (Verb, &'static Location<'static>),
    ) -> Self {
        let mut entry = RootTask::named(name, started_at);
        let _ = entry.poll(&mut Context::from_waker(Waker::noop()), |_| {
            Checkpoint::at(verb, place).note();
            Poll::Ready(())
        });
        Self { _entry: entry }
    }

    /// The closure that this thread runs, if it is a worker in one, which waits in this call.
    pub(crate) fn here(call: (Verb, &'static Location<'static>)) -> Option<Self> {
        let (run, name, started_at) = Seat::with(|seat| (seat.run.clone(), seat.name.clone(), seat.started_at))?;
        // It may be inside of another one, of its own.
        Some(run.enter(|| Self::new(name, started_at, call)))
    }
}
