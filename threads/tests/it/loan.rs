//! Workers that wait for their tasks, whose tasks need workers.

use std::{
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::channel,
    },
    time::Duration,
};

use anyio_cancel_scope::{BoxError, Cancelled, RunRecord, VirtualClock, host::Outside::Thread, sleep};
use anyio_runtime::{Builder, offload, run};
use anyio_sync::CapacityLimiter;
use anyio_task_group::gather;
use anyio_threads::{
    from_thread::{self, RunFinished, current_token},
    to_thread,
};
use futures_lite::future::poll_once;

use crate::support::{Gate, ends, finish, polled, under_every_executor, until, words};

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

/// A worker that has lent its token, and says when it goes on.
#[derive(Clone, Default)]
struct Lender {
    limiter: Option<CapacityLimiter>,
    gate: Gate,
    on: Arc<AtomicBool>,
}

impl Lender {
    fn new() -> Self {
        Self { limiter: Some(CapacityLimiter::new(1)), ..Self::default() }
    }

    fn limiter(&self) -> CapacityLimiter {
        self.limiter.clone().unwrap()
    }

    /// A call whose worker has `ask` done in its task, and gives what comes of that.
    fn call<T: Send + 'static>(
        &self,
        ask: impl FnOnce(Self) -> T + Send + 'static,
    ) -> to_thread::RunSync<impl FnOnce() -> T + Send + 'static, T> {
        let this = self.clone();
        let limiter = self.limiter();
        to_thread::run_sync(move || {
            let asked = ask(this.clone());
            this.on.store(true, Ordering::SeqCst);
            asked
        })
        .limiter(&limiter)
    }

    /// Begins a closure on the loan, which waits at the gate, and drops its call when this is dropped.
    async fn lend(&self) -> impl Drop + Send + use<> {
        struct Nested<F>(F);
        impl<F> Drop for Nested<F> {
            fn drop(&mut self) {}
        }
        let gate = self.gate.clone();
        let mut nested = to_thread::run_sync(move || gate.pass()).limiter(&self.limiter());
        assert!(poll_once(&mut nested).await.is_none());
        self.gate.wait_for(1);
        Nested(nested)
    }

    /// The worker has its answer, and waits for its token: it is not at work, and the closure is.
    fn waits(&self) {
        let run = RunRecord::current();
        until(|| self.on.load(Ordering::SeqCst) || run.at_work(Thread) == 1);
        assert!(!self.on.load(Ordering::SeqCst), "it went on while its token was lent");
    }
}

// T1: an abandoned closure keeps its token
#[test]
fn a_worker_goes_on_only_when_its_token_is_back() {
    ends(|| {
        run(async {
            let lender = Lender::new();
            let mut call = polled(lender.call(|lender| from_thread::run(async move { drop(lender.lend().await) })));
            until(|| {
                call.assert_pending();
                lender.gate.arrived() == 1
            });
            lender.waits();
            lender.gate.open();
            assert_eq!(finish(&mut call), Ok(Ok(())));
        });
    });
}

#[test]
fn a_worker_whose_call_back_panics_waits_for_its_token_too() {
    ends(|| {
        run(async {
            let lender = Lender::new();
            let mut call = polled(lender.call(|lender| {
                let panics = async move {
                    let _lent = lender.lend().await;
                    resume_unwind(Box::new("in the task"));
                };
                let caught = catch_unwind(AssertUnwindSafe(|| from_thread::run(panics)));
                words(&*caught.unwrap_err())
            }));
            until(|| {
                call.assert_pending();
                lender.gate.arrived() == 1
            });
            lender.waits();
            lender.gate.open();
            assert_eq!(finish(&mut call), Ok("in the task".to_owned()));
        });
    });
}

#[test]
fn a_worker_whose_call_back_is_dropped_waits_for_its_token_too() {
    ends(|| {
        run(async {
            let (lender, (told, answer)) = (Lender::new(), channel());
            let mut call = polled(lender.call(move |lender| {
                let left = from_thread::run(async move {
                    let _lent = lender.lend().await;
                    pending::<()>().await;
                });
                told.send(left).unwrap();
            }));
            until(|| {
                call.assert_pending();
                lender.gate.arrived() == 1
            });
            drop(call);
            lender.waits();
            assert_eq!(lender.limiter().available_tokens(), 0);
            lender.gate.open();
            assert!(answer.recv().unwrap().as_ref().is_err_and(RunFinished::is_abandoned));
            until(|| lender.limiter().available_tokens() == 1);
        });
    });
}

// What is only in line has nothing to give back.
#[test]
fn a_worker_does_not_wait_for_who_stands_at_the_desk_and_is_not_polled() {
    ends(|| {
        run(async {
            let (lender, kept) = (Lender::new(), Arc::new(Mutex::new(None)));
            let keeps = kept.clone();
            let mut call = polled(lender.call(|lender| {
                from_thread::run(async move {
                    let lent = lender.lend().await;
                    let mut second = to_thread::run_sync(|| ()).limiter(&lender.limiter());
                    assert!(poll_once(&mut second).await.is_none());
                    *keeps.lock().unwrap() = Some(second);
                    drop(lent);
                })
            }));
            until(|| {
                call.assert_pending();
                lender.gate.arrived() == 1
            });
            lender.gate.open();
            assert_eq!(finish(&mut call), Ok(Ok(())));
            // The loan is over: it goes on at the limiter.
            let limiter = lender.limiter();
            let taken = limiter.try_acquire().unwrap();
            let mut second = polled(kept.lock().unwrap().take().unwrap());
            until(|| {
                second.assert_pending();
                limiter.statistics().tasks_waiting == 1
            });
            drop(taken);
            assert_eq!(finish(&mut second), Ok(()));
            assert_eq!(limiter.available_tokens(), 1);
        });
    });
}

// Neither of the two threads is at work.
#[test]
fn a_virtual_clock_jumps_while_a_worker_waits_for_its_token() {
    ends(|| {
        Builder::new().clock(VirtualClock::autojump()).run(async {
            let (lender, token) = (Lender::new(), current_token());
            let call = lender.call(move |lender| {
                from_thread::run(async move {
                    let gate = lender.gate.clone();
                    let nested = to_thread::run_sync(move || {
                        gate.pass();
                        token.run(sleep(Duration::from_secs(3600)))
                    });
                    let mut nested = nested.limiter(&lender.limiter());
                    assert!(poll_once(&mut nested).await.is_none());
                    // It has begun, and is abandoned.
                    lender.gate.wait_for(1);
                    lender.gate.open();
                })
            });
            assert_eq!(call.await, Ok(Ok(())));
        });
    });
}
