use std::future;
use std::sync::Arc;

use anyio_future_contract::{Counts, Polled};

use crate::event::{Bug, Event};

#[test]
fn wakes_after_the_last_poll_count_as_woken() {
    let event = Arc::new(Event::new(Bug::None));
    let mut wait = Polled::new(Arc::clone(&event).wait());
    assert_eq!((wait.is_woken(), wait.live_wakers()), (false, 0));
    wait.assert_pending();
    assert_eq!((wait.is_woken(), wait.live_wakers()), (false, 1));
    event.set();
    assert_eq!((wait.is_woken(), wait.wakes(), wait.live_wakers()), (true, 1, 0));
    wait.assert_ready();
    assert!(!wait.is_woken());
}

#[test]
fn a_wake_during_a_poll_counts_as_woken() {
    let mut wait = Polled::new(Arc::new(Event::new(Bug::WakesTooEarly)).wait());
    wait.assert_pending();
    assert!(wait.is_woken());
    wait.assert_pending();
    assert_eq!(wait.wakes(), 2);
}

#[test]
fn a_replaced_waker_is_used_from_the_next_poll_on() {
    let event = Arc::new(Event::new(Bug::None));
    let mut wait = Polled::new(Arc::clone(&event).wait());
    wait.assert_pending();
    let old = wait.replace_waker();
    assert_eq!((old.live_wakers(), wait.live_wakers()), (1, 0));
    wait.assert_pending();
    assert_eq!((old.live_wakers(), wait.live_wakers()), (0, 1));
    event.set();
    assert_eq!((old.wakes(), wait.wakes()), (0, 1));
}

#[test]
fn a_waker_of_the_callers_is_not_counted() {
    let event = Arc::new(Event::new(Bug::None));
    let mut wait = Polled::new(Arc::clone(&event).wait());
    let counts = Counts::new();
    assert!(wait.poll_with(&counts.waker()).is_pending());
    event.set();
    assert_eq!((counts.wakes(), wait.wakes()), (1, 0));
}

#[test]
fn the_counts_outlive_the_future() {
    let wakers_left_behind = |bug| {
        let event = Arc::new(Event::new(bug));
        let mut wait = Polled::new(Arc::clone(&event).wait());
        wait.assert_pending();
        wait.into_counts().live_wakers()
    };
    assert_eq!(wakers_left_behind(Bug::None), 0);
    assert_eq!(wakers_left_behind(Bug::LeaksItsWakerOnDrop), 1);
}

#[test]
fn futures_may_borrow() {
    let text = String::from("text");
    assert_eq!(Polled::new(async { text.len() }).assert_ready(), 4);
}

#[test]
#[should_panic(expected = "the future is ready, but should be pending")]
fn assert_pending_panics_when_ready() {
    Polled::new(async {}).assert_pending();
}

#[test]
#[should_panic(expected = "the future is pending, but should be ready")]
fn assert_ready_panics_when_pending() {
    Polled::new(future::pending::<()>()).assert_ready();
}

#[test]
#[should_panic(expected = "the future is polled again after it was ready")]
fn polling_a_finished_future_panics() {
    let mut finished = Polled::new(future::ready(()));
    finished.assert_ready();
    let _ = finished.poll();
}
