//! A limit or a shield becomes a place in the tree only when somebody asks for it; what it does must not show that.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, Cause, VirtualClock, cancel_cause, check_cancelled, checkpoint,
    current_effective_deadline, fail_after, move_on_after, move_on_at, now, ok, shield, sleep, sleep_forever,
    with_clock,
};
use futures_lite::future::block_on;

use crate::support::{Probe, SECOND, Slot, foreign, forever, fresh_budget};

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn what_is_ready_at_once_may_ask_for_its_deadline() {
    let clock = VirtualClock::new();
    let asked = clock.run(move_on_after(SECOND, async { ok((now(), current_effective_deadline())) }));
    let (now, deadline) = Probe::new(asked).ready().unwrap().unwrap();
    assert_eq!(deadline, Some(now + SECOND));
}

#[test]
fn limits_and_shields_inside_of_each_other_are_each_below_the_one_around() {
    let clock = VirtualClock::new();
    let nested = move_on_after(10 * SECOND, async {
        let inner = move_on_after(SECOND, async { ok(current_effective_deadline()) }).await?;
        let hidden = shield(async { current_effective_deadline() }).await;
        let below = shield(move_on_after(2 * SECOND, async { ok(current_effective_deadline()) })).await?;
        ok((inner, hidden, below, current_effective_deadline()))
    });
    let start = now_by(&clock);
    let (inner, hidden, below, outer) = Probe::new(clock.run(nested)).ready().unwrap().unwrap();
    assert_eq!(inner, Some(Some(start + SECOND)));
    assert_eq!(hidden, None);
    assert_eq!(below, Some(Some(start + 2 * SECOND)));
    assert_eq!(outer, Some(start + 10 * SECOND));
}

fn now_by(clock: &VirtualClock) -> Instant {
    Probe::new(clock.run(async { now() })).ready()
}

// R2
#[test]
fn a_cancellation_from_above_is_seen_during_the_first_poll() {
    let scope = CancelScope::new();
    let handle = scope.clone();
    let mut run = Probe::new(scope.run(async move {
        let limited = move_on_after(SECOND, async {
            assert!(check_cancelled().is_ok());
            handle.cancel_because("enough");
            assert!(check_cancelled().is_err());
            assert_eq!(cancel_cause(), Some(Cause::Called(Some("enough".into()))));
            checkpoint().await?;
            ok(())
        });
        limited.await?;
        ok(())
    }));
    fresh_budget();
    assert!(run.ready().unwrap().is_none());
    assert!(scope.cancelled_caught());
}

// R8
#[test]
fn a_cancellation_from_above_is_not_seen_during_the_first_poll_of_a_shield() {
    let scope = CancelScope::new();
    let handle = scope.clone();
    let mut run = Probe::new(scope.run(async move {
        shield(async {
            handle.cancel();
            assert!(check_cancelled().is_ok());
            assert_eq!(cancel_cause(), None);
        })
        .await;
        check_cancelled()
    }));
    assert_eq!(run.ready(), Ok(None));
}

// R15
#[test]
fn a_wait_with_a_waker_of_its_own_is_ended_by_the_limit_in_which_it_was_first_polled() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(move_on_after(SECOND, foreign(forever()))));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn the_clock_is_that_of_the_first_poll_though_another_is_in_force_inside() {
    let (outer, inner) = (VirtualClock::new(), VirtualClock::new());
    inner.advance(1000 * SECOND);
    let end = now_by(&outer) + SECOND;
    let body = async {
        let seen = with_clock(std::sync::Arc::new(inner.clone()), async { current_effective_deadline() }).await;
        assert_eq!(seen, Some(end));
        sleep_forever().await
    };
    let mut run = Probe::new(outer.run(move_on_after(SECOND, body)));
    run.pending();
    assert_eq!(inner.next_deadline(), None);
    outer.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn a_panic_in_the_first_poll_leaves_the_context_as_it_was() {
    let clock = VirtualClock::new();
    let scope = CancelScope::new();
    let mut run = Probe::new(clock.run(scope.run(async {
        let mut bomb = Box::pin(move_on_after(SECOND, async {
            assert!(current_effective_deadline().is_some());
            if now() > Instant::now() - 1000 * SECOND {
                panic!("meant");
            }
            ok(())
        }));
        let polled = catch_unwind(AssertUnwindSafe(|| Probe::new(bomb.as_mut()).poll().is_ready()));
        assert!(polled.is_err());
        assert_eq!(current_effective_deadline(), None);
        assert_eq!(clock.next_deadline(), None);
        check_cancelled()
    })));
    assert_eq!(run.ready(), Ok(Some(())));
}

// R15: what somebody keeps belongs to the scope that was left, and not to the next one in its place.
#[test]
fn what_was_bound_to_a_limit_that_was_left_is_not_ended_by_the_next_one() {
    block_on(async {
        let mut kept = Vec::new();
        for _ in 0..3 {
            let bound = move_on_after(SECOND, async { ok(sleep(20 * MILLI).in_current_scope()) }).await;
            let mut bound = Box::pin(bound.unwrap().unwrap());
            assert!(futures_lite::future::poll_once(bound.as_mut()).await.is_none());
            kept.push(bound);
        }
        assert_eq!(move_on_after(MILLI, forever()).await, Ok(None));
        for bound in kept {
            assert_eq!(bound.await, Ok(()));
        }
    });
}

// R9: one that was armed for the scope before may go off too early, or would too late.
#[test]
fn limits_one_after_the_other_each_end_in_their_own_time() {
    block_on(async {
        for millis in [1000, 3, 3_600_000, 2, 40, 5, 1] {
            let slot = Slot::default();
            slot.put(7);
            let waits_once = move_on_after(Duration::from_millis(millis), async {
                futures_lite::future::yield_now().await;
                slot.take().await
            });
            assert_eq!(waits_once.await, Ok(Some(7)));
            let begun = Instant::now();
            let limit = Duration::from_millis(millis % 30 + 1);
            assert_eq!(move_on_after(limit, forever()).await, Ok(None));
            assert!(begun.elapsed() >= limit);
        }
    });
}

#[test]
fn a_limit_that_was_dropped_while_it_waited_leaves_no_end_behind() {
    block_on(async {
        for _ in 0..3 {
            let mut dropped = Box::pin(move_on_after(MILLI, forever()));
            assert!(futures_lite::future::poll_once(dropped.as_mut()).await.is_none());
            drop(dropped);
            // In the place of the one that was dropped, whose alarm goes off meanwhile.
            assert_eq!(move_on_after(SECOND, sleep(5 * MILLI)).await, Ok(Some(())));
        }
    });
}

// R8: a shield is not kept as a limit, nor the other way.
#[test]
fn a_shield_in_the_place_of_a_limit_hides_and_a_limit_in_the_place_of_a_shield_does_not() {
    let scope = CancelScope::new();
    let handle = scope.clone();
    let mut run = Probe::new(scope.run(async move {
        for _ in 0..2 {
            shield(futures_lite::future::yield_now()).await;
            let limited = fail_after(SECOND, async {
                futures_lite::future::yield_now().await;
                Ok::<_, std::io::Error>(())
            });
            limited.await.unwrap();
        }
        handle.cancel();
        shield(async {
            futures_lite::future::yield_now().await;
            assert!(check_cancelled().is_ok());
        })
        .await;
        let limited = move_on_after(SECOND, async {
            futures_lite::future::yield_now().await;
            check_cancelled()
        });
        assert_eq!(limited.await, Err::<Option<()>, Cancelled>(check_cancelled().unwrap_err()));
        check_cancelled()
    }));
    assert_eq!(run.drive_ready(), Ok(None));
}

// R9
#[test]
fn a_limit_that_is_over_on_entry_is_a_place_at_once() {
    let clock = VirtualClock::new();
    let run = clock.run(async {
        let zero = move_on_after(Duration::ZERO, async { check_cancelled() }).await;
        let past = move_on_at(now(), async { check_cancelled() }).await;
        (zero, past)
    });
    assert_eq!(Probe::new(run).ready(), (Ok(None), Ok(None)));
}
