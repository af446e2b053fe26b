use std::thread;

use anyio_cancel_scope::CancelScope;
use anyio_sync::Semaphore;

use crate::support::{now, polled, waiting};

// anyio: tests/test_synchronization.py::TestSemaphore::test_contextmanager; anyio: tests/test_synchronization.py::TestSemaphore::test_manual_acquire
#[test]
fn permits_come_back_when_they_are_dropped() {
    let semaphore = Semaphore::new(2);
    let first = now(semaphore.acquire()).unwrap();
    assert_eq!(semaphore.available_permits(), 1);
    let second = now(semaphore.acquire()).unwrap();
    assert_eq!(semaphore.available_permits(), 0);
    drop((first, second));
    assert_eq!(semaphore.available_permits(), 2);
}

// R12; anyio: tests/test_synchronization.py::TestSemaphore::test_fast_acquire
#[test]
fn a_free_permit_is_taken_at_the_first_poll() {
    let semaphore = Semaphore::new(1);
    assert!(polled(semaphore.acquire()).assert_ready().is_ok());
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_acquire_nowait
#[test]
fn try_acquire_takes_what_is_free() {
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    assert_eq!((permit.count(), semaphore.available_permits()), (1, 0));
    assert!(semaphore.try_acquire().is_none());
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_cancel_during_acquire
#[test]
fn a_wait_that_is_cancelled_leaves_the_permit_also_if_that_comes_back_at_the_same_time() {
    for release_first in [true, false] {
        let (semaphore, scope) = (Semaphore::new(1), CancelScope::new());
        let permit = now(semaphore.acquire()).unwrap();
        let mut wait = waiting(scope.enter(semaphore.acquire()));
        scope.cancel();
        if release_first {
            drop(permit);
            assert!(wait.assert_ready().is_ok(), "by R3");
        } else {
            assert!(wait.assert_ready().is_err());
            drop(permit);
        }
        assert_eq!(semaphore.available_permits(), 1);
    }
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_max_value
#[test]
fn a_semaphore_tells_how_many_it_may_have() {
    assert_eq!(Semaphore::with_max(0, 2).max_permits(), Some(2));
    assert_eq!(Semaphore::new(0).max_permits(), None);
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_max_value_exceeded
#[test]
fn more_permits_than_it_may_have_are_refused() {
    let semaphore = Semaphore::with_max(1, 2);
    semaphore.add_permits(1).unwrap();
    let error = semaphore.add_permits(1).unwrap_err();
    assert_eq!(error.to_string(), "the semaphore may have 2 permits at most");
    assert_eq!(semaphore.available_permits(), 2);
    // Those that are out count: they come back.
    let _permit = semaphore.try_acquire().unwrap();
    assert!(semaphore.add_permits(1).is_err());
}

#[test]
fn without_a_limit_there_may_be_as_many_as_can_be_counted() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(semaphore.add_permits(1).is_err());
    assert!(semaphore.add_permits(usize::MAX).is_err());
    let permit = semaphore.try_acquire_many(Semaphore::MAX_PERMITS).unwrap();
    assert_eq!(semaphore.available_permits(), 0);
    drop(permit);
    assert_eq!(semaphore.available_permits(), Semaphore::MAX_PERMITS);
}

#[test]
#[should_panic(expected = "Semaphore::with_max: 3 permits are more than 2: begin with fewer")]
fn a_beginning_above_the_limit_panics() {
    let _ = Semaphore::with_max(3, 2);
}

#[test]
#[should_panic(expected = "Semaphore::new: ")]
fn a_beginning_above_what_can_be_counted_panics() {
    let _ = Semaphore::new(usize::MAX);
}

#[test]
#[should_panic(expected = "Semaphore::acquire_many: there are never 3 permits, at most 2: ask for fewer")]
fn a_wait_for_more_than_there_can_be_panics() {
    drop(Semaphore::with_max(1, 2).acquire_many(3));
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_statistics
#[test]
fn statistics_tell_how_many_wait_and_how_many_are_free() {
    let semaphore = Semaphore::new(1);
    assert_eq!(semaphore.statistics().tasks_waiting, 0);
    let permit = now(semaphore.acquire()).unwrap();
    assert_eq!(semaphore.statistics().tasks_waiting, 0);
    let first = waiting(semaphore.acquire());
    assert_eq!(semaphore.statistics().tasks_waiting, 1);
    let second = waiting(semaphore.acquire());
    assert_eq!(semaphore.statistics().tasks_waiting, 2);
    assert_eq!(semaphore.statistics().available_permits, 0);
    drop((permit, first, second));
    assert_eq!((semaphore.statistics().tasks_waiting, semaphore.statistics().available_permits), (0, 1));
}

// H1; anyio: tests/test_synchronization.py::TestSemaphore::test_acquire_race
#[test]
fn a_permit_that_was_handed_over_is_not_there_for_try_acquire() {
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    let mut wait = waiting(semaphore.acquire());
    drop(permit);
    assert!(semaphore.try_acquire().is_none());
    assert!(wait.assert_ready().is_ok());
    assert!(semaphore.try_acquire().is_some());
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_asyncio_deadlock
#[test]
fn a_task_that_is_dropped_while_it_waits_does_not_hold_up_the_next() {
    let semaphore = Semaphore::new(1);
    let permit = now(semaphore.acquire()).unwrap();
    let (first, mut second) = (waiting(semaphore.acquire()), waiting(semaphore.acquire()));
    drop(first);
    drop(permit);
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_cancel_after_release
#[test]
fn a_permit_that_was_handed_to_a_task_that_is_then_dropped_is_free_again() {
    let semaphore = Semaphore::with_max(0, 1);
    let wait = waiting(semaphore.acquire());
    semaphore.add_permits(1).unwrap();
    assert_eq!(semaphore.available_permits(), 0);
    drop(wait);
    assert_eq!((semaphore.available_permits(), semaphore.statistics().tasks_waiting), (1, 0));
    assert!(semaphore.try_acquire().is_some());
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_cancelled_after_acquire
#[test]
fn a_permit_whose_first_waiter_is_cancelled_goes_to_whoever_comes() {
    let (semaphore, scope) = (Semaphore::with_max(1, 1), CancelScope::new());
    let permit = semaphore.try_acquire().unwrap();
    let mut first = waiting(scope.enter(semaphore.acquire()));
    scope.cancel();
    drop(permit);
    assert_eq!(semaphore.statistics().tasks_waiting, 0);
    let mut second = waiting(semaphore.acquire());
    drop(first.assert_ready());
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

// anyio: tests/test_synchronization.py::TestSemaphore::test_instantiate_outside_event_loop
#[test]
fn it_is_made_and_used_on_any_thread() {
    let semaphore = Semaphore::with_max(1, 3);
    assert_eq!((semaphore.available_permits(), semaphore.max_permits()), (1, Some(3)));
    let other = semaphore.clone();
    let permit = thread::spawn(move || futures::executor::block_on(other.acquire()).unwrap()).join().unwrap();
    assert_eq!(semaphore.available_permits(), 0);
    thread::spawn(move || drop(permit)).join().unwrap();
    assert_eq!(semaphore.available_permits(), 1);
}

// H1
#[test]
fn permits_are_granted_in_the_order_in_which_they_were_asked_for() {
    let semaphore = Semaphore::new(0);
    let mut waits: Vec<_> = (0..6).map(|_| waiting(semaphore.acquire())).collect();
    for wait in &waits {
        assert!(!wait.is_woken());
        semaphore.add_permits(1).unwrap();
        assert!(wait.is_woken());
    }
    // The order in which they are polled is another.
    for wait in waits.iter_mut().rev() {
        wait.assert_ready().unwrap().forget();
    }
}

// async-lock#18
#[test]
fn several_that_are_added_at_once_wake_as_many() {
    let semaphore = Semaphore::new(0);
    let mut waits: Vec<_> = (0..7).map(|_| waiting(semaphore.acquire())).collect();
    semaphore.add_permits(6).unwrap();
    assert_eq!(waits.iter().filter(|wait| wait.is_woken()).count(), 6);
    semaphore.add_permits(3).unwrap();
    assert_eq!(semaphore.available_permits(), 2);
    for wait in &mut waits {
        wait.assert_ready().unwrap().forget();
    }
    assert_eq!(semaphore.available_permits(), 2);
}

// H1
#[test]
fn who_wants_many_is_not_overtaken_by_who_wants_few() {
    let semaphore = Semaphore::new(2);
    let mut many = waiting(semaphore.acquire_many(3));
    assert_eq!(semaphore.statistics().available_permits, 2);
    let mut one = waiting(semaphore.acquire());
    assert!(semaphore.try_acquire().is_none());
    semaphore.add_permits(1).unwrap();
    let permits = many.assert_ready().unwrap();
    assert_eq!(permits.count(), 3);
    assert!(!one.is_woken());
    drop(permits);
    assert!(one.assert_ready().is_ok());
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn who_wants_many_and_gives_up_lets_all_pass_for_whom_there_is_enough() {
    let (semaphore, scope) = (Semaphore::new(2), CancelScope::new());
    let mut many = waiting(scope.enter(semaphore.acquire_many(3)));
    let mut others = [(); 3].map(|()| waiting(semaphore.acquire()));
    scope.cancel();
    assert!(many.assert_ready().is_err());
    assert_eq!(others.each_ref().map(|other| other.is_woken()), [true, true, false]);
    drop(others[1].assert_ready());
    assert!(others[2].is_woken());
}

#[test]
fn many_that_were_granted_and_not_taken_pass_on_to_many() {
    let semaphore = Semaphore::new(0);
    let many = waiting(semaphore.acquire_many(3));
    let mut others = [(); 3].map(|()| waiting(semaphore.acquire()));
    semaphore.add_permits(3).unwrap();
    drop(many);
    assert!(others.iter_mut().all(|other| other.is_woken() && other.assert_ready().is_ok()));
}

#[test]
fn none_are_had_at_once_when_nobody_waits() {
    let semaphore = Semaphore::new(0);
    assert_eq!(now(semaphore.acquire_many(0)).unwrap().count(), 0);
    let wait = waiting(semaphore.acquire());
    let mut none = waiting(semaphore.acquire_many(0));
    drop(wait);
    assert!(none.is_woken() && none.assert_ready().is_ok());
}

#[test]
fn permits_that_are_forgotten_are_gone_and_may_be_made_anew() {
    let semaphore = Semaphore::with_max(2, 2);
    semaphore.try_acquire().unwrap().forget();
    assert_eq!(semaphore.available_permits(), 1);
    semaphore.add_permits(1).unwrap();
    assert!(semaphore.add_permits(1).is_err());
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn a_permit_keeps_the_semaphore_and_goes_back_to_the_one_it_came_from() {
    let (one, other) = (Semaphore::new(1), Semaphore::new(1));
    let permit = one.clone().try_acquire().unwrap();
    assert_eq!((one.available_permits(), other.available_permits()), (0, 1));
    drop(permit);
    assert_eq!((one.available_permits(), other.available_permits()), (1, 1));
}

#[test]
fn it_shows_itself() {
    let semaphore = Semaphore::new(2);
    let permit = semaphore.try_acquire().unwrap();
    assert_eq!(format!("{semaphore:?}"), "Semaphore { available_permits: 1, tasks_waiting: 0 }");
    assert_eq!(format!("{permit:?}"), "SemaphorePermit { count: 1, .. }");
    assert!(format!("{:?}", semaphore.acquire_many(2)).contains("\"acquire_many\""));
}
