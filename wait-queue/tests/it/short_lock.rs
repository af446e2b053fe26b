//! The lock of the owners.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyio_wait_queue::ShortLock;

#[test]
fn one_at_a_time_is_inside() {
    let count = ShortLock::new(0u32);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let mut count = count.lock();
                    let seen = *count;
                    std::hint::spin_loop();
                    *count = seen + 1;
                }
            });
        }
    });
    assert_eq!(*count.lock(), 40_000);
}

/// Real time: whoever waits has to come to where it sleeps, and on from there.
#[test]
fn who_holds_it_for_long_is_waited_for() {
    let value = ShortLock::new("held");
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let mut held = value.lock();
        let waiting = scope.spawn(|| {
            tell.send(()).unwrap();
            *value.lock()
        });
        told.recv().unwrap();
        thread::sleep(Duration::from_millis(20));
        *held = "released";
        drop(held);
        assert_eq!(waiting.join().unwrap(), "released");
    });
}

#[test]
fn a_panic_releases_it_and_poisons_nothing() {
    let value = ShortLock::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut value = value.lock();
        *value = 2;
        panic!("under the lock");
    }));
    assert!(panicked.is_err());
    assert_eq!(*value.lock(), 2);
}
