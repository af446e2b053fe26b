//! Workers that wait for their tasks, whose tasks need workers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyio_cancel_scope::{BoxError, Cancelled};
use anyio_runtime::{offload, run};
use anyio_sync::CapacityLimiter;
use anyio_task_group::gather;
use anyio_threads::{from_thread, to_thread};

use crate::support::{Gate, ends, finish, polled, under_every_executor, until};

/// Thread, task, thread, and so on, so many times, under one limiter.
fn down(limiter: CapacityLimiter, depth: usize) -> Result<usize, BoxError> {
    if depth == 0 {
        return Ok(0);
    }
    let below = from_thread::run(async move {
        let inner = limiter.clone();
        to_thread::run_sync(move || down(inner, depth - 1)).limiter(&limiter).await
    });
    Ok(below??? + 1)
}

// T2
#[test]
fn threads_and_tasks_call_each_other_to_any_depth_under_one_token() {
    under_every_executor(async || {
        let limiter = CapacityLimiter::new(1);
        let inner = limiter.clone();
        let depth = to_thread::run_sync(move || down(inner, 10)).limiter(&limiter).await.unwrap();
        assert_eq!(depth.unwrap(), 10);
        assert_eq!(limiter.available_tokens(), 1);
    });
}

// T2
#[test]
fn a_full_pool_whose_workers_all_call_back_gets_on() {
    under_every_executor(async || {
        let limiter = CapacityLimiter::new(4);
        let (active, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let calls = (0..16).map(|_| {
            let (inner, active, most) = (limiter.clone(), active.clone(), most.clone());
            to_thread::run_sync(move || {
                from_thread::run(async move {
                    // Several for one worker: they take turns with its token.
                    let calls = (0..3).map(|_| {
                        let (active, most) = (active.clone(), most.clone());
                        to_thread::run_sync(move || {
                            let now = active.fetch_add(1, Ordering::SeqCst) + 1;
                            most.fetch_max(now, Ordering::SeqCst);
                            active.fetch_sub(1, Ordering::SeqCst);
                        })
                        .limiter(&inner)
                    });
                    gather(calls).await.map(|done| done.len())
                })
            })
            .limiter(&limiter)
        });
        let done = gather(calls).await.unwrap();
        assert!(done.into_iter().all(|done| done == Ok(Ok(3))));
        assert!(most.load(Ordering::SeqCst) <= 4);
        assert_eq!(limiter.available_tokens(), 4);
    });
}

#[test]
fn a_loan_goes_along_to_offloaded_tasks() {
    ends(|| {
        let value = run(async {
            let limiter = CapacityLimiter::new(1);
            let inner = limiter.clone();
            to_thread::run_sync(move || {
                from_thread::run(offload(async move { to_thread::run_sync(|| 7).limiter(&inner).await }))
            })
            .limiter(&limiter)
            .await
        });
        assert_eq!(value, Ok(Ok(Ok(7))));
    });
}

// One that waits at a desk which closes goes on at the limiter.
#[test]
fn what_outlives_the_call_back_uses_the_limiter() {
    ends(|| {
        run(async {
            let limiter = CapacityLimiter::new(1);
            let inner = limiter.clone();
            let value = anyio_task_group::task_group(async |tg| -> Result<_, Cancelled> {
                let theirs = tg.clone();
                let handle = to_thread::run_sync(move || {
                    from_thread::run(async move {
                        let later = async move { to_thread::run_sync(|| 7).limiter(&inner).await };
                        theirs.start_soon(later)
                    })
                });
                let handle = handle.limiter(&limiter).await?.expect("the task waits");
                Ok(handle.join().await.unwrap())
            });
            assert_eq!(value.await, Ok(Some(7)));
        });
    });
}

#[test]
fn a_worker_goes_on_only_when_its_token_is_back() {
    ends(|| {
        let (limiter, gate) = (CapacityLimiter::new(1), Gate::default());
        let (inner, theirs) = (limiter.clone(), gate.clone());
        let on = Arc::new(AtomicUsize::new(0));
        let goes_on = on.clone();
        let mut call = polled(
            to_thread::run_sync(move || {
                let left = from_thread::run(async move {
                    let at = theirs.clone();
                    let mut nested = to_thread::run_sync(move || at.pass()).limiter(&inner);
                    let left = futures_lite::future::poll_once(&mut nested).await;
                    theirs.wait_for(1);
                    // It is abandoned, and has the token of the worker.
                    drop(nested);
                    left
                });
                goes_on.store(1, Ordering::SeqCst);
                left.unwrap().is_none()
            })
            .limiter(&limiter),
        );
        until(|| {
            call.assert_pending();
            gate.arrived() == 1
        });
        for _ in 0..10 {
            call.assert_pending();
        }
        assert_eq!(on.load(Ordering::SeqCst), 0);
        gate.open();
        assert_eq!(finish(&mut call), Ok(true));
    });
}
