//! A system that gives no threads.

use std::future::pending;

use anyio_future_contract::without_threads;
use anyio_runtime::{offload, run};

use crate::support::panic_of;

#[test]
#[ignore = "a specimen: another test runs it"]
fn panics() {
    // The next one too: this thread is inside of no `run` any more.
    for _ in 0..2 {
        let panicked = panic_of(|| run(async { unreachable!("it is polled") }));
        assert!(panicked.contains("cannot spawn async-io thread"), "{panicked}");
        let panicked = panic_of(|| run(offload(pending::<()>())));
        assert!(panicked.contains("cannot spawn async-io thread"), "{panicked}");
    }
}

#[test]
fn a_run_panics_where_no_thread_is_given_and_polls_nothing() {
    without_threads("refused::panics");
}
