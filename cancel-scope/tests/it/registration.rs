//! What is held where, for how long: wakers, alarms, scopes.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use anyio_cancel_scope::{CancelExt, CancelScope, Cancelled, VirtualClock, move_on_after, shield, stopping};

use crate::support::{Probe, SECOND, Slot, foreign, forever, never};

fn holders(scope: &CancelScope) -> usize {
    Arc::strong_count(scope.node())
}

// P1
#[test]
fn a_wait_with_the_tasks_own_waker_registers_nothing() {
    let mut run = Probe::new(forever());
    run.pending();
    assert_eq!(run.held(), 0);
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(async { futures::join!(forever(), never(), stopping()).0 }));
    run.pending();
    assert_eq!(run.held(), 1, "the scope's");
}

#[test]
fn a_thousand_pending_polls_leave_one_waker() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(forever()));
    for _ in 0..1000 {
        run.pending();
    }
    assert_eq!(run.held(), 1);
    run.drop_future();
    assert_eq!(run.held(), 0);
}

#[test]
fn a_thousand_pending_polls_under_a_foreign_waker_leave_one_waker() {
    for kind in 0..3 {
        let scope = CancelScope::new();
        let (work, held): (std::pin::Pin<Box<dyn Future<Output = ()>>>, _) = match kind {
            0 => wakes_itself(async { forever().await.unwrap() }),
            1 => wakes_itself(async { forever().await.unwrap() }.in_scope(&scope)),
            _ => wakes_itself(async { std::future::pending::<()>().unless_stopping().await.unwrap() }),
        };
        let mut run = Probe::new(scope.enter(work));
        for _ in 0..1000 {
            assert!(run.poll().is_pending());
        }
        assert_eq!(held(), 1, "kind {kind}");
        run.drop_future();
        assert_eq!(held(), 0);
    }
}

/// Polled under a waker of its own at every poll, for it keeps waking itself.
fn wakes_itself<'a>(
    work: impl Future<Output = ()> + 'a,
) -> (std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>, Box<dyn Fn() -> usize>) {
    let mut work = Box::pin(work);
    let relay = foreign(poll_fn(move |cx| {
        let polled = work.as_mut().poll(cx);
        cx.waker().wake_by_ref();
        polled
    }));
    let held = relay.held();
    (Box::pin(relay), held)
}

#[test]
fn a_wait_polled_with_two_wakers_in_turn_keeps_the_last_one() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(foreign(forever())));
    run.pending();
    for _ in 0..10 {
        let old = run.replace_waker();
        run.pending();
        assert_eq!(Arc::strong_count(&old), 1, "the old waker is gone");
    }
}

#[test]
fn a_child_scope_dropped_midway_leaves_nothing_in_its_parents() {
    let clock = VirtualClock::new();
    let (root, child) = (CancelScope::new(), CancelScope::after(SECOND));
    let mut inside = Some(Box::pin(foreign(child.run(foreign(forever())))));
    let held = inside.as_ref().unwrap().held();
    let mut run = Probe::new(clock.run(root.run(poll_fn(|cx| match &mut inside {
        Some(fut) => {
            let polled = Future::poll(fut.as_mut(), cx);
            if clock.alarms() == 1 && polled.is_pending() && std::mem::take(&mut *DROP_NOW.lock().unwrap()) {
                inside = None;
                return Poll::Pending;
            }
            polled
        }
        None => Poll::Pending,
    }))));
    run.pending();
    assert_eq!((clock.alarms(), held()), (1, 2), "the child's, and that of the sub-executor inside");
    assert_eq!(holders(&root), 5, "the handle, the seat twice, the child as its parent and as owner of the list");
    *DROP_NOW.lock().unwrap() = true;
    run.pending();
    assert_eq!((clock.alarms(), held()), (0, 0));
    assert_eq!(holders(&child), 1, "only the handle here");
    run.drop_future();
    assert_eq!(holders(&root), 1);
    assert_eq!(run.held(), 0);
}

static DROP_NOW: std::sync::Mutex<bool> = std::sync::Mutex::new(false);

#[test]
fn a_scope_that_was_left_keeps_no_hold_on_its_parent() {
    let (root, child) = (CancelScope::new(), CancelScope::new());
    let mut run = Probe::new(root.run(async {
        let mut inside = Box::pin(foreign(child.run(foreign(Slot::default().take()))));
        futures::poll!(&mut inside).is_pending().then_some(()).unwrap();
        let before = holders(&root);
        drop(inside);
        assert_eq!(holders(&root), before - 2, "as parent, and as owner of the list");
        Ok::<_, Cancelled>(())
    }));
    assert_eq!(run.ready(), Ok(Some(())));
    assert_eq!(holders(&child), 1);
    assert_eq!(holders(&root), 1);
}

// R6
#[test]
fn a_moved_wrapper_lets_the_old_scope_go() {
    let (first, second) = (CancelScope::new(), CancelScope::new());
    let mut held = Box::pin(foreign(CancelScope::new().run(foreign(forever()))));
    Probe::new(first.enter(&mut held)).pending();
    assert!(holders(&first) > 1);
    let weak = Arc::downgrade(first.node());
    drop(first);
    // It is woken by the end of the scope, to find its new place.
    let mut run = Probe::new(second.enter(&mut held));
    run.pending();
    assert!(weak.upgrade().is_none());
    second.cancel();
    assert!(run.is_woken());
    assert!(run.drive_ready().is_err());
}

#[test]
fn no_scope_is_left_behind_by_any_way_out() {
    let clock = VirtualClock::new();
    let scopes: Vec<_> = (0..5).map(|_| CancelScope::after(SECOND)).collect();
    for (at, scope) in scopes.iter().enumerate() {
        let mut run = Probe::new(clock.run(scope.run(shield(foreign(CancelScope::new().run(forever()))))));
        run.pending();
        match at {
            0 => scope.cancel(),
            1 => scope.stop(SECOND),
            2 => scope.set_shielded(true),
            3 => clock.advance(SECOND),
            _ => {}
        }
        let _ = run.drive();
        run.drop_future();
        assert_eq!((holders(scope), clock.alarms(), run.held()), (1, 0, 0), "way out {at}");
    }
}

#[test]
fn a_panic_in_a_poll_leaves_nothing_once_the_future_is_dropped() {
    let (clock, root) = (VirtualClock::new(), CancelScope::new());
    let inner = CancelScope::after(SECOND);
    let mut polls = 0;
    let bad = poll_fn(move |_| {
        polls += 1;
        if polls == 2 {
            std::panic::resume_unwind(Box::new("out"));
        }
        Poll::<Result<(), Cancelled>>::Pending
    });
    let mut run = Probe::new(clock.run(root.run(inner.run(bad))));
    run.pending();
    assert_eq!(clock.alarms(), 1);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.poll())).is_err());
    run.drop_future();
    assert_eq!((holders(&root), holders(&inner), clock.alarms(), run.held()), (1, 1, 0, 0));
}

// R14: a long-lived pool does not grow with the requests that were linked to it
#[test]
fn scopes_that_are_gone_keep_no_hold_on_what_they_were_linked_to() {
    let pool = CancelScope::new();
    for _ in 0..1000 {
        drop(CancelScope::new().linked(&pool));
    }
    assert_eq!(holders(&pool), 1);
    assert!(format!("{pool:?}").contains("CancelScope"));
    pool.cancel();
}

#[test]
fn a_cancel_between_building_a_scope_and_linking_it_is_not_lost() {
    let (root, pool) = (CancelScope::new(), CancelScope::new());
    let mut host = Probe::new(root.run(async { pool.run(forever()).await }));
    host.pending();
    let scope = CancelScope::new();
    root.cancel();
    let scope = scope.linked(&pool);
    assert!(scope.cancel_called());
    assert_eq!(Probe::new(scope.run(forever())).ready(), Ok(None));
}

#[test]
fn a_cancel_between_the_first_poll_and_the_entry_into_the_lists_is_not_lost() {
    let (root, scope) = (CancelScope::new(), CancelScope::new());
    let canceller = root.clone();
    let mut first = true;
    let mut wait = Box::pin(forever());
    let inside = foreign(scope.run(poll_fn(move |cx| {
        let polled = wait.as_mut().poll(cx);
        if std::mem::take(&mut first) {
            canceller.cancel();
        }
        polled
    })));
    let mut run = Probe::new(root.run(async move {
        let inside = pin!(inside);
        inside.await
    }));
    assert_eq!(run.drive_ready(), Ok(None));
}

#[test]
fn a_limit_that_never_waits_registers_nothing() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(move_on_after(SECOND, async { Ok::<_, Cancelled>(()) })));
    assert_eq!(run.ready(), Ok(Some(())));
    assert_eq!((clock.alarms(), run.held()), (0, 0));
}
