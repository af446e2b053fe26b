use std::{sync::Arc, time::Instant};

use anyio_cancel_scope::{CancelScope, Clock, VirtualClock, move_on_after, now, sleep, with_clock};

use crate::support::{Probe, SECOND, forever};

#[test]
fn the_clock_in_force_is_the_innermost_one() {
    let (outer, inner) = (VirtualClock::new(), VirtualClock::new());
    inner.advance(SECOND);
    let mut run = Probe::new(outer.run(async {
        let here = now();
        let there = inner.run(async { now() }).await;
        (here, there, now())
    }));
    let (here, there, again) = run.ready();
    assert_eq!((here, there, again), (outer.now(), inner.now(), outer.now()));
}

#[test]
fn outside_of_any_clock_it_is_the_systems() {
    let before = Instant::now();
    let shown = now();
    assert!(before <= shown && shown <= Instant::now());
}

// "Scopes and sleeps take their clock at their first poll, and keep it."
#[test]
fn a_sleep_keeps_the_clock_of_its_first_poll() {
    let (first, second) = (VirtualClock::new(), VirtualClock::new());
    let mut nap = Box::pin(sleep(SECOND));
    Probe::new(first.run(&mut nap)).pending();
    let mut run = Probe::new(second.run(nap));
    run.pending();
    second.advance(10 * SECOND);
    run.waits();
    first.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(()));
}

#[test]
fn a_scope_keeps_the_clock_of_its_first_poll() {
    let (first, second) = (VirtualClock::new(), VirtualClock::new());
    let scope = CancelScope::after(SECOND);
    let mut held = Box::pin(scope.run(forever()));
    Probe::new(first.run(&mut held)).pending();
    let mut run = Probe::new(second.run(held));
    run.pending();
    second.advance(10 * SECOND);
    scope.set_deadline(Some(first.now() + 2 * SECOND));
    first.advance(2 * SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn a_virtual_clock_fires_what_becomes_due_on_the_way_each_at_its_moment() {
    let clock = VirtualClock::new();
    let start = clock.now();
    let mut run = Probe::new(clock.run(async {
        sleep(SECOND).await.unwrap();
        now() - start
    }));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), SECOND);
    assert_eq!(clock.now(), start + SECOND);
}

#[test]
fn a_virtual_clock_never_goes_backwards() {
    let clock = VirtualClock::new();
    let start = clock.now();
    clock.advance(SECOND);
    clock.advance_to(start);
    assert_eq!(clock.now(), start + SECOND);
    clock.advance(std::time::Duration::MAX);
    assert_eq!(clock.now(), start + SECOND);
}

#[test]
fn an_alarm_taken_back_gives_its_waker_and_a_fired_one_nothing() {
    let clock = VirtualClock::new();
    let waker = std::task::Waker::noop();
    let (one, other) = (clock.arm(clock.now() + SECOND, waker.clone()), clock.arm(clock.now() + SECOND, waker.clone()));
    assert!(clock.disarm(one).is_some());
    assert!(clock.disarm(one).is_none());
    clock.advance(SECOND);
    assert!(clock.disarm(other).is_none());
    assert_eq!(clock.alarms(), 0);
}

#[test]
fn a_panic_in_a_poll_puts_the_outer_clock_back() {
    let (outer, inner) = (VirtualClock::new(), VirtualClock::new());
    inner.advance(SECOND);
    let mut run = Probe::new(outer.run(async {
        let mut bad = Box::pin(inner.run(async { std::panic::resume_unwind(Box::new("out")) }));
        let poll = std::future::poll_fn(|cx| {
            let poll = std::panic::AssertUnwindSafe(|| {
                let _: std::task::Poll<()> = bad.as_mut().poll(cx);
            });
            std::task::Poll::Ready(std::panic::catch_unwind(poll).is_err())
        });
        assert!(poll.await);
        now()
    }));
    assert_eq!(run.ready(), outer.now());
}

/// A clock of somebody else's making, which counts what is dropped under whose lock: nothing may be.
#[derive(Debug, Default)]
struct Nosy(Arc<std::sync::atomic::AtomicUsize>);

impl Drop for Nosy {
    fn drop(&mut self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for Nosy {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn arm(&self, _: Instant, _: std::task::Waker) -> anyio_cancel_scope::AlarmKey {
        anyio_cancel_scope::AlarmKey::new(0)
    }

    fn disarm(&self, _: anyio_cancel_scope::AlarmKey) -> Option<std::task::Waker> {
        None
    }
}

#[test]
fn a_scope_that_is_gone_lets_its_clock_go() {
    let nosy = Nosy::default();
    let dropped = nosy.0.clone();
    let mut run = Probe::new(with_clock(Arc::new(nosy), move_on_after(SECOND, forever())));
    run.pending();
    drop(run);
    assert_eq!(dropped.load(std::sync::atomic::Ordering::SeqCst), 1);
}

/// A clock in whose reading another scope is cancelled, once.
#[derive(Debug, Default)]
struct Meddling {
    time: VirtualClock,
    scope: std::sync::Mutex<Option<CancelScope>>,
}

impl Clock for Meddling {
    fn now(&self) -> Instant {
        let scope = self.scope.lock().unwrap().take();
        if let Some(scope) = scope {
            scope.cancel();
        }
        self.time.now()
    }

    fn arm(&self, at: Instant, waker: std::task::Waker) -> anyio_cancel_scope::AlarmKey {
        self.time.arm(at, waker)
    }

    fn disarm(&self, alarm: anyio_cancel_scope::AlarmKey) -> Option<std::task::Waker> {
        self.time.disarm(alarm)
    }
}

// R7: as when the alarm of the outer scope comes while the inner one looks for deadlines above
#[test]
fn a_scope_does_not_absorb_when_an_outer_one_is_cancelled_while_it_is_left() {
    let (clock, outer) = (Arc::new(Meddling::default()), CancelScope::new());
    let work = async {
        let end = forever().await;
        *clock.scope.lock().unwrap() = Some(outer.clone());
        end
    };
    let mut run = Probe::new(with_clock(clock.clone(), outer.run(move_on_after(SECOND, work))));
    run.pending();
    clock.time.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(None));
}
