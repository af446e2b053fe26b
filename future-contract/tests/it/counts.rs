use anyio_future_contract::Counts;

#[test]
fn counts_wake_ups_by_value_and_by_reference() {
    let counts = Counts::new();
    let waker = counts.waker();
    waker.wake_by_ref();
    waker.wake_by_ref();
    assert_eq!(counts.wakes(), 2);
    waker.wake();
    assert_eq!(counts.wakes(), 3);
}

#[test]
fn counts_the_copies_that_live() {
    let counts = Counts::new();
    assert_eq!(counts.live_wakers(), 0);
    let waker = counts.waker();
    let copy = waker.clone();
    assert_eq!(counts.live_wakers(), 2);
    drop(waker);
    assert_eq!(counts.live_wakers(), 1);
    copy.wake();
    assert_eq!(counts.live_wakers(), 0);
}

#[test]
fn all_copies_of_one_waker_are_the_same() {
    let counts = Counts::new();
    let waker = counts.waker();
    let copy = waker.clone();
    assert!(waker.will_wake(&counts.waker()) && waker.will_wake(&copy));
    assert!(!waker.will_wake(&Counts::new().waker()));
}
