//! Cancellation and dropping at each step of the hand-off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_cancel_scope::{CancelScope, Cancelled};
use anyio_sync::CapacityLimiter;
use anyio_threads::{
    from_thread,
    to_thread::{self, RunSync},
};

use crate::support::{Census, Gate, ends, finish, polled, until};

// T1
#[test]
fn one_that_waits_for_a_token_is_withdrawn_when_it_is_cancelled() {
    let (limiter, census, scope) = (CapacityLimiter::new(1), Census::default(), CancelScope::new());
    let token = limiter.try_acquire().unwrap();
    let alive = census.one();
    let mut call = polled(scope.enter(to_thread::run_sync(move || drop(alive)).limiter(&limiter)));
    call.assert_pending();
    assert_eq!(limiter.statistics().tasks_waiting, 1);
    scope.cancel();
    assert!(call.is_woken());
    assert!(call.assert_ready().is_err());
    assert_eq!((census.count(), limiter.statistics().tasks_waiting), (0, 0));
    drop(token);
}

// T1
#[test]
fn one_that_waits_for_a_token_may_be_dropped() {
    let (limiter, census) = (CapacityLimiter::new(1), Census::default());
    let token = limiter.try_acquire().unwrap();
    let alive = census.one();
    let mut call = polled(to_thread::run_sync(move || drop(alive)).limiter(&limiter));
    call.assert_pending();
    drop(call);
    assert_eq!((census.count(), limiter.statistics().tasks_waiting), (0, 0));
    drop(token);
    assert_eq!(limiter.available_tokens(), 1);
}

// T1: a token that comes together with the cancellation begins nothing
#[test]
fn a_token_granted_to_a_cancelled_call_passes_on() {
    let (limiter, census, scope) = (CapacityLimiter::new(1), Census::default(), CancelScope::new());
    let token = limiter.try_acquire().unwrap();
    let alive = census.one();
    let mut call = polled(scope.enter(to_thread::run_sync(move || drop(alive)).limiter(&limiter)));
    call.assert_pending();
    scope.cancel();
    drop(token);
    assert!(call.assert_ready().is_err());
    assert_eq!((census.count(), limiter.available_tokens()), (0, 1));
}

/// A limit on tokens does not keep workers from being there, so what is queued is begun at once; only where all threads
/// are starting it is seen. This brings a job, its task and its worker together at every moment.
fn at_every_moment(end: impl Fn(RunSync<Box<dyn FnOnce() + Send>, ()>, CancelScope, usize)) {
    for delay in 0..200 {
        let (limiter, census) = (CapacityLimiter::new(1), Census::default());
        let ran = Arc::new(AtomicUsize::new(0));
        let (alive, theirs) = (census.one(), ran.clone());
        let f: Box<dyn FnOnce() + Send> = Box::new(move || {
            theirs.fetch_add(1, Ordering::SeqCst);
            drop(alive);
        });
        end(to_thread::run_sync(f).limiter(&limiter), CancelScope::new(), delay * 20);
        until(|| limiter.available_tokens() == 1);
        // Run to its end, or dropped unrun: never both, never neither.
        assert!(ran.load(Ordering::SeqCst) <= 1);
        until(|| census.count() == 0);
    }
}

fn spin(rounds: usize) {
    (0..rounds).for_each(|_| std::hint::spin_loop());
}

// T1: the sweep
#[test]
fn cancelled_at_any_moment_it_ran_or_did_not() {
    ends(|| {
        at_every_moment(|call, scope, delay| {
            let mut call = polled(scope.enter(call));
            if let std::task::Poll::Ready(output) = call.poll() {
                output.unwrap();
                return;
            }
            spin(delay);
            scope.cancel();
            let _: Result<(), Cancelled> = finish(&mut call);
        });
    });
}

// T1: the sweep
#[test]
fn cancelled_at_any_moment_it_is_abandoned_at_most() {
    ends(|| {
        at_every_moment(|call, scope, delay| {
            let mut call = polled(scope.enter(call.abandon_on_cancel(true)));
            if call.poll().is_ready() {
                return;
            }
            spin(delay);
            scope.cancel();
            // It needs nobody any more.
            call.assert_ready().ok();
        });
    });
}

// T1: the sweep
#[test]
fn dropped_at_any_moment_it_ran_or_did_not() {
    ends(|| {
        at_every_moment(|call, _, delay| {
            let mut call = polled(call);
            if call.poll().is_pending() {
                spin(delay);
                drop(call);
            }
        });
    });
}

// R3
#[test]
fn a_value_that_is_there_beats_the_cancellation_with_abandonment_too() {
    ends(|| {
        let (scope, limiter) = (CancelScope::new(), CapacityLimiter::new(1));
        let mut call = polled(scope.enter(to_thread::run_sync(|| 7).abandon_on_cancel(true).limiter(&limiter)));
        let value = match call.poll() {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => {
                // The waker is called last of all.
                until(|| call.is_woken());
                scope.cancel();
                call.assert_ready()
            }
        };
        assert_eq!(value, Ok(7));
    });
}

// T1: the wait is shielded
#[test]
fn once_begun_a_cancellation_does_not_end_the_wait() {
    ends(|| {
        let (gate, scope) = (Gate::default(), CancelScope::new());
        let theirs = gate.clone();
        let mut call = polled(scope.enter(to_thread::run_sync(move || theirs.pass())));
        call.assert_pending();
        gate.wait_for(1);
        scope.cancel();
        call.assert_pending();
        gate.open();
        assert_eq!(finish(&mut call), Ok(()));
    });
}

// T1
#[test]
fn a_dropped_call_runs_to_its_end_and_keeps_its_token_until_then() {
    ends(|| {
        let (gate, limiter, census) = (Gate::default(), CapacityLimiter::new(1), Census::default());
        let (theirs, value) = (gate.clone(), census.one());
        let mut call = polled(
            to_thread::run_sync(move || {
                theirs.pass();
                // The thread is told, as one that was abandoned.
                assert!(from_thread::check_cancelled().is_err());
                value
            })
            .limiter(&limiter),
        );
        call.assert_pending();
        gate.wait_for(1);
        drop(call);
        assert_eq!((limiter.available_tokens(), census.count()), (0, 1));
        gate.open();
        // The value that nobody wants is dropped by the thread, before the token comes back.
        until(|| limiter.available_tokens() == 1);
        assert_eq!(census.count(), 0);
    });
}

// R3
#[test]
fn a_call_that_is_dropped_with_its_value_drops_that() {
    ends(|| {
        let (limiter, census) = (CapacityLimiter::new(1), Census::default());
        let value = census.one();
        let mut call = polled(to_thread::run_sync(move || value).limiter(&limiter));
        if call.poll().is_pending() {
            until(|| call.is_woken());
            drop(call);
        }
        assert_eq!(census.count(), 0);
    });
}

#[test]
fn the_token_is_back_when_the_value_is_there() {
    ends(|| {
        futures::executor::block_on(async {
            let limiter = CapacityLimiter::new(1);
            for _ in 0..1000 {
                to_thread::run_sync(|| ()).limiter(&limiter).await.unwrap();
                assert_eq!(limiter.borrowed_tokens(), 0);
            }
        });
    });
}

#[test]
fn what_a_cancelled_task_calls_still_runs() {
    ends(|| {
        let (gate, scope) = (Gate::default(), CancelScope::new());
        let theirs = gate.clone();
        let mut call = polled(scope.enter(to_thread::run_sync(move || {
            theirs.pass();
            from_thread::run_sync(|| thread::current().id())
        })));
        call.assert_pending();
        gate.wait_for(1);
        scope.cancel();
        gate.open();
        assert_eq!(finish(&mut call), Ok(Ok(thread::current().id())));
    });
}

// R11: a wake-up through the scope reaches what the worker waits for, also under a waker of a sub-executor
#[test]
fn what_a_thread_asks_for_is_woken_by_the_cancellation() {
    use futures::{StreamExt, stream::FuturesUnordered};
    ends(|| {
        let (scope, gate) = (CancelScope::new(), Gate::default());
        let (theirs, inside) = (gate.clone(), scope.clone());
        let canceller = thread::spawn(move || {
            theirs.wait_for(1);
            inside.cancel();
        });
        let waiting: FuturesUnordered<_> = std::iter::once(to_thread::run_sync(move || {
            from_thread::run(async move {
                gate.open();
                gate.pass();
                anyio_cancel_scope::sleep_forever().await.map(drop)
            })
        }))
        .collect();
        let output = futures::executor::block_on(scope.enter(waiting.into_future())).0.unwrap();
        assert!(output.unwrap().unwrap().is_err());
        canceller.join().unwrap();
    });
}
