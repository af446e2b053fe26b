use std::{
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_cancel_scope::{CancelError, CancelScope, is_cancellation};
use anyio_future_contract::{ReentrantWaker, run_all};
use anyio_sync::{AcquireError, Borrower, CapacityLimiter, Event, TryAcquireError};

use crate::support::{cancelled_scope, now, polled, waiting};

fn numbers(limiter: &CapacityLimiter) -> (usize, usize, isize) {
    (limiter.total_tokens(), limiter.borrowed_tokens(), limiter.available_tokens())
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_zero_tokens; anyio: tests/test_synchronization.py::TestCapacityLimiter::test_zero_tokens_outside_event_loop
#[test]
fn a_limiter_without_tokens_grants_none_until_it_is_raised() {
    let limiter = CapacityLimiter::new(0);
    assert_eq!(numbers(&limiter), (0, 0, 0));
    let mut wait = waiting(limiter.acquire());
    limiter.set_total_tokens(1);
    assert!(wait.is_woken() && wait.assert_ready().is_ok());
    limiter.set_total_tokens(0);
    assert_eq!(numbers(&limiter), (0, 0, 0));
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_float_infinity_outside_event_loop
#[test]
fn the_largest_number_is_no_limit() {
    let limiter = CapacityLimiter::new(usize::MAX);
    let tokens: Vec<_> = (0..100).map(|_| limiter.try_acquire().unwrap()).collect();
    assert_eq!(numbers(&limiter), (usize::MAX, 100, isize::MAX - 100));
    limiter.set_total_tokens(1);
    assert_eq!(numbers(&limiter), (1, 100, -99));
    limiter.set_total_tokens(usize::MAX);
    drop(tokens);
    assert_eq!(numbers(&limiter), (usize::MAX, 0, isize::MAX));
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_borrow; anyio: tests/test_synchronization.py::TestCapacityLimiter::test_total_tokens_as_kwarg
#[test]
fn a_token_is_borrowed_until_it_is_dropped() {
    let limiter = CapacityLimiter::new(2);
    assert_eq!(numbers(&limiter), (2, 0, 2));
    let token = now(limiter.acquire()).unwrap();
    assert_eq!(numbers(&limiter), (2, 1, 1));
    drop(token);
    assert_eq!(numbers(&limiter), (2, 0, 2));
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_limit
#[test]
fn no_more_than_the_total_are_in_there_at_once() {
    for seed in 0..20 {
        let (limiter, inside) = (CapacityLimiter::new(2), AtomicUsize::new(0));
        let task = || {
            Box::pin(async {
                for _ in 0..5 {
                    let _token = limiter.acquire().await.unwrap();
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    anyio_cancel_scope::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            })
        };
        run_all(seed, vec![task(), task(), task(), task()]);
        assert_eq!(numbers(&limiter), (2, 0, 2));
    }
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_borrow_twice
#[test]
fn a_key_has_one_token_at_a_time() {
    let limiter = CapacityLimiter::new(5);
    let token = now(limiter.acquire_for("a")).unwrap();
    assert_eq!(now(limiter.acquire_for("a")).unwrap_err(), AcquireError::AlreadyBorrowed);
    assert_eq!(limiter.try_acquire_for("a").unwrap_err(), TryAcquireError::AlreadyBorrowed);
    let _other = now(limiter.acquire_for("b")).unwrap();
    assert_eq!(limiter.borrowed_tokens(), 2);
    drop(token);
    assert!(now(limiter.acquire_for("a")).is_ok());
}

#[test]
fn a_task_may_borrow_twice_without_a_key() {
    let limiter = CapacityLimiter::new(2);
    let _tokens = (now(limiter.acquire()).unwrap(), now(limiter.acquire()).unwrap());
    assert_eq!(numbers(&limiter), (2, 2, 0));
}

#[test]
fn a_key_that_waits_for_its_token_is_refused_another() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire().unwrap();
    let mut wait = waiting(limiter.acquire_for(1));
    assert_eq!(now(limiter.acquire_for(1)).unwrap_err(), AcquireError::AlreadyBorrowed);
    drop(token);
    // Also when it was handed over and not taken yet.
    assert!(limiter.try_acquire_for(1).unwrap_err().is_already_borrowed());
    drop(wait.assert_ready());
    assert!(limiter.try_acquire_for(1).is_ok());
}

#[test]
fn a_key_whose_wait_ended_without_a_token_may_ask_again() {
    let (limiter, scope) = (CapacityLimiter::new(1), CancelScope::new());
    let token = limiter.try_acquire().unwrap();
    let dropped = waiting(limiter.acquire_for("key"));
    drop(dropped);
    let mut cancelled = waiting(scope.enter(limiter.acquire_for("key")));
    scope.cancel();
    assert!(cancelled.assert_ready().unwrap_err().is_cancelled());
    assert!(limiter.try_acquire_for("key").unwrap_err().would_block());
    assert!(now(cancelled_scope().enter(limiter.acquire_for("key"))).unwrap_err().is_cancelled());
    drop(polled(limiter.acquire_for("key")));
    // The future is kept, and does not keep the key.
    let mut again = waiting(limiter.acquire_for("key"));
    drop(token);
    assert!(again.assert_ready().is_ok());
    drop(cancelled);
}

#[test]
fn keys_of_different_types_are_different_keys() {
    let limiter = CapacityLimiter::new(9);
    let _tokens = (
        limiter.try_acquire_for(1_u32).unwrap(),
        limiter.try_acquire_for(1_i32).unwrap(),
        limiter.try_acquire_for("1").unwrap(),
        limiter.try_acquire_for(String::from("1")).unwrap(),
    );
    assert!(limiter.try_acquire_for(1_u32).is_err());
    assert!(limiter.try_acquire_for(String::from("1")).is_err());
    assert_eq!(limiter.borrowed_tokens(), 4);
}

/// All of them have the same hash, and comparing two uses the limiter.
struct Nosy {
    name: &'static str,
    limiter: CapacityLimiter,
}

impl Hash for Nosy {
    fn hash<H: Hasher>(&self, _state: &mut H) {
        let _ = self.limiter.statistics();
    }
}

impl PartialEq for Nosy {
    fn eq(&self, other: &Self) -> bool {
        drop(self.limiter.try_acquire_for(self.name));
        self.name == other.name
    }
}

impl Eq for Nosy {}

impl Drop for Nosy {
    fn drop(&mut self) {
        drop(self.limiter.try_acquire_for(self.name));
    }
}

#[test]
fn keys_may_use_the_limiter_while_they_are_hashed_compared_and_dropped() {
    let limiter = CapacityLimiter::new(9);
    let key = |name| Nosy { name, limiter: limiter.clone() };
    let tokens = ["a", "b", "c"].map(|name| limiter.try_acquire_for(key(name)).unwrap());
    assert!(limiter.try_acquire_for(key("c")).is_err());
    let wait = polled(limiter.acquire_for(key("d"))).assert_ready();
    drop((tokens, wait));
    assert_eq!(limiter.borrowed_tokens(), 0);
    assert!(limiter.statistics().borrowers.is_empty());

    // In line, and granted there.
    limiter.set_total_tokens(0);
    let (first, second) = (waiting(limiter.acquire_for(key("e"))), waiting(limiter.acquire_for(key("f"))));
    assert!(now(limiter.acquire_for(key("f"))).unwrap_err().is_already_borrowed());
    limiter.set_total_tokens(1);
    drop(first);
    drop(second);
    assert_eq!(limiter.borrowed_tokens(), 0);
}

/// Its destructor panics.
#[derive(PartialEq, Eq, Hash)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the key panics");
    }
}

#[test]
fn a_key_whose_destructor_panics_keeps_no_token() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire_for(Bomb).unwrap();
    let mut wait = waiting(limiter.acquire());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(token))).is_err());
    assert!(wait.is_woken());
    drop(wait.assert_ready());
    assert_eq!((limiter.borrowed_tokens(), limiter.statistics().borrowers.len()), (0, 0));
}

#[test]
fn a_key_is_free_again_though_a_waker_panics_as_its_token_passes_on() {
    let limiter = CapacityLimiter::new(0);
    let first = waiting(limiter.acquire_for("key"));
    let mut second = polled(limiter.acquire());
    let bomb = ReentrantWaker::new().on_wake(|| panic!("the waker panics")).into_waker();
    assert!(second.poll_with(&bomb).is_pending());
    limiter.set_total_tokens(1);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(first))).is_err());
    assert!(limiter.try_acquire_for("key").unwrap_err().would_block());
    drop(second.assert_ready());
    assert!(limiter.try_acquire_for("key").is_ok());
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_increase_tokens
#[test]
fn a_raise_wakes_those_who_wait() {
    let (limiter, inside, go) = (CapacityLimiter::new(1), Event::new(), Event::new());
    let mut holder = waiting(async {
        let _token = limiter.acquire().await.unwrap();
        inside.set();
        go.wait().await.unwrap();
    });
    let mut waiter = waiting(async {
        inside.wait().await.unwrap();
        let _token = limiter.acquire().await.unwrap();
        go.set();
    });
    assert!(!go.is_set());
    limiter.set_total_tokens(2);
    assert!(waiter.is_woken());
    waiter.assert_ready();
    holder.assert_ready();
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_increase_tokens_lets_others_acquire
#[test]
fn a_raise_by_more_lets_as_many_pass_and_leaves_the_rest_for_who_comes() {
    let limiter = CapacityLimiter::new(1);
    let _first = now(limiter.acquire()).unwrap();
    let mut second = waiting(limiter.acquire());
    limiter.set_total_tokens(3);
    let _second = second.assert_ready().unwrap();
    let _third = now(limiter.acquire()).unwrap();
    assert!(limiter.try_acquire().is_none());
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_statistics
#[test]
fn statistics_are_those_of_one_moment() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire().unwrap();
    let waits = [(); 2].map(|()| waiting(limiter.acquire()));
    let statistics = limiter.statistics();
    assert_eq!((statistics.total_tokens, statistics.borrowed_tokens, statistics.tasks_waiting), (1, 1, 2));
    drop((token, waits));
    let statistics = limiter.statistics();
    assert_eq!((statistics.total_tokens, statistics.borrowed_tokens, statistics.tasks_waiting), (1, 0, 0));
}

#[test]
fn statistics_name_the_keys_that_have_a_token_and_where_they_asked() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire_for("A").unwrap();
    let (mut wait, line) = (waiting(limiter.acquire_for(2_u8)), line!());
    let has = |limiter: &CapacityLimiter| -> Vec<Borrower> { limiter.statistics().borrowers };
    assert_eq!(has(&limiter).len(), 1);
    assert_eq!((has(&limiter)[0].key(), has(&limiter)[0].key::<u8>()), (Some(&"A"), None));
    drop(token);
    assert_eq!((has(&limiter).len(), has(&limiter)[0].key::<u8>()), (1, Some(&2)));
    assert_eq!(has(&limiter)[0].location().line(), line);
    assert!(format!("{:?}", has(&limiter)).contains("limiter.rs"));
    drop(wait.assert_ready());
    assert!(has(&limiter).is_empty());
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_asyncio_deadlock
#[test]
fn a_task_that_is_dropped_while_it_waits_does_not_hold_up_the_next() {
    let limiter = CapacityLimiter::new(1);
    let token = now(limiter.acquire()).unwrap();
    let (first, mut second) = (waiting(limiter.acquire()), waiting(limiter.acquire()));
    drop(first);
    drop(token);
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

// H1; anyio: tests/test_synchronization.py::TestCapacityLimiter::test_ordered_queue
#[test]
fn tokens_are_granted_in_the_order_in_which_they_were_asked_for() {
    let limiter = CapacityLimiter::new(1);
    let token = now(limiter.acquire()).unwrap();
    let mut waits = [0, 1, 2].map(|key| waiting(limiter.acquire_for(key)));
    drop(token);
    for wait in &mut waits {
        assert!(wait.is_woken());
        drop(wait.assert_ready());
    }
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_instantiate_outside_event_loop
#[test]
fn it_is_made_and_used_on_any_thread() {
    let limiter = CapacityLimiter::new(1);
    limiter.set_total_tokens(2);
    let statistics = limiter.statistics();
    assert_eq!((statistics.total_tokens, statistics.borrowed_tokens, statistics.tasks_waiting), (2, 0, 0));
    assert!(statistics.borrowers.is_empty());
    let other = limiter.clone();
    let token = thread::spawn(move || futures::executor::block_on(other.acquire_for("it")).unwrap()).join().unwrap();
    assert_eq!(limiter.borrowed_tokens(), 1);
    thread::spawn(move || drop(token)).join().unwrap();
    assert_eq!(limiter.borrowed_tokens(), 0);
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_acquire_cancelled
#[test]
fn the_second_in_line_gets_the_token_when_the_first_is_cancelled() {
    let (limiter, scope) = (CapacityLimiter::new(1), CancelScope::new());
    let token = now(limiter.acquire()).unwrap();
    let (mut first, mut second) = (waiting(scope.enter(limiter.acquire())), waiting(limiter.acquire()));
    scope.cancel();
    assert!(first.assert_ready().is_err());
    drop(token);
    assert!(second.is_woken() && second.assert_ready().is_ok());
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_acquire_nowait
#[test]
fn try_acquire_gives_nothing_while_none_is_free() {
    let limiter = CapacityLimiter::new(1);
    let _token = limiter.try_acquire().unwrap();
    assert!(limiter.try_acquire().is_none());
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_acquire_on_behalf_of_nowait
#[test]
fn try_acquire_for_another_key_would_block_while_none_is_free() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire_for("first").unwrap();
    assert_eq!(limiter.try_acquire_for("second").unwrap_err(), TryAcquireError::WouldBlock);
    drop(token);
    assert!(limiter.try_acquire_for("second").is_ok());
}

// H1; USERS 64; anyio: tests/test_synchronization.py::TestCapacityLimiter::test_nowait_acquire_after_release_does_not_oversubscribe
#[test]
fn a_token_that_was_handed_over_is_not_there_for_try_acquire() {
    let limiter = CapacityLimiter::new(1);
    let token = limiter.try_acquire_for("A").unwrap();
    let mut wait = waiting(limiter.acquire_for("B"));
    assert_eq!(limiter.statistics().tasks_waiting, 1);
    drop(token);
    assert_eq!(limiter.try_acquire_for("X").unwrap_err(), TryAcquireError::WouldBlock);
    assert_eq!(numbers(&limiter), (1, 1, 0));
    let _token = wait.assert_ready().unwrap();
    assert_eq!(limiter.statistics().borrowers[0].key(), Some(&"B"));
}

// AnyIO#1223: there, three had a token of one.
#[test]
fn lowered_and_raised_it_never_grants_more_than_it_has() {
    let limiter = CapacityLimiter::new(3);
    let mut tokens: Vec<_> = (0..3).map(|_| limiter.try_acquire().unwrap()).collect();
    let mut waits: Vec<_> = (0..3).map(|_| waiting(limiter.acquire())).collect();
    limiter.set_total_tokens(1);
    assert_eq!(numbers(&limiter), (1, 3, -2));
    let woken = |waits: &[anyio_future_contract::Polled<_>]| waits.iter().filter(|wait| wait.is_woken()).count();
    tokens.pop();
    tokens.pop();
    assert_eq!((numbers(&limiter), woken(&waits)), ((1, 1, 0), 0));
    limiter.set_total_tokens(2);
    assert_eq!((numbers(&limiter), woken(&waits)), ((2, 2, 0), 1));
    limiter.set_total_tokens(1);
    limiter.set_total_tokens(2);
    assert_eq!((numbers(&limiter), woken(&waits)), ((2, 2, 0), 1));
    limiter.set_total_tokens(0);
    drop(tokens);
    let granted = waits[0].assert_ready().unwrap();
    drop(granted);
    assert_eq!((numbers(&limiter), woken(&waits)), ((0, 0, 0), 0));
    limiter.set_total_tokens(9);
    assert_eq!((numbers(&limiter), woken(&waits)), ((9, 2, 7), 2));
}

#[test]
fn while_it_owes_nothing_is_taken_past_it() {
    let limiter = CapacityLimiter::new(2);
    let tokens = [(); 2].map(|()| limiter.try_acquire().unwrap());
    limiter.set_total_tokens(0);
    assert!(limiter.try_acquire().is_none());
    assert!(limiter.try_acquire_for(1).unwrap_err().would_block());
    drop(tokens);
    assert!(limiter.try_acquire().is_none());
    assert_eq!(numbers(&limiter), (0, 0, 0));
}

// R3 and the errors' words.
#[test]
fn a_cancelled_wait_for_a_key_is_seen_as_such_by_all_who_ask() {
    let limiter = CapacityLimiter::new(1);
    let cancelled = now(cancelled_scope().enter(limiter.acquire_for(1))).unwrap_err();
    assert!(cancelled.is_cancelled() && CancelError::is_cancelled(&cancelled));
    assert_eq!(cancelled.to_string(), "cancelled");
    let error = std::io::Error::from(cancelled);
    assert!(is_cancellation(&error));
    assert_eq!(error.kind(), std::io::ErrorKind::Other);

    let token = limiter.try_acquire_for(1).unwrap();
    let refused = now(limiter.acquire_for(1)).unwrap_err();
    assert!(refused.is_already_borrowed() && !is_cancellation(&refused));
    assert_eq!(refused.to_string(), "this key already has one of the limiter's tokens, or waits for one");
    assert_eq!(std::io::Error::from(refused).kind(), std::io::ErrorKind::ResourceBusy);
    let error = limiter.try_acquire_for(2).unwrap_err();
    assert_eq!(error.to_string(), "no token is free");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::WouldBlock);
    let error = limiter.try_acquire_for(1).unwrap_err();
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ResourceBusy);
    drop(token);
}

#[test]
#[should_panic(expected = "CapacityLimiter::acquire_for: polled after it was ready")]
fn a_wait_for_a_key_that_is_polled_after_it_was_ready_panics() {
    let limiter = CapacityLimiter::new(2);
    let mut wait = std::pin::pin!(limiter.acquire_for(1));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    crate::support::fresh_budget();
    assert!(wait.as_mut().poll(&mut cx).is_ready());
    let _ = wait.as_mut().poll(&mut cx);
}

#[test]
fn two_threads_that_want_the_same_key_do_not_both_get_it() {
    let limiter = Arc::new(CapacityLimiter::new(8));
    let inside = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                for _ in 0..500 {
                    if let Ok(token) = limiter.try_acquire_for("key") {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(token);
                    }
                }
            });
        }
    });
    assert_eq!(limiter.borrowed_tokens(), 0);
}

#[test]
fn it_shows_itself() {
    let limiter = CapacityLimiter::new(2);
    let token = limiter.try_acquire_for(1).unwrap();
    let shown = "CapacityLimiter { borrowed_tokens: 1, total_tokens: 2, tasks_waiting: 0 }";
    assert_eq!(format!("{limiter:?}"), shown);
    assert_eq!(format!("{token:?}"), "LimiterToken { has_key: true, .. }");
    assert!(format!("{:?} {:?}", limiter.acquire(), limiter.acquire_for(2)).contains("\"acquire_for\""));
}

#[test]
fn clones_are_the_same_limiter_and_others_are_not() {
    let (limiter, other) = (CapacityLimiter::new(1), CapacityLimiter::new(1));
    assert!(limiter.is_same(&limiter.clone()) && !limiter.is_same(&other));
}
