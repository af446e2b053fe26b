//! The core of it on each executor.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyio_cancel_scope::{CancelExt, CompletedExt, move_on_after, shield, sleep, yield_now};
use anyio_task_group::{JoinError, gather, task_group};

use crate::support::{fail, forever, told};

/// Tasks that end, fail, start others, wait for time and for each other, are cancelled and clean up.
async fn all_of_it() -> io::Result<usize> {
    let ended = AtomicUsize::new(0);
    task_group(async |tg| -> io::Result<()> {
        for n in 0..50 {
            let (tg, ended) = (tg.clone(), &ended);
            tg.clone().start_soon(async move {
                sleep(Duration::from_millis(n % 3)).await?;
                tg.start_soon(async move {
                    yield_now().await;
                    ended.fetch_add(1, Ordering::SeqCst);
                });
                io::Result::Ok(())
            });
        }
        let (port, server) = tg
            .start(async |status| {
                status.started(80);
                let result = forever().await;
                shield(sleep(Duration::from_millis(1))).await?;
                result
            })
            .await?;
        assert_eq!(port, 80);
        server.cancel();
        assert_eq!(server.join().await, Err(JoinError::TaskCancelled));
        Ok(())
    })
    .await
    .completed()?;

    let error = task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            sleep(Duration::from_millis(1)).await?;
            fail("failed").await
        });
        tg.start_soon(forever());
        forever().await
    })
    .await
    .unwrap_err();
    assert_eq!(told(&error), "failed");

    let late = move_on_after(
        Duration::from_millis(2),
        task_group(async |tg| -> io::Result<()> {
            for _ in 0..20 {
                tg.start_soon(forever());
            }
            Ok(())
        }),
    );
    assert_eq!(late.await?, None);
    let sum: usize = gather((0..10).map(async |n| {
        yield_now().await;
        io::Result::Ok(n)
    }))
    .await?
    .into_iter()
    .sum();
    Ok(ended.into_inner() + sum)
}

#[test]
fn tokio_current_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(all_of_it()).unwrap(), 95);
    assert_eq!(runtime.block_on(async { tokio::spawn(all_of_it()).await.unwrap() }).unwrap(), 95);
}

#[test]
fn tokio_multi_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let all: Vec<_> = (0..8).map(|_| tokio::spawn(all_of_it())).collect();
        for task in all {
            assert_eq!(task.await.unwrap().unwrap(), 95);
        }
    });
}

#[test]
fn smol() {
    let all: Vec<_> = (0..4).map(|_| smol::spawn(all_of_it())).collect();
    for task in all {
        assert_eq!(smol::block_on(task).unwrap(), 95);
    }
}

#[test]
fn futures_executor() {
    assert_eq!(futures::executor::block_on(all_of_it()).unwrap(), 95);
}

#[test]
fn tasks_wait_for_what_tokio_runs() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sum = runtime.block_on(task_group(async |tg| -> io::Result<u32> {
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                tg.start_soon(async move {
                    let value = tokio::spawn(async move {
                        tokio::task::yield_now().await;
                        n
                    });
                    io::Result::Ok(value.cancellable().await?.unwrap())
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.join().await?;
        }
        tg.start_soon(async { io::Result::Ok(tokio::time::sleep(Duration::from_secs(3600)).cancellable().await?) });
        tg.cancel();
        Ok(sum)
    }));
    assert_eq!(sum.unwrap(), Some(4950));
}

#[test]
fn tokios_select_drops_a_group_and_what_is_in_it() {
    let census = crate::support::Census::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let group = task_group(async |tg| -> io::Result<()> {
            for _ in 0..10 {
                let alive = census.one();
                tg.start_soon(async move {
                    let _alive = alive;
                    forever().await
                });
            }
            Ok(())
        });
        tokio::select! {
            biased;
            _ = group => unreachable!("its tasks wait for ever"),
            () = async { while census.count() < 10 { tokio::task::yield_now().await } } => {}
        }
    });
    assert_eq!(census.count(), 0);
}
