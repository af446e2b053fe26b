use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use anyio_cancel_scope::{CancelScope, Cancelled, checkpoint};
use anyio_future_contract::run_all;
use anyio_sync::{Condition, Lock, LockGuard};

use crate::support::{cancelled_scope, now, polled, polled_once, waiting};

/// What most tests need: a lock, and a condition of what it guards.
fn shared() -> (Lock<u32>, Condition) {
    (Lock::new(0), Condition::new())
}

fn take(lock: &Lock<u32>) -> LockGuard<'_, u32> {
    lock.try_lock().expect("it is free")
}

// anyio: tests/test_synchronization.py::TestCondition::test_contextmanager; anyio: tests/test_synchronization.py::TestCondition::test_manual_acquire
#[test]
fn a_wait_releases_the_lock_and_comes_back_with_it() {
    let (lock, condition) = shared();
    let mut wait = waiting(condition.wait(take(&lock)));
    let mut guard = take(&lock);
    *guard = 1;
    condition.notify_all();
    // Notified, it waits for the lock.
    assert!(wait.is_woken());
    wait.assert_pending();
    assert!(!wait.is_woken());
    drop(guard);
    assert!(wait.is_woken());
    assert_eq!(*wait.assert_ready().unwrap(), 1);
}

// anyio: tests/test_synchronization.py::TestCondition::test_acquire_nowait; anyio: tests/test_synchronization.py::TestCondition::test_acquire_nowait_wouldblock
#[test]
fn the_lock_is_taken_and_tried_by_itself() {
    let (lock, condition) = shared();
    let guard = take(&lock);
    assert!(lock.try_lock().is_none());
    condition.notify_all();
    drop(guard);
}

// R1; anyio: tests/test_synchronization.py::TestCondition::test_wait_cancel
#[test]
fn a_wait_that_is_cancelled_does_not_hold_the_lock() {
    let (lock, condition) = shared();
    let scope = CancelScope::new();
    let mut wait = waiting(scope.enter(condition.wait(take(&lock))));
    scope.cancel();
    assert!(wait.is_woken() && wait.assert_ready().is_err());
    assert_eq!(condition.statistics().tasks_waiting, 0);
    assert!(lock.try_lock().is_some());
}

// R4
#[test]
fn a_wait_that_begins_in_a_cancelled_scope_gives_the_lock_up() {
    let (lock, condition) = shared();
    assert!(now(cancelled_scope().enter(condition.wait(take(&lock)))).is_err());
    assert!(lock.try_lock().is_some());
    assert!(now(cancelled_scope().enter(condition.wait_for(take(&lock), |_| true))).is_err());
    assert!(lock.try_lock().is_some());
}

// H2, USERS 64; anyio: tests/test_synchronization.py::TestCondition::test_notification_handover_on_cancel
#[test]
fn a_notification_goes_to_the_next_when_the_first_was_cancelled_before() {
    let (lock, condition) = shared();
    let scope = CancelScope::new();
    let mut first = waiting(scope.enter(condition.wait(take(&lock))));
    let mut second = waiting(condition.wait(take(&lock)));
    scope.cancel();
    assert!(first.assert_ready().is_err());
    condition.notify(1);
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

// R3
#[test]
fn a_notification_that_came_with_the_cancellation_is_taken_with_the_lock() {
    let (lock, condition) = shared();
    let scope = CancelScope::new();
    let mut first = waiting(scope.enter(async {
        let guard = condition.wait(take(&lock)).await?;
        assert!(checkpoint().await.is_err());
        Ok::<_, Cancelled>(guard)
    }));
    let second = waiting(condition.wait(take(&lock)));
    scope.cancel();
    condition.notify(1);
    let guard = first.assert_ready().unwrap();
    assert!(!second.is_woken());
    drop(guard);
}

#[test]
fn once_notified_a_wait_is_not_cancelled_any_more() {
    let (lock, condition) = shared();
    let scope = CancelScope::new();
    let mut wait = waiting(scope.enter(condition.wait(take(&lock))));
    let guard = take(&lock);
    condition.notify(1);
    wait.assert_pending();
    scope.cancel();
    wait.assert_pending();
    assert_eq!(lock.statistics().tasks_waiting, 1);
    drop(guard);
    assert!(wait.is_woken() && wait.assert_ready().is_ok());
}

#[test]
fn a_wait_that_is_dropped_after_it_was_notified_passes_it_on() {
    let (lock, condition) = shared();
    let (first, mut second) = (waiting(condition.wait(take(&lock))), waiting(condition.wait(take(&lock))));
    condition.notify(1);
    assert!(!second.is_woken());
    drop(first);
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

#[test]
fn a_wait_that_is_dropped_while_it_waits_for_the_lock_passes_both_on() {
    let (lock, condition) = shared();
    let (mut first, mut second) = (waiting(condition.wait(take(&lock))), waiting(condition.wait(take(&lock))));
    let guard = take(&lock);
    let mut other = waiting(lock.lock());
    condition.notify(1);
    first.assert_pending();
    drop(guard);
    drop(other.assert_ready());
    // It has the lock now, and does not know.
    assert!(first.is_woken() && lock.try_lock().is_none());
    drop(first);
    assert!(second.is_woken() && second.assert_ready().is_ok());
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_wait_that_came_back_has_used_its_notification() {
    let (lock, condition) = shared();
    let (mut first, second) = (waiting(condition.wait(take(&lock))), waiting(condition.wait(take(&lock))));
    condition.notify(1);
    drop(first.assert_ready());
    drop(first);
    assert!(!second.is_woken());
}

#[test]
fn a_wait_that_is_dropped_before_it_was_polled_releases_the_lock() {
    let (lock, condition) = shared();
    drop(condition.wait(take(&lock)));
    drop(condition.wait_for(take(&lock), |_| false));
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_wait_is_in_line_before_the_lock_is_free() {
    let (lock, condition) = shared();
    let guard = take(&lock);
    let notifier = async {
        let _guard = lock.lock().await?;
        assert_eq!(condition.statistics().tasks_waiting, 1);
        condition.notify(1);
        Ok::<_, Cancelled>(())
    };
    let mut notifier = waiting(notifier);
    let mut wait = waiting(condition.wait(guard));
    assert!(notifier.is_woken());
    assert_eq!(notifier.assert_ready(), Ok(()));
    assert!(wait.is_woken() && wait.assert_ready().is_ok());
}

// R12
#[test]
fn a_wait_that_yields_at_its_entry_keeps_the_lock_until_it_is_in_line() {
    let (lock, condition) = shared();
    let mut wait = polled(condition.wait(take(&lock)));
    for _ in 0..127 {
        assert!(polled_once(checkpoint()).is_ready());
    }
    wait.assert_pending();
    assert!(wait.is_woken() && lock.try_lock().is_none());
    assert_eq!(condition.statistics().tasks_waiting, 0);
    wait.assert_pending();
    assert!(lock.try_lock().is_some());
    assert_eq!(condition.statistics().tasks_waiting, 1);
}

#[test]
fn who_does_not_wait_is_not_notified() {
    let (lock, condition) = shared();
    condition.notify(5);
    condition.notify_all();
    let wait = waiting(condition.wait(take(&lock)));
    condition.notify(0);
    assert!(!wait.is_woken());
}

// H1
#[test]
fn notifications_go_to_the_first_in_line_and_they_come_back_in_that_order() {
    let (lock, condition) = shared();
    let mut waits: Vec<_> = (0..5).map(|_| waiting(condition.wait(take(&lock)))).collect();
    condition.notify(3);
    let woken: Vec<_> = waits.iter().map(|wait| wait.is_woken()).collect();
    assert_eq!(woken, [true, true, true, false, false]);
    let guard = waits[0].assert_ready().unwrap();
    waits[1].assert_pending();
    waits[2].assert_pending();
    drop(guard);
    assert_eq!((waits[1].is_woken(), waits[2].is_woken()), (true, false));
    drop(waits[1].assert_ready());
    drop(waits[2].assert_ready());
    condition.notify_all();
    drop(waits[3].assert_ready());
    drop(waits[4].assert_ready());
}

// anyio: tests/test_synchronization.py::TestCondition::test_statistics
#[test]
fn statistics_tell_how_many_wait() {
    let (lock, condition) = shared();
    assert_eq!(condition.statistics().tasks_waiting, 0);
    let mut waits = Vec::new();
    for count in 1..3 {
        waits.push(waiting(condition.wait(take(&lock))));
        assert_eq!(condition.statistics().tasks_waiting, count);
    }
    for (count, wait) in [1, 0].into_iter().zip(&mut waits) {
        let guard = take(&lock);
        condition.notify(1);
        drop(guard);
        drop(wait.assert_ready());
        assert_eq!(condition.statistics().tasks_waiting, count);
    }
    assert!(!lock.statistics().locked);
}

// anyio: tests/test_synchronization.py::TestCondition::test_instantiate_outside_event_loop
#[test]
fn one_in_a_static_is_used_by_any_thread() {
    static LOCK: Lock<u32> = Lock::new(0);
    static CHANGED: Condition = Condition::new();
    let waiter = thread::spawn(|| {
        futures::executor::block_on(async {
            let guard = CHANGED.wait_for(LOCK.lock().await?, |value| *value == 3).await?;
            Ok::<_, Cancelled>(*guard)
        })
    });
    for _ in 0..3 {
        *futures::executor::block_on(LOCK.lock()).unwrap() += 1;
        CHANGED.notify(1);
    }
    assert_eq!(waiter.join().unwrap(), Ok(3));
}

// anyio: tests/test_synchronization.py::TestCondition::test_wait_for
#[test]
fn wait_for_comes_back_when_the_predicate_holds() {
    let (lock, condition) = shared();
    let mut asked = 0;
    let mut wait = waiting(condition.wait_for(take(&lock), |value| {
        asked += 1;
        *value == 2
    }));
    for _ in 0..2 {
        let mut guard = take(&lock);
        *guard += 1;
        condition.notify(1);
        drop(guard);
        if *take(&lock) < 2 {
            wait.assert_pending();
            assert_eq!(condition.statistics().tasks_waiting, 1);
        }
    }
    assert_eq!(*wait.assert_ready().unwrap(), 2);
    drop(wait);
    assert_eq!(asked, 3);
}

#[test]
fn wait_for_keeps_the_lock_if_the_predicate_holds_at_once() {
    let (lock, condition) = shared();
    let guard = now(condition.wait_for(take(&lock), |value| {
        *value += 1;
        true
    }));
    assert_eq!(*guard.unwrap(), 1);
    assert_eq!(*lock.try_lock().unwrap(), 1);
}

// R1
#[test]
fn wait_for_is_cancelled_between_two_notifications() {
    let (lock, condition) = shared();
    let scope = CancelScope::new();
    let mut wait = waiting(scope.enter(condition.wait_for(take(&lock), |_| false)));
    condition.notify(1);
    wait.assert_pending();
    condition.notify(1);
    scope.cancel();
    // It looks at the value, as it was notified, and then finds itself cancelled.
    assert!(wait.assert_ready().is_err());
    assert!(lock.try_lock().is_some());
    assert_eq!(condition.statistics().tasks_waiting, 0);
}

#[test]
fn a_predicate_that_panics_releases_the_lock() {
    for later in [false, true] {
        let (lock, condition) = shared();
        let mut wait = polled(condition.wait_for(take(&lock), |_| {
            assert!(later && lock.statistics().tasks_waiting == 0, "on purpose");
            false
        }));
        if later {
            wait.assert_pending();
            let other = take(&lock);
            condition.notify(1);
            wait.assert_pending();
            let another = waiting(lock.lock());
            drop(other);
            let panicked = catch_unwind(AssertUnwindSafe(|| wait.poll().is_ready())).is_err();
            assert!(panicked);
            drop(another);
        } else {
            assert!(catch_unwind(AssertUnwindSafe(|| wait.poll().is_ready())).is_err());
        }
        drop(wait);
        assert!(lock.try_lock().is_some());
    }
}

#[test]
fn owned_guards_come_back_as_such() {
    let (lock, condition) = (Arc::new(Lock::new(1)), Arc::new(Condition::new()));
    let task = {
        let (lock, condition) = (lock.clone(), condition.clone());
        async move {
            let mut guard = condition.wait(lock.lock_owned().await?).await?;
            *guard += 1;
            condition.wait_for(guard, |value| *value == 2).await
        }
    };
    let mut wait = waiting(task);
    condition.notify(1);
    let guard = wait.assert_ready().unwrap();
    assert_eq!(*thread::spawn(move || guard).join().unwrap(), 2);
    assert!(lock.try_lock().is_some());
}

#[test]
fn one_condition_serves_several_locks() {
    let (one, condition) = shared();
    let other = Lock::new("other");
    let (mut first, mut second) =
        (waiting(condition.wait(take(&one))), waiting(condition.wait(other.try_lock().unwrap())));
    condition.notify_all();
    let both = (first.assert_ready().unwrap(), second.assert_ready().unwrap());
    assert_eq!((*both.0, *both.1), (0, "other"));
}

#[test]
fn producers_and_consumers_lose_nothing_in_any_order() {
    for seed in 0..50 {
        let (jobs, added) = (Lock::new(Vec::new()), Condition::new());
        let consume = || {
            Box::pin(async {
                let mut got = Vec::new();
                while got.len() < 3 {
                    let mut jobs = added.wait_for(jobs.lock().await?, |jobs| !jobs.is_empty()).await?;
                    got.extend(jobs.pop());
                }
                Ok::<_, Cancelled>(got)
            })
        };
        let produce = |from: u32| {
            let (jobs, added) = (&jobs, &added);
            Box::pin(async move {
                for job in from..from + 3 {
                    jobs.lock().await?.push(job);
                    added.notify(1);
                    anyio_cancel_scope::yield_now().await;
                }
                Ok(Vec::new())
            })
        };
        let got = run_all(seed, vec![consume(), produce(0), consume(), produce(10)]);
        let mut got: Vec<u32> = got.into_iter().flat_map(Result::unwrap).collect();
        got.sort_unstable();
        assert_eq!(got, [0, 1, 2, 10, 11, 12], "seed {seed}");
    }
}

#[test]
#[should_panic(expected = "Condition::wait: polled after it was ready")]
fn a_wait_that_is_polled_after_it_was_ready_panics() {
    let (lock, condition) = shared();
    let mut wait = std::pin::pin!(cancelled_scope().enter(condition.wait(take(&lock))));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    crate::support::fresh_budget();
    assert!(wait.as_mut().poll(&mut cx).is_ready());
    let mut wait = std::pin::pin!(condition.wait(take(&lock)));
    assert!(wait.as_mut().poll(&mut cx).is_pending());
    condition.notify(1);
    assert!(wait.as_mut().poll(&mut cx).is_ready());
    let _ = wait.as_mut().poll(&mut cx);
}

#[test]
fn it_shows_itself() {
    let (lock, condition) = shared();
    let wait = condition.wait(take(&lock));
    assert!(format!("{wait:?}").contains("\"wait\""));
    drop(wait);
    assert_eq!(
        format!("{condition:?} {:?}", Condition::default()),
        "Condition { tasks_waiting: 0 } Condition { tasks_waiting: 0 }"
    );
    assert!(format!("{:?}", condition.wait_for(take(&lock), |_| true)).contains("\"wait_for\""));
}
