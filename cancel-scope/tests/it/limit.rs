use std::{io, time::Duration};

use anyio_cancel_scope::{
    BoxError, CancelError, CancelScope, Cancelled, Cause, Clock, TimedOut, VirtualClock, checkpoint, fail_after,
    fail_at, move_on_after, move_on_at, now, sleep, sleep_forever,
};

use crate::support::{Probe, SECOND, Slot};

async fn forever<E: From<Cancelled>>() -> Result<(), E> {
    sleep_forever().await?;
    Ok(())
}

fn timed_out(error: &BoxError) -> &TimedOut {
    error.downcast_ref().unwrap_or_else(|| panic!("not timed out: {error:?}"))
}

// anyio: tests/test_taskgroups.py::test_move_on_after
#[test]
fn move_on_after_gives_none_when_the_time_is_up() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(move_on_after(SECOND, forever::<Cancelled>())));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

// anyio: tests/test_taskgroups.py::test_move_on_after_no_timeout
#[test]
fn move_on_after_gives_the_value_when_it_is_in_time() {
    let (clock, slot) = (VirtualClock::new(), Slot::default());
    let mut run = Probe::new(clock.run(move_on_after(SECOND, slot.take())));
    run.pending();
    slot.put(8);
    assert_eq!(run.woken_ready(), Ok(Some(8)));
}

// anyio: tests/test_taskgroups.py::test_fail_after
// anyio: tests/test_taskgroups.py::test_fail_after_reason (here the name says what was limited)
#[test]
fn fail_after_fails_when_the_time_is_up() {
    let clock = VirtualClock::new();
    let mut run =
        Probe::new(clock.run(CancelScope::new().named("load").enter(fail_after(SECOND, forever::<BoxError>()))));
    let line = line!() - 1;
    run.pending();
    clock.advance(SECOND);
    let error = run.woken_ready().unwrap_err();
    let timed_out = timed_out(&error);
    assert_eq!((timed_out.limit(), timed_out.name()), (SECOND, Some("load")));
    assert_eq!((timed_out.location().file(), timed_out.location().line()), (file!(), line));
    assert!(!error.is_cancelled());
}

// anyio: tests/test_taskgroups.py::test_fail_at
// anyio: tests/test_taskgroups.py::test_fail_at_reason (here the name says what was limited)
#[test]
fn fail_at_tells_the_time_that_there_was() {
    let clock = VirtualClock::new();
    let scope = CancelScope::new().named("load");
    let mut run = Probe::new(clock.run(scope.enter(fail_at(clock.now() + 3 * SECOND, forever::<BoxError>()))));
    clock.advance(SECOND);
    run.pending();
    clock.advance(2 * SECOND);
    let error = run.woken_ready().unwrap_err();
    assert_eq!((timed_out(&error).limit(), timed_out(&error).name()), (2 * SECOND, Some("load")));
}

// anyio: tests/test_taskgroups.py::test_fail_after_no_timeout
#[test]
fn fail_after_gives_the_value_when_it_is_in_time() {
    let mut run = Probe::new(fail_after(SECOND, async { io::Result::Ok(1) }));
    assert_eq!(run.ready().unwrap(), 1);
}

// anyio: tests/test_taskgroups.py::test_fail_at_no_timeout
// anyio: tests/test_taskgroups.py::test_move_on_at_no_timeout
#[test]
fn absolute_limits_give_the_value_when_it_is_in_time() {
    let (clock, slot) = (VirtualClock::new(), Slot::default());
    let at = clock.now() + SECOND;
    let mut moves = Probe::new(clock.run(move_on_at(at, slot.take())));
    moves.pending();
    slot.put(1);
    assert_eq!(moves.woken_ready(), Ok(Some(1)));
    let mut fails = Probe::new(clock.run(fail_at(at, async { Ok::<_, BoxError>(slot.take().await?) })));
    assert!(fails.poll().is_pending());
    slot.put(2);
    assert_eq!(fails.woken_ready().unwrap(), 2);
    assert_eq!(clock.alarms(), 0);
}

// C12; anyio: tests/test_taskgroups.py::test_fail_after_cancelled_before_deadline
#[test]
fn an_explicit_cancel_before_the_deadline_is_no_time_out() {
    let clock = VirtualClock::new();
    let scope = CancelScope::after(SECOND);
    let mut run = Probe::new(clock.run(scope.run(forever::<BoxError>())));
    run.pending();
    scope.cancel_because("enough");
    clock.advance(2 * SECOND);
    assert!(run.woken_ready().unwrap().is_none());
    assert_eq!(scope.cause(), Some(Cause::Called(Some("enough".into()))));
}

// anyio: tests/test_taskgroups.py::test_fail_after_scope_cancelled_before_timeout (xfail there)
#[test]
fn an_enclosing_cancel_before_the_deadline_is_no_time_out_though_the_exit_comes_later() {
    let (clock, slot) = (VirtualClock::new(), Slot::default());
    let scope = CancelScope::new();
    let mut run = Probe::new(clock.run(scope.run(fail_after(SECOND, async {
        sleep_forever().await.unwrap_err();
        anyio_cancel_scope::shield(slot.take()).await?;
        checkpoint().await?;
        Ok::<_, BoxError>(())
    }))));
    run.pending();
    scope.cancel();
    assert!(run.poll().is_pending());
    clock.advance(2 * SECOND);
    slot.put(0);
    assert!(run.drive_ready().unwrap().is_none());
    assert!(scope.cancelled_caught());
}

// C12; anyio: tests/test_taskgroups.py::test_fail_after_after_cancellation
#[test]
fn the_bodys_own_error_replaces_the_time_out() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(fail_after(SECOND, async {
        sleep_forever().await.unwrap_err();
        Err::<(), BoxError>("broken".into())
    })));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready().unwrap_err().to_string(), "broken");
}

// C12
#[test]
fn a_time_that_passed_without_a_checkpoint_is_no_time_out() {
    let clock = VirtualClock::new();
    let during = clock.clone();
    let mut run = Probe::new(clock.run(fail_after(SECOND, async {
        during.advance(2 * SECOND);
        Ok::<_, BoxError>("late, but done")
    })));
    assert_eq!(run.ready().unwrap(), "late, but done");
}

// anyio: tests/test_taskgroups.py::test_nested_fail_after
#[test]
fn the_outer_limit_that_comes_first_is_the_one_that_is_told() {
    let clock = VirtualClock::new();
    let inner = async { CancelScope::new().named("inner").enter(fail_after(2 * SECOND, forever::<BoxError>())).await };
    let mut run = Probe::new(clock.run(CancelScope::new().named("outer").enter(fail_after(SECOND, inner))));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(timed_out(&run.woken_ready().unwrap_err()).name(), Some("outer"));
}

// R7, R9; section 5: "same deadline on both"
#[test]
fn with_the_same_limit_twice_the_outer_one_is_told() {
    let clock = VirtualClock::new();
    let inner = async { CancelScope::new().named("inner").enter(fail_after(SECOND, forever::<BoxError>())).await };
    let mut run = Probe::new(clock.run(CancelScope::new().named("outer").enter(fail_after(SECOND, inner))));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(timed_out(&run.woken_ready().unwrap_err()).name(), Some("outer"));
}

#[test]
fn the_inner_limit_that_comes_first_can_be_handled_inside() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(fail_after(3 * SECOND, async {
        assert!(timed_out(&fail_after(SECOND, forever::<BoxError>()).await.unwrap_err()).limit() == SECOND);
        sleep(SECOND).await?;
        Ok::<_, BoxError>("went on")
    })));
    run.pending();
    clock.advance(SECOND);
    assert!(run.poll().is_pending());
    clock.advance(SECOND);
    assert_eq!(run.woken_ready().unwrap(), "went on");
}

#[test]
fn a_stray_cancelled_is_no_time_out() {
    let dead = CancelScope::new();
    dead.cancel();
    let stray = Probe::new(dead.enter(checkpoint())).ready().unwrap_err();
    let error = Probe::new(fail_after(SECOND, async { Err::<(), BoxError>(stray.into()) })).ready().unwrap_err();
    assert!(error.is_cancelled());
}

#[test]
fn a_limit_that_overflows_never_passes() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(fail_after(Duration::MAX, forever::<BoxError>())));
    run.pending();
    assert_eq!(clock.alarms(), 0);
}

#[test]
fn fail_at_the_past_lets_the_body_run_to_its_first_checkpoint() {
    let mut reached = false;
    let body = async {
        reached = true;
        forever::<io::Error>().await
    };
    let error = Probe::new(fail_at(now() - SECOND, body)).ready().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(reached);
}

#[test]
fn a_limit_in_a_loop_is_a_new_one_each_time() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(async {
        let mut rounds = 0;
        while rounds < 3 {
            rounds += usize::from(move_on_after(SECOND, sleep_forever()).await?.is_none());
        }
        Ok::<_, Cancelled>(rounds)
    }));
    run.pending();
    for _ in 0..2 {
        clock.advance(SECOND);
        assert!(run.poll().is_pending());
    }
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(3));
}
