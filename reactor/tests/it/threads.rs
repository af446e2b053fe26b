//! Timers that are armed, moved and disarmed on many threads while the alarm rings.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyio_reactor::timer;

use crate::common::{GENEROUS, Recorder, in_millis};

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn threads_that_arm_at_once_lose_no_timer() {
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for seed in 1..=8u64 {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut random = seed;
                barrier.wait();
                let mut armed = Vec::new();
                for _ in 0..2_000 {
                    let deadline = Instant::now() + Duration::from_micros(xorshift(&mut random) % 20_000);
                    let (recorder, waker) = Recorder::new();
                    let key = timer::arm(deadline, waker);
                    match xorshift(&mut random) % 4 {
                        0 => {
                            let fired = timer::disarm(key).is_none();
                            armed.extend(fired.then_some((deadline, recorder)));
                        }
                        1 => {
                            let moved = deadline + Duration::from_millis(5);
                            let deadline = if timer::rearm(key, moved) { moved } else { deadline };
                            armed.push((deadline, recorder));
                        }
                        _ => armed.push((deadline, recorder)),
                    }
                }
                for (deadline, recorder) in armed {
                    assert!(recorder.wait() >= deadline);
                    assert_eq!(recorder.wakes(), 1);
                }
            });
        }
    });
}

/// Each round arms one timer and waits for it, so nothing else moves the alarm on if it was missed: a lost
/// reprogramming would be seen as a wake-up that comes with the far timer, or never.
#[test]
fn an_earlier_deadline_is_never_slept_through() {
    let far = timer::arm(Instant::now() + GENEROUS * 4, std::task::Waker::noop().clone());
    thread::scope(|scope| {
        for seed in 1..=4u64 {
            scope.spawn(move || {
                let mut random = seed;
                for _ in 0..300 {
                    // Two deadlines, the earlier one armed last, around the moment at which others ring.
                    let late = Instant::now() + Duration::from_micros(1_000 + xorshift(&mut random) % 1_500);
                    let early = Instant::now() + Duration::from_micros(xorshift(&mut random) % 1_500);
                    let (second, second_waker) = Recorder::new();
                    let _ = timer::arm(late, second_waker);
                    let (first, first_waker) = Recorder::new();
                    let _ = timer::arm(early, first_waker);
                    assert!(first.wait() >= early);
                    assert!(second.wait() >= late);
                }
            });
        }
    });
    assert!(timer::disarm(far).is_some());
}

#[test]
fn disarming_and_firing_agree_on_who_has_the_waker() {
    for _ in 0..200 {
        let (recorder, waker) = Recorder::new();
        let key = timer::arm(in_millis(1), waker);
        let deadline = in_millis(1);
        while Instant::now() < deadline {
            std::hint::spin_loop();
        }
        match timer::disarm(key) {
            Some(_) => assert_eq!(recorder.wakes(), 0),
            None => {
                recorder.wait();
            }
        }
    }
}
