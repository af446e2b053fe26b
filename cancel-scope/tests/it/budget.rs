use std::{
    cell::Cell,
    future::{Future, poll_fn},
    panic::Location,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use anyio_cancel_scope::{
    AlarmKey, CancelExt, CancelScope, Cancelled, Checkpoint, Clock, VirtualClock, check_cancelled, checkpoint,
    move_on_after, shield, sleep, with_clock,
};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Probe, SECOND, Slot, foreign, forever, fresh_budget, never};

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

// R12
#[test]
fn exactly_every_128th_checkpoint_of_a_thread_yields() {
    fresh_budget();
    for round in 0..4 {
        for count in 1..128 {
            assert!(poll_once(Box::pin(checkpoint()).as_mut()).is_ready(), "round {round}, checkpoint {count}");
        }
        let mut last = Box::pin(checkpoint());
        assert!(poll_once(last.as_mut()).is_pending(), "round {round}");
        // The same checkpoint again: it is not counted twice.
        assert!(poll_once(last.as_mut()).is_ready());
    }
}

// R4, R12
#[test]
fn an_operation_enters_at_once_unless_it_is_cancelled_or_the_last_of_the_budget() {
    fresh_budget();
    for count in 1..128 {
        assert!(Checkpoint::enters_at_once(), "checkpoint {count}");
    }
    // It is not counted where it does not enter: the yield is left to the checkpoint.
    assert!(!Checkpoint::enters_at_once() && !Checkpoint::enters_at_once());
    let mut checkpoint = Checkpoint::after(false, &"test", Location::caller());
    let mut entry = poll_fn(|cx| checkpoint.poll_entry(cx));
    assert!(poll_once(Pin::new(&mut entry)).is_pending());
    assert_eq!(poll_once(Pin::new(&mut entry)), Poll::Ready(Ok(())));

    let (scope, mut entered) = (CancelScope::new(), Vec::new());
    let mut run = Probe::new(scope.enter(async {
        for _ in 0..2 {
            let here = Checkpoint::enters_at_once();
            let mut checkpoint = Checkpoint::after(here, &"test", Location::caller());
            entered.push((here, poll_fn(|cx| checkpoint.poll_entry(cx)).await));
            scope.cancel();
        }
    }));
    run.ready();
    drop(run);
    // One that entered is in, whatever comes.
    assert!(matches!(entered[..], [(_, Ok(())), (false, Err(_))]));
}

// R4
#[test]
fn no_operation_enters_at_once_where_it_is_known_to_be_cancelled() {
    fresh_budget();
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.enter(async {
        scope.cancel();
        assert!(check_cancelled().is_err());
        assert!(!Checkpoint::enters_at_once());
        assert!(shield(async { check_cancelled().is_ok() && Checkpoint::enters_at_once() }).await);
        assert!(check_cancelled().is_err() && !Checkpoint::enters_at_once());
    }));
    run.ready();
}

// R12
#[test]
fn all_operations_draw_on_one_budget_and_wrappers_do_not_reset_it() {
    let slot = Slot::default();
    let mut run = Probe::new(async {
        for _ in 0..32 {
            let inside = async {
                slot.put(1);
                slot.take().await?;
                checkpoint().await?;
                sleep(Duration::ZERO).await?;
                shield(async { Ok::<_, Cancelled>(()) }.or_cancelled()).await
            };
            CancelScope::new().run(move_on_after(SECOND, inside)).await?;
        }
        Ok::<_, Cancelled>(())
    });
    assert!(run.poll().is_pending(), "the 128th of 128");
    assert_eq!(run.wakes(), 1);
    assert_eq!(run.woken_ready(), Ok(()));
}

// R12
#[test]
fn a_forced_yield_wakes_itself_at_once_and_comes_before_the_operation_is_tried() {
    let slot = Slot::default();
    slot.put(1);
    let mut run = Probe::new(async {
        for _ in 0..127 {
            checkpoint().await?;
        }
        slot.take().await
    });
    assert!(run.poll().is_pending());
    assert_eq!(run.wakes(), 1);
    assert_eq!(slot.tries(), 0);
    assert_eq!(run.woken_ready(), Ok(1));
    assert_eq!(slot.tries(), 1);
}

// R4, R12
#[test]
fn after_a_forced_yield_the_next_poll_is_still_the_entry() {
    let (scope, slot) = (CancelScope::new(), Slot::default());
    slot.put(1);
    let mut run = Probe::new(scope.enter(async {
        for _ in 0..127 {
            checkpoint().await?;
        }
        slot.take().await
    }));
    assert!(run.poll().is_pending());
    scope.cancel();
    assert!(run.woken_ready().is_err());
    assert!(slot.is_full());
}

// R12
#[test]
fn a_wait_already_begun_is_never_delayed() {
    let slot = Slot::default();
    let mut run = Probe::new(slot.take());
    run.pending();
    for _ in 0..126 {
        assert!(poll_once(Box::pin(checkpoint()).as_mut()).is_ready());
    }
    // The next checkpoint of this thread would be the 128th.
    slot.put(1);
    assert_eq!(run.woken_ready(), Ok(1));
}

// R12
#[test]
fn futures_in_lock_step_with_the_budget_come_to_their_end() {
    for many in [127, 128, 129, 256] {
        let tasks = (0..many).map(|_| async {
            for _ in 0..10 {
                checkpoint().await?;
            }
            Ok::<_, Cancelled>(())
        });
        let mut run = Probe::new(futures::future::join_all(tasks));
        let polls = (0..).take_while(|_| run.poll().is_pending()).take(10_000).count();
        assert!(polls < 10_000, "{many} futures never end");
    }
}

// R12
#[test]
fn futures_in_lock_step_that_only_one_waker_drives_come_to_their_end() {
    let one = || Box::pin(async { checkpoint().await });
    let mut tasks: Vec<_> = (0..128).map(|_| one()).collect();
    let mut run = Probe::new(poll_fn(move |cx| {
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        if tasks.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
    run.drive_ready();
}

/// A loop that ignores `Cancelled` until `done`, and a sibling which needs several turns to get there.
async fn rude_loop(done: Rc<Cell<bool>>) {
    while !done.get() {
        let _ = checkpoint().await;
    }
}

async fn sibling(done: Rc<Cell<bool>>) {
    for _ in 0..5 {
        anyio_cancel_scope::yield_now().await;
    }
    done.set(true);
}

// R12; anyio#1111
#[test]
fn a_loop_that_ignores_cancelled_does_not_starve_its_siblings() {
    let (scope, done) = (CancelScope::new(), Rc::new(Cell::new(false)));
    scope.cancel();
    let mut run = Probe::new(scope.enter(async { futures::join!(rude_loop(done.clone()), sibling(done.clone())) }));
    run.drive_ready();
}

// R12
#[test]
fn a_loop_of_wrappers_that_ignores_cancelled_does_not_starve_its_siblings() {
    let (scope, done) = (CancelScope::new(), Rc::new(Cell::new(false)));
    scope.cancel();
    let rude = async {
        while !done.get() {
            let _ = move_on_after(SECOND, checkpoint()).await;
            let _ = shield(checkpoint()).await;
            let _ = CancelScope::new().run(never()).await;
        }
    };
    let mut run = Probe::new(scope.enter(async { futures::join!(rude, sibling(done.clone())) }));
    run.drive_ready();
}

// R12
#[test]
fn a_loop_that_ignores_cancelled_does_not_starve_its_siblings_in_a_futures_unordered() {
    let (scope, done) = (CancelScope::new(), Rc::new(Cell::new(false)));
    scope.cancel();
    let mut run = Probe::new(scope.enter(async {
        let both: [Pin<Box<dyn Future<Output = ()>>>; 2] =
            [Box::pin(rude_loop(done.clone())), Box::pin(sibling(done.clone()))];
        let mut tasks: FuturesUnordered<_> = both.into_iter().collect();
        while tasks.next().await.is_some() {}
    }));
    run.drive_ready();
}

// R9, R12
#[test]
fn a_deadline_is_noticed_by_a_loop_that_never_waits() {
    let clock = VirtualClock::new();
    let during = clock.clone();
    let count = Cell::new(0);
    let mut run = Probe::new(clock.run(move_on_after(SECOND, async {
        loop {
            checkpoint().await?;
            count.set(count.get() + 1);
            if count.get() == 5 {
                during.advance(SECOND);
            }
        }
        #[allow(unreachable_code)]
        Ok::<(), Cancelled>(())
    })));
    assert_eq!(run.drive_ready(), Ok(None));
    assert_eq!(count.get(), 127);
}

/// A clock that can be moved, and whose alarms never go off: so nothing but the budget notices a deadline.
#[derive(Debug)]
struct Mute {
    start: Instant,
    passed: Mutex<Duration>,
}

impl Mute {
    fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), passed: Mutex::new(Duration::ZERO) })
    }

    fn advance(&self, by: Duration) {
        *self.passed.lock().unwrap() += by;
    }
}

impl Clock for Mute {
    fn now(&self) -> Instant {
        self.start + *self.passed.lock().unwrap()
    }

    fn arm(&self, _: Instant, _: Waker) -> AlarmKey {
        AlarmKey::new(0)
    }

    fn disarm(&self, _: AlarmKey) -> Option<Waker> {
        None
    }
}

/// A loop in three scopes; at its fifth checkpoint `change` is told the clock and the scopes, the outermost first.
fn loop_in_three(change: impl Fn(&Mute, [&CancelScope; 3])) -> (Result<Option<()>, Cancelled>, usize) {
    let (clock, count) = (Mute::new(), Cell::new(0));
    let [outer, middle, inner] = [(); 3].map(|()| CancelScope::new());
    let body = async {
        while count.get() < 500 {
            checkpoint().await?;
            count.set(count.get() + 1);
            if count.get() == 5 {
                change(&clock, [&outer, &middle, &inner]);
                clock.advance(SECOND);
            }
        }
        Ok::<(), Cancelled>(())
    };
    let inside = outer.run(async { middle.enter(inner.enter(body)).await });
    let result = Probe::new(with_clock(clock.clone(), inside)).drive_ready();
    (result, count.get())
}

// R9, R12
#[test]
fn a_deadline_that_is_set_meanwhile_on_any_scope_around_is_noticed_by_a_loop_that_never_waits() {
    for which in 0..3 {
        let deadline = |clock: &Mute, scopes: [&CancelScope; 3]| scopes[which].set_deadline(Some(clock.now() + SECOND));
        let (result, count) = loop_in_three(deadline);
        assert_eq!(count, 127, "scope {which}");
        assert!(result.is_err() || result == Ok(None), "scope {which}: {result:?}");
    }
}

// R9, R12, R13
#[test]
fn the_end_of_a_stop_that_began_meanwhile_is_noticed_by_a_loop_that_never_waits() {
    for which in 0..3 {
        let (result, count) = loop_in_three(|_, scopes| scopes[which].stop(SECOND));
        assert_eq!(count, 127, "scope {which}");
        assert!(result.is_err() || result == Ok(None), "scope {which}: {result:?}");
    }
}

// R9, R12
#[test]
fn a_limit_that_passes_after_the_first_yield_is_noticed_at_the_next() {
    let (clock, count) = (Mute::new(), Cell::new(0));
    let body = async {
        while count.get() < 500 {
            checkpoint().await?;
            count.set(count.get() + 1);
            if count.get() == 200 {
                clock.advance(SECOND);
            }
        }
        Ok::<(), Cancelled>(())
    };
    let result = Probe::new(with_clock(clock.clone(), move_on_after(SECOND, body))).drive_ready();
    assert_eq!((result, count.get()), (Ok(None), 255));
}

// R9, R12
#[test]
fn a_deadline_is_noticed_inside_of_a_shield_by_a_loop_that_never_waits() {
    let (clock, count) = (Mute::new(), Cell::new(0));
    let outer = CancelScope::after(SECOND);
    let body = async {
        while count.get() < 500 {
            if checkpoint().await.is_err() || outer.cancel_called() {
                break;
            }
            count.set(count.get() + 1);
            if count.get() == 5 {
                clock.advance(SECOND);
            }
        }
    };
    Probe::new(with_clock(clock.clone(), outer.enter(shield(body)))).drive_ready();
    assert_eq!((outer.cancel_called(), count.get()), (true, 127));
}

// R9, R12
#[test]
fn the_budget_looks_at_each_deadline_by_that_scopes_own_clock() {
    let (here, there) = (VirtualClock::new(), VirtualClock::new());
    let outer = CancelScope::at(here.now() + SECOND);
    there.advance(3600 * SECOND);
    let inside = with_clock(Arc::new(there), async {
        for _ in 0..300 {
            checkpoint().await?;
        }
        Ok::<_, Cancelled>(())
    });
    let mut run = Probe::new(here.run(outer.run(inside)));
    assert_eq!(run.drive_ready(), Ok(Some(())));
    assert!(!outer.cancel_called());
}

// R12
#[test]
fn a_forced_yield_under_a_foreign_waker_is_woken_there() {
    let mut run = Probe::new(foreign(async {
        for _ in 0..200 {
            checkpoint().await?;
        }
        Ok::<_, Cancelled>(())
    }));
    assert!(run.poll().is_pending());
    assert_eq!(run.woken_ready(), Ok(()));
}

#[test]
fn waits_do_not_yield_on_the_way_to_pending() {
    let mut run = Probe::new(async { futures::join!(forever(), forever()) });
    run.pending();
}
