//! `block_on` returns, unwinds, drives and nests.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::thread;
use std::time::Instant;

use anyio_reactor::{block_on, timer};

use crate::common::in_millis;

pub(crate) fn sleep_until(deadline: Instant) -> impl Future<Output = Instant> {
    let mut armed = false;
    poll_fn(move |cx| {
        let now = Instant::now();
        if now >= deadline {
            return Poll::Ready(now);
        }
        if !armed {
            armed = true;
            let _ = timer::arm(deadline, cx.waker().clone());
        }
        Poll::Pending
    })
}

#[test]
fn it_returns_the_output_and_lets_panics_out() {
    assert_eq!(block_on(async { 42 }), 42);
    let panicked = catch_unwind(AssertUnwindSafe(|| block_on(async { std::panic::resume_unwind(Box::new(7)) })));
    assert!(panicked.is_err());
}

#[test]
fn it_drives_timers() {
    for millis in [0, 1, 2, 5] {
        let deadline = in_millis(millis);
        assert!(block_on(sleep_until(deadline)) >= deadline);
    }
}

#[test]
fn it_can_be_nested_and_used_on_many_threads() {
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let deadline = in_millis(2);
                    let woken = block_on(async { block_on(sleep_until(deadline)) });
                    assert!(woken >= deadline);
                }
            });
        }
    });
}
