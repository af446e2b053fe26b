use std::{
    cell::Cell,
    future::{pending, poll_fn},
    task::Poll,
    time::Duration,
};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, VirtualClock, check_cancelled, checkpoint, current_effective_deadline,
    move_on_after, now, shield, sleep, sleep_forever, stopping,
};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Probe, SECOND, Slot, deep, foreign, forever, something_changes};

// R8; anyio: tests/test_taskgroups.py::test_shielding
#[test]
fn a_shield_hides_the_enclosing_cancellation() {
    let (scope, slot) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(scope.run(async {
        let value = shield(slot.take()).await?;
        assert_eq!(value, 1);
        checkpoint().await
    }));
    run.pending();
    scope.cancel();
    run.pending();
    slot.put(1);
    assert_eq!(run.woken_ready(), Ok(None));
}

// anyio: tests/test_taskgroups.py::test_shielding_immediate_scope_cancelled
#[test]
fn a_shield_does_not_hide_its_own_cancellation() {
    let scope = CancelScope::new().shielded();
    let mut run = Probe::new(scope.run(forever()));
    run.pending();
    scope.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
}

// anyio: tests/test_taskgroups.py::test_shielding_mutate
#[test]
fn a_shield_taken_away_lets_the_cancellation_in() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new().shielded());
    let mut run = Probe::new(outer.run(async { inner.run(forever()).await.map(|_| ()) }));
    run.pending();
    outer.cancel();
    run.pending();
    inner.set_shielded(false);
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(!inner.cancelled_caught());
}

// R8
#[test]
fn a_shield_switched_three_times_while_waiting_holds_each_time() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new().shielded());
    outer.cancel();
    let seen = Cell::new(0);
    let mut run = Probe::new(outer.run(async {
        let waits = inner.run(async {
            loop {
                sleep_forever().await.unwrap_err();
                seen.set(seen.get() + 1);
                inner.set_shielded(true);
                if seen.get() == 3 {
                    break Ok::<_, Cancelled>(());
                }
            }
        });
        waits.await.map(|_| ())
    }));
    for round in 0..3 {
        run.waits();
        assert_eq!(seen.get(), round);
        inner.set_shielded(false);
        inner.set_shielded(true);
        run.pending();
        inner.set_shielded(false);
        if round < 2 {
            assert!(run.is_woken());
            assert!(run.poll().is_pending());
        }
    }
    assert_eq!(run.woken_ready(), Ok(Some(())));
}

// R8
#[test]
fn a_shield_that_was_on_during_the_first_poll_only_loses_no_wake_up() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    outer.cancel();
    let mut wait = Box::pin(forever());
    let switch = inner.clone();
    let mut first = true;
    let mut run = Probe::new(outer.enter(inner.enter(poll_fn(move |cx| {
        if std::mem::take(&mut first) {
            switch.set_shielded(true);
            let polled = wait.as_mut().poll(cx);
            switch.set_shielded(false);
            return polled;
        }
        wait.as_mut().poll(cx)
    }))));
    assert!(run.poll().is_pending());
    assert!(run.woken_ready().is_err());
}

// R8, R15
#[test]
fn a_shield_that_was_on_during_the_first_poll_only_loses_no_wake_up_of_bound_work() {
    let scope = CancelScope::new();
    let (outer, mut wait) = (CancelScope::new(), Box::pin(forever()));
    outer.cancel();
    let switch = scope.clone();
    let mut first = true;
    let bound = foreign(
        poll_fn(move |cx| {
            if std::mem::take(&mut first) {
                switch.set_shielded(true);
                let polled = wait.as_mut().poll(cx);
                switch.set_shielded(false);
                return polled;
            }
            wait.as_mut().poll(cx)
        })
        .in_scope(&scope),
    );
    let mut host = Probe::new(outer.enter(async { scope.enter(shield(sleep_forever())).await }));
    // Not `pending()`: a change elsewhere in the process may have it look again.
    assert!(host.poll().is_pending());
    let mut bound = Probe::new(bound);
    assert!(bound.poll().is_pending());
    assert!(bound.woken_ready().is_err());
}

// anyio: tests/test_taskgroups.py::test_nested_shield
#[test]
fn a_shield_in_a_shield_hides_both_scopes_around() {
    let (outer, middle) = (CancelScope::new(), CancelScope::new().shielded());
    let mut run = Probe::new(outer.run(async {
        middle
            .run(async {
                outer.cancel();
                middle.cancel();
                shield(checkpoint()).await?;
                checkpoint().await
            })
            .await
    }));
    assert_eq!(run.ready(), Ok(Some(None)));
    assert!(middle.cancelled_caught());
}

// anyio: tests/test_taskgroups.py::test_triple_nested_shield_checkpoint_in_outer
#[test]
fn after_three_shields_the_outer_checkpoint_is_cancelled() {
    let (one, two, three) = (CancelScope::new(), CancelScope::new().shielded(), CancelScope::new());
    let mut reached = false;
    let mut run = Probe::new(one.run(async {
        let inner = two.run(async {
            three
                .run(async {
                    one.cancel();
                    Ok::<_, Cancelled>(())
                })
                .await
        });
        inner.await?;
        reached = true;
        checkpoint().await
    }));
    assert_eq!(run.ready(), Ok(None));
    drop(run);
    assert!(reached);
}

// anyio: tests/test_taskgroups.py::test_triple_nested_shield_checkpoint_in_middle
#[test]
fn after_three_shields_the_middle_checkpoint_is_not() {
    let (one, two, three) = (CancelScope::new(), CancelScope::new().shielded(), CancelScope::new());
    let mut run = Probe::new(one.run(async {
        let inner = two.run(async {
            three
                .run(async {
                    one.cancel();
                    Ok::<_, Cancelled>(())
                })
                .await?;
            checkpoint().await
        });
        assert_eq!(inner.await, Ok(Some(())));
        checkpoint().await
    }));
    assert_eq!(run.ready(), Ok(None));
}

// anyio: tests/test_taskgroups.py::test_shielded_cleanup_after_cancel
#[test]
fn a_cleanup_may_await_in_a_shield() {
    let (scope, slot) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(scope.run(async {
        let result = sleep_forever().await;
        assert_eq!(shield(slot.take()).await, Ok(9));
        result
    }));
    run.pending();
    scope.cancel();
    run.waits();
    slot.put(9);
    assert_eq!(run.woken_ready(), Ok(None));
}

// anyio: tests/test_taskgroups.py::test_shielded_deadline
#[test]
fn the_effective_deadline_ends_at_a_shield() {
    let at = now() + SECOND;
    let mut run = Probe::new(CancelScope::at(at).run(async {
        assert_eq!(current_effective_deadline(), Some(at));
        shield(async {
            assert_eq!(current_effective_deadline(), None);
            let own = at + SECOND;
            CancelScope::at(own)
                .run(async {
                    assert_eq!(current_effective_deadline(), Some(own));
                    Ok::<_, Cancelled>(())
                })
                .await
        })
        .await
    }));
    assert!(run.ready().is_ok());
}

// anyio: tests/test_taskgroups.py::test_shielded_cancel_sleep_time
#[test]
fn the_deadline_of_a_scope_in_a_shield_holds() {
    let clock = VirtualClock::new();
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(clock.run(scope.run(async {
        assert_eq!(shield(move_on_after(SECOND, sleep_forever())).await, Ok(None));
        Ok::<_, Cancelled>(())
    })));
    run.waits();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(Some(())));
}

// anyio: tests/test_taskgroups.py::test_cancel_from_shielded_scope
#[test]
fn code_in_a_shield_can_cancel_the_scope_around() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new().shielded());
    let mut run = Probe::new(outer.run(async {
        let inside = inner.run(async {
            outer.cancel();
            checkpoint().await?;
            inner.set_shielded(false);
            checkpoint().await
        });
        inside.await
    }));
    assert_eq!(run.ready(), Ok(None));
}

// anyio: tests/test_taskgroups.py::test_cancel_shielded_scope
#[test]
fn a_shield_entered_in_a_cancelled_scope_can_be_cancelled_itself() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new().shielded());
    outer.cancel();
    let mut run = Probe::new(outer.run(async {
        let inside = inner.run(async {
            checkpoint().await?;
            inner.cancel();
            assert!(check_cancelled().is_err());
            checkpoint().await
        });
        assert_eq!(inside.await, Ok(None));
        assert!(check_cancelled().is_err());
        Ok::<_, Cancelled>(())
    }));
    assert_eq!(run.ready(), Ok(Some(())));
}

// anyio#642
#[test]
fn a_shield_does_not_hide_from_its_siblings() {
    let (scope, slot) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(scope.run(async {
        let (shielded, plain) = futures::join!(shield(slot.take()), forever());
        assert_eq!(shielded, Ok(4));
        plain
    }));
    run.pending();
    scope.cancel();
    run.pending();
    slot.put(4);
    assert_eq!(run.woken_ready(), Ok(None));
}

// R8, R13
#[test]
fn a_stop_reaches_a_futures_unordered_behind_a_shield() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(shield(async {
        let mut waits: FuturesUnordered<_> = (0..3).map(|_| stopping()).collect();
        let mut seen = 0;
        while let Some(stopped) = waits.next().await {
            stopped?;
            seen += 1;
        }
        Ok::<_, Cancelled>(seen)
    })));
    run.waits();
    scope.stop(Duration::MAX);
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(Some(3)));
}

// R8
#[test]
fn a_shield_taken_away_reaches_a_wait_in_a_futures_unordered() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new().shielded());
    let mut run = Probe::new(outer.run(async {
        let inside = inner.run(async {
            let mut waits: FuturesUnordered<_> = (0..2).map(|_| pending::<()>().cancellable()).collect();
            while let Some(wait) = waits.next().await {
                wait?;
            }
            Ok::<_, Cancelled>(())
        });
        inside.await
    }));
    run.waits();
    outer.cancel();
    run.waits();
    inner.set_shielded(false);
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(None));
}

// R8
#[test]
fn dropping_a_shield_drops_what_is_in_it() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(shield(sleep(SECOND))));
    run.pending();
    assert_eq!(clock.alarms(), 1);
    run.drop_future();
    assert_eq!(clock.alarms(), 0);
}

// R8: what was noted above a shield says nothing about what is below it
#[test]
fn a_shield_deep_in_a_cancelled_scope_hides_what_others_found_out_there() {
    let (root, inner) = (CancelScope::new(), CancelScope::new());
    root.cancel();
    let mut run = Probe::new(root.run(deep(async {
        let inside = inner.run(shield(async {
            let others = async {
                something_changes();
                check_cancelled()
            };
            assert!(others.in_scope(&inner).await.is_err());
            check_cancelled()
        }));
        assert_eq!(inside.await, Ok(Some(())));
        Ok(())
    })));
    assert_eq!(run.ready(), Ok(Some(())));
}

#[test]
fn setting_a_shield_twice_is_no_change() {
    let scope = CancelScope::new().shielded();
    scope.set_shielded(true);
    assert!(scope.is_shielded());
    scope.set_shielded(false);
    scope.set_shielded(false);
    assert!(!scope.is_shielded());
    assert!(poll_once_is_pending());
}

fn poll_once_is_pending() -> bool {
    matches!(Probe::new(forever()).poll(), Poll::Pending)
}
