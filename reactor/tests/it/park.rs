//! Tokens, deadlines and wakers of `Parker`.

use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use anyio_reactor::Parker;

use crate::common::{GENEROUS, in_millis};

#[test]
fn a_token_given_before_is_not_lost_and_two_count_as_one() {
    let parker = Parker::new();
    parker.unparker().unpark();
    parker.unparker().unpark();
    parker.park();
    assert!(!parker.park_until(Instant::now()));
}

#[test]
fn park_until_returns_at_the_deadline_without_a_token() {
    let parker = Parker::new();
    let deadline = in_millis(3);
    assert!(!parker.park_until(deadline));
    assert!(Instant::now() >= deadline);
    assert!(!parker.park_timeout(Duration::ZERO));
}

#[test]
fn a_timeout_beyond_all_clocks_is_a_plain_park() {
    let parker = Parker::new();
    let waker = Waker::from(parker.unparker());
    thread::scope(|scope| {
        scope.spawn(|| waker.wake_by_ref());
        assert!(parker.park_timeout(Duration::MAX));
    });
}

#[test]
fn two_threads_can_hand_a_turn_to_and_fro() {
    let (ping, pong) = (Parker::new(), Parker::new());
    let (to_ping, to_pong) = (ping.unparker(), pong.unparker());
    let other = thread::spawn(move || {
        for _ in 0..200 {
            assert!(pong.park_timeout(GENEROUS));
            to_ping.unpark();
        }
    });
    for _ in 0..200 {
        to_pong.unpark();
        assert!(ping.park_timeout(GENEROUS));
    }
    other.join().unwrap();
}
