use std::{cell::Cell, time::Duration};

use anyio_cancel_scope::{
    CancelScope, Cancelled, Cause, VirtualClock, checkpoint, fail_after, move_on_after, move_on_at, now, shield,
    sleep_forever,
};

use crate::support::{Probe, SECOND, Slot, forever, on_another_thread};

/// A scope under a virtual clock, for tests that move its deadline.
fn running(scope: &CancelScope, clock: &VirtualClock) -> Probe<'static, Result<Option<()>, Cancelled>> {
    let mut run = Probe::new(clock.run(scope.run(forever())));
    run.pending();
    run
}

// R9
#[test]
fn a_relative_limit_counts_from_the_first_poll() {
    let clock = VirtualClock::new();
    let scope = CancelScope::after(SECOND);
    let mut run = Probe::new(clock.run(scope.run(forever())));
    clock.advance(10 * SECOND);
    assert_eq!(scope.deadline(), None);
    run.pending();
    assert_eq!(scope.deadline(), clock.next_deadline());
    clock.advance(SECOND - Duration::from_nanos(1));
    run.pending();
    clock.advance(Duration::from_nanos(1));
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause(), Some(Cause::Deadline));
}

// anyio: tests/test_taskgroups.py::test_deadline_moved
#[test]
fn a_deadline_moved_later_while_waiting_fires_later() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::after(SECOND));
    let mut run = running(&scope, &clock);
    scope.set_deadline(scope.deadline().map(|at| at + SECOND));
    clock.advance(SECOND);
    run.pending();
    assert_eq!(run.wakes(), 0);
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

// R9
#[test]
fn a_deadline_moved_earlier_while_waiting_fires_earlier() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::after(10 * SECOND));
    let mut run = running(&scope, &clock);
    scope.set_deadline(scope.deadline().map(|at| at - 9 * SECOND));
    assert_eq!(clock.alarms(), 1);
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

// R9
#[test]
fn a_deadline_set_while_waiting_fires() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::new());
    let mut run = running(&scope, &clock);
    let at = clock.next_deadline();
    assert_eq!(at, None);
    scope.set_deadline(Some(anyio_cancel_scope::Clock::now(&clock) + SECOND));
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

// R9
#[test]
fn a_deadline_taken_away_never_fires() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::after(SECOND));
    let mut run = running(&scope, &clock);
    scope.set_deadline(None);
    assert_eq!(clock.alarms(), 0);
    clock.advance(100 * SECOND);
    run.pending();
    assert_eq!(scope.deadline(), None);
}

// C10
#[test]
fn a_deadline_set_into_the_past_cancels_at_once() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::new());
    let mut run = running(&scope, &clock);
    scope.set_deadline(Some(anyio_cancel_scope::Clock::now(&clock)));
    assert!(scope.cancel_called());
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(scope.cause(), Some(Cause::Deadline));
}

// R9, R11
#[test]
fn a_deadline_can_be_moved_from_another_thread() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::after(10 * SECOND));
    let mut run = running(&scope, &clock);
    let at = scope.deadline().map(|at| at - 9 * SECOND);
    on_another_thread(|| scope.set_deadline(at));
    on_another_thread(|| clock.advance(SECOND));
    assert_eq!(run.woken_ready(), Ok(None));
}

// R9
#[test]
fn a_deadline_moved_after_it_fired_revives_nothing() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::after(SECOND));
    let mut run = running(&scope, &clock);
    clock.advance(SECOND);
    scope.set_deadline(Some(anyio_cancel_scope::Clock::now(&clock) + SECOND));
    assert!(scope.cancel_called());
    assert_eq!(clock.alarms(), 0);
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(scope.cancelled_caught());
}

// R9; anyio: tests/test_taskgroups.py::test_deadline_reached_on_start
#[test]
fn a_past_deadline_cancels_on_entry_and_the_body_runs_to_its_first_checkpoint() {
    for scope in [CancelScope::at(now()), CancelScope::after(Duration::ZERO)] {
        let reached = Cell::new(false);
        let mut run = Probe::new(scope.run(async {
            assert!(scope.cancel_called());
            reached.set(true);
            checkpoint().await
        }));
        assert!(!scope.cancel_called());
        assert_eq!(run.ready(), Ok(None));
        assert!(reached.get());
    }
}

// R9
#[test]
fn a_body_without_checkpoints_completes_though_the_time_is_zero() {
    let body = async { Ok::<_, Cancelled>(5) };
    assert_eq!(Probe::new(move_on_after(Duration::ZERO, body)).ready(), Ok(Some(5)));
    let body = async { Ok::<_, std::io::Error>(5) };
    assert_eq!(Probe::new(fail_after(Duration::ZERO, body)).ready().unwrap(), 5);
}

// R7, R9
#[test]
fn the_outer_of_two_scopes_with_the_same_deadline_absorbs() {
    let clock = VirtualClock::new();
    let (outer, inner) = (CancelScope::after(SECOND), CancelScope::after(SECOND));
    let mut run = Probe::new(clock.run(outer.run(async { inner.run(forever()).await.map(|_| ()) })));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(inner.cancel_called());
    assert!(!inner.cancelled_caught());
    assert!(outer.cancelled_caught());
}

/// A clock whose alarms a test sets off one by one.
#[derive(Debug)]
struct ByHand {
    start: std::time::Instant,
    now: std::sync::Mutex<Duration>,
    alarms: std::sync::Mutex<Vec<Option<std::task::Waker>>>,
}

impl anyio_cancel_scope::Clock for ByHand {
    fn now(&self) -> std::time::Instant {
        self.start + *self.now.lock().unwrap()
    }

    fn arm(&self, _: std::time::Instant, waker: std::task::Waker) -> anyio_cancel_scope::AlarmKey {
        let mut alarms = self.alarms.lock().unwrap();
        alarms.push(Some(waker));
        anyio_cancel_scope::AlarmKey::new(alarms.len() as u64 - 1)
    }

    fn disarm(&self, key: anyio_cancel_scope::AlarmKey) -> Option<std::task::Waker> {
        self.alarms.lock().unwrap()[key.get()? as usize].take()
    }
}

impl ByHand {
    fn new() -> std::sync::Arc<Self> {
        let start = std::time::Instant::now();
        std::sync::Arc::new(Self { start, now: Default::default(), alarms: Default::default() })
    }

    fn set_off(&self, key: usize) {
        let waker = self.alarms.lock().unwrap()[key].take();
        waker.expect("it is armed").wake();
    }
}

// R7, R9
#[test]
fn the_outer_absorbs_also_when_the_timer_comes_to_the_inner_one_first() {
    let clock = ByHand::new();
    let (outer, inner) = (CancelScope::after(SECOND), CancelScope::after(SECOND));
    let work = outer.run(async { inner.run(forever()).await.map(|_| ()) });
    let mut run = Probe::new(anyio_cancel_scope::with_clock(clock.clone(), work));
    run.pending();
    *clock.now.lock().unwrap() = SECOND;
    // The inner one arms first, for its poll ends first.
    clock.set_off(0);
    assert!(inner.cancel_called());
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(!inner.cancelled_caught());
    assert!(outer.cancelled_caught());
}

// R9
#[test]
fn an_inner_deadline_that_comes_earlier_is_the_inner_ones() {
    let clock = ByHand::new();
    let (outer, inner) = (CancelScope::after(3 * SECOND), CancelScope::after(SECOND));
    let work = outer.run(async { inner.run(forever()).await.map(|_| ()) });
    let mut run = Probe::new(anyio_cancel_scope::with_clock(clock.clone(), work));
    run.pending();
    // Both are over when the task is polled, but the inner one was over first.
    *clock.now.lock().unwrap() = 4 * SECOND;
    clock.set_off(0);
    assert_eq!(run.woken_ready(), Ok(Some(())));
    assert!(inner.cancelled_caught());
    assert!(!outer.cancel_called());
}

// R9; section 5: "inner fired, outer deadline passes before exit without loop turn"
#[test]
fn a_checkpoint_does_not_look_at_the_clock() {
    let clock = ByHand::new();
    let (outer, inner) = (CancelScope::after(3 * SECOND), CancelScope::after(SECOND));
    let work = outer.run(async {
        assert_eq!(inner.run(forever()).await, Ok(None));
        assert!(Some(now()) > outer.deadline());
        checkpoint().await
    });
    let mut run = Probe::new(anyio_cancel_scope::with_clock(clock.clone(), work));
    run.pending();
    *clock.now.lock().unwrap() = 4 * SECOND;
    clock.set_off(0);
    assert_eq!(run.woken_ready(), Ok(Some(())));
    assert!(!outer.cancel_called());
}

// R9; section 5: "outer fires first, inner deadline passes while unwinding"
#[test]
fn an_inner_deadline_that_passes_while_the_outer_cancellation_goes_out_does_not_fire() {
    let clock = ByHand::new();
    let (outer, inner) = (CancelScope::after(SECOND), CancelScope::after(2 * SECOND));
    let late = clock.clone();
    let work = outer.run(async {
        let inside = inner.run(async {
            let result = sleep_forever().await;
            *late.now.lock().unwrap() = 3 * SECOND;
            checkpoint().await.unwrap_err();
            result
        });
        inside.await.map(|_: Option<()>| ())
    });
    let mut run = Probe::new(anyio_cancel_scope::with_clock(clock.clone(), work));
    run.pending();
    *clock.now.lock().unwrap() = SECOND;
    // The inner one arms first, for its poll ends first.
    clock.set_off(1);
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(outer.cancelled_caught());
    assert!(!inner.cancel_called());
}

// R7: only a scope that its own time ended looks whose time was over before
#[test]
fn a_scope_cancelled_by_hand_absorbs_though_the_time_around_it_is_over() {
    let clock = ByHand::new();
    let (outer, inner) = (CancelScope::after(SECOND), CancelScope::after(5 * SECOND));
    let work = outer.run(async { inner.run(forever()).await.map(|_| ()) });
    let mut run = Probe::new(anyio_cancel_scope::with_clock(clock.clone(), work));
    run.pending();
    *clock.now.lock().unwrap() = 2 * SECOND;
    inner.cancel();
    assert_eq!(run.woken_ready(), Ok(Some(())));
    assert!(inner.cancelled_caught() && !outer.cancel_called());
}

// R9
#[test]
fn deadlines_by_two_clocks_are_not_compared() {
    let (clock, other) = (VirtualClock::new(), VirtualClock::new());
    let (outer, inner) = (CancelScope::after(SECOND), CancelScope::after(2 * SECOND));
    let mut run = Probe::new(clock.run(outer.run(async { other.run(inner.run(forever())).await.map(|_| ()) })));
    run.pending();
    other.advance(2 * SECOND);
    assert_eq!(run.woken_ready(), Ok(Some(())));
    assert!(inner.cancelled_caught() && !outer.cancel_called());
}

// R9: a deadline that was moved says nothing about what is over
#[test]
fn a_deadline_moved_later_after_it_fired_does_not_end_the_enclosing_scope() {
    let clock = ByHand::new();
    let (outer, inner) = (CancelScope::after(3 * SECOND), CancelScope::after(SECOND));
    let work = outer.run(async { inner.run(forever()).await.map(|_| ()) });
    let mut run = Probe::new(anyio_cancel_scope::with_clock(clock.clone(), work));
    run.pending();
    *clock.now.lock().unwrap() = SECOND;
    clock.set_off(0);
    inner.set_deadline(outer.deadline().map(|at| at + SECOND));
    assert_eq!(run.woken_ready(), Ok(Some(())));
    assert!(!outer.cancel_called());
}

// anyio: tests/test_taskgroups.py::test_nested_move_on_after
#[test]
fn an_outer_deadline_that_comes_earlier_leaves_the_inner_flags_untouched() {
    let clock = VirtualClock::new();
    let (outer, inner) = (CancelScope::after(SECOND), CancelScope::after(2 * SECOND));
    let mut run = Probe::new(clock.run(outer.run(async { inner.run(forever()).await.map(|_| ()) })));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(!inner.cancel_called());
    assert!(!inner.cancelled_caught());
}

// section 5: "outer fires first, inner deadline passes while unwinding"
#[test]
fn an_inner_deadline_that_passes_while_a_shield_cleans_up_changes_nothing() {
    let (clock, slot) = (VirtualClock::new(), Slot::default());
    let (outer, inner) = (CancelScope::after(SECOND), CancelScope::after(2 * SECOND));
    let mut run = Probe::new(clock.run(outer.run(async {
        let inside = inner.run(async {
            let result = sleep_forever().await;
            shield(slot.take()).await?;
            result
        });
        inside.await.map(|_| ())
    })));
    run.pending();
    clock.advance(SECOND);
    assert!(run.is_woken());
    assert!(run.poll().is_pending());
    clock.advance(SECOND);
    slot.put(0);
    assert_eq!(run.drive_ready(), Ok(None));
    assert!(!inner.cancelled_caught());
    assert!(outer.cancelled_caught());
}

// R9
#[test]
fn a_limit_that_overflows_is_never() {
    let clock = VirtualClock::new();
    let scope = CancelScope::after(Duration::MAX);
    let mut run = running(&scope, &clock);
    assert_eq!(scope.deadline(), None);
    assert_eq!(clock.alarms(), 0);
    clock.advance(1_000_000 * SECOND);
    run.pending();
}

// C10
#[test]
fn a_limit_changed_before_the_first_poll_counts() {
    let clock = VirtualClock::new();
    let scope = CancelScope::after(SECOND);
    scope.set_deadline(None);
    let mut run = running(&scope, &clock);
    clock.advance(2 * SECOND);
    run.pending();
}

#[test]
fn a_scope_cancelled_by_hand_leaves_no_alarm_when_it_is_left() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::after(SECOND));
    let mut run = running(&scope, &clock);
    scope.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
    assert_eq!(clock.alarms(), 0);
    assert_eq!(scope.cause(), Some(Cause::Called(None)));
}

#[test]
fn a_scope_that_completes_or_is_dropped_leaves_no_alarm() {
    let (clock, slot) = (VirtualClock::new(), Slot::default());
    let mut run = Probe::new(clock.run(move_on_after(SECOND, slot.take())));
    run.pending();
    slot.put(1);
    assert_eq!(run.woken_ready(), Ok(Some(1)));
    assert_eq!(clock.alarms(), 0);
    let mut run = Probe::new(clock.run(move_on_after(SECOND, forever())));
    run.pending();
    assert_eq!(clock.alarms(), 1);
    run.drop_future();
    assert_eq!(clock.alarms(), 0);
}

// P6
#[test]
fn a_body_that_is_ready_at_once_arms_nothing() {
    let clock = ByHand::new();
    let work = move_on_after(SECOND, async { Ok::<_, Cancelled>(()) });
    assert_eq!(Probe::new(anyio_cancel_scope::with_clock(clock.clone(), work)).ready(), Ok(Some(())));
    assert!(clock.alarms.lock().unwrap().is_empty());
}

// anyio: tests/test_taskgroups.py::test_move_on_at
#[test]
fn move_on_at_takes_an_absolute_deadline() {
    let clock = VirtualClock::new();
    let at = anyio_cancel_scope::Clock::now(&clock) + SECOND;
    let mut run = Probe::new(clock.run(move_on_at(at, forever())));
    run.pending();
    clock.advance_to(at);
    assert_eq!(run.woken_ready(), Ok(None));
}

// kotlinx#2469: "deadline belongs to the scope"
#[test]
fn a_deadline_reaches_a_body_that_is_moved_elsewhere() {
    let clock = VirtualClock::new();
    let mut held = Box::pin(move_on_after(SECOND, forever()));
    Probe::new(clock.run(CancelScope::new().enter(&mut held))).pending();
    let mut rest = Probe::new(clock.run(held));
    rest.pending();
    clock.advance(SECOND);
    assert_eq!(rest.woken_ready(), Ok(None));
}
