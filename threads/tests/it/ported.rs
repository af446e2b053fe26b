//! AnyIO's tests of worker threads.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyio_cancel_scope::{BoxError, CancelScope, Cancelled, VirtualClock, checkpoint, move_on_after, sleep};
use anyio_context_vars::context_var;
use anyio_memstream::memory_object_stream;
use anyio_runtime::{Builder, run};
use anyio_sync::CapacityLimiter;
use anyio_task_group::{gather, task_group};
use anyio_threads::{from_thread, to_thread};

use crate::support::{Census, Gate, cancelled_scope, ends, under_every_executor, until};

context_var! { static NAME: String; }

// R4; anyio: tests/test_to_thread.py::test_run_in_thread_cancelled
#[test]
fn cancelled_before_it_begins_it_never_runs() {
    under_every_executor(async || {
        let census = Census::default();
        let alive = census.one();
        let outcome = cancelled_scope().run(to_thread::run_sync(move || drop(alive))).await;
        assert_eq!(outcome, Ok(None));
        assert_eq!(census.count(), 0);
        let ran = Arc::new(AtomicUsize::new(0));
        let theirs = ran.clone();
        let never = move || theirs.fetch_add(1, Ordering::SeqCst);
        assert_eq!(cancelled_scope().run(to_thread::run_sync(never)).await, Ok(None));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

// anyio: tests/test_to_thread.py::test_run_in_thread_exception
#[test]
fn an_error_of_the_closure_is_its_value() {
    under_every_executor(async || {
        let failed = to_thread::run_sync(|| Err::<(), _>(io::Error::other("no such thing"))).await.unwrap();
        assert_eq!(failed.unwrap_err().to_string(), "no such thing");
    });
}

// anyio: tests/test_to_thread.py::test_run_in_custom_limiter
#[test]
fn of_four_under_a_limiter_of_three_three_run_at_once() {
    under_every_executor(async || {
        let (limiter, gate) = (CapacityLimiter::new(3), Gate::default());
        let (active, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let opener = {
            let (gate, limiter) = (gate.clone(), limiter.clone());
            thread::spawn(move || {
                gate.wait_for(3);
                until(|| limiter.statistics().tasks_waiting == 1);
                assert_eq!(limiter.borrowed_tokens(), 3);
                gate.open();
            })
        };
        let calls = (0..4).map(|_| {
            let (gate, active, most) = (gate.clone(), active.clone(), most.clone());
            let call = move || {
                let now = active.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                gate.pass();
                active.fetch_sub(1, Ordering::SeqCst);
            };
            to_thread::run_sync(call).limiter(&limiter)
        });
        gather(calls).await.unwrap();
        opener.join().unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(limiter.borrowed_tokens(), 0);
    });
}

// T1, R3; anyio: tests/test_to_thread.py::test_cancel_worker_thread
#[test]
fn without_abandonment_a_cancelled_task_waits_and_gets_the_value() {
    under_every_executor(async || {
        let scope = CancelScope::new();
        let inside = scope.clone();
        let after = scope
            .run(async {
                let value = to_thread::run_sync(move || {
                    inside.cancel();
                    7
                });
                assert_eq!(value.await, Ok(7));
                checkpoint().await
            })
            .await;
        assert_eq!(after, Ok(None));
    });
}

// T1; anyio: tests/test_to_thread.py::test_cancel_wait_on_thread
#[test]
fn with_abandonment_a_cancelled_task_leaves_and_the_thread_runs_on() {
    under_every_executor(async || {
        let (gate, ended) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
        let scope = CancelScope::new();
        let (theirs, done, cancel) = (gate.clone(), ended.clone(), scope.clone());
        let left = scope.run(
            to_thread::run_sync(move || {
                cancel.cancel();
                theirs.pass();
                done.fetch_add(1, Ordering::SeqCst);
            })
            .abandon_on_cancel(true),
        );
        assert_eq!(left.await, Ok(None));
        assert_eq!(ended.load(Ordering::SeqCst), 0);
        gate.open();
        until(|| ended.load(Ordering::SeqCst) == 1);
    });
}

// T2; anyio: tests/test_to_thread.py::test_contextvar_propagation
#[test]
fn the_closure_sees_the_variables_of_its_caller() {
    under_every_executor(async || {
        let seen = NAME.scope("ada".into(), async { to_thread::run_sync(|| NAME.get()).await }).await;
        assert_eq!(seen.unwrap().as_deref(), Some("ada"));
        assert_eq!(to_thread::run_sync(|| NAME.get()).await, Ok(None));
    });
}

// anyio: tests/test_to_thread.py::test_asyncio_run_sync_no_asyncio_run
#[test]
fn a_closure_may_have_a_run_of_its_own() {
    ends(|| {
        let sum = run(async {
            to_thread::run_sync(|| run(async { to_thread::run_sync(|| 1).await.unwrap() + 1 })).await.unwrap() + 1
        });
        assert_eq!(sum, 3);
    });
}

// anyio: tests/test_to_thread.py::test_asyncio_run_sync_multiple
#[test]
fn one_run_after_the_other_has_threads_that_end_with_it() {
    ends(|| {
        for _ in 0..3 {
            let threads: Vec<_> =
                run(async { gather((0..3).map(|_| to_thread::run_sync(|| thread::current().id()))).await.unwrap() });
            assert!(threads.iter().all(|id| *id != thread::current().id()));
        }
    });
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_corofunc_from_thread; anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_anyio_async_func_from_thread
#[test]
fn a_thread_gets_the_output_of_a_future() {
    under_every_executor(async || {
        let output = to_thread::run_sync(|| {
            from_thread::run(async {
                sleep(Duration::from_millis(1)).await?;
                Ok::<_, Cancelled>(42)
            })
        });
        assert_eq!(output.await.unwrap().unwrap(), Ok(42));
    });
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_asyncgen_from_thread
#[test]
fn a_thread_takes_item_after_item_from_a_stream() {
    under_every_executor(async || {
        let (send, receive) = memory_object_stream(1);
        let taken = to_thread::run_sync(move || -> Result<Vec<u32>, BoxError> {
            let receive = Arc::new(receive);
            let mut taken = Vec::new();
            loop {
                let receive = receive.clone();
                match from_thread::run(async move { receive.next().await })?? {
                    Some(item) => taken.push(item),
                    None => return Ok(taken),
                }
            }
        });
        let taken = task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async move {
                for item in 0..4 {
                    send.send(item).await?;
                }
                io::Result::Ok(())
            });
            Ok(taken.await?)
        });
        assert_eq!(taken.await.unwrap().unwrap().unwrap(), [0, 1, 2, 3]);
    });
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_sync_from_thread
#[test]
fn a_thread_calls_a_closure_in_its_task() {
    ends(|| {
        futures::executor::block_on(async {
            let home = thread::current().id();
            let (there, here) =
                to_thread::run_sync(|| (thread::current().id(), from_thread::run_sync(|| thread::current().id())))
                    .await
                    .unwrap();
            assert_ne!(there, home);
            assert_eq!(here, Ok(home));
        });
    });
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_sync_from_thread_pooling
#[test]
fn five_calls_in_a_row_have_one_thread() {
    ends(|| {
        let threads: std::collections::HashSet<_> = run(async {
            let mut threads = std::collections::HashSet::new();
            for _ in 0..5 {
                threads.insert(to_thread::run_sync(|| thread::current().id()).await.unwrap());
            }
            threads
        });
        assert_eq!(threads.len(), 1);
    });
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_async_from_thread_exception; anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_sync_from_thread_exception
#[test]
fn an_error_of_what_a_thread_asked_for_comes_to_that_thread() {
    under_every_executor(async || {
        let (run, call) = to_thread::run_sync(|| {
            let failed = from_thread::run(async { Err::<(), _>(io::Error::other("in the task")) });
            (failed, from_thread::run_sync(|| Err::<(), _>(io::Error::other("in a call"))))
        })
        .await
        .unwrap();
        assert_eq!(run.unwrap().unwrap_err().to_string(), "in the task");
        assert_eq!(call.unwrap().unwrap_err().to_string(), "in a call");
    });
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_async_no_event_loop; anyio: tests/test_from_thread.py::TestRunSyncFromThread::test_run_sync_from_unclaimed_thread_no_token
#[test]
fn a_thread_that_no_task_awaits_is_told_so() {
    let census = Census::default();
    let (one, other) = (census.one(), census.one());
    let failed = from_thread::run(async move { drop(one) }).unwrap_err();
    assert!(failed.is_not_awaited() && !failed.is_abandoned());
    assert!(failed.to_string().contains("current_token") && failed.to_string().contains(".await"), "{failed}");
    assert!(from_thread::run_sync(move || drop(other)).unwrap_err().is_not_awaited());
    assert_eq!(census.count(), 0);
}

// T2; anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_contextvar_propagation; anyio: tests/test_from_thread.py::TestRunSyncFromThread::test_contextvar_propagation
#[test]
fn what_a_thread_asks_for_sees_its_variables() {
    under_every_executor(async || {
        let seen = NAME.scope("outer".into(), async {
            to_thread::run_sync(|| {
                let inner = NAME.scope("inner".into(), std::future::ready(()));
                drop(inner);
                (from_thread::run(async { NAME.get() }), from_thread::run_sync(|| NAME.get()))
            })
            .await
        });
        let (run, call) = seen.await.unwrap();
        assert_eq!((run.unwrap().as_deref(), call.unwrap().as_deref()), (Some("outer"), Some("outer")));
    });
}

// R2; anyio: tests/test_from_thread.py::test_thread_cancelled
#[test]
fn a_closure_sees_that_its_task_is_cancelled() {
    under_every_executor(async || {
        let scope = CancelScope::new();
        let inside = scope.clone();
        let seen = scope
            .run(async {
                let seen = to_thread::run_sync(move || {
                    let before = from_thread::check_cancelled().is_ok();
                    inside.cancel();
                    // The scope goes with it, so its own word for it holds there, too.
                    (before, from_thread::check_cancelled().is_err(), anyio_cancel_scope::check_cancelled().is_err())
                });
                seen.await
            })
            .await;
        assert_eq!(seen, Ok(Some((true, true, true))));
    });
}

// anyio: tests/test_from_thread.py::test_thread_cancelled_and_abandoned
#[test]
fn an_abandoned_closure_is_told() {
    under_every_executor(async || {
        let (told, scope, gate) = (Arc::new(AtomicUsize::new(0)), CancelScope::new(), Gate::default());
        let (theirs, cancel, at) = (told.clone(), scope.clone(), gate.clone());
        let left = scope.run(
            to_thread::run_sync(move || {
                cancel.cancel();
                at.pass();
                theirs.store(1 + usize::from(from_thread::check_cancelled().is_err()), Ordering::SeqCst);
            })
            .abandon_on_cancel(true),
        );
        assert_eq!(left.await, Ok(None));
        gate.open();
        until(|| told.load(Ordering::SeqCst) > 0);
        assert_eq!(told.load(Ordering::SeqCst), 2);
    });
}

// anyio: tests/test_from_thread.py::test_thread_cancelled_not_in_worker_thread
#[test]
fn elsewhere_nothing_is_cancelled_unless_the_scope_here_is() {
    assert_eq!(from_thread::check_cancelled(), Ok(()));
    ends(|| {
        run(async {
            let scope = cancelled_scope();
            assert_eq!(scope.run(async { from_thread::check_cancelled() }).await, Ok(None));
        });
    });
}

// T2; anyio: tests/test_from_thread.py::test_cancelscope_propagation
#[test]
fn what_a_thread_asks_for_is_cancelled_with_its_task() {
    under_every_executor(async || {
        let scope = CancelScope::new();
        let inside = scope.clone();
        let seen = scope
            .run(async {
                let seen = to_thread::run_sync(move || {
                    from_thread::run(async move {
                        inside.cancel();
                        checkpoint().await
                    })
                });
                Ok::<_, Cancelled>(seen.await?.unwrap().is_err())
            })
            .await;
        assert_eq!(seen, Ok(Some(true)));
    });
}

// T2; anyio: tests/test_from_thread.py::test_cancelscope_propagation_when_abandoned
#[test]
fn an_abandoned_closure_can_ask_for_nothing_any_more() {
    under_every_executor(async || {
        let (scope, told) = (CancelScope::new(), Arc::new(AtomicUsize::new(0)));
        let (theirs, cancel) = (told.clone(), scope.clone());
        let left = scope.run(
            to_thread::run_sync(move || {
                // It is cancelled while its task polls this, which drops it.
                let first = from_thread::run(async move {
                    cancel.cancel();
                    std::future::pending::<()>().await;
                });
                assert!(first.unwrap_err().is_abandoned());
                let second = from_thread::run_sync(|| ()).unwrap_err();
                assert!(second.is_abandoned() && second.to_string().contains("abandoned"));
                theirs.store(1, Ordering::SeqCst);
            })
            .abandon_on_cancel(true),
        );
        assert_eq!(left.await, Ok(None));
        until(|| told.load(Ordering::SeqCst) == 1);
    });
}

// anyio: tests/test_synchronization.py::TestCapacityLimiter::test_current_default_thread_limiter
#[test]
fn the_default_limiter_has_40_tokens_and_is_the_runs_own() {
    ends(|| {
        let (first, same) = run(async {
            let limiter = to_thread::current_default_thread_limiter();
            limiter.set_total_tokens(3);
            let there = to_thread::run_sync(to_thread::current_default_thread_limiter).await.unwrap();
            (limiter.clone(), limiter.is_same(&there))
        });
        assert!(same && first.total_tokens() == 3);
        let second = run(async { to_thread::current_default_thread_limiter() });
        assert!(!second.is_same(&first) && second.total_tokens() == 40);
        let outside = to_thread::current_default_thread_limiter();
        assert!(outside.is_same(&to_thread::current_default_thread_limiter()) && outside.total_tokens() == 40);
    });
}

#[test]
fn a_time_limit_leaves_an_abandoned_closure() {
    ends(|| {
        let clock = VirtualClock::new();
        let time = clock.clone();
        Builder::new().clock(clock).run(async {
            let gate = Gate::default();
            let theirs = gate.clone();
            let slow = to_thread::run_sync(move || {
                time.advance(Duration::from_secs(1));
                theirs.pass();
            });
            assert_eq!(move_on_after(Duration::from_secs(1), slow.abandon_on_cancel(true)).await, Ok(None));
            gate.open();
        });
    });
}
