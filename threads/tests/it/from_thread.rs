//! Calls from threads into their tasks, beyond AnyIO's own tests.

use std::thread;

use anyio_cancel_scope::BoxError;
use anyio_runtime::run;
use anyio_task_group::task_group;
use anyio_threads::{from_thread, to_thread};

use crate::support::{Census, ends, finish, polled, start, under_every_executor, until};

// T2
#[test]
fn the_task_that_awaits_it_polls_it_whatever_its_executor() {
    ends(|| {
        // By hand, without any executor.
        let mut call = polled(to_thread::run_sync(|| from_thread::run(async { thread::current().id() })));
        assert_eq!(finish(&mut call), Ok(Ok(thread::current().id())));
    });
}

#[test]
fn a_thread_starts_tasks_in_the_group_of_its_task() {
    under_every_executor(async || {
        let sum = task_group(async |tg| -> std::io::Result<u32> {
            let theirs = tg.clone();
            let started = to_thread::run_sync(move || {
                (1..=3).map(|n| theirs.start_soon(async move { std::io::Result::Ok(n) })).collect::<Vec<_>>()
            });
            let mut sum = 0;
            for handle in started.await? {
                sum += handle.join().await?;
            }
            Ok(sum)
        });
        assert_eq!(sum.await.unwrap(), Some(6));
    });
}

// T2: what was begun in the task is dropped there
#[test]
fn a_dropped_call_drops_what_its_thread_waits_for_in_the_task() {
    ends(|| {
        run(async {
            let (census, told) = (Census::default(), Census::default());
            let (alive, telling) = (census.one(), told.one());
            let mut call = to_thread::run_sync(move || {
                let left = from_thread::run(async move {
                    let _alive = alive;
                    std::future::pending::<()>().await;
                });
                assert!(left.unwrap_err().is_abandoned());
                drop(telling);
            });
            start(&mut call).await;
            // It polls what the thread asked for once it has come.
            until(|| {
                futures_lite::future::block_on(futures_lite::future::poll_once(&mut call)).is_some()
                    || census.count() == 1
            });
            drop(call);
            until(|| told.count() == 0);
            assert_eq!(census.count(), 0);
        });
    });
}

#[test]
fn a_thread_that_calls_time_and_again_keeps_nobody_else_from_running() {
    const TURNS: usize = 1000;
    under_every_executor(async || {
        let others = Census::default();
        let other = others.one();
        let calls = to_thread::run_sync(move || {
            let mut count = 0;
            while others.count() > 0 {
                from_thread::run_sync(|| ()).unwrap();
                count += 1;
            }
            count
        });
        let counted = task_group(async |tg| -> Result<usize, BoxError> {
            let counted = tg.start_soon(async { Ok(calls.await?) });
            tg.start_soon(async {
                for _ in 0..TURNS {
                    anyio_cancel_scope::yield_now().await;
                }
                drop(other);
                Ok(())
            });
            Ok(counted.join().await?)
        });
        let counted = counted.await.unwrap().unwrap();
        // Sixteen answers in a poll, and what came until the thread knew.
        assert!(counted <= 20 * TURNS, "{counted} calls in {TURNS} turns of the other");
    });
}
