use anyio_cancel_scope::{
    CancelExt, CancelScope, Cancelled, Cause, VirtualClock, cancel_cause, checkpoint, shield, sleep_forever,
};

use crate::support::{Probe, SECOND, forever};

// R10; anyio: tests/test_taskgroups.py::test_cancel_reason
#[test]
fn a_scope_remembers_its_reason_and_the_code_inside_is_told() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(async {
        let result = sleep_forever().await;
        assert_eq!(cancel_cause(), Some(Cause::Called(Some("shutting down".into()))));
        result
    }));
    run.pending();
    scope.cancel_because(String::from("shutting down"));
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause().unwrap().to_string(), "cancel was called: shutting down");
}

// R10
#[test]
fn a_scope_that_was_not_cancelled_has_no_cause() {
    let scope = CancelScope::new();
    assert_eq!(scope.cause(), None);
    scope.stop(SECOND);
    assert_eq!(scope.cause(), None);
}

// R10
#[test]
fn the_cause_inside_is_the_one_that_reaches_there() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    let mut run = Probe::new(outer.run(async {
        let result = inner.run(sleep_forever()).await;
        assert_eq!(cancel_cause(), Some(Cause::Called(Some("outer".into()))));
        assert_eq!(inner.cause(), None);
        result.map(|_| ())
    }));
    run.pending();
    outer.cancel_because("outer");
    assert_eq!(run.woken_ready(), Ok(None));
}

// R8, R10
#[test]
fn behind_a_shield_there_is_no_cause() {
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(scope.run(async {
        assert_eq!(cancel_cause(), Some(Cause::Called(None)));
        shield(async { assert_eq!(cancel_cause(), None) }).await;
        checkpoint().await
    }));
    assert_eq!(run.ready(), Ok(None));
}

// R10
#[test]
fn each_way_of_being_cancelled_has_its_cause() {
    let ways: [(fn(&CancelScope, &CancelScope), Cause); 4] = [
        (|scope, _| scope.cancel(), Cause::Called(None)),
        (|_, _| {}, Cause::Deadline),
        (|scope, _| scope.stop(SECOND / 2), Cause::Stopped),
        (|_, pool| pool.cancel(), Cause::Linked),
    ];
    for (way, cause) in ways {
        let (clock, pool) = (VirtualClock::new(), CancelScope::new());
        let scope = CancelScope::after(SECOND).linked(&pool);
        let expected = cause.clone();
        let mut run = Probe::new(clock.run(scope.run(async {
            let result = sleep_forever().await;
            assert_eq!(cancel_cause(), Some(expected));
            result
        })));
        run.pending();
        way(&scope, &pool);
        clock.advance(SECOND);
        assert_eq!(run.woken_ready(), Ok(None));
        assert_eq!(scope.cause(), Some(cause));
    }
}

// R10
#[test]
fn a_cause_that_came_first_stays() {
    let clock = VirtualClock::new();
    let scope = CancelScope::after(SECOND);
    let mut run = Probe::new(clock.run(scope.run(forever())));
    run.pending();
    clock.advance(SECOND);
    scope.cancel_because("too late");
    assert_eq!(scope.cause(), Some(Cause::Deadline));
}

#[test]
fn the_cause_in_bound_work_is_that_of_its_scope() {
    let owner = CancelScope::new();
    owner.cancel_because("pool closed");
    let work = async {
        checkpoint().await.unwrap_err();
        cancel_cause()
    };
    assert_eq!(Probe::new(work.in_scope(&owner)).ready(), Some(Cause::Called(Some("pool closed".into()))));
}

#[test]
fn every_cause_can_be_read() {
    let texts = [
        (Cause::Called(None), "cancel was called"),
        (Cause::Deadline, "the deadline passed"),
        (Cause::TaskFailed, "a task of the group failed"),
        (Cause::Stopped, "the grace of a stop ran out"),
        (Cause::Linked, "a linked scope was cancelled"),
        (Cause::Signal(15), "signal 15 was received"),
    ];
    for (cause, text) in texts {
        assert_eq!(cause.to_string(), text);
    }
}

#[test]
fn cancelled_is_a_small_value_with_a_short_text() {
    let scope = CancelScope::new();
    scope.cancel();
    let cancelled: Cancelled = Probe::new(scope.enter(checkpoint())).ready().unwrap_err();
    assert_eq!((format!("{cancelled}"), format!("{cancelled:?}")), ("cancelled".into(), "Cancelled".into()));
    assert_eq!(size_of::<Cancelled>(), 0);
}
