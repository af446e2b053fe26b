//! Many threads at once, for a bounded time: what is counted must come out right, and all must come to their end.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

use anyio_cancel_scope::CancelScope;
use anyio_sync::{CapacityLimiter, Condition, Event, Lock, Semaphore, SetOnce};
use futures::executor::block_on;

use crate::support::ends;

const THREADS: usize = 4;
const ROUNDS: usize = 2000;

fn on_threads(work: impl Fn(usize) + Send + Sync + 'static) {
    ends(move || {
        thread::scope(|threads| {
            for me in 0..THREADS {
                let work = &work;
                threads.spawn(move || work(me));
            }
        });
    });
}

/// Polls a few times, and gives up.
fn a_few_polls<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
        thread::yield_now();
    }
    None
}

#[test]
fn a_lock_that_is_taken_tried_and_given_up() {
    let (lock, count) = (Arc::new(Lock::new(0)), Arc::new(AtomicUsize::new(0)));
    let (shared, counted) = (lock.clone(), count.clone());
    on_threads(move |me| {
        for round in 0..ROUNDS {
            let guard = match (me + round) % 4 {
                0 => Some(block_on(shared.lock()).unwrap()),
                1 => shared.try_lock(),
                2 => a_few_polls(round % 3, shared.lock()).map(Result::unwrap),
                _ => {
                    *block_on(shared.lock_owned()).unwrap() += 1;
                    counted.fetch_add(1, Ordering::SeqCst);
                    None
                }
            };
            if let Some(mut guard) = guard {
                *guard += 1;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let statistics = lock.statistics();
    assert_eq!((statistics.locked, statistics.tasks_waiting), (false, 0));
    assert_eq!(*lock.try_lock().unwrap(), count.load(Ordering::SeqCst));
}

#[test]
fn permits_that_are_taken_in_all_ways_all_come_back() {
    let (semaphore, out) = (Semaphore::new(3), AtomicUsize::new(0));
    let shared = semaphore.clone();
    on_threads(move |me| {
        for round in 0..ROUNDS {
            let many = 1 + round % 3;
            let permit = match (me + round) % 4 {
                0 => Some(block_on(shared.acquire()).unwrap()),
                1 => shared.try_acquire_many(many),
                2 => a_few_polls(round % 4, shared.acquire_many(many)).map(Result::unwrap),
                _ => Some(block_on(shared.acquire_many(many)).unwrap()),
            };
            if let Some(permit) = permit {
                let before = out.fetch_add(permit.count(), Ordering::SeqCst);
                assert!(before + permit.count() <= 3);
                out.fetch_sub(permit.count(), Ordering::SeqCst);
            }
        }
    });
    assert_eq!((semaphore.available_permits(), semaphore.statistics().tasks_waiting), (3, 0));
}

#[test]
fn a_limiter_whose_total_goes_up_and_down() {
    let (limiter, out) = (CapacityLimiter::new(2), AtomicUsize::new(0));
    let shared = limiter.clone();
    on_threads(move |me| {
        for round in 0..ROUNDS {
            if me == 0 {
                shared.set_total_tokens(1 + round % 3);
                thread::yield_now();
                continue;
            }
            let token = match round % 3 {
                0 => Some(block_on(shared.acquire()).unwrap()),
                1 => a_few_polls(round % 4, shared.acquire_for((me, round))).map(Result::unwrap),
                _ => shared.try_acquire_for(me).ok(),
            };
            if let Some(token) = token {
                assert!(out.fetch_add(1, Ordering::SeqCst) < 3);
                out.fetch_sub(1, Ordering::SeqCst);
                drop(token);
            }
        }
    });
    limiter.set_total_tokens(5);
    let statistics = limiter.statistics();
    assert_eq!((statistics.borrowed_tokens, statistics.tasks_waiting, statistics.borrowers.len()), (0, 0, 0));
    assert_eq!(limiter.available_tokens(), 5);
}

#[test]
fn a_cancellation_from_another_thread_meets_the_hand_over() {
    ends(|| {
        for round in 0..500 {
            let semaphore = Semaphore::new(0);
            let scope = CancelScope::new();
            let got = thread::scope(|threads| {
                let wait = threads.spawn(|| block_on(scope.enter(semaphore.acquire())).ok());
                let adds = threads.spawn(|| semaphore.add_permits(1).unwrap());
                if round % 2 == 0 {
                    thread::yield_now();
                }
                scope.cancel();
                adds.join().unwrap();
                wait.join().unwrap()
            });
            assert_eq!(semaphore.available_permits(), usize::from(got.is_none()));
        }
    });
}

#[test]
fn everybody_sees_an_event_and_a_value() {
    ends(|| {
        for round in 0..300 {
            let (event, value) = (Event::new(), SetOnce::new());
            thread::scope(|threads| {
                for _ in 0..3 {
                    threads.spawn(|| {
                        block_on(event.wait()).unwrap();
                        assert_eq!(block_on(value.wait()), Ok(&round));
                    });
                }
                threads.spawn(|| value.set(round).unwrap());
                event.set();
            });
        }
    });
}

#[test]
fn notifications_are_not_lost_while_waiters_give_up() {
    let shared = Arc::new((Lock::new(0_usize), Condition::new()));
    let there = shared.clone();
    on_threads(move |me| {
        let (lock, condition) = &*there;
        for round in 0..ROUNDS / 4 {
            if me % 2 == 0 {
                *block_on(lock.lock()).unwrap() += 1;
                condition.notify(1);
                continue;
            }
            // Some give up in the middle, at any stage.
            let ended = a_few_polls(round % 4, async {
                let guard = lock.lock().await?;
                condition.wait(guard).await.map(drop)
            });
            assert!(ended.is_none_or(|waited| waited.is_ok()));
            let taken = block_on(async {
                let guard = lock.lock().await?;
                let mut guard = condition.wait_for(guard, |count| *count > 0).await?;
                *guard -= 1;
                if *guard > 0 {
                    condition.notify(1);
                }
                Ok::<_, anyio_cancel_scope::Cancelled>(())
            });
            taken.unwrap();
        }
    });
    assert_eq!((*shared.0.try_lock().unwrap(), shared.1.statistics().tasks_waiting), (0, 0));
}
