//! What every wait of this crate does about cancellation. Each claim is made of each of them.

use anyio_cancel_scope::{CancelScope, checkpoint, shield};

use crate::support::{cancelled_scope, cases, fresh_budget, polled, polled_once, waiting};

// R4
#[test]
fn entered_in_a_cancelled_scope_a_wait_takes_nothing_though_it_is_free() {
    for case in cases().into_iter().filter(|case| case.keeps) {
        (case.free)();
        let mut wait = polled(cancelled_scope().enter((case.wait)()));
        assert!(wait.assert_ready().is_err(), "{}", case.name);
        assert_eq!(((case.waiting)(), (case.is_free)()), (0, true), "{}", case.name);
    }
}

// R4
#[test]
fn entered_in_a_cancelled_scope_a_wait_does_not_wait() {
    for case in cases() {
        let mut wait = polled(cancelled_scope().enter((case.wait)()));
        assert!(wait.assert_ready().is_err(), "{}", case.name);
        assert_eq!((case.waiting)(), 0, "{}", case.name);
    }
}

// R1
#[test]
fn a_wait_that_is_cancelled_is_woken_and_out_of_line() {
    for case in cases() {
        let scope = CancelScope::new();
        let mut wait = waiting(scope.enter((case.wait)()));
        assert_eq!((case.waiting)(), 1, "{}", case.name);
        scope.cancel();
        assert!(wait.is_woken(), "{}", case.name);
        assert!(wait.assert_ready().is_err(), "{}", case.name);
        assert_eq!((case.waiting)(), 0, "{}", case.name);
        assert_eq!(wait.into_counts().live_wakers(), 0, "{}", case.name);
        if case.keeps {
            (case.free)();
            assert!((case.is_free)(), "{}", case.name);
        }
    }
}

// R3
#[test]
fn what_was_handed_over_before_the_cancellation_is_returned() {
    for case in cases() {
        let scope = CancelScope::new();
        let mut wait = waiting(scope.enter(async {
            (case.wait)().await?;
            Ok::<_, anyio_cancel_scope::Cancelled>(checkpoint().await)
        }));
        (case.free)();
        scope.cancel();
        // The next checkpoint is the first that is cancelled.
        assert!(matches!(wait.assert_ready(), Ok(Err(_))), "{}", case.name);
    }
}

// R3: one that is cancelled and was not polled since is in line.
#[test]
fn what_comes_between_the_cancellation_and_the_poll_is_taken() {
    for case in cases() {
        let scope = CancelScope::new();
        let mut wait = waiting(scope.enter((case.wait)()));
        scope.cancel();
        assert_eq!((case.waiting)(), 1, "{}", case.name);
        (case.free)();
        assert!(wait.assert_ready().is_ok(), "{}", case.name);
    }
}

// R2, R8
#[test]
fn a_shielded_wait_goes_on() {
    for case in cases() {
        let scope = CancelScope::new();
        let mut wait = polled(scope.enter(shield((case.wait)())));
        wait.assert_pending();
        scope.cancel();
        wait.assert_pending();
        (case.free)();
        assert!(wait.is_woken(), "{}", case.name);
        assert!(wait.assert_ready().is_ok(), "{}", case.name);
    }
}

// R12
#[test]
fn the_128th_wait_yields_before_it_takes_anything() {
    for case in cases().into_iter().filter(|case| case.keeps) {
        (case.free)();
        let mut wait = polled((case.wait)());
        for _ in 0..127 {
            assert!(polled_once(checkpoint()).is_ready());
        }
        wait.assert_pending();
        assert!(wait.is_woken(), "{}", case.name);
        assert_eq!((case.waiting)(), 0, "{}", case.name);
        if !case.name.starts_with("condition") {
            assert!((case.is_free)(), "{}", case.name);
        }
        assert!(wait.assert_ready().is_ok(), "{}", case.name);
    }
}

// R12
#[test]
fn a_wait_that_has_begun_is_not_delayed_and_counts_once() {
    for case in cases() {
        let mut wait = waiting((case.wait)());
        (case.free)();
        for _ in 0..126 {
            assert!(polled_once(checkpoint()).is_ready(), "{}", case.name);
        }
        assert!(wait.assert_ready().is_ok(), "{}", case.name);
        assert!(polled_once(checkpoint()).is_pending(), "{}", case.name);
        fresh_budget();
    }
}

// R12: the yield comes while nothing is taken, so a cancellation that comes meanwhile finds the operation not entered.
#[test]
fn a_wait_that_is_cancelled_while_it_yields_takes_nothing() {
    for case in cases().into_iter().filter(|case| case.keeps) {
        (case.free)();
        let scope = CancelScope::new();
        let mut wait = polled(scope.enter((case.wait)()));
        for _ in 0..127 {
            assert!(polled_once(checkpoint()).is_ready());
        }
        wait.assert_pending();
        scope.cancel();
        assert!(wait.assert_ready().is_err(), "{}", case.name);
        assert_eq!(((case.waiting)(), (case.is_free)()), (0, true), "{}", case.name);
    }
}

// H1, H2
#[test]
fn one_that_is_cancelled_in_the_middle_lets_the_others_keep_their_order() {
    for case in cases().into_iter().filter(|case| case.for_one) {
        let scope = CancelScope::new();
        let mut first = waiting((case.wait)());
        let mut second = waiting(scope.enter((case.wait)()));
        let mut third = waiting((case.wait)());
        scope.cancel();
        assert!(second.assert_ready().is_err(), "{}", case.name);
        (case.free)();
        assert_eq!((first.is_woken(), third.is_woken()), (true, false), "{}", case.name);
        assert!(first.assert_ready().is_ok(), "{}", case.name);
        if !third.is_woken() {
            (case.free)();
        }
        assert!(third.is_woken(), "{}", case.name);
        assert!(third.assert_ready().is_ok(), "{}", case.name);
    }
}

// H2
#[test]
fn one_that_is_dropped_after_its_grant_passes_it_on() {
    for case in cases().into_iter().filter(|case| case.for_one) {
        let (first, mut second) = (waiting((case.wait)()), waiting((case.wait)()));
        (case.free)();
        assert_eq!((first.is_woken(), second.is_woken()), (true, false), "{}", case.name);
        drop(first);
        assert!(second.is_woken(), "{}", case.name);
        assert!(second.assert_ready().is_ok(), "{}", case.name);
    }
}

// async-lock#18
#[test]
fn two_that_are_freed_wake_two() {
    for case in cases().into_iter().filter(|case| case.for_one && !case.name.starts_with("lock")) {
        let (mut first, mut second) = (waiting((case.wait)()), waiting((case.wait)()));
        (case.free)();
        (case.free)();
        assert!(first.is_woken() && second.is_woken(), "{}", case.name);
        assert!(second.assert_ready().is_ok(), "{}", case.name);
        assert!(first.assert_ready().is_ok(), "{}", case.name);
    }
}

// tokio#6450, async-lock#91: what was handed to a future that nobody polls is its own until it is dropped, not for ever.
#[test]
fn a_wait_that_is_not_polled_any_more_holds_up_the_others_only_until_it_is_dropped() {
    for case in cases().into_iter().filter(|case| case.for_one) {
        let [first, mut second, third] = [(); 3].map(|()| waiting((case.wait)()));
        (case.free)();
        assert!(first.is_woken(), "{}", case.name);
        if !case.name.starts_with("condition") {
            assert!(!(case.is_free)(), "{}", case.name);
        }
        second.assert_pending();
        assert!(!second.is_woken() && !third.is_woken(), "{}", case.name);
        drop(first);
        assert!(second.is_woken() && !third.is_woken(), "{}", case.name);
        drop(third);
        assert!(second.assert_ready().is_ok(), "{}", case.name);
        assert_eq!((case.is_free)(), case.keeps || case.name == "condition", "{}", case.name);
    }
}

#[test]
fn a_wait_that_was_not_polled_for_long_still_has_what_it_was_handed() {
    for case in cases().into_iter().filter(|case| case.for_one) {
        let (mut first, mut second) = (waiting((case.wait)()), waiting((case.wait)()));
        (case.free)();
        assert!(first.assert_ready().is_ok(), "{}", case.name);
        // A lock, a permit or a token came back; a notification is used up.
        assert_eq!(second.is_woken(), !case.name.starts_with("condition"), "{}", case.name);
        if !second.is_woken() {
            (case.free)();
        }
        assert!(second.assert_ready().is_ok(), "{}", case.name);
    }
}
