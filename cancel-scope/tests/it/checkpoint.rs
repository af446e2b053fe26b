use std::{cell::Cell, rc::Rc};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, VirtualClock, cancel_cause, check_cancelled, checkpoint,
    current_effective_deadline, now, sleep, sleep_until, stopping, yield_now,
};

use crate::support::{Probe, SECOND, Slot, forever};

// R12
#[test]
fn outside_of_any_scope_nothing_is_cancelled() {
    assert_eq!(check_cancelled(), Ok(()));
    assert_eq!(cancel_cause(), None);
    assert_eq!(Probe::new(checkpoint()).ready(), Ok(()));
}

// R4; anyio: tests/test_taskgroups.py::test_cancelled_scope_based_checkpoint
// anyio: tests/test_lowlevel.py::test_checkpoint
// anyio: tests/test_lowlevel.py::test_checkpoint_if_cancelled
#[test]
fn a_checkpoint_is_cancelled_in_a_cancelled_scope_and_does_not_yield() {
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(scope.enter(checkpoint()));
    assert!(run.ready().is_err());
    assert_eq!(run.wakes(), 0);
}

// R4
// anyio: tests/test_lowlevel.py::test_cancel_shielded_checkpoint
#[test]
fn yield_now_yields_once_and_is_never_cancelled() {
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(scope.enter(yield_now()));
    assert!(run.poll().is_pending());
    assert_eq!(run.wakes(), 1);
    run.woken_ready();
}

// R4
#[test]
fn an_operation_entered_in_a_cancelled_scope_does_nothing() {
    let (scope, slot, clock) = (CancelScope::new(), Slot::default(), VirtualClock::new());
    scope.cancel();
    slot.put(1);
    let mut run = Probe::new(clock.run(scope.run(async {
        assert!(slot.take().await.is_err());
        assert!(sleep(SECOND).await.is_err());
        assert!(sleep_until(now() - SECOND).await.is_err());
        assert!(stopping().await.is_err());
        assert_eq!(clock.alarms(), 0);
        Ok::<_, Cancelled>(())
    })));
    assert_eq!(run.ready(), Ok(Some(())));
    assert!(slot.is_full());
    assert_eq!(slot.tries(), 0);
}

// R4: entry is the first poll, not the call
#[test]
fn an_operation_made_before_the_cancel_but_entered_after_it_does_nothing() {
    let (scope, slot) = (CancelScope::new(), Slot::default());
    slot.put(1);
    let taking = slot.take();
    scope.cancel();
    assert!(Probe::new(scope.enter(taking)).ready().is_err());
    assert!(slot.is_full());
}

// R3; anyio: tests/test_synchronization.py (event set, then cancel, resumes); anyio#146
#[test]
fn a_value_that_is_there_when_next_polled_wins_over_the_cancel() {
    for value_first in [true, false] {
        let (scope, slot) = (CancelScope::new(), Slot::default());
        let mut run = Probe::new(scope.run(async {
            let value = slot.take().await?;
            assert!(checkpoint().await.is_err());
            Ok::<_, Cancelled>(value)
        }));
        run.pending();
        if value_first {
            slot.put(5);
        }
        scope.cancel();
        if !value_first {
            slot.put(5);
        }
        assert_eq!(run.woken_ready(), Ok(Some(5)));
    }
}

// R3
#[test]
fn a_sleep_that_is_over_when_next_polled_wins_over_the_cancel() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.enter(sleep(SECOND))));
    run.pending();
    scope.cancel();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(()));
}

// R3
#[test]
fn a_stop_that_is_there_when_next_polled_wins_over_the_cancel() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.enter(stopping()));
    run.pending();
    scope.cancel();
    scope.stop(SECOND);
    assert_eq!(run.woken_ready(), Ok(()));
}

// R3
#[test]
fn a_foreign_value_that_is_there_when_next_polled_wins_over_the_cancel() {
    let (scope, there) = (CancelScope::new(), Rc::new(Cell::new(false)));
    let value = || {
        let there = there.clone();
        std::future::poll_fn(move |_| if there.get() { Ok::<_, Cancelled>(2).into() } else { std::task::Poll::Pending })
    };
    let mut plain = Probe::new(scope.enter(value().cancellable()));
    let other = CancelScope::new();
    let mut flat = Probe::new(other.enter(value().or_cancelled()));
    plain.pending();
    flat.pending();
    there.set(true);
    scope.cancel();
    other.cancel();
    assert_eq!(plain.woken_ready(), Ok(Ok(2)));
    assert_eq!(flat.woken_ready(), Ok(2));
}

// C13
#[test]
fn the_effective_deadline_is_the_least_of_those_around_and_now_when_cancelled() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(async {
        assert_eq!(current_effective_deadline(), None);
        let soon = now() + SECOND;
        let outer = CancelScope::at(soon);
        let inside = outer.run(async {
            let inner = CancelScope::at(soon + SECOND);
            inner
                .run(async {
                    assert_eq!(current_effective_deadline(), Some(soon));
                    outer.cancel();
                    assert_eq!(current_effective_deadline(), Some(now()));
                    checkpoint().await
                })
                .await
        });
        inside.await
    }));
    assert_eq!(run.ready(), Ok(None));
}

// R13
#[test]
fn the_grace_of_a_stop_counts_as_a_deadline() {
    let clock = VirtualClock::new();
    let scope = CancelScope::new();
    let mut run = Probe::new(clock.run(scope.run(async {
        scope.stop(SECOND);
        assert_eq!(current_effective_deadline(), Some(now() + SECOND));
        Ok::<_, Cancelled>(())
    })));
    assert_eq!(run.ready(), Ok(Some(())));
}

#[test]
fn a_wait_tells_its_place_and_verb() {
    let text = format!("{:?}", forever_wait());
    assert!(text.contains("sleep_forever") && text.contains("checkpoint.rs"), "{text}");
}

#[track_caller]
fn forever_wait() -> anyio_cancel_scope::Sleep {
    anyio_cancel_scope::sleep_forever()
}

#[test]
fn a_wait_kept_after_it_was_cancelled_holds_no_waker() {
    let scope = CancelScope::new();
    let mut kept = Box::pin(crate::support::foreign(forever()));
    let held = kept.held();
    let mut run = Probe::new(scope.enter(&mut kept));
    run.pending();
    assert_eq!(held(), 1);
    scope.cancel();
    assert!(run.woken_ready().is_err());
    drop(run);
    assert_eq!(held(), 0);
}
