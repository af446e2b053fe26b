//! A system that gives no threads.

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::without_threads;
use anyio_sync::CapacityLimiter;
use anyio_task_group::gather;
use anyio_threads::{from_thread::start_blocking_portal, to_thread};
use futures::executor::block_on;

use crate::support::{Census, panic_of, polled};

const SAYS: &str = "run_sync: there is no worker thread, and the system gives none: ";

#[test]
#[ignore = "a specimen: another test runs it"]
fn panics() {
    let (limiter, census) = (CapacityLimiter::new(1), Census::default());
    // The next one too: nothing of the last is left in the queue.
    for _ in 0..2 {
        let alive = census.one();
        let panicked = panic_of(|| drop(block_on(to_thread::run_sync(move || drop(alive)).limiter(&limiter))));
        assert!(panicked.starts_with(SAYS), "{panicked}");
        assert_eq!((census.count(), limiter.available_tokens()), (0, 1));
    }
}

// T1
#[test]
fn a_call_panics_where_no_thread_is_given_and_drops_its_closure_unrun() {
    without_threads("refused::panics");
}

#[test]
#[ignore = "a specimen: another test runs it"]
fn panics_in_a_group() {
    let census = Census::default();
    let panicked = panic_of(|| {
        let calls = (0..3).map(|_| {
            let alive = census.one();
            to_thread::run_sync(move || drop(alive))
        });
        drop(block_on(gather(calls)));
    });
    assert!(panicked.starts_with(SAYS), "{panicked}");
    assert_eq!(census.count(), 0);
}

// G3
#[test]
fn the_panic_for_want_of_threads_comes_out_of_a_group_in_which_every_call_has_it() {
    without_threads("refused::panics_in_a_group");
}

#[test]
#[ignore = "a specimen: another test runs it"]
fn is_cancelled_as_it_gets_its_token() {
    let (limiter, scope) = (CapacityLimiter::new(1), CancelScope::new());
    let token = limiter.try_acquire().unwrap();
    let mut call = polled(scope.enter(to_thread::run_sync(|| ()).limiter(&limiter)));
    call.assert_pending();
    drop(token);
    scope.cancel();
    assert!(call.assert_ready().is_err());
    drop(call);
    assert_eq!(limiter.available_tokens(), 1);
}

// R3, T1: a token that came late is no reason to begin something.
#[test]
fn a_call_that_is_cancelled_as_it_gets_its_token_asks_for_no_thread() {
    without_threads("refused::is_cancelled_as_it_gets_its_token");
}

#[test]
#[ignore = "a specimen: another test runs it"]
fn opens_a_portal() {
    assert!(start_blocking_portal().is_err());
}

#[test]
fn a_portal_with_a_thread_of_its_own_is_an_error_where_none_is_given() {
    without_threads("refused::opens_a_portal");
}
