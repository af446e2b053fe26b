use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyio_future_contract::ReentrantWaker;

#[test]
fn calls_at_each_wake_up_and_at_the_drop_of_the_last_copy() {
    let (wakes, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counter = |count: &Arc<AtomicUsize>| {
        let count = Arc::clone(count);
        move || {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    let counted = || (wakes.load(Ordering::SeqCst), drops.load(Ordering::SeqCst));

    let waker = ReentrantWaker::new().on_wake(counter(&wakes)).on_drop(counter(&drops)).into_waker();
    waker.wake_by_ref();
    assert_eq!(counted(), (1, 0));
    waker.wake_by_ref();
    assert_eq!(counted(), (2, 0));
    drop(waker.clone());
    assert_eq!(counted(), (2, 0));
    waker.wake();
    assert_eq!(counted(), (3, 1));
}

#[test]
fn calls_at_each_clone() {
    let [clones, wakes, drops] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
    let counter = |count: &Arc<AtomicUsize>| {
        let count = Arc::clone(count);
        move || {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    let counted = || [&clones, &wakes, &drops].map(|count| count.load(Ordering::SeqCst));

    let waker = ReentrantWaker::new().on_clone(counter(&clones)).on_wake(counter(&wakes)).on_drop(counter(&drops));
    let waker = waker.into_waker();
    assert_eq!(counted(), [0, 0, 0]);
    let copy = waker.clone();
    assert_eq!(counted(), [1, 0, 0]);
    copy.wake_by_ref();
    copy.wake();
    assert_eq!(counted(), [1, 2, 0]);
    drop(waker);
    assert_eq!(counted(), [1, 2, 1]);
}

#[test]
fn does_nothing_unless_told() {
    ReentrantWaker::new().into_waker().wake();
}
