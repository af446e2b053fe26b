use std::{future::Future, task::Poll, time::Duration};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, Cause, VirtualClock, cancel_cause, check_cancelled, checkpoint, move_on_after,
    sleep, stopping,
};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Probe, SECOND, Slot, forever, on_another_thread};

// R15
#[test]
fn bound_work_is_polled_under_its_scope_whoever_polls_it() {
    let (owner, poller) = (CancelScope::new(), CancelScope::new());
    let mut run = Probe::new(poller.enter(forever().in_scope(&owner)));
    run.pending();
    poller.cancel();
    assert!(run.poll().is_pending());
    owner.cancel();
    assert!(run.woken_ready().is_err());
}

// R15
#[test]
#[expect(clippy::async_yields_async, reason = "the bound future is to leave the scope in which it was bound")]
fn in_current_scope_binds_to_the_scope_of_the_call() {
    let (owner, poller) = (CancelScope::new(), CancelScope::new());
    let bound = Probe::new(owner.enter(async { forever().in_current_scope() })).ready();
    let mut run = Probe::new(poller.enter(bound));
    run.pending();
    owner.cancel();
    assert!(run.woken_ready().is_err());
}

// R15
#[test]
fn bound_outside_of_any_scope_it_is_never_cancelled() {
    let (bound, poller) = (forever().in_current_scope(), CancelScope::new());
    poller.cancel();
    Probe::new(poller.enter(bound)).pending();
}

// R15
#[test]
fn it_absorbs_nothing() {
    let owner = CancelScope::new();
    let mut run = Probe::new(forever().in_scope(&owner));
    run.pending();
    owner.cancel();
    assert!(run.woken_ready().is_err());
    assert!(!owner.cancelled_caught());
}

// R15
#[test]
fn it_is_no_checkpoint_and_runs_in_a_cancelled_scope() {
    let owner = CancelScope::new();
    owner.cancel_because("gone");
    let work = async {
        assert_eq!(cancel_cause(), Some(Cause::Called(Some("gone".into()))));
        5
    };
    assert_eq!(Probe::new(work.in_scope(&owner)).ready(), 5);
}

// R15
#[test]
fn the_ancestors_of_the_owner_reach_bound_work_elsewhere() {
    let (root, owner) = (CancelScope::new(), CancelScope::new());
    let mut host = Probe::new(root.run(async { owner.run(forever()).await.map(|_| ()) }));
    host.pending();
    let mut bound = Probe::new(forever().in_scope(&owner));
    bound.pending();
    on_another_thread(|| root.cancel());
    assert!(bound.woken_ready().is_err());
    assert_eq!(host.woken_ready(), Ok(None));
}

// R15
#[test]
fn bound_work_is_told_when_its_scope_begins_in_a_cancelled_one() {
    let (root, owner) = (CancelScope::new(), CancelScope::new());
    root.cancel();
    let mut bound = Probe::new(forever().in_scope(&owner));
    bound.pending();
    let mut host = Probe::new(root.run(async { owner.run(forever()).await.map(|_| ()) }));
    assert_eq!(host.ready(), Ok(None));
    assert!(bound.is_woken());
}

// R13
#[test]
fn bound_work_is_told_when_its_scope_begins_in_a_stopping_one() {
    let (root, owner) = (CancelScope::new(), CancelScope::new());
    root.stop(SECOND);
    let mut bound = Probe::new(stopping().in_scope(&owner));
    bound.pending();
    let mut host = Probe::new(root.enter(owner.run(forever())));
    host.pending();
    assert_eq!(bound.woken_ready(), Ok(()));
}

// R9
#[test]
fn the_deadline_holds_for_the_bound_work_that_is_left() {
    let (clock, owner) = (VirtualClock::new(), CancelScope::after(SECOND));
    let mut first = Probe::new(clock.run(forever().in_scope(&owner)));
    let mut second = Probe::new(clock.run(forever().in_scope(&owner)));
    first.pending();
    second.pending();
    first.drop_future();
    assert_eq!(clock.alarms(), 1);
    clock.advance(SECOND);
    assert!(second.woken_ready().is_err());
}

// R9
#[test]
fn the_deadline_goes_by_the_clock_of_the_first_bound_work() {
    let (first, second, owner) = (VirtualClock::new(), VirtualClock::new(), CancelScope::after(SECOND));
    let mut one = Probe::new(first.run(forever().in_scope(&owner)));
    let mut other = Probe::new(second.run(forever().in_scope(&owner)));
    one.pending();
    other.pending();
    first.advance(SECOND);
    assert!(one.woken_ready().is_err());
    assert!(other.woken_ready().is_err());
}

// R15
#[test]
fn a_timeout_around_next_keeps_bound_children_and_an_outer_cancel_reaches_them() {
    let (clock, outer) = (VirtualClock::new(), CancelScope::new());
    let slots: Vec<Slot> = (0..3).map(|_| Slot::default()).collect();
    let mut run = Probe::new(clock.run(outer.run(async {
        let mut children: FuturesUnordered<_> = slots.iter().map(|slot| slot.take().in_current_scope()).collect();
        for _ in 0..3 {
            let next = async { children.next().cancellable().await };
            assert_eq!(move_on_after(SECOND, next).await, Ok(None));
            assert_eq!(children.len(), 3);
        }
        assert_eq!(children.next().await, Some(Ok(7)));
        let mut cancelled = 0;
        while let Some(child) = children.next().await {
            cancelled += usize::from(child.is_err());
        }
        assert_eq!(cancelled, 2);
        checkpoint().await
    })));
    run.waits();
    for _ in 0..3 {
        clock.advance(SECOND);
        assert!(run.is_woken());
        run.waits();
    }
    slots[1].put(7);
    run.waits();
    outer.cancel();
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(None));
}

// R15
#[test]
fn children_bound_to_a_named_scope_live_through_timeouts_around_next() {
    let (clock, owner) = (VirtualClock::new(), CancelScope::new());
    let slot = Slot::default();
    let mut run = Probe::new(clock.run(async {
        let mut children: FuturesUnordered<_> =
            [slot.take(), Slot::default().take()].map(|fut| fut.in_scope(&owner)).into_iter().collect();
        for _ in 0..3 {
            assert_eq!(move_on_after(SECOND, children.next().cancellable()).await, Ok(None));
        }
        let first = children.next().await;
        let second = children.next().await;
        (first, second)
    }));
    run.waits();
    for _ in 0..3 {
        clock.advance(SECOND);
        run.waits();
    }
    slot.put(1);
    run.waits();
    owner.cancel();
    let (first, second) = run.drive_ready();
    assert_eq!(first, Some(Ok(1)));
    assert!(second.unwrap().is_err());
}

#[test]
fn the_deadline_of_a_scope_that_only_has_bound_work_counts_from_its_first_poll() {
    let (clock, owner) = (VirtualClock::new(), CancelScope::after(SECOND));
    let mut bound = Probe::new(clock.run(forever().in_scope(&owner)));
    clock.advance(SECOND);
    bound.pending();
    assert_eq!(clock.alarms(), 1);
    clock.advance(SECOND);
    assert!(bound.woken_ready().is_err());
    assert_eq!(clock.alarms(), 0);
}

#[test]
fn dropped_bound_work_leaves_no_alarm_and_no_waker() {
    let (clock, owner) = (VirtualClock::new(), CancelScope::after(SECOND));
    let mut bound = Probe::new(clock.run(forever().in_scope(&owner)));
    bound.pending();
    assert!(bound.held() > 0);
    bound.drop_future();
    assert_eq!((bound.held(), clock.alarms()), (0, 0));
}

#[test]
fn a_stop_reaches_bound_work() {
    let owner = CancelScope::new();
    let mut bound = Probe::new(stopping().in_scope(&owner));
    bound.pending();
    owner.stop(SECOND);
    assert_eq!(bound.woken_ready(), Ok(()));
}

// R6
#[test]
fn a_wrapper_in_bound_work_has_the_owner_as_ancestor() {
    let owner = CancelScope::new();
    let mut bound = Probe::new(CancelScope::new().run(forever()).in_scope(&owner));
    bound.pending();
    owner.cancel();
    assert!(bound.woken_ready().is_err());
}

/// Polls `fut` once, without waiting for it.
async fn look<F: Future>(fut: &mut std::pin::Pin<Box<F>>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(fut.as_mut().poll(cx).is_ready())).await
}

// R2, R6: what holds in a scope changes with its parent, also for code that is running in it
#[test]
fn bound_work_sees_at_once_what_its_scope_gets_and_loses_with_a_parent() {
    let (owner, dead, slot) = (CancelScope::new(), CancelScope::new(), Slot::default());
    dead.cancel();
    let value = slot.clone();
    let body = std::future::poll_fn(
        move |_| if value.is_full() { Poll::Ready(Ok::<_, Cancelled>(())) } else { Poll::Pending },
    );
    let mut begun = Box::pin(owner.run(body).in_scope(&dead));
    let mut work = Probe::new(
        async {
            let before = check_cancelled();
            assert!(!look(&mut begun).await);
            let below = check_cancelled();
            slot.put(0);
            assert!(look(&mut begun).await);
            (before.is_err(), below.is_err(), check_cancelled().is_err())
        }
        .in_scope(&owner),
    );
    assert_eq!(work.ready(), (false, true, false));
}

// R6
#[test]
fn bound_work_sees_at_once_that_its_scope_moved() {
    let (owner, dead) = (CancelScope::new(), CancelScope::new());
    dead.cancel();
    let mut begun = Box::pin(owner.run(std::future::pending::<Result<(), Cancelled>>()));
    Probe::new(begun.as_mut()).pending();
    let mut work = Probe::new(
        async {
            let moved = std::future::poll_fn(|cx| {
                assert!(begun.as_mut().poll(cx).is_pending());
                Poll::Ready(check_cancelled())
            });
            moved.in_scope(&dead).await.unwrap_err();
            check_cancelled()
        }
        .in_scope(&owner),
    );
    assert!(work.ready().is_err());
}

#[test]
fn the_owners_end_does_not_end_bound_work() {
    let (owner, slot) = (CancelScope::new(), Slot::default());
    let mut bound = Probe::new(slot.take().in_scope(&owner));
    bound.pending();
    assert_eq!(Probe::new(owner.run(async { Ok::<_, Cancelled>(()) })).ready(), Ok(Some(())));
    bound.waits();
    slot.put(2);
    assert_eq!(bound.woken_ready(), Ok(2));
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let owner = CancelScope::new();
    let mut bound = Probe::new(forever().in_scope(&owner));
    bound.pending();
    let old = bound.replace_waker();
    bound.pending();
    owner.cancel();
    assert_eq!(old.wakes(), 0);
    assert!(bound.woken_ready().is_err());
}

#[test]
fn a_cancel_during_the_first_poll_is_not_lost() {
    let owner = CancelScope::new();
    let mut wait = Box::pin(forever());
    let mut first = true;
    let other = owner.clone();
    let mut bound = Probe::new(
        std::future::poll_fn(move |cx| {
            let polled = wait.as_mut().poll(cx);
            if std::mem::take(&mut first) {
                on_another_thread(|| other.cancel());
            }
            polled
        })
        .in_scope(&owner),
    );
    assert!(bound.poll().is_pending());
    assert!(bound.woken_ready().is_err());
}

#[test]
fn a_sleep_in_bound_work_goes_by_the_clock_in_force() {
    let (clock, owner) = (VirtualClock::new(), CancelScope::new());
    let mut bound = Probe::new(clock.run(sleep(Duration::from_secs(5)).in_scope(&owner)));
    bound.pending();
    clock.advance(Duration::from_secs(5));
    assert_eq!(bound.woken_ready(), Ok(()));
}
