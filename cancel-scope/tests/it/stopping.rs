use std::{cell::Cell, future::poll_fn, rc::Rc, task::Poll, time::Duration};

use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, Cause, VirtualClock, checkpoint, ok, shield, sleep, stopping, wait_at_most,
};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Dropped, Probe, SECOND, Slot, foreign, forever, on_another_thread};

// R13
#[test]
fn stopping_is_ready_when_the_stop_begins_and_stays_so() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(async {
        stopping().await?;
        stopping().await?;
        checkpoint().await?;
        Ok::<_, Cancelled>("goodbye")
    }));
    run.pending();
    scope.stop(SECOND);
    assert_eq!(run.woken_ready(), Ok(Some("goodbye")));
    assert!(!scope.cancel_called());
}

// R13
#[test]
fn a_stop_reaches_through_shields() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(shield(shield(stopping()))));
    run.pending();
    scope.stop(SECOND);
    assert_eq!(run.woken_ready(), Ok(Some(())));
}

// R13
#[test]
fn a_stop_of_an_inner_scope_is_not_seen_outside() {
    let (inner, slot) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(CancelScope::new().run(async {
        let outside = async { futures::join!(inner.run(stopping()), slot.take()) };
        let (inside, _) = outside.await;
        inside?;
        assert!(futures::poll!(Box::pin(stopping())).is_pending());
        Ok::<_, Cancelled>(())
    }));
    run.pending();
    inner.stop(SECOND);
    run.waits();
    slot.put(1);
    assert!(run.drive().is_ready());
}

// R13
#[test]
fn waits_go_on_in_a_stop_until_the_grace_is_over() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.run(forever())));
    run.pending();
    scope.stop(SECOND);
    assert!(run.poll().is_pending());
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause(), Some(Cause::Stopped));
}

// R13
#[test]
fn a_second_stop_may_only_shorten_the_grace() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.run(forever())));
    run.pending();
    scope.stop(10 * SECOND);
    scope.stop(20 * SECOND);
    scope.stop(Duration::MAX);
    assert_eq!(clock.next_deadline(), Some(anyio_cancel_scope::Clock::now(&clock) + 10 * SECOND));
    scope.stop(SECOND);
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

// R13
#[test]
fn an_endless_grace_can_be_shortened() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.run(forever())));
    run.pending();
    scope.stop(Duration::MAX);
    assert_eq!(clock.alarms(), 0);
    scope.stop(SECOND);
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

// R13
#[test]
fn set_deadline_does_not_move_the_grace() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.run(forever())));
    run.pending();
    scope.stop(SECOND);
    scope.set_deadline(None);
    scope.set_deadline(Some(anyio_cancel_scope::Clock::now(&clock) + 60 * SECOND));
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause(), Some(Cause::Stopped));
}

// R13
#[test]
fn a_deadline_before_the_end_of_the_grace_keeps_its_own_cause() {
    let (scope, clock) = (CancelScope::after(SECOND), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.run(forever())));
    run.pending();
    scope.stop(2 * SECOND);
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause(), Some(Cause::Deadline));
}

#[test]
fn a_stop_before_entry_is_seen_inside_and_its_grace_runs() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(async {
        scope.stop(SECOND);
        scope
            .run(async {
                stopping().await?;
                forever().await
            })
            .await
    }));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn a_stop_without_grace_cancels_at_once() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(forever()));
    run.pending();
    scope.stop(Duration::ZERO);
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause(), Some(Cause::Stopped));
}

// R13
#[test]
fn an_accept_loop_ends_when_the_stop_begins_and_its_connections_go_on() {
    let scope = CancelScope::new();
    let (accept, request) = (Slot::default(), Slot::default());
    let mut run = Probe::new(scope.run(async {
        let mut served = 0;
        while let Some(connection) = accept.take().unless_stopping().await {
            let connection = connection?;
            served += connection + request.take().await?;
        }
        ok(served)
    }));
    run.pending();
    accept.put(1);
    assert!(run.poll().is_pending());
    scope.stop(SECOND);
    assert!(run.is_woken());
    assert!(run.poll().is_pending(), "the connection goes on");
    request.put(10);
    assert_eq!(run.woken_ready().unwrap(), Some(11));
}

// R3, R13
#[test]
fn a_connection_that_came_before_the_next_poll_is_taken() {
    let (scope, accept) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(scope.run(async { ok(accept.take().unless_stopping().await) }));
    run.pending();
    scope.stop(SECOND);
    accept.put(1);
    assert_eq!(run.woken_ready().unwrap(), Some(Some(Ok(1))));
}

// R13
#[test]
fn already_stopping_the_future_is_not_polled_and_dropped() {
    let (polled, dropped) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let scope = CancelScope::new();
    scope.stop(SECOND);
    let mut run = Probe::new(scope.run(async {
        let (told, guard) = (polled.clone(), Dropped(dropped.clone()));
        let wait = poll_fn(move |_| {
            let _held = &guard;
            told.set(true);
            Poll::<()>::Pending
        });
        let mut wait = Box::pin(wait.unless_stopping());
        assert_eq!(wait.as_mut().await, None);
        assert!(dropped.get());
        Ok::<_, Cancelled>(())
    }));
    assert_eq!(run.ready(), Ok(Some(())));
    assert!(!polled.get());
}

// R4: no checkpoint of its own
#[test]
fn unless_stopping_is_no_checkpoint() {
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(scope.enter(std::future::ready(1).unless_stopping()));
    assert_eq!(run.ready(), Some(1));
}

// R13
#[test]
fn a_stop_reaches_an_idle_wait_in_a_futures_unordered() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(async {
        let mut idle: FuturesUnordered<_> = (0..3).map(|_| forever().unless_stopping()).collect();
        let mut ended = 0;
        while let Some(end) = idle.next().await {
            assert_eq!(end, None);
            ended += 1;
        }
        Ok::<_, Cancelled>(ended)
    }));
    run.waits();
    scope.stop(SECOND);
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(Some(3)));
}

// R13
#[test]
fn a_stop_during_the_first_poll_under_a_foreign_waker_is_not_lost() {
    let scope = CancelScope::new();
    for kind in [true, false] {
        let stop = scope.clone();
        let mut first = true;
        let nudge = poll_fn(move |_| {
            if std::mem::take(&mut first) {
                on_another_thread(|| stop.stop(SECOND));
            }
            Poll::<()>::Pending
        });
        let inner = CancelScope::new();
        let mut run = Probe::new(
            inner
                .run(foreign(async move {
                    if kind {
                        nudge.unless_stopping().await;
                    }
                    stopping().await
                }))
                .in_scope(&scope),
        );
        assert_eq!(run.drive_ready(), Ok(Some(())));
    }
}

// trio#147
#[test]
fn what_began_before_the_stop_may_finish_within_the_grace() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.run(async {
        sleep(SECOND).await?;
        Ok::<_, Cancelled>("finished")
    })));
    run.pending();
    scope.stop(2 * SECOND);
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(Some("finished")));
    assert_eq!(clock.alarms(), 0);
}

#[test]
fn a_limited_wait_for_the_stop_can_be_repeated() {
    let (scope, clock) = (CancelScope::new(), VirtualClock::new());
    let mut run = Probe::new(clock.run(scope.run(async {
        let mut rounds = 0;
        while wait_at_most(SECOND, stopping()).await.is_none() {
            rounds += 1;
        }
        Ok::<_, Cancelled>(rounds)
    })));
    run.pending();
    clock.advance(SECOND);
    run.waits();
    scope.stop(SECOND);
    assert_eq!(run.drive_ready(), Ok(Some(1)));
}
