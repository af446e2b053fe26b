//! Panics, both ways. `resume_unwind` raises them here, for it does not write to the terminal.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use anyio_cancel_scope::CancelScope;
use anyio_runtime::{Builder, run};
use anyio_sync::CapacityLimiter;
use anyio_threads::{
    from_thread::{self, PortalTask, current_token, start_blocking_portal},
    to_thread,
};

use crate::support::{Census, Gate, OnDrop, ends, panic_of, polled, until, words};

fn boom(words: &'static str) -> ! {
    resume_unwind(Box::new(words))
}

// G3
#[test]
fn a_panic_of_the_closure_comes_out_where_it_is_awaited() {
    ends(|| {
        let limiter = CapacityLimiter::new(1);
        let theirs = limiter.clone();
        let panicked = panic_of(move || {
            futures::executor::block_on(to_thread::run_sync(|| boom("in the thread")).limiter(&theirs)).unwrap();
        });
        assert_eq!(panicked, "in the thread");
        assert_eq!(limiter.available_tokens(), 1);
        // The thread serves on.
        assert_eq!(futures::executor::block_on(to_thread::run_sync(|| 1).limiter(&limiter)), Ok(1));
    });
}

#[test]
fn a_panic_of_what_a_thread_asked_for_comes_out_in_the_thread() {
    ends(|| {
        futures::executor::block_on(async {
            let caught = to_thread::run_sync(|| {
                let run = catch_unwind(|| from_thread::run(async { boom("in the task") })).unwrap_err();
                let call = catch_unwind(|| from_thread::run_sync(|| boom("in a call"))).unwrap_err();
                (words(&*run), words(&*call), from_thread::run_sync(|| 1))
            });
            assert_eq!(caught.await, Ok(("in the task".into(), "in a call".into(), Ok(1))));
        });
    });
}

/// Ready at once, and panics when it is dropped.
struct Bomb;

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        boom("in a destructor");
    }
}

// What a thread asked for is gone when it goes on.
#[test]
fn a_panic_of_the_destructor_of_what_a_thread_asked_for_comes_out_in_the_thread_too() {
    ends(|| {
        run(async {
            let token = current_token();
            let caught = to_thread::run_sync(move || {
                let run = catch_unwind(|| from_thread::run(Bomb)).unwrap_err();
                let foreign =
                    std::thread::spawn(move || catch_unwind(AssertUnwindSafe(|| token.run(Bomb))).unwrap_err());
                (words(&*run), words(&*foreign.join().unwrap()))
            });
            assert_eq!(caught.await, Ok(("in a destructor".into(), "in a destructor".into())));
        });
    });
}

// Nobody is there to whom it could come.
#[test]
fn a_panic_goes_silently_with_a_handle_that_outlived_its_portal() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let census = Census::default();
        let payload = census.one();
        let task = portal.start_task_soon(async { resume_unwind(Box::new(payload)) });
        let task: PortalTask<()> = task.unwrap();
        until(|| task.is_finished());
        drop(portal);
        assert_eq!(census.count(), 1);
        drop(task);
        assert_eq!(census.count(), 0);
    });
}

#[test]
fn a_panic_that_panics_goes_silently_with_a_handle_that_outlived_its_portal() {
    ends(|| {
        let portal = start_blocking_portal().unwrap();
        let task = portal.start_task_soon(async { resume_unwind(Box::new(OnDrop(|| boom("in a destructor")))) });
        let task: PortalTask<()> = task.unwrap();
        until(|| task.is_finished());
        drop(portal);
        drop(task);
    });
}

#[test]
fn a_panic_goes_through_thread_task_and_thread() {
    ends(|| {
        let panicked = panic_of(|| {
            futures::executor::block_on(async {
                let deep =
                    to_thread::run_sync(|| from_thread::run(async { to_thread::run_sync(|| boom("deep down")).await }));
                drop(deep.await);
            });
        });
        assert_eq!(panicked, "deep down");
    });
}

// G3
#[test]
fn a_panic_that_nobody_awaits_comes_out_of_the_run() {
    ends(|| {
        let panicked = panic_of(|| {
            run(async {
                let (gate, scope) = (Gate::default(), CancelScope::new());
                let (theirs, cancel) = (gate.clone(), scope.clone());
                let left = to_thread::run_sync(move || {
                    cancel.cancel();
                    theirs.pass();
                    boom("after all")
                });
                assert_eq!(scope.run(left.abandon_on_cancel(true)).await, Ok(None::<()>));
                gate.open();
            });
        });
        assert_eq!(panicked, "after all");
    });
}

#[test]
fn a_panic_that_is_dropped_with_its_call_comes_out_of_the_run() {
    ends(|| {
        let panicked = panic_of(|| {
            run(async {
                let gate = Gate::default();
                let theirs = gate.clone();
                let mut call = polled(to_thread::run_sync(move || {
                    theirs.pass();
                    boom("not looked at")
                }));
                assert!(call.poll().is_pending());
                gate.open();
                until(|| call.is_woken());
                drop(call);
            });
        });
        assert_eq!(panicked, "not looked at");
    });
}

#[test]
fn of_several_panics_that_nobody_awaits_the_first_comes_out_of_the_run() {
    ends(|| {
        let panicked = panic_of(|| {
            run(async {
                let limiter = CapacityLimiter::new(1);
                let begins = |words| {
                    let gate = Gate::default();
                    let theirs = gate.clone();
                    let closure = move || -> () {
                        theirs.pass();
                        boom(words)
                    };
                    (polled(to_thread::run_sync(closure).limiter(&limiter)), gate)
                };
                // The second one begins when the first has panicked, whose token it needs.
                let [(mut first, gate), (mut second, last)] = [begins("the first"), begins("the second")];
                first.assert_pending();
                gate.wait_for(1);
                drop(first);
                second.assert_pending();
                gate.open();
                until(|| {
                    second.assert_pending();
                    last.arrived() == 1
                });
                drop(second);
                last.open();
            });
        });
        assert_eq!(panicked, "the first");
    });
}

// T1: the token is kept until nothing of the closure is left
#[test]
fn a_value_that_nobody_wants_is_dropped_before_its_token_goes_back() {
    ends(|| {
        let (gate, limiter) = (Gate::default(), CapacityLimiter::new(1));
        let (theirs, seen) = (gate.clone(), limiter.clone());
        let (told, free) = std::sync::mpsc::channel();
        let mut call = polled(
            to_thread::run_sync(move || {
                theirs.pass();
                OnDrop(move || told.send(seen.available_tokens()).unwrap())
            })
            .limiter(&limiter),
        );
        call.assert_pending();
        gate.wait_for(1);
        drop(call);
        gate.open();
        assert_eq!(free.recv(), Ok(0));
    });
}

#[test]
fn a_panic_of_a_value_that_nobody_wants_comes_out_of_the_run() {
    ends(|| {
        let panicked = panic_of(|| {
            run(async {
                let gate = Gate::default();
                let theirs = gate.clone();
                let mut call = Box::pin(to_thread::run_sync(move || {
                    theirs.pass();
                    OnDrop(|| boom("in a destructor"))
                }));
                assert!(futures_lite::future::poll_once(&mut call).await.is_none());
                gate.wait_for(1);
                drop(call);
                gate.open();
            });
        });
        assert_eq!(panicked, "in a destructor");
    });
}

#[test]
fn a_panic_of_a_closure_that_is_dropped_unrun_comes_out_where_it_is_dropped() {
    ends(|| {
        let scope = CancelScope::new();
        scope.cancel();
        let bomb = OnDrop(|| boom("unrun"));
        let mut call = polled(scope.enter(to_thread::run_sync(move || drop(bomb))));
        let panicked = catch_unwind(AssertUnwindSafe(|| drop(call.poll()))).unwrap_err();
        assert_eq!(words(&*panicked), "unrun");
    });
}

#[test]
fn a_withdrawn_closure_whose_destructor_panics_is_not_left_over() {
    ends(|| {
        for _ in 0..50 {
            Builder::new().on_left_over(|left| panic!("{left:?}")).run(async {
                let (scope, bomb) = (CancelScope::new(), OnDrop(|| boom("unrun")));
                let mut withdrawn = polled(scope.enter(to_thread::run_sync(move || std::mem::forget(bomb))));
                if withdrawn.poll().is_pending() {
                    scope.cancel();
                    // Unless its thread was faster.
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(withdrawn.poll())));
                }
            });
        }
    });
}

#[test]
fn a_waker_that_panics_costs_no_thread() {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Wake, Waker},
    };
    struct Bomb(AtomicUsize);
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            boom("in a waker");
        }
    }
    ends(|| {
        let (bomb, limiter) = (Arc::new(Bomb(AtomicUsize::new(0))), CapacityLimiter::new(1));
        let waker = Waker::from(bomb.clone());
        let gate = Gate::default();
        let theirs = gate.clone();
        let mut call = Box::pin(to_thread::run_sync(move || theirs.pass()).limiter(&limiter));
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        gate.open();
        until(|| bomb.0.load(Ordering::SeqCst) == 1);
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(futures::executor::block_on(to_thread::run_sync(|| 1).limiter(&limiter)), Ok(1));
    });
}

#[test]
fn polled_after_its_end_it_says_what_to_do() {
    ends(|| {
        let mut call = Box::pin(to_thread::run_sync(|| ()));
        futures::executor::block_on(&mut call).unwrap();
        let panicked = panic_of(move || drop(futures::executor::block_on(call)));
        assert!(panicked.contains("await it once"), "{panicked}");
    });
}
