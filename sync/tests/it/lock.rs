use std::{
    cell::Cell,
    mem,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::Arc,
    thread,
};

use anyio_cancel_scope::{CancelScope, checkpoint, shield, yield_now};
use anyio_future_contract::run_all;
use anyio_sync::{Lock, LockGuard, OwnedLockGuard};

use crate::support::{now, polled, waiting};

// anyio: tests/test_synchronization.py::TestLock::test_contextmanager; anyio: tests/test_synchronization.py::TestLock::test_manual_acquire
#[test]
fn a_guard_that_is_dropped_hands_the_lock_over() {
    let lock = Lock::new(Vec::new());
    let mut guard = now(lock.lock()).unwrap();
    let mut second = waiting(lock.lock());
    guard.push(1);
    assert!(!second.is_woken());
    drop(guard);
    assert!(second.is_woken());
    second.assert_ready().unwrap().push(2);
    assert!(!lock.statistics().locked);
    assert_eq!(*lock.try_lock().unwrap(), [1, 2]);
}

// R12; anyio: tests/test_synchronization.py::TestLock::test_fast_acquire
#[test]
fn a_free_lock_is_taken_at_the_first_poll() {
    let lock = Lock::new(());
    for _ in 0..127 {
        assert!(polled(lock.lock()).assert_ready().is_ok());
    }
}

// anyio: tests/test_synchronization.py::TestLock::test_acquire_nowait
#[test]
fn try_lock_takes_a_free_lock() {
    let lock = Lock::new(1);
    let guard = lock.try_lock().unwrap();
    assert!(lock.statistics().locked);
    assert_eq!(*guard, 1);
}

// anyio: tests/test_synchronization.py::TestLock::test_acquire_nowait_wouldblock
#[test]
fn try_lock_gives_nothing_while_the_lock_is_held() {
    let lock = Arc::new(Lock::new(1));
    let guard = now(lock.lock()).unwrap();
    assert!(lock.try_lock().is_none());
    assert!(lock.try_lock_owned().is_none());
    drop(guard);
    assert!(lock.try_lock_owned().is_some());
}

// anyio: tests/test_synchronization.py::TestLock::test_acquire_twice_async; anyio: tests/test_synchronization.py::TestLock::test_acquire_twice_sync
#[test]
fn who_locks_twice_waits_for_itself_until_it_is_cancelled() {
    let (lock, scope) = (Lock::new(()), CancelScope::new());
    let mut twice = waiting(scope.enter(async {
        let _guard = lock.lock().await?;
        assert!(lock.try_lock().is_none());
        lock.lock().await.map(drop)
    }));
    scope.cancel();
    assert!(twice.assert_ready().is_err());
    assert!(lock.try_lock().is_some());
}

// anyio: tests/test_synchronization.py::TestLock::test_cancel_during_acquire
#[test]
fn a_wait_that_is_cancelled_first_and_released_after_takes_it_only_if_it_is_polled_after() {
    for release_first in [true, false] {
        let (lock, scope) = (Lock::new(()), CancelScope::new());
        let guard = now(lock.lock()).unwrap();
        let mut wait = waiting(scope.enter(async {
            let _guard = lock.lock().await?;
            checkpoint().await
        }));
        scope.cancel();
        if release_first {
            drop(guard);
            assert!(wait.assert_ready().is_err());
        } else {
            assert!(wait.assert_ready().is_err());
            assert!(lock.statistics().locked);
            drop(guard);
        }
        assert!(!lock.statistics().locked);
    }
}

// anyio: tests/test_synchronization.py::TestLock::test_statistics
#[test]
fn statistics_tell_whether_it_is_held_and_how_many_wait() {
    let lock = Lock::new(());
    assert_eq!((lock.statistics().locked, lock.statistics().tasks_waiting), (false, 0));
    let guard = now(lock.lock()).unwrap();
    assert_eq!((lock.statistics().locked, lock.statistics().tasks_waiting), (true, 0));
    let first = waiting(lock.lock());
    assert_eq!(lock.statistics().tasks_waiting, 1);
    let second = waiting(lock.lock());
    assert_eq!(lock.statistics().tasks_waiting, 2);
    drop((guard, first, second));
    assert_eq!((lock.statistics().locked, lock.statistics().tasks_waiting), (false, 0));
}

// anyio: tests/test_synchronization.py::TestLock::test_asyncio_deadlock
#[test]
fn a_task_that_is_dropped_while_it_waits_does_not_hold_up_the_next() {
    let lock = Lock::new(());
    let guard = now(lock.lock()).unwrap();
    let (first, mut second) = (waiting(lock.lock()), waiting(lock.lock()));
    drop(first);
    drop(guard);
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

// anyio: tests/test_synchronization.py::TestLock::test_cancel_after_release
#[test]
fn a_lock_that_was_handed_to_a_task_that_is_then_dropped_is_free_again() {
    let lock = Lock::new(1);
    let guard = lock.try_lock().unwrap();
    let first = waiting(lock.lock());
    drop(guard);
    let statistics = lock.statistics();
    assert_eq!((statistics.locked, statistics.tasks_waiting), (true, 0));
    drop(first);
    let statistics = lock.statistics();
    assert_eq!((statistics.locked, statistics.owner, statistics.tasks_waiting), (false, None, 0));
    assert_eq!(*lock.try_lock().unwrap(), 1);
}

// anyio: tests/test_synchronization.py::TestLock::test_cancelled_after_acquire
#[test]
fn a_lock_whose_first_waiter_is_cancelled_and_gone_goes_to_whoever_comes() {
    let (lock, scope) = (Lock::new(()), CancelScope::new());
    let guard = lock.try_lock().unwrap();
    let mut first = waiting(scope.enter(lock.lock()));
    scope.cancel();
    drop(guard);
    assert_eq!(lock.statistics().tasks_waiting, 0);
    let mut second = waiting(lock.lock());
    // It was handed over before the first saw its cancellation: it has it, and lets it go at once.
    drop(first.assert_ready());
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

// anyio: tests/test_synchronization.py::TestLock::test_instantiate_outside_event_loop
#[test]
fn one_in_a_static_is_used_by_any_thread() {
    static LOCK: Lock<usize> = Lock::new(0);
    let statistics = LOCK.statistics();
    assert_eq!((statistics.locked, statistics.owner, statistics.tasks_waiting), (false, None, 0));
    let threads = [(); 4].map(|()| {
        thread::spawn(|| {
            for _ in 0..100 {
                *futures::executor::block_on(LOCK.lock()).unwrap() += 1;
            }
        })
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*LOCK.try_lock().unwrap(), 400);
}

// anyio: tests/test_synchronization.py::TestLock::test_owner_after_release
#[test]
fn the_owner_is_the_next_one_as_soon_as_the_lock_is_handed_over() {
    let lock = Arc::new(Lock::new(()));
    let line = |place: Option<&'static Location<'static>>| {
        let place = place.unwrap();
        assert!(place.file().ends_with("lock.rs"));
        place.line()
    };
    let (guard, first) = (now(lock.lock()).unwrap(), line!());
    assert_eq!(line(lock.statistics().owner), first);
    let (mut wait, second) = (waiting(lock.lock_owned()), line!());
    assert_eq!(line(lock.statistics().owner), first);
    drop(guard);
    assert_eq!(line(lock.statistics().owner), second);
    drop(wait.assert_ready());
    assert_eq!(lock.statistics().owner, None);
    let (_guard, third) = (lock.try_lock().unwrap(), line!());
    assert_eq!(line(lock.statistics().owner), third);
}

// H1
#[test]
fn the_lock_goes_from_one_to_the_next_in_the_order_in_which_they_came() {
    let lock = Lock::new(Vec::new());
    let guard = now(lock.lock()).unwrap();
    let mut waits: Vec<_> = (0..8).map(|_| waiting(lock.lock())).collect();
    drop(guard);
    for at in 0..8 {
        let woken: Vec<bool> = waits.iter().map(|wait| wait.is_woken()).collect();
        assert!(woken[at] && woken[at + 1..].iter().all(|woken| !woken));
        let mut guard = waits[at].assert_ready().unwrap();
        guard.push(at);
    }
    assert_eq!(*lock.try_lock().unwrap(), (0..8).collect::<Vec<_>>());
}

// H1
#[test]
fn newcomers_do_not_overtake() {
    let lock = Lock::new(());
    let guard = now(lock.lock()).unwrap();
    let mut first = waiting(lock.lock());
    drop(guard);
    // It is the first one's, which has not been polled since.
    assert!(lock.try_lock().is_none());
    let mut newcomer = waiting(lock.lock());
    let guard = first.assert_ready().unwrap();
    assert!(!newcomer.is_woken());
    drop(guard);
    assert!(newcomer.assert_ready().is_ok());
}

// H1
#[test]
fn two_tasks_that_lock_in_a_loop_take_turns() {
    for seed in 0..20 {
        let (lock, ended) = (Lock::new(Vec::new()), Cell::new(0));
        let takes = |me: u8| {
            let (lock, ended) = (&lock, &ended);
            Box::pin(async move {
                for _ in 0..5 {
                    let mut guard = lock.lock().await.unwrap();
                    guard.push(me);
                    while lock.statistics().tasks_waiting == 0 && ended.get() == 0 {
                        yield_now().await;
                    }
                }
                ended.set(1);
            })
        };
        run_all(seed, vec![takes(1), takes(2)]);
        let turns = lock.into_inner();
        assert!(turns.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}: {turns:?}");
    }
}

#[test]
fn an_owned_guard_may_go_to_another_thread_and_has_the_value_along() {
    let lock = Arc::new(Lock::new(vec![1]));
    let mut guard: OwnedLockGuard<Vec<u32>> = now(lock.lock_owned()).unwrap();
    let wait = waiting(lock.lock());
    thread::spawn(move || guard.push(2)).join().unwrap();
    let mut wait = wait;
    assert!(wait.is_woken());
    let guard: LockGuard<'_, Vec<u32>> = wait.assert_ready().unwrap();
    assert_eq!(*guard, [1, 2]);
}

#[test]
fn a_lock_lives_as_long_as_its_owned_guard_and_wait() {
    let lock = Arc::new(Lock::new(Arc::new(())));
    let value = lock.try_lock().unwrap().clone();
    let guard = lock.try_lock_owned().unwrap();
    let mut wait = waiting(lock.lock_owned());
    drop(lock);
    drop(guard);
    assert_eq!(Arc::strong_count(&value), 2);
    drop(wait.assert_ready());
    drop(wait);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn a_panic_poisons_nothing_and_releases_the_lock() {
    let lock = Lock::new(0);
    let guard = now(lock.lock()).unwrap();
    let mut wait = waiting(lock.lock());
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let mut guard = guard;
        *guard = 1;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(wait.is_woken());
    assert_eq!(*wait.assert_ready().unwrap(), 1);
}

#[test]
fn an_owned_guard_puts_the_value_back_while_a_panic_unwinds() {
    let lock = Arc::new(Lock::new(1));
    let guard = lock.try_lock_owned().unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let mut guard = guard;
        *guard = 2;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(*lock.try_lock().unwrap(), 2);
}

#[test]
fn whoever_has_the_lock_to_itself_needs_no_guard() {
    let mut lock = Lock::from(1);
    *lock.get_mut() += 1;
    assert_eq!(lock.into_inner(), 2);
    assert_eq!(*Lock::<u32>::default().get_mut(), 0);
}

#[test]
fn a_guard_that_is_forgotten_keeps_the_lock_and_leaves_the_value() {
    let mut lock = Lock::new(1);
    mem::forget(lock.try_lock());
    assert!(lock.try_lock().is_none());
    *lock.get_mut() += 1;
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn an_owned_guard_that_is_forgotten_keeps_a_handle_so_that_nobody_misses_the_value() {
    let mut lock = Arc::new(Lock::new(1));
    mem::forget(lock.try_lock_owned());
    assert!(Arc::get_mut(&mut lock).is_none());
    assert!(lock.try_lock().is_none());
}

#[test]
fn what_is_send_only_may_be_locked_from_several_threads() {
    let lock = Lock::new(Cell::new(0));
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                for _ in 0..100 {
                    let guard = futures::executor::block_on(lock.lock()).unwrap();
                    guard.set(guard.get() + 1);
                }
            });
        }
    });
    assert_eq!(lock.into_inner().get(), 200);
}

// R8
#[test]
fn a_shield_lets_a_cancelled_task_clean_up_under_the_lock() {
    let (lock, scope) = (Lock::new(0), CancelScope::new());
    scope.cancel();
    let mut clean_up = polled(scope.enter(async {
        shield(async {
            *lock.lock().await? += 1;
            Ok(())
        })
        .await
    }));
    assert_eq!(clean_up.assert_ready(), Ok::<_, anyio_cancel_scope::Cancelled>(()));
    assert_eq!(*lock.try_lock().unwrap(), 1);
}

#[test]
fn it_shows_itself_and_its_guard_shows_the_value() {
    let lock = Lock::new(7);
    assert_eq!(format!("{lock:?}"), "Lock { locked: false, tasks_waiting: 0, .. }");
    let guard = lock.try_lock().unwrap();
    assert_eq!(format!("{guard:?} {guard}"), "7 7");
    assert_eq!(format!("{lock:?}"), "Lock { locked: true, tasks_waiting: 0, .. }");
    assert!(format!("{:?}", lock.lock()).contains("\"lock\""));
}
