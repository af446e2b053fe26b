//! Scopes through the combinators and sub-executors of others.

use std::{
    future::{Future, pending},
    pin::Pin,
};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, VirtualClock, check_cancelled, checkpoint, move_on_after, shield, sleep_forever,
};
use futures::{
    FutureExt,
    future::join_all,
    stream::{FuturesOrdered, FuturesUnordered, StreamExt},
};

use crate::support::{Probe, SECOND, Slot, foreign, forever, on_another_thread};

/// Waits for all of them, and counts those that were cancelled.
async fn count_cancelled<F, T>(waits: impl IntoIterator<Item = F>) -> usize
where
    F: Future<Output = Result<T, Cancelled>>,
{
    let mut waits: FuturesUnordered<F> = waits.into_iter().collect();
    let mut count = 0;
    while let Some(end) = waits.next().await {
        count += usize::from(end.is_err());
    }
    count
}

fn cancelled_in(scope: &CancelScope, run: &mut Probe<'_, Result<Option<usize>, Cancelled>>) -> Option<usize> {
    run.waits();
    scope.cancel();
    assert!(run.is_woken(), "nobody woke it");
    run.drive_ready().unwrap()
}

#[test]
fn a_cancel_reaches_every_wait_in_a_futures_unordered() {
    let scope = CancelScope::new();
    let waits = async { Ok::<_, Cancelled>(count_cancelled((0..100).map(|_| sleep_forever())).await) };
    assert_eq!(cancelled_in(&scope, &mut Probe::new(scope.run(waits))), Some(100));
}

#[test]
fn an_ancestors_cancel_reaches_a_scope_whose_only_wait_is_a_futures_unordered() {
    let root = CancelScope::new();
    let waits = async { Ok::<_, Cancelled>(count_cancelled((0..3).map(|_| sleep_forever())).await) };
    let nested = CancelScope::new().run(move_on_after(SECOND, CancelScope::new().run(waits)));
    let mut run =
        Probe::new(VirtualClock::new().run(root.run(async { Ok(nested.await?.flatten().flatten().unwrap()) })));
    assert_eq!(cancelled_in(&root, &mut run), Some(3));
}

#[test]
fn a_cancel_reaches_scopes_inside_the_children_of_a_futures_unordered() {
    let root = CancelScope::new();
    let waits = async {
        let children = (0..3).map(|_| CancelScope::new().run(async { CancelScope::new().run(forever()).await }));
        Ok::<_, Cancelled>(count_cancelled(children).await)
    };
    assert_eq!(cancelled_in(&root, &mut Probe::new(root.run(waits))), Some(3));
}

#[test]
fn a_cancel_reaches_a_futures_unordered_in_a_futures_unordered() {
    let root = CancelScope::new();
    let waits = async {
        let inner = || async { Err::<(), usize>(count_cancelled((0..3).map(|_| sleep_forever())).await) };
        let mut outer: FuturesUnordered<_> = (0..3).map(|_| inner()).collect();
        let mut count = 0;
        while let Some(Err(inner)) = outer.next().await {
            count += inner;
        }
        Ok::<_, Cancelled>(count)
    };
    assert_eq!(cancelled_in(&root, &mut Probe::new(root.run(waits))), Some(9));
}

#[test]
fn cancelling_one_child_of_a_futures_unordered_leaves_the_others() {
    let (root, one, slot) = (CancelScope::new(), CancelScope::new(), Slot::default());
    let mut run = Probe::new(root.run(async {
        let other = CancelScope::new().run(slot.take());
        let mut waits: FuturesUnordered<_> = [one.run(Slot::default().take()), other].into_iter().collect();
        let first = waits.next().await;
        assert_eq!(first, Some(Ok(None)));
        waits.next().await.unwrap()
    }));
    run.waits();
    one.cancel();
    run.waits();
    slot.put(6);
    assert_eq!(run.woken_ready(), Ok(Some(Some(6))));
}

#[test]
fn join_sees_the_cancel_in_every_branch() {
    let scope = CancelScope::new();
    let waits = async {
        let (one, two, three) = futures::join!(forever(), shield(checkpoint()), pending::<()>().cancellable());
        Ok::<_, Cancelled>(usize::from(one.is_err()) + usize::from(two.is_err()) + usize::from(three.is_err()))
    };
    assert_eq!(cancelled_in(&scope, &mut Probe::new(scope.run(waits))), Some(2));
}

#[test]
fn tokio_join_and_select_see_the_cancel() {
    let scope = CancelScope::new();
    let waits = async {
        let (one, two) = tokio::join!(forever(), forever());
        let three = tokio::select! { three = forever() => three, four = forever() => four };
        Ok::<_, Cancelled>(usize::from(one.is_err()) + usize::from(two.is_err()) + usize::from(three.is_err()))
    };
    assert_eq!(cancelled_in(&scope, &mut Probe::new(scope.run(waits))), Some(3));
}

#[test]
fn futures_select_sees_the_cancel() {
    let scope = CancelScope::new();
    let waits = async {
        let (mut one, mut two) = (Box::pin(forever().fuse()), Box::pin(pending::<()>().cancellable().fuse()));
        let end = futures::select! { one = one => one, two = two => two };
        Ok::<_, Cancelled>(usize::from(end.is_err()))
    };
    assert_eq!(cancelled_in(&scope, &mut Probe::new(scope.run(waits))), Some(1));
}

#[test]
fn a_long_join_all_and_a_futures_ordered_see_the_cancel() {
    let scope = CancelScope::new();
    let waits = async {
        let joined = join_all((0..100).map(|_| forever()));
        let ordered = (0..100).map(|_| forever()).collect::<FuturesOrdered<_>>().collect::<Vec<_>>();
        let (joined, ordered) = futures::join!(joined, ordered);
        Ok::<_, Cancelled>(joined.iter().chain(&ordered).filter(|end| end.is_err()).count())
    };
    assert_eq!(cancelled_in(&scope, &mut Probe::new(scope.run(waits))), Some(200));
}

#[test]
fn buffered_streams_see_the_cancel() {
    let scope = CancelScope::new();
    let waits = async {
        let stream = futures::stream::iter(0..10).map(|_| forever()).buffer_unordered(3);
        Ok::<_, Cancelled>(stream.filter(|end| std::future::ready(end.is_err())).count().await)
    };
    assert_eq!(cancelled_in(&scope, &mut Probe::new(scope.run(waits))), Some(10));
}

#[test]
fn boxed_futures_and_trait_objects_see_the_cancel() {
    let scope = CancelScope::new();
    let waits: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(async {
        let inner: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(forever());
        Ok::<_, Cancelled>(usize::from(inner.await.is_err()))
    });
    assert_eq!(cancelled_in(&scope, &mut Probe::new(scope.run(waits))), Some(1));
}

#[test]
fn a_shared_future_sees_the_cancel_of_the_scope_in_which_it_was_last_polled() {
    let (one, other) = (CancelScope::new(), CancelScope::new());
    let shared = forever().shared();
    let mut first = Probe::new(one.enter(shared.clone()));
    let mut second = Probe::new(other.enter(shared));
    first.waits();
    second.waits();
    // It is the first one's poll that went into the inner future; the second one only waits for that.
    one.cancel();
    assert!(first.is_woken() || second.is_woken());
    assert!(first.drive_ready().is_err());
    assert!(second.drive_ready().is_err());
}

#[test]
fn a_future_created_in_one_scope_and_polled_in_another_sees_the_others_cancel() {
    let (maker, poller) = (CancelScope::new(), CancelScope::new());
    let made: FuturesUnordered<_> =
        Probe::new(maker.enter(async { (0..3).map(|_| sleep_forever()).collect::<FuturesUnordered<_>>() })).ready();
    maker.cancel();
    let waits = async { Ok::<_, Cancelled>(made.filter(|end| std::future::ready(end.is_err())).count().await) };
    assert_eq!(cancelled_in(&poller, &mut Probe::new(poller.run(waits))), Some(3));
}

#[test]
fn a_futures_unordered_polled_with_another_waker_is_still_reached() {
    let scope = CancelScope::new();
    let waits = async { Ok::<_, Cancelled>(count_cancelled((0..3).map(|_| sleep_forever())).await) };
    let mut run = Probe::new(scope.run(waits));
    run.waits();
    let old = run.replace_waker();
    let before = old.wakes();
    assert_eq!(cancelled_in(&scope, &mut run), Some(3));
    assert_eq!(old.wakes(), before);
}

#[test]
fn a_task_with_a_futures_unordered_may_move_between_threads() {
    let scope = CancelScope::new();
    let waits = async { Ok::<_, Cancelled>(count_cancelled((0..3).map(|_| sleep_forever())).await) };
    let mut task = Box::pin(scope.run(waits));
    let count = std::sync::Arc::<crate::support::Count>::default();
    let waker = std::task::Waker::from(count.clone());
    let mut poll = || on_another_thread(|| task.as_mut().poll(&mut std::task::Context::from_waker(&waker)));
    assert!(poll().is_pending());
    on_another_thread(|| scope.cancel());
    assert!(count.wakes() > 0);
    assert_eq!(poll(), std::task::Poll::Ready(Ok(Some(3))));
}

// R11
#[test]
fn a_cancel_from_another_thread_between_two_registrations_is_not_lost() {
    let scope = CancelScope::new();
    let other = scope.clone();
    let mut waits: Vec<Pin<Box<dyn Future<Output = Result<(), Cancelled>>>>> = vec![Box::pin(forever())];
    waits.push(Box::pin(async move {
        on_another_thread(|| other.cancel());
        forever().await
    }));
    waits.push(Box::pin(forever()));
    let mut run = Probe::new(scope.run(async { Ok::<_, Cancelled>(count_cancelled(waits).await) }));
    assert_eq!(run.drive_ready(), Ok(Some(3)));
}

#[test]
fn a_wrapper_kept_across_scopes_in_a_futures_unordered_is_reached_where_it_was_last_polled() {
    let (root, slot) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(root.run(async {
        let mut waits = FuturesUnordered::new();
        waits.push(CancelScope::new().run(slot.take()));
        waits.push(CancelScope::new().run(Slot::default().take()));
        // Both waits are begun inside a scope that is then left.
        assert_eq!(shield(waits.next()).await, Some(Ok(Some(1))));
        waits.next().await.unwrap()
    }));
    run.waits();
    slot.put(1);
    run.waits();
    root.cancel();
    assert!(run.is_woken(), "the wait still hangs on the scope that was left");
    assert_eq!(run.drive_ready(), Ok(None));
}

#[test]
fn a_plain_wait_begun_in_a_scope_that_was_left_is_reached_from_outside() {
    let (root, slot) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(root.run(async {
        let mut waits: FuturesUnordered<_> = [slot.take(), Slot::default().take()].into_iter().collect();
        assert_eq!(shield(waits.next()).await, Some(Ok(1)));
        waits.next().await.unwrap()
    }));
    run.waits();
    slot.put(1);
    run.waits();
    root.cancel();
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(None));
}

// R6: "polled first outside and then under `move_on_after`, ends"
#[test]
fn a_future_with_a_wrapper_polled_first_outside_ends_under_a_limit_in_a_sub_executor_too() {
    let clock = VirtualClock::new();
    let mut held = Box::pin(foreign(CancelScope::new().run(foreign(forever()))));
    Probe::new(clock.run(&mut held)).waits();
    let mut fresh = Box::pin(foreign(CancelScope::new().run(foreign(forever()))));
    let mut run = Probe::new(clock.run(move_on_after(SECOND, &mut fresh)));
    run.waits();
    clock.advance(SECOND);
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(None));
}

#[test]
fn a_nested_block_on_inherits_the_scope() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(async {
        scope.cancel();
        futures_lite::future::block_on(forever())
    }));
    assert_eq!(run.ready(), Ok(None));
    assert_eq!(check_cancelled(), Ok(()));
}

#[test]
fn a_nested_block_on_is_woken_by_a_cancel_from_another_thread() {
    let scope = CancelScope::new();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::scope(|threads| {
        let other = scope.clone();
        threads.spawn(move || {
            receive.recv().unwrap();
            other.cancel();
        });
        let mut run = Probe::new(scope.run(async {
            futures_lite::future::block_on(async {
                let told = async {
                    send.send(()).unwrap();
                    Ok::<_, Cancelled>(())
                };
                futures::try_join!(forever(), told).map(|_| ())
            })
        }));
        assert_eq!(run.ready(), Ok(None));
    });
}

#[test]
fn a_stream_is_polled_in_the_scope_of_its_consumer() {
    let (scope, root) = (CancelScope::new(), CancelScope::new());
    let stream = futures::stream::unfold((), |()| async { Some((forever().await, ())) });
    let mut stream = Box::pin(stream);
    let mut run = Probe::new(root.run(async { scope.run(async { stream.next().await.unwrap() }).await }));
    run.waits();
    scope.cancel();
    assert_eq!(run.woken_ready(), Ok(Some(None)));
}
