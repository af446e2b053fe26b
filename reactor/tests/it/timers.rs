//! What becomes of one timer, and of many; what wakers may do.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use anyio_reactor::timer;

use crate::common::{Call, Recorder, in_millis, wait_until};

/// The wheel is shared by all tests, so a timer that fires later than this one has had its chance.
fn let_pass(deadline: Instant) {
    let (recorder, waker) = Recorder::new();
    let _ = timer::arm(deadline, waker);
    recorder.wait();
}

#[test]
fn ten_thousand_timers_fire_once_each_and_none_early() {
    let base = Instant::now();
    let timers: Vec<_> = (0..10_000u64)
        .map(|n| {
            let deadline = base + Duration::from_micros(n * 7_919 % 60_000);
            let (recorder, waker) = Recorder::new();
            let key = timer::arm(deadline, waker);
            (deadline, recorder, key)
        })
        .collect();
    for (deadline, recorder, _) in &timers {
        assert!(recorder.wait() >= *deadline);
    }
    let_pass(in_millis(3));
    for (_, recorder, key) in &timers {
        assert_eq!(recorder.wakes(), 1);
        assert!(timer::disarm(*key).is_none());
    }
}

#[test]
fn more_timers_than_one_ring_handles_fire_at_one_deadline() {
    let deadline = in_millis(10);
    let (recorder, waker) = Recorder::new();
    for _ in 0..5_000 {
        let _ = timer::arm(deadline, waker.clone());
    }
    assert!(recorder.wait() >= deadline);
    wait_until(|| recorder.wakes() == 5_000);
}

#[test]
fn a_deadline_in_the_past_fires_but_not_inside_arm() {
    let (recorder, waker) = Recorder::new();
    let held = Arc::new(Mutex::new(()));
    let guard = held.lock().unwrap();
    let in_waker = Arc::clone(&held);
    let waker = Call::waker(move || {
        drop(in_waker.lock().unwrap());
        waker.wake_by_ref();
    });
    // A wake-up from inside `arm` would stop here for ever.
    let _ = timer::arm(Instant::now() - Duration::from_millis(5), waker);
    drop(guard);
    recorder.wait();
}

#[test]
fn the_deadlines_at_the_ends_of_time_are_fine() {
    let now = Instant::now();
    let mut far = Vec::new();
    for bits in 0..64 {
        if let Some(deadline) = now.checked_add(Duration::from_secs((1 << bits) + 3_600)) {
            far.push(timer::arm(deadline, Waker::noop().clone()));
        }
    }
    let mut before = now;
    while let Some(earlier) = before.checked_sub(Duration::from_secs(60)) {
        before = earlier;
        if now - before > Duration::from_secs(86_400) {
            break;
        }
    }
    let (recorder, waker) = Recorder::new();
    let _ = timer::arm(before, waker);
    recorder.wait();
    for key in far {
        assert!(timer::disarm(key).is_some());
    }
}

#[test]
fn a_disarmed_timer_never_fires_and_gives_its_waker_back() {
    let deadline = in_millis(10);
    let (recorder, waker) = Recorder::new();
    let keys: Vec<_> = (0..100).map(|_| timer::arm(deadline, waker.clone())).collect();
    // On a machine that stands still the deadline may pass before all are disarmed.
    let mut fired = 0;
    for key in keys {
        match timer::disarm(key) {
            Some(returned) => assert!(returned.will_wake(&waker)),
            None => fired += 1,
        }
        assert!(timer::disarm(key).is_none());
        assert!(!timer::rearm(key, deadline));
    }
    let_pass(deadline + Duration::from_millis(5));
    assert_eq!(recorder.wakes(), fired);
}

#[test]
fn a_timer_can_be_moved_to_an_earlier_deadline() {
    let (recorder, waker) = Recorder::new();
    let key = timer::arm(in_millis(3_600_000), waker);
    let deadline = in_millis(5);
    assert!(timer::rearm(key, deadline));
    assert!(recorder.wait() >= deadline);
    assert!(!timer::rearm(key, deadline));
}

#[test]
fn a_timer_can_be_moved_to_a_later_deadline() {
    let (recorder, waker) = Recorder::new();
    let key = timer::arm(in_millis(200), waker);
    let mut deadline = in_millis(200);
    let mut moved = 0;
    for _ in 0..50 {
        let later = in_millis(201);
        if timer::rearm(key, later) {
            deadline = later;
            moved += 1;
        }
    }
    assert!(recorder.wait() >= deadline);
    assert_eq!(recorder.wakes(), 1);
    assert!(moved > 0);
}

#[test]
fn a_replaced_waker_comes_back_and_the_new_one_is_woken() {
    let (old, old_waker) = Recorder::new();
    let (new, new_waker) = Recorder::new();
    let key = timer::arm(in_millis(3_600_000), old_waker.clone());
    let returned = timer::replace_waker(key, new_waker.clone()).unwrap();
    assert!(returned.will_wake(&old_waker));
    assert!(timer::rearm(key, in_millis(2)));
    new.wait();
    assert_eq!(old.wakes(), 0);
    let refused = timer::replace_waker(key, new_waker.clone()).unwrap_err();
    assert!(refused.will_wake(&new_waker));
}

#[test]
fn a_key_stays_stale_after_its_place_was_used_again() {
    let stale: Vec<_> = (0..64)
        .map(|_| {
            let key = timer::arm(in_millis(3_600_000), Waker::noop().clone());
            assert!(timer::disarm(key).is_some());
            key
        })
        .collect();
    let fresh: Vec<_> = (0..64).map(|_| timer::arm(in_millis(3_600_000), Waker::noop().clone())).collect();
    for key in stale {
        assert!(!fresh.contains(&key));
        assert!(!timer::rearm(key, Instant::now()));
        assert!(timer::disarm(key).is_none());
    }
    for key in fresh {
        assert!(timer::disarm(key).is_some());
    }
}

#[test]
fn a_waker_may_use_the_timers() {
    let (recorder, done) = Recorder::new();
    let victim = timer::arm(in_millis(3_600_000), Waker::noop().clone());
    let movable = timer::arm(in_millis(3_600_000), done);
    let first = in_millis(2);
    let waker = Call::waker(move || {
        assert!(timer::disarm(victim).is_some());
        // The next timer is armed from inside the first one's wake-up, and moves another to the past.
        let _ = timer::arm(Instant::now(), Call::waker(move || assert!(timer::rearm(movable, Instant::now()))));
    });
    let _ = timer::arm(first, waker);
    assert!(recorder.wait() >= first);
}

/// A waker that comes back to the timers when it is dropped.
struct DisarmOnDrop(Mutex<Option<timer::TimerKey>>, Arc<AtomicUsize>);

impl Wake for DisarmOnDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for DisarmOnDrop {
    fn drop(&mut self) {
        if let Some(key) = self.0.get_mut().unwrap().take() {
            assert!(timer::disarm(key).is_some());
        }
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_waker_may_use_the_timers_when_it_is_dropped() {
    let drops = Arc::new(AtomicUsize::new(0));
    let make = || {
        let other = timer::arm(in_millis(3_600_000), Waker::noop().clone());
        Waker::from(Arc::new(DisarmOnDrop(Mutex::new(Some(other)), Arc::clone(&drops))))
    };
    // Dropped by the driver after it was woken, by the caller after a disarm, and after a replacement.
    let _ = timer::arm(in_millis(1), make());
    let disarmed = timer::arm(in_millis(3_600_000), make());
    drop(timer::disarm(disarmed));
    let replaced = timer::arm(in_millis(3_600_000), make());
    drop(timer::replace_waker(replaced, make()));
    drop(timer::disarm(replaced));
    wait_until(|| drops.load(Ordering::SeqCst) == 4);
}

#[test]
fn a_waker_that_panics_does_not_stop_the_others() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a payload whose destructor panics");
        }
    }
    // Wakers run on whichever thread drives, so the hook is told by the payload which panics are meant.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<&str>();
        if !info.payload().is::<Bomb>() && !text.is_some_and(|text| text.starts_with("a payload")) {
            hook(info);
        }
    }));
    let deadline = in_millis(3);
    let recorders: Vec<_> = (0..50)
        .map(|_| {
            let _ = timer::arm(deadline, Call::waker(|| panic::panic_any(Bomb)));
            let (recorder, waker) = Recorder::new();
            let _ = timer::arm(deadline, waker);
            recorder
        })
        .collect();
    for recorder in recorders {
        assert!(recorder.wait() >= deadline);
    }
    let_pass(in_millis(2));
}

#[test]
fn a_timer_that_arms_the_next_one_for_now_does_not_hold_up_the_others() {
    // More links than one ring of the alarm handles.
    fn link(left: usize, done: Waker) -> Waker {
        Call::waker(move || match left {
            0 => done.wake_by_ref(),
            left => {
                let _ = timer::arm(Instant::now(), link(left - 1, done.clone()));
            }
        })
    }
    let (chain, done) = Recorder::new();
    let (other, waker) = Recorder::new();
    let _ = timer::arm(Instant::now(), link(60, done));
    let _ = timer::arm(in_millis(5), waker);
    other.wait();
    chain.wait();
}
