//! Offloading onto a tokio runtime, where the program has one.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{runtime::Handle, task::JoinHandle};

/// The runtime here, if there is one.
pub(crate) fn current() -> Option<Handle> {
    Handle::try_current().ok()
}

pub(crate) fn spawn<F>(runtime: &Handle, job: F) -> Task<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Task(runtime.spawn(job))
}

/// A task of tokio that is dropped with this.
pub(crate) struct Task<T>(JoinHandle<T>);

impl<T> Task<T> {
    /// `None`: the runtime was shut down. A job does not panic.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
