use std::{sync::Arc, thread};

use anyio_cancel_scope::CancelScope;
use anyio_sync::Event;

use crate::support::{cancelled_scope, now, polled, waiting};

// anyio: tests/test_synchronization.py::TestEvent::test_event
#[test]
fn set_wakes_all_who_wait() {
    let event = Event::new();
    let mut waits = [(); 5].map(|()| waiting(event.wait()));
    assert!(!event.is_set());
    event.set();
    assert!(event.is_set());
    for wait in &mut waits {
        assert!(wait.is_woken());
        assert_eq!(wait.assert_ready(), Ok(()));
    }
}

#[test]
fn once_it_is_set_it_stays_set() {
    let event = Event::new();
    event.set();
    event.set();
    assert_eq!((now(event.wait()), now(event.wait())), (Ok(()), Ok(())));
}

// anyio: tests/test_synchronization.py::TestEvent::test_event_cancel
#[test]
fn a_wait_that_begins_in_a_cancelled_scope_is_cancelled_though_it_is_set() {
    let event = Event::new();
    event.set();
    assert!(now(cancelled_scope().enter(event.wait())).is_err());
}

// R3; anyio: tests/test_synchronization.py::TestEvent::test_event_wait_before_set_before_cancel
#[test]
fn a_waiter_that_was_woken_by_set_goes_on_though_the_setter_then_cancels_it() {
    let (event, scope) = (Event::new(), CancelScope::new());
    let mut wait = waiting(scope.enter(event.wait()));
    event.set();
    scope.cancel();
    assert_eq!(wait.assert_ready(), Ok(()));
}

// anyio: tests/test_synchronization.py::TestEvent::test_statistics
#[test]
fn statistics_tell_how_many_wait() {
    let event = Event::new();
    assert_eq!(event.statistics().tasks_waiting, 0);
    let first = waiting(event.wait());
    assert_eq!(event.statistics().tasks_waiting, 1);
    let _second = waiting(event.wait());
    assert_eq!(event.statistics().tasks_waiting, 2);
    drop(first);
    assert_eq!(event.statistics().tasks_waiting, 1);
    event.set();
    assert_eq!(event.statistics().tasks_waiting, 0);
}

// anyio: tests/test_synchronization.py::TestEvent::test_instantiate_outside_event_loop
#[test]
fn one_in_a_static_is_set_and_waited_for_by_any_thread() {
    static EVENT: Event = Event::new();
    assert_eq!((EVENT.is_set(), EVENT.statistics().tasks_waiting), (false, 0));
    let setter = thread::spawn(|| EVENT.set());
    assert_eq!(futures::executor::block_on(EVENT.wait()), Ok(()));
    setter.join().unwrap();
}

#[test]
fn it_shows_itself() {
    let event = Arc::new(Event::default());
    let wait = waiting(event.wait());
    assert_eq!(format!("{event:?}"), "Event { is_set: false, tasks_waiting: 1 }");
    assert!(format!("{wait:?}").contains("Polled"));
    drop(wait);
    assert!(format!("{:?}", event.wait()).contains("\"wait\""));
}

#[test]
fn what_was_done_before_set_is_seen_after_wait() {
    let (event, mut value) = (Event::new(), 0);
    let place = std::sync::Mutex::new(&mut value);
    thread::scope(|threads| {
        threads.spawn(|| {
            **place.lock().unwrap() = 1;
            event.set();
        });
        let mut wait = polled(event.wait());
        while wait.poll().is_pending() {
            thread::yield_now();
        }
    });
    assert_eq!(value, 1);
}
