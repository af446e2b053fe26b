//! What the tests share.

use std::future::Future;

use anyio_runtime::Builder;

pub(crate) use anyio_future_contract::{Census, OnDrop, panic_of, start, words};

/// Runs `test` on a thread of its own, and fails if it does not come to an end.
#[track_caller]
pub(crate) fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    anyio_future_contract::ends(test, || format!("the tasks are\n{}", anyio_task_group::debug::task_tree()))
}

/// Runs what `make` makes with no worker, one, and three: what holds must hold with any number.
#[track_caller]
pub(crate) fn with_any_workers<F: Future<Output = ()>>(make: impl Fn() -> F + Send + 'static) {
    ends(move || {
        for count in [0, 1, 3] {
            Builder::new().worker_threads(count).run(make());
        }
    });
}
