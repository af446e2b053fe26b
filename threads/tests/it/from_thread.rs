//! Calls from threads into their tasks, beyond AnyIO's own tests.

use std::thread;

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
