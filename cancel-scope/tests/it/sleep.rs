use std::time::Duration;

use anyio_cancel_scope::{
    CancelScope, Cancelled, Clock, VirtualClock, move_on_after, now, sleep, sleep_forever, sleep_until,
};

use crate::support::{Probe, SECOND};

// C15
#[test]
fn a_sleep_lasts_until_its_time_and_counts_from_the_first_poll() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(sleep(SECOND)));
    clock.advance(SECOND);
    run.pending();
    clock.advance(SECOND - Duration::from_nanos(1));
    run.pending();
    clock.advance(Duration::from_nanos(1));
    assert_eq!(run.woken_ready(), Ok(()));
    assert_eq!(clock.alarms(), 0);
}

// anyio: tests/test_eventloop.py::test_sleep_until_in_past
#[test]
fn sleep_until_the_past_is_a_checkpoint() {
    assert_eq!(Probe::new(sleep_until(now() - SECOND)).ready(), Ok(()));
    let scope = CancelScope::new();
    scope.cancel();
    assert!(Probe::new(scope.enter(sleep_until(now() - SECOND))).ready().is_err());
}

// anyio: tests/test_eventloop.py::test_sleep_until
#[test]
fn sleep_until_the_future_ends_at_that_moment() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(sleep_until(clock.now() + SECOND)));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(()));
}

#[test]
fn a_sleep_of_zero_is_a_checkpoint() {
    assert_eq!(Probe::new(sleep(Duration::ZERO)).ready(), Ok(()));
}

#[test]
fn a_sleep_that_overflows_is_for_ever() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(sleep(Duration::MAX)));
    run.pending();
    assert_eq!(clock.alarms(), 0);
}

// anyio: tests/test_eventloop.py::test_sleep_forever
#[test]
fn sleep_forever_ends_only_by_cancellation() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(move_on_after(SECOND, sleep_forever())));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn a_sleep_polled_a_thousand_times_arms_one_alarm() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(sleep(SECOND)));
    for _ in 0..1000 {
        run.pending();
    }
    assert_eq!(clock.alarms(), 1);
    assert_eq!(run.held(), 1);
}

#[test]
fn a_sleep_polled_with_another_waker_wakes_that_one() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(sleep(SECOND)));
    run.pending();
    let old = run.replace_waker();
    run.pending();
    assert_eq!(clock.alarms(), 1);
    clock.advance(SECOND);
    assert_eq!(old.wakes(), 0);
    assert_eq!(run.woken_ready(), Ok(()));
}

#[test]
fn a_dropped_sleep_leaves_no_alarm() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(sleep(SECOND)));
    run.pending();
    run.drop_future();
    assert_eq!((clock.alarms(), run.held()), (0, 0));
}

#[test]
fn a_cancelled_sleep_that_is_kept_leaves_no_alarm() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::new());
    let mut kept = Box::pin(sleep(SECOND));
    let mut run = Probe::new(clock.run(scope.run(&mut kept)));
    run.pending();
    scope.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(clock.alarms(), 0);
}

#[test]
fn sleeps_end_in_the_order_of_their_times() {
    let clock = VirtualClock::new();
    let order = std::cell::RefCell::new(Vec::new());
    let nap = |seconds: u32| {
        let order = &order;
        async move {
            sleep(seconds * SECOND).await?;
            order.borrow_mut().push(seconds);
            Ok::<_, Cancelled>(())
        }
    };
    let mut run = Probe::new(clock.run(async { futures::join!(nap(3), nap(1), nap(2)) }));
    run.pending();
    for _ in 0..3 {
        clock.advance(SECOND);
        let _ = run.poll();
    }
    drop(run);
    assert_eq!(order.into_inner(), [1, 2, 3]);
}
