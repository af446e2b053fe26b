//! One claim per test about the wakers on their way out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use anyio_wait_queue::WakeList;

use crate::common::{Wakes, noop};

struct Named(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

struct Panics(&'static str);

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("{}", self.0);
    }
}

#[test]
fn all_are_woken_once_and_in_order() {
    for count in [0, 1, 3, 4, 5, 100] {
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut list = WakeList::new();
        for name in 0..count {
            list.push(Waker::from(Arc::new(Named(name, woken.clone()))));
        }
        assert_eq!((list.len(), list.is_empty()), (count, count == 0));
        list.wake();
        assert_eq!(*woken.lock().unwrap(), (0..count).collect::<Vec<_>>());
    }
}

#[test]
fn an_appended_list_is_woken_after_the_first_in_its_order() {
    for first in [0, 1, 3, 4, 5, 10] {
        for second in [0, 1, 3, 4, 5, 10] {
            let woken = Arc::new(Mutex::new(Vec::new()));
            let named = |names: std::ops::Range<usize>| {
                let mut list = WakeList::new();
                names.for_each(|name| list.push(Waker::from(Arc::new(Named(name, woken.clone())))));
                list
            };
            let mut list = named(0..first);
            list.append(named(first..first + second));
            assert_eq!((list.len(), list.is_empty()), (first + second, first + second == 0));
            assert!(woken.lock().unwrap().is_empty(), "appending wakes nobody");
            list.wake();
            assert_eq!(*woken.lock().unwrap(), (0..first + second).collect::<Vec<_>>());
        }
    }
}

#[test]
fn dropping_the_list_wakes_nobody() {
    let wakes = Wakes::new();
    let mut list = WakeList::default();
    list.push(wakes.clone().into());
    drop(list);
    assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (0, 1));
}

#[test]
fn a_waker_that_panics_does_not_keep_the_others_asleep() {
    let wakes = Wakes::new();
    let mut list = WakeList::new();
    for _ in 0..3 {
        list.push(wakes.clone().into());
    }
    list.push(Arc::new(Panics("first")).into());
    list.push(Arc::new(Panics("second")).into());
    list.push(wakes.clone().into());

    let panic = catch_unwind(AssertUnwindSafe(|| list.wake())).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "first");
    assert_eq!(wakes.count(), 4);
}

#[test]
fn debug_shows_how_many() {
    let mut list = WakeList::new();
    list.push(noop());
    assert_eq!(format!("{list:?}"), "WakeList { len: 1 }");
}
