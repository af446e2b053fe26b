use anyio_cancel_scope::{CancelExt, CancelScope, Cancelled, Cause, VirtualClock, check_cancelled, checkpoint, shield};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Probe, SECOND, deep, forever, on_another_thread, something_changes};

// R14
#[test]
fn a_scope_linked_to_another_is_cancelled_with_it() {
    let pool = CancelScope::new();
    let request = CancelScope::new().linked(&pool);
    let mut run = Probe::new(request.run(forever()));
    run.pending();
    pool.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(request.cause(), Some(Cause::Linked));
    assert!(request.cancelled_caught());
}

// R14: "linked to a cancelled one cancels at once"
#[test]
fn a_scope_linked_to_a_cancelled_one_is_cancelled_at_once() {
    let pool = CancelScope::new();
    pool.cancel();
    assert!(CancelScope::new().linked(&pool).cancel_called());
}

// R14
#[test]
fn a_scope_linked_to_a_cancelled_one_while_it_waits_is_woken() {
    let (dead, scope) = (CancelScope::new(), CancelScope::new());
    dead.cancel();
    let mut run = Probe::new(scope.run(forever()));
    run.pending();
    drop(scope.linked(&dead));
    assert_eq!(run.woken_ready(), Ok(None));
}

// R14
#[test]
fn a_scope_linked_to_a_cancelled_one_while_it_runs_is_cancelled_at_its_next_checkpoint() {
    let (dead, scope) = (CancelScope::new(), CancelScope::new());
    dead.cancel();
    let mut run = Probe::new(scope.run(async {
        check_cancelled()?;
        drop(scope.clone().linked(&dead));
        checkpoint().await
    }));
    assert_eq!(run.ready(), Ok(None));
}

// R14
#[test]
fn a_scope_linked_below_a_cancelled_ancestor_is_cancelled_at_once() {
    let (root, inner) = (CancelScope::new(), CancelScope::new());
    let mut run = Probe::new(root.run(async { inner.run(forever()).await.map(|_| ()) }));
    run.pending();
    root.cancel();
    assert!(CancelScope::new().linked(&inner).cancel_called());
    assert_eq!(run.woken_ready(), Ok(None));
}

// R14
#[test]
fn an_ancestors_cancel_reaches_a_scope_linked_to_one_of_its_descendants() {
    let (root, inner) = (CancelScope::new(), CancelScope::new());
    let far = CancelScope::new().linked(&inner);
    let mut host = Probe::new(root.run(async { inner.run(forever()).await.map(|_| ()) }));
    let mut away = Probe::new(far.run(forever()));
    host.pending();
    away.pending();
    root.cancel();
    assert_eq!(away.woken_ready(), Ok(None));
    assert!(!inner.cancel_called(), "it is not its own cancellation");
}

// R14
#[test]
fn a_scope_linked_while_the_other_runs_is_reached_from_above() {
    let (root, inner) = (CancelScope::new(), CancelScope::new());
    let mut host = Probe::new(root.run(async { inner.run(forever()).await.map(|_| ()) }));
    host.pending();
    let far = on_another_thread(|| CancelScope::new().linked(&inner));
    root.cancel();
    assert!(far.cancel_called());
}

// R14
#[test]
fn a_scope_linked_to_one_that_begins_in_a_cancelled_scope_is_cancelled() {
    let (root, inner) = (CancelScope::new(), CancelScope::new());
    let far = CancelScope::new().linked(&inner);
    root.cancel();
    assert!(!far.cancel_called());
    let mut run = Probe::new(root.run(async { inner.run(checkpoint()).await.map(|_| ()) }));
    assert_eq!(run.ready(), Ok(None));
    assert!(far.cancel_called());
}

// R8, R14
#[test]
fn a_shield_between_hides_the_cancel_from_the_link_until_it_is_taken_away() {
    let (root, middle, inner) = (CancelScope::new(), CancelScope::new().shielded(), CancelScope::new());
    let far = CancelScope::new().linked(&inner);
    let mut host =
        Probe::new(root.run(async { middle.run(async { inner.run(forever()).await.map(|_| ()) }).await.map(|_| ()) }));
    host.pending();
    root.cancel();
    assert!(!far.cancel_called());
    middle.set_shielded(false);
    assert!(far.cancel_called());
}

// R14: "passes its own shield"
#[test]
fn a_linked_cancel_passes_the_scopes_own_shield_and_is_for_good() {
    let pool = CancelScope::new();
    let scope = CancelScope::new().shielded().linked(&pool);
    let mut run = Probe::new(scope.run(forever()));
    run.pending();
    pool.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(scope.cancel_called());
}

// R14
#[test]
fn a_linked_cancel_does_not_reach_the_shields_inside() {
    let pool = CancelScope::new();
    let scope = CancelScope::new().linked(&pool);
    let mut run = Probe::new(scope.run(shield(forever())));
    run.pending();
    pool.cancel();
    run.pending();
}

// R14
#[test]
fn a_cycle_of_linked_scopes_is_cancelled_as_a_whole_and_ends() {
    let scopes: Vec<_> = (0..5).map(|_| CancelScope::new()).collect();
    for (at, scope) in scopes.iter().enumerate() {
        let _ = scope.clone().linked(&scopes[(at + 1) % 5]);
    }
    scopes[2].cancel_because("one");
    assert!(scopes.iter().all(CancelScope::cancel_called));
    assert_eq!(scopes[2].cause(), Some(Cause::Called(Some("one".into()))));
    assert_eq!(scopes[3].cause(), Some(Cause::Linked));
}

// R14
#[test]
fn a_scope_linked_to_itself_does_no_harm() {
    let scope = CancelScope::new();
    let _ = scope.clone().linked(&scope);
    scope.cancel();
    assert_eq!(scope.cause(), Some(Cause::Called(None)));
}

// R14
#[test]
fn a_cycle_of_scopes_linked_to_their_own_descendants_ends() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    let outer = outer.linked(&inner);
    let mut run = Probe::new(outer.run(async { inner.run(forever()).await.map(|_| ()) }));
    run.pending();
    inner.cancel();
    assert!(outer.cancel_called());
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(outer.cancelled_caught(), "R7: the outermost absorbs");
    assert!(!inner.cancelled_caught());
}

// R14
#[test]
fn links_reach_into_different_branches_of_one_task() {
    let (left, right) = (CancelScope::new(), CancelScope::new());
    let right = right.linked(&left);
    let mut run = Probe::new(CancelScope::new().run(async {
        let mut both: FuturesUnordered<_> = [left.run(forever()), right.run(forever())].into_iter().collect();
        let mut ended = 0;
        while let Some(end) = both.next().await {
            assert_eq!(end, Ok(None));
            ended += 1;
        }
        Ok::<_, Cancelled>(ended)
    }));
    run.waits();
    left.cancel();
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(Some(2)));
}

// R14, R9
#[test]
fn a_deadline_of_the_other_scope_counts_too() {
    let clock = VirtualClock::new();
    let pool = CancelScope::after(SECOND);
    let scope = CancelScope::new().linked(&pool);
    let mut host = Probe::new(clock.run(pool.run(forever())));
    let mut run = Probe::new(scope.run(forever()));
    host.pending();
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause(), Some(Cause::Linked));
}

// R13, R14: a stop is no cancellation
#[test]
fn a_stop_of_the_other_scope_is_not_a_cancel() {
    let pool = CancelScope::new();
    let scope = CancelScope::new().linked(&pool);
    pool.stop(SECOND);
    assert!(!scope.cancel_called());
}

// R14: "held weakly both ways"
#[test]
fn neither_side_keeps_the_other_alive() {
    let (pool, scope) = (CancelScope::new(), CancelScope::new());
    let scope = scope.linked(&pool);
    let (weak_pool, weak_scope) = (std::sync::Arc::downgrade(pool.node()), std::sync::Arc::downgrade(scope.node()));
    drop(scope);
    assert!(weak_scope.upgrade().is_none());
    pool.cancel();
    let scope = CancelScope::new().linked(&pool);
    drop(pool);
    assert!(weak_pool.upgrade().is_none());
    assert!(scope.cancel_called());
}

// R14
#[test]
fn a_scope_that_was_left_and_lost_its_ancestors_links_nobody_to_them() {
    let (root, inner) = (CancelScope::new(), CancelScope::new());
    let far = CancelScope::new().linked(&inner);
    let mut run = Probe::new(root.run(async {
        inner.run(async { Ok::<_, Cancelled>(()) }).await?;
        forever().await
    }));
    run.pending();
    root.cancel();
    assert!(!far.cancel_called());
    assert!(!CancelScope::new().linked(&inner).cancel_called());
    assert_eq!(run.woken_ready(), Ok(None));
}

// R14
#[test]
fn a_scope_deep_in_a_cancelled_one_that_was_left_links_nobody_to_it() {
    let (root, inner) = (CancelScope::new(), CancelScope::new());
    root.cancel();
    let mut run = Probe::new(root.run(deep(async {
        inner
            .run(async {
                something_changes();
                assert!(check_cancelled().is_err());
                Ok::<_, Cancelled>(())
            })
            .await
            .map(|_| ())
    })));
    assert_eq!(run.ready(), Ok(Some(())));
    assert!(!CancelScope::new().linked(&inner).cancel_called());
}

// R6, R14
#[test]
fn a_scope_kept_from_deep_in_a_cancelled_one_that_was_left_links_nobody_to_it() {
    let (root, kept) = (CancelScope::new(), CancelScope::new());
    root.cancel();
    let mut held = Box::pin(kept.run(std::future::poll_fn(|_| {
        something_changes();
        assert!(check_cancelled().is_err());
        std::task::Poll::<Result<(), Cancelled>>::Pending
    })));
    let mut run = Probe::new(root.run(deep(async {
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(held.as_mut().poll(cx).is_pending()));
        assert!(polled.await);
        Ok(())
    })));
    assert_eq!(run.ready(), Ok(Some(())));
    drop(run);
    assert!(!CancelScope::new().linked(&kept).cancel_called());
    assert_eq!(Probe::new(checkpoint().in_scope(&kept)).ready(), Ok(()));
}

// R6, R14
#[test]
fn a_moved_scope_takes_its_links_along() {
    let (first, second, moved) = (CancelScope::new(), CancelScope::new(), CancelScope::new());
    let far = CancelScope::new().linked(&moved);
    let mut held = Box::pin(moved.run(forever()));
    Probe::new(first.enter(&mut held)).pending();
    let mut run = Probe::new(second.enter(&mut held));
    run.pending();
    first.cancel();
    assert!(!far.cancel_called());
    second.cancel();
    assert!(far.cancel_called());
    assert!(run.woken_ready().is_err());
    assert!(check_cancelled().is_ok());
}
