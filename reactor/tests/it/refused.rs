//! A system that gives no threads.

use std::future::pending;
use std::panic::catch_unwind;

use anyio_future_contract::without_threads;
use anyio_reactor::block_on;

#[test]
#[ignore = "a specimen: another test runs it"]
fn panics() {
    // The next one too, and a panic it is, not the end of the process.
    for _ in 0..2 {
        let payload = catch_unwind(|| block_on(async { unreachable!("it is polled") })).unwrap_err();
        let panicked = payload.downcast::<String>().unwrap();
        assert!(panicked.contains("cannot spawn async-io thread"), "{panicked}");
        assert!(catch_unwind(|| block_on(pending::<()>())).is_err());
    }
}

#[test]
fn where_no_thread_is_given_it_panics_and_polls_nothing() {
    without_threads("refused::panics");
}
