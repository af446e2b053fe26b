//! Models of the primitives as they are, for loom: every interleaving of a few threads, up to a bound on preemptions.
//!
//! ```text
//! RUSTFLAGS="--cfg anyio_loom" cargo test -p anyio-sync --release --lib
//! ```
//!
//! A lost wake-up shows as a deadlock, two that hold a lock as a cell that is not free.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use anyio_cancel_scope::CancelScope;
use loom::{cell::UnsafeCell, future::block_on, model::Builder, thread};

use crate::{CapacityLimiter, Condition, Event, Lock, Semaphore, SetOnce};

/// Explores `model` with at most this many preemptions, and as many more as `ANYIO_LOOM_MORE` says (1).
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let more: usize = std::env::var("ANYIO_LOOM_MORE").ok().and_then(|more| more.parse().ok()).unwrap_or(1);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions + more);
    builder.max_branches = 20_000;
    builder.check(model);
}

// What loom has is made when it is first used (sync.rs), and that must have happened before others use it.

fn new_semaphore(permits: usize) -> Semaphore {
    let semaphore = Semaphore::new(permits);
    semaphore.statistics();
    semaphore
}

fn new_limiter(total: usize) -> CapacityLimiter {
    let limiter = CapacityLimiter::new(total);
    limiter.statistics();
    limiter
}

fn new_lock<T>(value: T) -> Lock<T> {
    let lock = Lock::new(value);
    lock.statistics();
    lock
}

/// Polls once, for a task that nobody wakes.
fn poll_once<F: Future + Unpin>(future: &mut F) -> bool {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// A wait that is in line.
fn in_line<F: Future + Unpin>(mut future: F) -> F {
    assert!(!poll_once(&mut future));
    future
}

/// Calls something when it is woken, and when its last copy is dropped.
struct Intruder(Box<dyn Fn() + Send + Sync>);

impl Wake for Intruder {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Waits in line with a waker that does `act`, then as another task, while a thread makes it due.
fn intruded<F: Future + Unpin>(
    mut wait: F,
    act: impl Fn() + Send + Sync + 'static,
    due: impl FnOnce() + 'static,
) -> F::Output {
    let waker = Waker::from(Arc::new(Intruder(Box::new(act))));
    let due = thread::spawn(due);
    let polled = Pin::new(&mut wait).poll(&mut Context::from_waker(&waker));
    drop(waker);
    let output = match polled {
        Poll::Ready(output) => output,
        Poll::Pending => block_on(wait),
    };
    due.join().unwrap();
    output
}

#[test]
fn a_waker_that_uses_what_it_waits_for_on_wake_and_on_drop_deadlocks_nobody() {
    explore(2, || {
        let semaphore = new_semaphore(0);
        let [adds, uses] = [(); 2].map(|()| semaphore.clone());
        let act = move || drop(uses.try_acquire());
        let permit = intruded(semaphore.acquire(), act, move || adds.add_permits(1).unwrap());
        drop(permit.unwrap());
        assert_eq!((semaphore.available_permits(), semaphore.statistics().tasks_waiting), (1, 0));
    });
    explore(2, || {
        let event = Arc::new(Event::new());
        event.statistics();
        let [sets, uses] = [(); 2].map(|()| event.clone());
        let act = move || assert!(uses.statistics().tasks_waiting <= 1);
        intruded(event.wait(), act, move || sets.set()).unwrap();
    });
}

// tokens.rs, invariant 2
#[test]
fn a_permit_that_comes_back_while_somebody_joins_the_line_wakes_it() {
    explore(3, || {
        let semaphore = new_semaphore(1);
        let permit = semaphore.try_acquire().unwrap();
        let releases = thread::spawn(move || drop(permit));
        drop(block_on(semaphore.acquire()).unwrap());
        releases.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn two_releases_wake_two() {
    explore(2, || {
        let semaphore = new_semaphore(0);
        let waits = [semaphore.clone(), semaphore.clone()]
            .map(|semaphore| thread::spawn(move || block_on(semaphore.acquire()).unwrap().forget()));
        semaphore.add_permits(1).unwrap();
        semaphore.add_permits(1).unwrap();
        waits.into_iter().for_each(|wait| wait.join().unwrap());
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn two_permits_that_come_back_at_once_wake_two() {
    explore(2, || {
        let semaphore = new_semaphore(2);
        let permits = [(); 2].map(|()| semaphore.try_acquire().unwrap());
        let releases = permits.map(|permit| thread::spawn(move || drop(permit)));
        let both = block_on(semaphore.acquire_many(2)).unwrap();
        assert_eq!(semaphore.available_permits(), 0);
        releases.into_iter().for_each(|release| release.join().unwrap());
        drop(both);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

// H1: what was freed for one in line is not there for one who comes by.
#[test]
fn a_newcomer_does_not_keep_the_one_in_line_from_its_permit() {
    explore(3, || {
        let semaphore = new_semaphore(1);
        let permit = semaphore.try_acquire().unwrap();
        let first = in_line(Box::pin({
            let semaphore = semaphore.clone();
            async move { semaphore.acquire().await }
        }));
        let newcomer = thread::spawn({
            let semaphore = semaphore.clone();
            move || assert!(semaphore.try_acquire().is_none())
        });
        drop(permit);
        newcomer.join().unwrap();
        assert!(block_on(first).is_ok());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn a_wait_that_is_dropped_while_it_is_granted_passes_it_on() {
    explore(3, || {
        let semaphore = new_semaphore(0);
        let first = in_line(Box::pin({
            let semaphore = semaphore.clone();
            async move { semaphore.acquire().await }
        }));
        let adds = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(1).unwrap()
        });
        drop(first);
        drop(block_on(semaphore.acquire()).unwrap());
        adds.join().unwrap();
        assert_eq!((semaphore.available_permits(), semaphore.statistics().tasks_waiting), (1, 0));
    });
}

#[test]
fn a_cancellation_against_a_hand_over_loses_nothing() {
    explore(2, || {
        let (semaphore, scope) = (new_semaphore(0), CancelScope::new());
        let adds = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(1).unwrap()
        });
        let cancels = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        let got = block_on(scope.enter(semaphore.acquire()));
        adds.join().unwrap();
        cancels.join().unwrap();
        assert_eq!(semaphore.available_permits(), usize::from(got.is_err()));
        assert_eq!(semaphore.statistics().tasks_waiting, 0);
    });
}

// lock.rs, invariant 1
#[test]
fn a_lock_is_with_one_at_a_time() {
    explore(2, || {
        let lock = Arc::new(new_lock(0));
        let others = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || *block_on(lock.lock()).unwrap() += 1)
        });
        if let Some(mut guard) = lock.try_lock() {
            *guard += 10;
        }
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(matches!(*lock.try_lock().unwrap(), 2 | 12));
    });
}

// tokens.rs: loom does not know the lock's own cell, so its order is that of the token alone.
#[test]
fn what_one_did_under_the_lock_is_seen_by_the_next() {
    explore(2, || {
        let lock = Arc::new(new_lock(UnsafeCell::new(())));
        let others = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || block_on(lock.lock()).unwrap().with_mut(|_| ()))
        });
        if let Some(guard) = lock.try_lock() {
            guard.with_mut(|_| ());
        }
        others.into_iter().for_each(|other| other.join().unwrap());
        lock.try_lock().unwrap().with_mut(|_| ());
    });
}

#[test]
fn an_owned_guard_puts_the_value_back_before_the_next_one_looks() {
    explore(3, || {
        let lock = Arc::new(new_lock(0));
        let guard = lock.try_lock_owned().unwrap();
        let releases = thread::spawn(move || drop(guard));
        *block_on(lock.lock_owned()).unwrap() += 1;
        releases.join().unwrap();
        assert_eq!(*lock.try_lock().unwrap(), 1);
    });
}

#[test]
fn a_lock_that_is_handed_to_a_wait_which_is_dropped_goes_on() {
    explore(3, || {
        let lock = Arc::new(new_lock(()));
        let guard = lock.try_lock_owned().unwrap();
        let first = in_line(lock.lock_owned());
        let releases = thread::spawn(move || drop(guard));
        drop(first);
        drop(block_on(lock.lock()).unwrap());
        releases.join().unwrap();
        assert!(lock.try_lock().is_some());
    });
}

#[test]
fn a_lock_whose_wait_is_cancelled_while_it_is_handed_over_is_free_again() {
    explore(2, || {
        let (lock, scope) = (Arc::new(new_lock(())), CancelScope::new());
        let guard = lock.try_lock_owned().unwrap();
        let releases = thread::spawn(move || drop(guard));
        let cancels = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        drop(block_on(scope.enter(lock.lock())));
        releases.join().unwrap();
        cancels.join().unwrap();
        assert!(lock.try_lock().is_some());
        assert_eq!(lock.statistics().tasks_waiting, 0);
    });
}

// pool.rs, invariant 1
#[test]
fn a_total_that_is_lowered_and_raised_grants_no_more_than_it_is() {
    explore(2, || {
        let limiter = new_limiter(2);
        let token = limiter.try_acquire().unwrap();
        let changes = thread::spawn({
            let limiter = limiter.clone();
            move || {
                limiter.set_total_tokens(0);
                limiter.set_total_tokens(1);
            }
        });
        let second = limiter.try_acquire();
        let third = limiter.try_acquire();
        assert!(third.is_none());
        drop(token);
        changes.join().unwrap();
        assert_eq!(limiter.borrowed_tokens(), usize::from(second.is_some()));
        drop(second);
        assert_eq!(limiter.available_tokens(), 1);
    });
}

#[test]
fn a_token_for_a_key_that_is_handed_over_against_a_cancellation_is_used_or_free_again() {
    explore(2, || {
        let (limiter, scope) = (new_limiter(0), CancelScope::new());
        let raises = thread::spawn({
            let limiter = limiter.clone();
            move || limiter.set_total_tokens(1)
        });
        let cancels = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        let got = block_on(scope.enter(limiter.acquire_for("key")));
        raises.join().unwrap();
        cancels.join().unwrap();
        assert_eq!(limiter.borrowed_tokens(), usize::from(got.is_ok()));
        drop(got);
        assert!(limiter.try_acquire_for("key").is_ok());
    });
}

#[test]
fn a_raise_wakes_one_who_joins_the_line() {
    explore(3, || {
        let limiter = new_limiter(0);
        let raises = thread::spawn({
            let limiter = limiter.clone();
            move || limiter.set_total_tokens(1)
        });
        drop(block_on(limiter.acquire()).unwrap());
        raises.join().unwrap();
        assert_eq!(limiter.available_tokens(), 1);
    });
}

// borrowers.rs, invariant 1
#[test]
fn a_key_has_one_token_whoever_asks() {
    explore(3, || {
        let limiter = new_limiter(2);
        let other = thread::spawn({
            let limiter = limiter.clone();
            move || limiter.try_acquire_for(1).ok()
        });
        let ours = limiter.try_acquire_for(1).ok();
        let theirs = other.join().unwrap();
        assert!(ours.is_some() != theirs.is_some());
        drop((ours, theirs));
        assert!(limiter.try_acquire_for(1).is_ok());
    });
}

// set_once.rs, invariant 2
#[test]
fn a_wait_that_begins_while_an_event_is_set_is_woken() {
    explore(3, || {
        let event = Arc::new(Event::new());
        let sets = thread::spawn({
            let event = event.clone();
            move || event.set()
        });
        let other = thread::spawn({
            let event = event.clone();
            move || block_on(event.wait()).unwrap()
        });
        block_on(event.wait()).unwrap();
        sets.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_value_is_the_same_for_all_whoever_sets_it() {
    explore(3, || {
        let value = Arc::new(SetOnce::new());
        let sets = [1, 2].map(|n| {
            let value = value.clone();
            thread::spawn(move || value.set(n).is_ok())
        });
        let seen = *block_on(value.wait()).unwrap();
        let won = sets.map(|set| set.join().unwrap());
        assert_eq!(won, [seen == 1, seen == 2]);
    });
}

#[test]
fn a_set_against_a_cancellation_ends_the_wait() {
    explore(2, || {
        let (event, scope) = (Arc::new(Event::new()), CancelScope::new());
        let sets = thread::spawn({
            let event = event.clone();
            move || event.set()
        });
        let cancels = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        let _ = block_on(scope.enter(event.wait()));
        sets.join().unwrap();
        cancels.join().unwrap();
        assert_eq!(event.statistics().tasks_waiting, 0);
    });
}

#[test]
fn a_notification_comes_after_the_wait_is_in_line() {
    explore(3, || {
        let shared = Arc::new((new_lock(false), Condition::new()));
        let notifies = thread::spawn({
            let shared = shared.clone();
            move || {
                *block_on(shared.0.lock()).unwrap() = true;
                shared.1.notify(1);
            }
        });
        block_on(async {
            let guard = shared.0.lock().await.unwrap();
            assert!(*shared.1.wait_for(guard, |there| *there).await.unwrap());
        });
        notifies.join().unwrap();
    });
}

#[test]
fn a_notification_of_a_wait_that_is_dropped_goes_to_the_next() {
    explore(3, || {
        let shared = Arc::new((new_lock(()), Condition::new()));
        let lock = &shared.0;
        let mut first = shared.1.wait(lock.try_lock().unwrap());
        assert!(!poll_once(&mut first));
        let second = in_line(shared.1.wait(lock.try_lock().unwrap()));
        let notifies = thread::spawn({
            let shared = shared.clone();
            move || shared.1.notify(1)
        });
        drop(first);
        drop(block_on(second).unwrap());
        notifies.join().unwrap();
        assert_eq!(shared.1.statistics().tasks_waiting, 0);
    });
}

#[test]
fn a_notification_against_a_cancellation_is_used_or_passed_on() {
    explore(2, || {
        let (shared, scope) = (Arc::new((new_lock(()), Condition::new())), CancelScope::new());
        let lock = &shared.0;
        let mut first = Box::pin(scope.enter(shared.1.wait(lock.try_lock().unwrap())));
        assert!(!poll_once(&mut first));
        let second = in_line(shared.1.wait(lock.try_lock().unwrap()));
        let notifies = thread::spawn({
            let shared = shared.clone();
            move || shared.1.notify(1)
        });
        let cancels = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        match block_on(first) {
            Ok(guard) => {
                drop(guard);
                drop(second);
            }
            Err(_) => drop(block_on(second).unwrap()),
        }
        notifies.join().unwrap();
        cancels.join().unwrap();
        assert_eq!(shared.1.statistics().tasks_waiting, 0);
        assert!(shared.0.try_lock().is_some());
    });
}
