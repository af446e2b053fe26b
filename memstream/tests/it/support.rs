//! What the tests share: futures that are polled by hand, as an executor would poll them, and items that are counted.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::Polled;
use anyio_streams::{ReceiveError, SendError};

/// Polls by hand. A poll in which a future wakes itself has only given way (R12), and is followed by another.
pub(crate) trait Steps<T> {
    fn step(&mut self) -> Poll<T>;

    /// It has to wait.
    fn waits(&mut self);

    /// It is ready.
    fn ends(&mut self) -> T;
}

impl<F: Future> Steps<F::Output> for Polled<F> {
    fn step(&mut self) -> Poll<F::Output> {
        let polled = self.poll();
        if polled.is_pending() && self.is_woken() { self.poll() } else { polled }
    }

    #[track_caller]
    fn waits(&mut self) {
        assert!(self.step().is_pending(), "it is ready, but should wait");
    }

    #[track_caller]
    fn ends(&mut self) -> F::Output {
        match self.step() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it waits, but should be ready"),
        }
    }
}

/// A future that was polled once, and waits.
#[track_caller]
pub(crate) fn waiting<F: Future>(future: F) -> Polled<F> {
    let mut future = Polled::new(future);
    future.waits();
    future
}

/// The output of a future that need not wait.
#[track_caller]
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    Polled::new(future).ends()
}

pub(crate) fn cancelled() -> CancelScope {
    let scope = CancelScope::new();
    scope.cancel();
    scope
}

/// The item that came back, and the first word of why.
pub(crate) fn back<T>(sent: Result<(), SendError<T>>) -> (T, &'static str) {
    let Err(error) = sent else { panic!("it was sent") };
    let why = match () {
        () if error.is_cancelled() => "cancelled",
        () if error.is_closed() => "closed",
        () if error.is_broken() => "broken",
        () => "?",
    };
    (error.into_item(), why)
}

/// Why nothing was received, in a word.
pub(crate) fn why<T: fmt::Debug>(received: Result<T, ReceiveError>) -> &'static str {
    match received {
        Err(ReceiveError::Cancelled(_)) => "cancelled",
        Err(ReceiveError::Closed) => "closed",
        Err(ReceiveError::EndOfStream) => "end",
        other => panic!("{other:?}"),
    }
}

/// Counts the items that were dropped.
#[derive(Clone, Default)]
pub(crate) struct Grave(Arc<AtomicUsize>);

impl Grave {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn item(&self, number: usize) -> Item {
        Item(number, self.clone())
    }
}

pub(crate) struct Item(pub(crate) usize, Grave);

impl Drop for Item {
    fn drop(&mut self) {
        self.1.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({})", self.0)
    }
}

/// Calls a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The text with which `f` panics.
#[track_caller]
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it did not panic") };
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => payload.downcast::<String>().map_or_else(|_| "?".into(), |text| *text),
    }
}
