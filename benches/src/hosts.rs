//! The executors that cases name, and the futures that contestants have in common.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

pub(crate) use futures::executor::block_on;
use tokio::runtime::{Builder, Runtime};

/// How many threads the hosts with several have.
pub(crate) const THREADS: usize = 2;

/// tokio on the calling thread.
pub(crate) fn tokio_ct() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("tokio can be started")
}

/// tokio with threads of its own.
pub(crate) fn tokio_mt() -> Runtime {
    Builder::new_multi_thread().worker_threads(THREADS).enable_all().build().expect("tokio can be started")
}

/// Runs a future as a task of a runtime: for the multi-thread flavour, on one of its threads.
pub(crate) fn as_task<F>(runtime: &Runtime, future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.block_on(runtime.spawn(future)).expect("a contestant does not panic")
}

/// Gives way once: wakes its task, and is pending one time.
#[derive(Default)]
pub(crate) struct YieldOnce {
    yielded: bool,
}

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Polls a future again at once when it is pending: the least that an executor can do.
pub(crate) struct AtOnce<F>(pub(crate) Pin<Box<F>>);

impl<F: Future> Future for AtOnce<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        loop {
            if let ready @ Poll::Ready(_) = self.0.as_mut().poll(cx) {
                return ready;
            }
        }
    }
}
