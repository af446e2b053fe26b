use std::{io, rc::Rc, thread};

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::run_all;
use anyio_sync::{Event, SetOnce};

use crate::support::{now, waiting};

// anyio: tests/test_futures.py::test_result
#[test]
fn a_value_that_is_set_is_what_a_wait_gives() {
    let value = SetOnce::new();
    assert_eq!(value.set(1), Ok(()));
    assert_eq!(now(value.wait()), Ok(&1));
}

// anyio: tests/test_futures.py::test_disallowing_multiple_results
#[test]
fn a_second_value_comes_back() {
    let value = SetOnce::new();
    assert_eq!(value.set("first"), Ok(()));
    assert_eq!(value.set("second"), Err("second"));
    assert_eq!(value.get(), Some(&"first"));
}

// anyio: tests/test_futures.py::test_waiting_for_result
#[test]
fn a_wait_that_came_first_is_woken_by_the_value() {
    let value = SetOnce::new();
    let mut wait = waiting(value.wait());
    value.set(2).unwrap();
    assert!(wait.is_woken());
    assert_eq!(wait.assert_ready(), Ok(&2));
}

// anyio: tests/test_futures.py::test_waiting_with_wait
#[test]
fn after_a_wait_the_value_is_there_to_get() {
    let (value, begin) = (SetOnce::new(), Event::new());
    for seed in 0..10 {
        run_all(
            seed,
            vec![
                Box::pin(async {
                    value.wait().await.unwrap();
                    assert_eq!(value.get(), Some(&2));
                }),
                Box::pin(async {
                    begin.wait().await.unwrap();
                    let _ = value.set(2);
                }),
                Box::pin(async { begin.set() }),
            ],
        );
    }
}

// anyio: tests/test_futures.py::test_raising_exception
#[test]
fn an_error_is_a_value_like_another() {
    let outcome = SetOnce::<Result<u32, io::Error>>::new();
    let mut wait = waiting(outcome.wait());
    outcome.set(Err(io::Error::other("testing"))).unwrap();
    assert_eq!(wait.assert_ready().unwrap().as_ref().unwrap_err().to_string(), "testing");
}

// anyio: tests/test_futures.py::test_exception_when_future_failed
#[test]
fn an_error_that_is_set_can_be_looked_at_without_a_wait() {
    let outcome = SetOnce::<Result<u32, &str>>::from(Err("foo"));
    assert_eq!(outcome.get(), Some(&Err("foo")));
}

// anyio: tests/test_futures.py::test_return_value_when_future_not_finished; anyio: tests/test_futures.py::test_exception_when_future_not_finished
#[test]
fn before_it_is_set_there_is_nothing_to_get() {
    assert_eq!(SetOnce::<u32>::new().get(), None);
    assert_eq!(SetOnce::<u32>::default().into_inner(), None);
}

// anyio: tests/test_futures.py::test_multiple_waiters
#[test]
fn all_who_wait_get_the_one_value() {
    let value = SetOnce::new();
    let mut waits = [(); 4].map(|()| waiting(value.wait()));
    value.set(String::from("finished")).unwrap();
    let seen = waits.each_mut().map(|wait| wait.assert_ready().unwrap());
    assert!(seen.iter().all(|seen| std::ptr::eq(*seen, seen_first(&value))));
}

fn seen_first(value: &SetOnce<String>) -> &String {
    value.get().unwrap()
}

// anyio: tests/test_futures.py::test_cancelled_waiter_allows_other
#[test]
fn a_waiter_that_is_cancelled_leaves_the_others_alone() {
    let (value, scope) = (SetOnce::new(), CancelScope::new());
    let (mut first, mut second) = (waiting(scope.enter(value.wait())), waiting(value.wait()));
    scope.cancel();
    assert!(first.assert_ready().is_err());
    assert_eq!(value.statistics().tasks_waiting, 1);
    value.set("finished").unwrap();
    assert_eq!(second.assert_ready(), Ok(&"finished"));
}

#[test]
fn statistics_tell_whether_it_is_set_and_who_waits() {
    let value = SetOnce::new();
    let wait = waiting(value.wait());
    let statistics = value.statistics();
    assert_eq!((statistics.is_set, statistics.tasks_waiting), (false, 1));
    value.set(()).unwrap();
    let statistics = value.statistics();
    assert_eq!((statistics.is_set, statistics.tasks_waiting), (true, 0));
    drop(wait);
}

// anyio: tests/test_futures.py::test_repr
#[test]
fn it_shows_itself() {
    let value = SetOnce::new();
    assert_eq!(format!("{value:?}"), "SetOnce { value: None, tasks_waiting: 0 }");
    value.set(7).unwrap();
    assert_eq!(format!("{value:?}"), "SetOnce { value: Some(7), tasks_waiting: 0 }");
}

#[test]
fn a_static_is_set_by_one_thread_and_awaited_by_others() {
    static VALUE: SetOnce<usize> = SetOnce::new();
    let waits = [(); 3].map(|()| thread::spawn(|| *futures::executor::block_on(VALUE.wait()).unwrap()));
    let sets = [1, 2].map(|value| thread::spawn(move || VALUE.set(value).is_ok()));
    let won = sets.map(|set| set.join().unwrap());
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    assert!(waits.into_iter().all(|wait| wait.join().unwrap() == *VALUE.get().unwrap()));
}

#[test]
fn a_value_of_one_thread_may_be_awaited_there() {
    let value = SetOnce::new();
    value.set(Rc::new(1)).unwrap();
    assert_eq!(**now(value.wait()).unwrap(), 1);
    assert_eq!(*value.into_inner().unwrap(), 1);
}
